"""Reads a message or batch into a submission."""

from __future__ import annotations

import hashlib
from typing import Final, NamedTuple

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.messages.model.messages import CallbackRequest, Format, Submission
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.texts import is_storable
from dragoman.core.model.urls import is_http_address
from dragoman.dialects.native.mapping import DIALECT, EVENTS_OF_STATES, read_optional_time
from dragoman.dialects.native.schemas import NewBatch, NewMessage, Options
from dragoman.web.requests import Request

KEY_HEADER: Final = b"idempotency-key"
MAX_KEY: Final = 128
REPORTED: Final = frozenset(EVENTS_OF_STATES)

_FORMATS: Final = {format_.value: format_ for format_ in Format}


class Note(NamedTuple):
    """What a message says of itself besides: stored as its return data, for calls about it."""

    account_id: int
    alone: bool
    """Whether its identifier is that of its batch."""
    reference: str

    def render(self) -> str:
        return f"{self.account_id} {'message' if self.alone else 'batch'} {self.reference}"

    @classmethod
    def parse(cls, text: str) -> Note:
        account_id, kind, reference = text.split(" ", 2)
        return cls(int(account_id), kind == "message", reference)


def read_message(account: Account, given: NewMessage, report_url: str) -> Submission:
    """The submission of a message; raises `Refused`.

    Reports go to `report_url`, if there is one, where it names no URL of its own.
    """
    return _read(account, given, report_url, (given.to,), given.text, alone=True)


def read_batch(account: Account, given: NewBatch, report_url: str) -> Submission:
    """The submission of a batch; raises `Refused`."""
    if given.messages is None:
        if given.to is None:
            raise Refused(RefusalCode.MISSING_FIELD, "to", "or give messages")
        if given.text is None:
            raise Refused(RefusalCode.MISSING_FIELD, "text")
        return _read(account, given, report_url, tuple(given.to), given.text)
    if given.to is not None or given.text is not None:
        field = "to" if given.to is not None else "text"
        raise Refused(RefusalCode.INVALID_FIELD, field, "not beside messages")
    recipients = tuple([item.to for item in given.messages])
    texts = tuple([item.text for item in given.messages])
    return _read(account, given, report_url, recipients, texts[0], texts)


def _read(
    account: Account,
    given: Options,
    report_url: str,
    recipients: tuple[str, ...],
    text: str,
    texts: tuple[str, ...] = (),
    *,
    alone: bool = False,
) -> Submission:
    for field, value in (("reference", given.reference), ("tag", given.tag)):
        if value and not is_storable(value):
            raise Refused(RefusalCode.INVALID_FIELD, field, "characters that cannot be stored")
    format_ = _FORMATS[given.encoding]
    if given.callback_url:
        check_url("callback_url", given.callback_url)
    url = given.callback_url or report_url
    return_data = Note(account.account_id, alone, given.reference or "").render()
    return Submission(
        dialect=DIALECT,
        recipients=recipients,
        text=text,
        texts=texts,
        sender=given.sender or account.default_sender,
        format=format_,
        udh=_read_header(given.udh, format_),
        message_class=given.message_class,
        due_ms=read_optional_time("send_at", given.send_at),
        validity_s=given.validity_s,
        urgent=given.urgent,
        return_data=return_data,
        callback=(
            CallbackRequest(url=url, return_data=return_data, states=REPORTED) if url else None
        ),
        tag=given.tag or "",
        protocol="REST",
    )


def check_url(field: str, url: str) -> None:
    """Raises `Refused` for what cannot be called."""
    if not is_http_address(url) or not is_storable(url):
        raise Refused(RefusalCode.INVALID_CALLBACK_URL, field, "use an http or https URL")


def read_key(request: Request) -> str:
    """The idempotency key of a request; empty without one. Raises `Refused`."""
    key = request.header(KEY_HEADER).decode("latin-1").strip()
    # RFC 9110 has no strings in quotes here, the draft of the header has.
    if len(key) >= 2 and key[0] == key[-1] == '"':
        key = key[1:-1]
    if len(key) > MAX_KEY or not (key.isascii() and key.isprintable()):
        detail = f"up to {MAX_KEY} printable ASCII characters"
        raise Refused(RefusalCode.INVALID_FIELD, "Idempotency-Key", detail)
    return key


def digest_of(request: Request) -> str:
    """What tells a request from another one with the same key."""
    path = request.path.rstrip("/").encode()
    return hashlib.sha256(path + b"\0" + request.body).hexdigest()[:32]


def _read_header(udh: str | None, format_: Format) -> bytes:
    if not udh:
        return b""
    if format_ is not Format.BINARY:
        raise Refused(RefusalCode.INVALID_FIELD, "udh", "only with encoding binary")
    try:
        return bytes.fromhex(udh)
    except ValueError:
        raise Refused(RefusalCode.INVALID_FIELD, "udh", "not hexadecimal octets") from None
