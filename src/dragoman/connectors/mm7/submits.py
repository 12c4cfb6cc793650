"""A multimedia message as an MM7 SubmitReq: SOAP first, the content beside it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec

from dragoman.config.tables import Mm7Table
from dragoman.connectors.mm7.soap import add, new_envelope, render_envelope
from dragoman.core.messages.model.attachments import SMIL, TEXT, TEXT_NAME, Attachment
from dragoman.core.messages.model.messages import Outgoing

MIN_INTERNATIONAL: Final = 7
"""Digits from which a sender without `+` is a number and no short code."""
_TEXT_TYPE: Final = f"{TEXT}; charset=utf-8"
_SOAP_ID: Final = "<mm7-submit>"


class Submit(msgspec.Struct, frozen=True, kw_only=True):
    """A rendered HTTP request."""

    transaction_id: str
    content_type: str
    body: bytes


class _Part(msgspec.Struct, frozen=True):
    headers: tuple[tuple[str, str], ...]
    content: bytes


def render_submit(
    message: Outgoing, attachments: Sequence[Attachment], carrier: Mm7Table, now_ms: int
) -> Submit:
    """Renders a message; the same arguments give the same octets."""
    transaction_id = f"{message.message_id:x}-{message.attempt}"
    content_id = f"content-{transaction_id}"
    content_type, content = _render_content(message, attachments, transaction_id)
    soap = _render_soap(message, carrier, transaction_id, content_id, now_ms)
    parts = (
        _Part((("Content-Type", "text/xml; charset=utf-8"), ("Content-ID", _SOAP_ID)), soap),
        _Part((("Content-Type", content_type), ("Content-ID", f"<{content_id}>")), content),
    )
    boundary, body = _join(parts, f"mm7-{transaction_id}")
    return Submit(
        transaction_id=transaction_id,
        content_type=(
            f'multipart/related; type="text/xml"; start="{_SOAP_ID}"; boundary="{boundary}"'
        ),
        body=body,
    )


def _render_soap(
    message: Outgoing, carrier: Mm7Table, transaction_id: str, content_id: str, now_ms: int
) -> bytes:
    root, submit = new_envelope(carrier.schema, transaction_id, "SubmitReq")
    add(submit, "MM7Version", carrier.version)
    sender = add(submit, "SenderIdentification")
    if carrier.vasp_id:
        add(sender, "VASPID", carrier.vasp_id)
    if carrier.vas_id:
        add(sender, "VASID", carrier.vas_id)
    kind, address = _sender_of(message.sender)
    add(add(sender, "SenderAddress"), kind, address)
    add(add(add(submit, "Recipients"), "To"), "Number", f"+{message.recipient}")
    if carrier.service_code:
        add(submit, "ServiceCode", carrier.service_code)
    add(submit, "TimeStamp", _time(now_ms))
    if message.validity_until_ms is not None:
        add(submit, "ExpiryDate", _time(message.validity_until_ms))
    add(submit, "DeliveryReport", "true" if message.wants_receipt else "false")
    content = add(submit, "Content")
    content.set("href", f"cid:{content_id}")
    content.set("allowAdaptations", "true")
    return render_envelope(root)


def _render_content(
    message: Outgoing, attachments: Sequence[Attachment], transaction_id: str
) -> tuple[str, bytes]:
    """The media type and octets of the message's own parts, a presentation first."""
    text = message.multimedia.text if message.multimedia is not None else ""
    parts = [_part(one.name, one.content_type, one.content) for one in attachments]
    presented = bool(attachments) and attachments[0].content_type == SMIL
    if text:
        parts.insert(int(presented), _part(TEXT_NAME, _TEXT_TYPE, text.encode()))
    boundary, body = _join(parts, f"parts-{transaction_id}")
    if presented:
        start = attachments[0].name
        return f'multipart/related; type="{SMIL}"; start="<{start}>"; boundary="{boundary}"', body
    return f'multipart/mixed; boundary="{boundary}"', body


def _part(name: str, content_type: str, content: bytes) -> _Part:
    return _Part(
        (
            ("Content-Type", f'{content_type}; name="{name}"'),
            ("Content-ID", f"<{name}>"),
            ("Content-Location", name),
            ("Content-Transfer-Encoding", "binary"),
        ),
        content,
    )


def _join(parts: Sequence[_Part], boundary: str) -> tuple[str, bytes]:
    """A boundary that occurs in none of the parts, and the parts joined by it."""
    # The sender controls the content, which must not be able to end a part.
    while any(boundary.encode() in part.content for part in parts):
        boundary += "-x"
    pieces = []
    for part in parts:
        headers = "".join(f"{name}: {value}\r\n" for name, value in part.headers)
        pieces += [f"--{boundary}\r\n{headers}\r\n".encode(), part.content, b"\r\n"]
    return boundary, b"".join([*pieces, f"--{boundary}--\r\n".encode()])


def _sender_of(sender: str) -> tuple[str, str]:
    digits = sender.removeprefix("+")
    if len(digits) < MIN_INTERNATIONAL:
        return "ShortCode", digits
    return "Number", f"+{digits}"


def _time(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
