"""What a service answers about a text, sent back to the phone: once, however often it is called.

The answer is stored as a message under a key of its call, before the call counts as made. If the
process dies in between the service is called again, and what it answers then finds the key taken.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import Final

import msgspec
import structlog

from dragoman.config.kannel import KannelService
from dragoman.container import Services
from dragoman.core.messages.model.callbacks import CallbackAnswer, EventFacts, TextFacts
from dragoman.core.messages.model.messages import Format, Submission
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.dialects.kannel.inbound import text_of_event
from dragoman.dialects.kannel.parameters import read_headers, read_xml
from dragoman.dialects.kannel.submissions import NAME, codec_of, read_submission
from dragoman.kit.ids import render_hex
from dragoman.protocols.gsm.segmentation import TooManyParts, segment_text
from dragoman.web.charsets import parse_media_type
from dragoman.web.outgoing import ANSWER_LIMIT_BYTES
from dragoman.web.refusals import MalformedBody

EMPTY: Final = "<Empty reply from service provider>"
NOT_TEXT: Final = "Result could not be represented as an SMS message."

_HTML: Final = frozenset({"text/html", "text/vnd.wap.wml"})
_TAG: Final = re.compile(r"<!--.*?-->|<[^>]*>", re.DOTALL)

log = structlog.get_logger(__name__)


class Replies:
    """Sends the answers of services."""

    def __init__(self, services: Services, find: Mapping[str, KannelService]) -> None:
        self._services = services
        self._find = find

    async def take(self, answer: CallbackAnswer) -> bool:
        """Stores an answer as a message, if it is one; raises `Refused` while it cannot.

        Raises `TooManyAnswers` where its phone has had too many. No other call follows: False.
        """
        if answer.is_good:
            await self._take(answer)
        return False

    async def _take(self, answer: CallbackAnswer) -> None:
        facts = answer.facts
        if isinstance(facts, EventFacts):
            facts = text_of_event(facts)
        service = self._find.get(facts.service, AS_WEBHOOK)
        if service.max_messages == 0:
            return
        services = self._services
        account = await services.accounts.find_by_id(answer.account_id)
        if account is None or not account.enabled:
            return
        most = min(services.settings.limits.max_parts, account.max_parts)
        if service.max_messages is not None:
            most = min(most, service.max_messages)
        try:
            given = read_answer(answer, facts, service)
            if given is None:
                return
            submission = read_submission(given, account, services.clock.now_ms())
            submission = msgspec.structs.replace(
                _cut(submission, most),
                protocol=PROTOCOL,
                # The number that the text came to, or what the operator set.
                allow_any_sender=given["from"] == _sender(facts, service),
            )
            services.answer_limits.check(account.account_id, facts.recipient, facts.sender)
            key = f"answer-{render_hex(answer.callback_id)}"
            await services.idempotency_keys.submit(account, submission, key)
        except Refused as refused:
            if refused.code is RefusalCode.UNAVAILABLE:
                raise
            if refused.code is not RefusalCode.ALREADY_EXISTS:
                services.metrics.refused[NAME, refused.code] += 1
                log.warning(
                    "answer_not_sent",
                    account=account.username,
                    service=facts.service,
                    reason=refused.code.value,
                )


PROTOCOL: Final = "sms-service"
AS_WEBHOOK: Final = KannelService(name="-", account="-")
"""What a keyword's URL or a webhook is: a `get_url` without a name."""


def read_answer(
    answer: CallbackAnswer, facts: TextFacts, service: KannelService
) -> dict[str, str] | None:
    """The parameters of the message to send; None where there is none."""
    media = parse_media_type(answer.headers.get("content-type", "").encode("latin-1", "replace"))
    body = _whole(answer.body) if media.charset in {"", "utf-8"} else answer.body
    octets = body.decode("latin-1")
    given: dict[str, str] = {"to": facts.sender}
    if service.accept_x_kannel_headers:
        given |= read_headers(
            lambda name: answer.headers.get(name, "").encode("latin-1", "replace")
        )
    if media.name in _HTML:
        given |= _utf8(_plain(_decode(body, media.charset)))
    elif media.name == "text/xml":
        try:
            given |= read_xml(answer.body, recipient=facts.sender)
        except (MalformedBody, Refused):
            given |= _utf8(NOT_TEXT)
    elif media.name == "application/octet-stream":
        given |= {"coding": "1", "text": octets}
    elif media.name in {"text/plain", ""}:
        given |= {"text": octets if "coding" in given else octets.strip(), "charset": media.charset}
    else:
        given |= _utf8(NOT_TEXT)
    given.setdefault("from", _sender(facts, service))
    if not given.get("text"):
        if service.omit_empty:
            return None
        given |= _utf8(EMPTY)
    return given


def _sender(facts: TextFacts, service: KannelService) -> str:
    return service.sender or facts.recipient


def _utf8(text: str) -> dict[str, str]:
    return {"text": text.encode().decode("latin-1"), "charset": "utf-8"}


def _whole(body: bytes) -> bytes:
    """What was read of a long answer, without a character of UTF-8 that it ends in."""
    if len(body) < ANSWER_LIMIT_BYTES:
        return body
    end = body.rstrip(bytes(range(0x80, 0xC0)))
    return end[:-1] if end[-1:] >= b"\xc0" else body


def _decode(body: bytes, charset: str) -> str:
    try:
        return body.decode(codec_of(charset) if charset else "utf-8")
    except (LookupError, ValueError):
        return body.decode("cp1252", "replace")


def _plain(page: str) -> str:
    """The words of a page, without its tags."""
    return " ".join(html.unescape(_TAG.sub("", page)).split())


def _cut(submission: Submission, max_parts: int) -> Submission:
    """As much of a text as fits into some parts; octets are left as they are."""
    if submission.format is Format.BINARY:
        return submission
    text = submission.text
    fits, too_long = 0, len(text) + 1
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        if _parts(text[:middle]) <= max_parts:
            fits = middle
        else:
            too_long = middle
    return msgspec.structs.replace(submission, text=text[:fits])


def _parts(text: str) -> int:
    try:
        return segment_text(text).count
    except TooManyParts as error:
        return error.count
