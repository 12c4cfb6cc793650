"""Received texts: new ones, and those of earlier times (smSend v1.0, "Received SMS API")."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from types import MappingProxyType
from typing import Annotated, Final
from zoneinfo import ZoneInfo

import msgspec

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.inbound.inbox import MAX_NUMBERS
from dragoman.core.inbound.model.inbound import StoredInbound, TextKind, TextSearch
from dragoman.core.inbound.model.keywords import parse_own_number
from dragoman.core.model.errors import RefusalCode, Refused, StorageUnavailable
from dragoman.core.model.phone_numbers import as_typed, normalise
from dragoman.dialects.smsend.calls import CallGroup
from dragoman.dialects.smsend.mapping import Page, read_count, read_page, render_time
from dragoman.dialects.smsend.times import NOW, OF_TEXTS, Span, read_span
from dragoman.kit.ids import parse_number, time_of
from dragoman.web.operations import doc
from dragoman.web.requests import Parameters, Request

Time = Annotated[str, doc("yyyyMMddHHmmss, or `now`.")]
Zone = Annotated[str, doc("The IANA zone of all times; the account's if left out.")]
Limit = Annotated[int, doc("How many at most, up to 100.")]
MAX_LIMIT: Final = 100
KINDS: Final = MappingProxyType(
    {"STOP": TextKind.STOP, "CONTACT": TextKind.CONTACT, "OTHER": TextKind.OTHER}
)


class LimitQuery(msgspec.Struct, frozen=True, kw_only=True):
    """How many are wanted."""

    limit: Limit = 100
    timezone: Zone = ""


class HistoryQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which texts are wanted."""

    from_: Time = msgspec.field(name="from")
    to: Time = "now"
    timezone: Zone = ""
    page_number: int = msgspec.field(default=1, name="pageNumber")
    page_size: int = msgspec.field(default=10, name="pageSize")


class KindQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which kind of texts is wanted."""

    type: Annotated[str, doc("STOP, CONTACT or OTHER.")]
    from_: Time = msgspec.field(default="", name="from")
    to: Time = "now"
    timezone: Zone = ""
    page_number: int = msgspec.field(default=1, name="pageNumber")
    page_size: int = msgspec.field(default=10, name="pageSize")


class ReceivedText(msgspec.Struct, frozen=True, kw_only=True):
    """A text that a phone sent."""

    id_message: str
    id_sim: str
    sender: str
    message: str
    sms_date: str
    keyword: str


class NewTexts(msgspec.Struct, frozen=True, kw_only=True):
    """Texts."""

    result: str = "OK"
    srsmshistory: tuple[ReceivedText, ...]


class TextHistory(NewTexts, frozen=True, kw_only=True, rename="camel"):
    """A page of texts."""

    page_number: int
    page_size: int
    total: int


class KindHistory(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A page of texts of one kind."""

    result: str = "OK"
    mosmshistory: tuple[ReceivedText, ...]
    page_number: int
    page_size: int
    total: int


def read_sims(text: str) -> tuple[str, ...]:
    """The digits of each SIM that a path names, with commas between; raises `Refused`."""
    written = [sim.strip() for sim in as_typed(text).split(",") if sim.strip()]
    if not 0 < len(written) <= MAX_NUMBERS:
        raise Refused(RefusalCode.INVALID_FIELD, "id_sim", f"1 to {MAX_NUMBERS} numbers")
    return tuple(map(_read_sim, written))


def _read_sim(written: str) -> str:
    digits = written.removeprefix("+") if written.startswith("+") else written.removeprefix("00")
    try:
        if not digits[:1].isdigit():
            raise ValueError
        return parse_own_number(digits)
    except (Refused, ValueError):
        detail = "write it as +393471234567 or 00393471234567"
        raise Refused(RefusalCode.INVALID_FIELD, "id_sim", detail) from None


def read_limit(query: Parameters) -> int:
    """How many texts are wanted at most; raises `Refused`."""
    return read_count(query.get("limit"), "limit", MAX_LIMIT, MAX_LIMIT)


def read_kind(query: Parameters) -> TextKind:
    """The kind of texts wanted; raises `Refused`."""
    text = query.get("type", "").strip().upper()
    if not text:
        raise Refused(RefusalCode.MISSING_FIELD, "type")
    if text not in KINDS:
        raise Refused(RefusalCode.INVALID_FIELD, "type", "STOP, CONTACT or OTHER")
    return KINDS[text]


def read_from(query: Parameters, zone: ZoneInfo, now_ms: int) -> int | None:
    """The first millisecond that is wanted; None where none is given. Raises `Refused`."""
    found = _read_time(query, "from", zone, now_ms)
    return None if found is None else found.first_ms


def read_to(query: Parameters, zone: ZoneInfo, now_ms: int) -> int:
    """The last millisecond wanted: the end of what is named, else now; raises `Refused`."""
    found = _read_time(query, "to", zone, now_ms)
    return now_ms if found is None else found.last_ms


def _read_time(query: Parameters, name: str, zone: ZoneInfo, now_ms: int) -> Span | None:
    if query.get(name, "").strip().lower() == NOW:
        return Span(now_ms, now_ms)
    return read_span(query, name, zone, OF_TEXTS, "yyyyMMddHHmmss")


class ReceivedTexts(CallGroup):
    """Answers the calls on received texts."""

    async def new(self, account: Account, request: Request) -> NewTexts:
        """The texts since the last call, newest first; raises `Refused`."""
        zone, limit = self._zone_of(account, request.query), read_limit(request.query)
        found = await self._services.inbox.fetch_new(account, _sims_of(request), limit)
        return NewTexts(srsmshistory=await self._render(account, found[::-1], zone))

    async def after(self, account: Account, request: Request) -> NewTexts:
        """The texts to a SIM after one of them, oldest first; raises `Refused`."""
        zone, limit = self._zone_of(account, request.query), read_limit(request.query)
        sims = _sims_of(request)
        if len(sims) != 1:
            raise Refused(RefusalCode.INVALID_FIELD, "id_sim", "one number")
        given = parse_number(request.path_params["message_id"])
        if given is None:
            raise Refused(RefusalCode.INVALID_FIELD, "id_message", "a number")
        shown = await self._services.short_ids.identifier_of(given)
        inbound_id = given if shown is None else shown
        found = await self._services.inbox.texts_after(account, sims[0], inbound_id, limit)
        return NewTexts(srsmshistory=await self._render(account, found, zone))

    async def history(self, account: Account, request: Request) -> TextHistory:
        """A page of the texts between two times, newest first; raises `Refused`."""
        page, zone = read_page(request.query), self._zone_of(account, request.query)
        wanted = self._wanted(account, request, zone)
        if wanted.from_ms is None:
            raise Refused(RefusalCode.MISSING_FIELD, "from")
        found = await self._services.inbox.search(account, wanted, _range_of(page))
        return TextHistory(
            srsmshistory=await self._render(account, found.texts, zone),
            page_number=page.number,
            page_size=page.size,
            total=found.total,
        )

    async def of_kind(self, account: Account, request: Request) -> KindHistory:
        """A page of the texts of a kind, newest first; raises `Refused`."""
        page, zone = read_page(request.query), self._zone_of(account, request.query)
        wanted = self._wanted(account, request, zone, read_kind(request.query))
        found = await self._services.inbox.search(account, wanted, _range_of(page))
        return KindHistory(
            mosmshistory=await self._render(account, found.texts, zone),
            page_number=page.number,
            page_size=page.size,
            total=found.total,
        )

    def _wanted(
        self,
        account: Account,
        request: Request,
        zone: ZoneInfo,
        kind: TextKind | None = None,
    ) -> TextSearch:
        now_ms = self._services.clock.now_ms()
        return TextSearch(
            account_id=account.account_id,
            numbers=_sims_of(request),
            from_ms=read_from(request.query, zone, now_ms),
            to_ms=read_to(request.query, zone, now_ms),
            kind=kind,
        )

    async def _render(
        self, account: Account, texts: Sequence[StoredInbound], zone: ZoneInfo
    ) -> tuple[ReceivedText, ...]:
        shown: dict[int, int] = {}
        # Texts that were marked as fetched are answered all the same: identifiers are good, too.
        with suppress(StorageUnavailable):
            shown = await self._services.short_ids.of([text.inbound_id for text in texts])
        return tuple(
            ReceivedText(
                id_message=str(shown.get(text.inbound_id, text.inbound_id)),
                id_sim=_render_number(text.recipient),
                sender=_render_number(text.sender),
                message=text.text,
                sms_date=render_time(time_of(text.inbound_id), zone),
                keyword=self._services.inbox.keyword_of(account, text),
            )
            for text in texts
        )


def _sims_of(request: Request) -> tuple[str, ...]:
    written = request.path_params.get("sim")
    return () if written is None else read_sims(written)


def _range_of(page: Page) -> range:
    return range(page.offset, page.offset + page.size)


def _render_number(digits: str) -> str:
    """An international number with its `+`; short codes and names stay as they are."""
    try:
        return f"+{normalise(digits)}"
    except Refused:
        return digits
