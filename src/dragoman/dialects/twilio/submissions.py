"""Reads a message to send: its parameters, its service, and the sender that the service chooses."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from dragoman.container import Services
from dragoman.core.accounts.model.accounts import Account
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.messages import CallbackRequest, Format, Submission
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.phone_numbers import normalise
from dragoman.core.model.urls import is_http_address, split_user
from dragoman.dialects.twilio import sids
from dragoman.dialects.twilio.errors import CodedRefusal
from dragoman.dialects.twilio.mapping import DIALECT
from dragoman.dialects.twilio.schemas import NewMessage
from dragoman.dialects.twilio.stored import SERVICES, ServiceRecord
from dragoman.dialects.twilio.times import parse_instant

MAX_BODY: Final = 1_600
MAX_MEDIA: Final = 10
MAX_VALIDITY_S: Final = 36_000
SHORTEST_VALIDITY_S: Final = 60
"""Of a message here; a shorter one is taken as this."""
SOONEST_MS: Final = 900_000
LATEST_MS: Final = 3_024_000_000
OUTBOUND: Final = "outbound-api"
REPLY: Final = "outbound-reply"
NO_SERVICE: Final = "-"
REPORTED: Final = frozenset(
    {State.SENT, State.DELIVERED, State.UNDELIVERED, State.EXPIRED, State.REJECTED}
)
"""The states that a status callback tells."""

_TRUE: Final = frozenset({"true", "1"})
_CHANNEL: Final = re.compile(r"[a-z]+:.*", re.DOTALL)
_NUMBER: Final = re.compile(r"[0-9]{1,9}", re.ASCII)
_HOST_WITH_UNDERSCORE: Final = re.compile(r"https?://[^/?#]*_", re.IGNORECASE)


class Note(NamedTuple):
    """What a message says of itself besides: stored as its return data."""

    account_id: int
    service_sid: str
    direction: str
    kind: str = sids.SMS
    """The letters of its SID."""

    def render(self) -> str:
        return f"{self.account_id} {self.service_sid or NO_SERVICE} {self.direction} {self.kind}"

    @classmethod
    def parse(cls, text: str) -> Note:
        account_id, service_sid, direction, kind = text.split(" ")
        service_sid = "" if service_sid == NO_SERVICE else service_sid
        return cls(int(account_id), service_sid, direction, kind)


class Reader:
    """Turns parameters into submissions."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def read(
        self, account: Account, given: NewMessage, media_urls: Sequence[str]
    ) -> Submission:
        """The submission that parameters ask for; raises `Refused`."""
        recipient = read_recipient(given.to)
        service: ServiceRecord | None = None
        if given.messaging_service_sid:
            service = await self.service(account, given.messaging_service_sid)
        due_ms = self._read_schedule(given)
        sender = read_sender(given.sender)
        if not sender and service is None:
            raise CodedRefusal(21603)
        _check_content(given, media_urls)
        kind = sids.MMS if media_urls else sids.SMS
        note = Note(account.account_id, given.messaging_service_sid, OUTBOUND, kind).render()
        if service is not None:
            sender = await self._choose(account, service, sender, recipient, note)
        if sender.removeprefix("+") == recipient:
            raise CodedRefusal(21266, recipient)
        smart = given.smart_encoded.lower() in _TRUE
        text_format = Format.GSM_ALIKE if smart or _is_smart(service) else Format.AUTO
        url = given.status_callback or (service.status_callback if service is not None else "")
        return Submission(
            dialect=DIALECT,
            recipients=(recipient,),
            text=given.body,
            sender=sender,
            format=Format.MMS if media_urls else text_format,
            attachment_urls=tuple(media_urls),
            due_ms=due_ms,
            validity_s=max(SHORTEST_VALIDITY_S, _read_validity(given, service)),
            callback=self.callback(account, url, note),
            return_data=note,
        )

    def callback(self, account: Account, url: str, note: str) -> CallbackRequest | None:
        """The request for status callbacks, to the URL or to that of the account."""
        url = url.strip() or self._services.webhooks.report_url(account.account_id, DIALECT)
        if not url:
            return None
        check_url(url)
        return CallbackRequest(url=url, return_data=note, states=REPORTED)

    async def service(self, account: Account, sid: str) -> ServiceRecord:
        """A messaging service of the account; raises `Refused`."""
        record = None
        if sids.is_sid(sid, sids.SERVICE):
            record = await self._services.dialect_records.find(DIALECT, SERVICES, sid)
        if record is None or record.account_id != account.account_id:
            raise CodedRefusal(21701)
        return ServiceRecord.read(record)

    async def _choose(
        self,
        account: Account,
        service: ServiceRecord,
        sender: str,
        recipient: str,
        note: str,
    ) -> str:
        """The sender of the pool: the given one, the one that the number knows, or any."""
        numbers = [f"+{number}" if len(number) > 8 else number for number in service.numbers]
        pool = numbers or list(service.names)
        if sender:
            if sender not in (*pool, *service.names):
                raise CodedRefusal(21712, sender)
            return sender
        if not pool:
            raise CodedRefusal(21703)
        if service.sticky_sender and len(pool) > 1:
            last = await self._services.single_texts.last_sender(account, DIALECT, recipient, note)
            if last in pool:
                return last
        # Always the same of the same pool, so that it sticks even when nothing is known any more.
        return min(pool, key=lambda one: hashlib.sha256(f"{one}\0{recipient}".encode()).digest())

    def _read_schedule(self, given: NewMessage) -> int | None:
        if not given.schedule_type and not given.send_at:
            return None
        if given.schedule_type not in ("", "fixed"):
            raise Refused(RefusalCode.INVALID_FIELD, "ScheduleType", "use fixed")
        if not given.messaging_service_sid:
            raise CodedRefusal(35118)
        if not given.send_at:
            raise CodedRefusal(35111)
        if not given.schedule_type:
            raise Refused(RefusalCode.INVALID_FIELD, "ScheduleType", "use fixed")
        now_ms = self._services.clock.now_ms()
        try:
            due_ms = parse_instant(given.send_at)
        except ValueError:
            raise CodedRefusal(35114) from None
        if not now_ms + SOONEST_MS <= due_ms <= now_ms + LATEST_MS:
            raise CodedRefusal(35114)
        return due_ms


def read_recipient(to: str) -> str:
    """The digits of a recipient; raises `Refused`."""
    if not to.strip():
        raise CodedRefusal(21604)
    if _CHANNEL.fullmatch(to.strip()):
        raise Refused(RefusalCode.INVALID_RECIPIENT, to)
    return normalise(to)


def read_sender(sender: str) -> str:
    """A sender; what looks like a number of a country gets its plus."""
    # A plus that was not escaped arrives as a space.
    if sender.startswith(" ") and sender[1:].isdigit():
        return f"+{sender[1:]}"
    sender = sender.strip()
    is_long = sender.isascii() and sender.isdigit() and len(sender) > 8
    return f"+{sender}" if is_long else sender


def check_url(url: str) -> None:
    """Raises `Refused` for what is no address that can be called."""
    if not is_http_address(url) or _HOST_WITH_UNDERSCORE.match(split_user(url)[0]):
        raise Refused(RefusalCode.INVALID_CALLBACK_URL, url)


def _check_content(given: NewMessage, media_urls: Sequence[str]) -> None:
    if given.content_sid:
        raise CodedRefusal(21655, given.content_sid)
    if not given.body and not media_urls:
        raise CodedRefusal(21602)
    if len(given.body) > MAX_BODY:
        raise CodedRefusal(21617)
    if len(media_urls) > MAX_MEDIA:
        raise CodedRefusal(21623)
    if not all(map(is_http_address, media_urls)):
        raise CodedRefusal(21620)


def _is_smart(service: ServiceRecord | None) -> bool:
    return service is not None and service.smart_encoding


def _read_validity(given: NewMessage, service: ServiceRecord | None) -> int:
    if not given.validity_period:
        return service.validity_period if service is not None else MAX_VALIDITY_S
    period = given.validity_period
    if not _NUMBER.fullmatch(period) or not 1 <= int(period) <= MAX_VALIDITY_S:
        raise Refused(RefusalCode.INVALID_FIELD, "ValidityPeriod", f"1 to {MAX_VALIDITY_S}")
    return int(period)
