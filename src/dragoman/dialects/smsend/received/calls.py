"""The calls on received texts (smSend v1.0, "Received SMS API")."""

from __future__ import annotations

from collections.abc import Iterable
from zoneinfo import ZoneInfo

from dragoman.container import Services
from dragoman.core.accounts.model.accounts import Account
from dragoman.core.inbound.model.inbound import StoredInbound, TextKind, TextSearch
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.phone_numbers import normalise
from dragoman.dialects.smsend.mapping import render_time, zone_of
from dragoman.dialects.smsend.paging import Page, read_page
from dragoman.dialects.smsend.received import reading, schemas
from dragoman.dialects.smsend.times import read_zone
from dragoman.kit.ids import parse_number, time_of
from dragoman.web.requests import Request


class ReceivedTexts:
    """Answers the calls on received texts."""

    def __init__(self, services: Services) -> None:
        self._inbox = services.inbox
        self._clock = services.clock
        self._zone = services.settings.dialects.smsend.time_zone

    async def new(self, account: Account, request: Request) -> schemas.NewTexts:
        """The texts since the last call, newest first; raises `Refused`."""
        zone, limit = self._zone_of(account, request), reading.read_limit(request.query)
        found = await self._inbox.fetch_new(account, _sims_of(request), limit)
        return schemas.NewTexts(srsmshistory=self._render(account, reversed(found), zone))

    async def after(self, account: Account, request: Request) -> schemas.NewTexts:
        """The texts to a SIM after one of them, oldest first; raises `Refused`."""
        zone, limit = self._zone_of(account, request), reading.read_limit(request.query)
        sims = _sims_of(request)
        if len(sims) != 1:
            raise Refused(RefusalCode.INVALID_FIELD, "id_sim", "one number")
        inbound_id = parse_number(request.path_params["message_id"])
        if inbound_id is None:
            raise Refused(RefusalCode.INVALID_FIELD, "id_message", "a number")
        found = await self._inbox.texts_after(account, sims[0], inbound_id, limit)
        return schemas.NewTexts(srsmshistory=self._render(account, found, zone))

    async def history(self, account: Account, request: Request) -> schemas.TextHistory:
        """A page of the texts between two times, newest first; raises `Refused`."""
        page, zone = read_page(request.query), self._zone_of(account, request)
        wanted = self._wanted(account, request, zone)
        if wanted.from_ms is None:
            raise Refused(RefusalCode.MISSING_FIELD, "from")
        found = await self._inbox.search(account, wanted, _range_of(page))
        return schemas.TextHistory(
            srsmshistory=self._render(account, found.texts, zone),
            page_number=page.number,
            page_size=page.size,
            total=found.total,
        )

    async def of_kind(self, account: Account, request: Request) -> schemas.KindHistory:
        """A page of the texts of a kind, newest first; raises `Refused`."""
        page, zone = read_page(request.query), self._zone_of(account, request)
        wanted = self._wanted(account, request, zone, reading.read_kind(request.query))
        found = await self._inbox.search(account, wanted, _range_of(page))
        return schemas.KindHistory(
            mosmshistory=self._render(account, found.texts, zone),
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
        now_ms = self._clock.now_ms()
        return TextSearch(
            account_id=account.account_id,
            numbers=_sims_of(request),
            from_ms=reading.read_from(request.query, zone, now_ms),
            to_ms=reading.read_to(request.query, zone, now_ms),
            kind=kind,
        )

    def _zone_of(self, account: Account, request: Request) -> ZoneInfo:
        named = read_zone(request.query.get("timezone"), "timezone")
        return named or zone_of(account, self._zone)

    def _render(
        self, account: Account, texts: Iterable[StoredInbound], zone: ZoneInfo
    ) -> tuple[schemas.ReceivedText, ...]:
        return tuple(
            schemas.ReceivedText(
                id_message=str(text.inbound_id),
                id_sim=_render_number(text.recipient),
                sender=_render_number(text.sender),
                message=text.text,
                sms_date=render_time(time_of(text.inbound_id), zone),
                keyword=self._inbox.keyword_of(account, text),
            )
            for text in texts
        )


def _sims_of(request: Request) -> tuple[str, ...]:
    written = request.path_params.get("sim")
    return () if written is None else reading.read_sims(written)


def _range_of(page: Page) -> range:
    return range(page.offset, page.offset + page.size)


def _render_number(digits: str) -> str:
    """An international number with its `+`; short codes and names stay as they are."""
    try:
        return f"+{normalise(digits)}"
    except Refused:
        return digits
