"""The status of texts, what was received, and which phones there are."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.devices.model.devices import MAX_SLOT
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.phone_numbers import as_typed
from dragoman.core.reporting.model.correspondence import Kind, TextFilter, TextPage
from dragoman.dialects.smsgateway24 import mapping, schemas, times
from dragoman.dialects.smsgateway24.auth import CallGroup
from dragoman.dialects.smsgateway24.errors import WordedRefusal, invalid
from dragoman.dialects.smsgateway24.numbers import country_of_all, read_number
from dragoman.dialects.smsgateway24.parameters import Given
from dragoman.dialects.smsgateway24.sending import find_device
from dragoman.kit.ids import parse_number
from dragoman.web.requests import Request

MAX_SHOWN: Final = 5_000
"""Texts in one answer, the newest; `count` is how many there are."""


class Asking(CallGroup):
    """Answers the calls that change nothing."""

    async def search(self, request: Request, given: Given) -> schemas.SmsList | schemas.SmsCount:
        """`getallsms`; raises `Refused`."""
        account = await self._authenticate(request, given)
        zone = times.zone_named(self._zone_name(account))
        if given.text("timezone"):
            zone = times.parse_zone("timezone", given.text("timezone"))
        wanted = self._filter(account, given, zone)
        oldest_first = not given.flag("orderbydesc")
        if given.flag("onlycount"):
            return schemas.SmsCount(count=await self._services.correspondence.count(wanted))
        page = await self._services.correspondence.page(wanted, MAX_SHOWN)
        shown = {view.text_id for view in page.texts}
        shown |= {view.newsletter_id for view in page.texts if view.newsletter_id is not None}
        short_ids = await self._services.short_ids.of(shown)
        return await asyncio.to_thread(_render_page, page, short_ids, zone, oldest_first)

    async def status(self, request: Request, given: Given) -> schemas.SmsStatus:
        """`getsmsstatus`; raises `Refused`."""
        account = await self._authenticate(request, given)
        sms_id = parse_number(given.required("sms_id").strip())
        try:
            text_id = sms_id and await self._services.short_ids.identifier_of(sms_id)
            if not sms_id or text_id is None:
                raise Refused(RefusalCode.NOT_FOUND)
            view = await self._services.correspondence.find(account, mapping.NAME, text_id)
        except Refused as refused:
            if refused.code is not RefusalCode.NOT_FOUND:
                raise
            raise WordedRefusal(refused.code, "Sms not found") from None
        status = mapping.status_of(view.state, view.failure, view.detail, view.assignment)
        return schemas.SmsStatus(
            sms_id=sms_id, status=status, status_description=mapping.TITLES[status]
        )

    async def devices(self, request: Request, given: Given) -> schemas.DeviceList:
        """`getalldevices`; raises `Refused`."""
        account = await self._authenticate(request, given)
        zone = times.zone_named(self._zone_name(account))
        devices = self._services.devices
        found = {
            str(one.device_id): mapping.render_device(
                one, devices.presence.heard_ms(one.device_id), zone
            )
            for one in devices.of_account(account)
        }
        return schemas.DeviceList(count=len(found), device=found)

    async def device(self, request: Request, given: Given) -> schemas.DeviceStatus:
        """`getdevicestatus`; raises `Refused`."""
        account = await self._authenticate(request, given)
        device = find_device(self._services, account, given.required("device_id"))
        presence = self._services.devices.presence
        seen_ms = max(device.seen_ms, presence.heard_ms(device.device_id))
        away_ms = self._services.clock.now_ms() - seen_ms
        return schemas.DeviceStatus(
            online=device.enabled and self._services.devices.is_present(device),
            device_id=device.device_id,
            lastseen=times.render_with_offset(seen_ms, times.zone_named(self._zone_name(account))),
            diffseconds=max(0, away_ms // 1000),
            title=device.name,
        )

    def _filter(self, account: Account, given: Given, zone: times.Zone) -> TextFilter:
        kinds, received = _read_statuses(given)
        slot = given.number("sim")
        if slot is not None and slot >= MAX_SLOT:
            raise invalid("sim", f"0 to {MAX_SLOT - 1}")
        customer = given.number("customerid")
        begin, end = given.text("begindate"), given.text("enddate")
        device_id = given.text("device_id")
        phone = given.text("phone")
        devices = self._services.devices.of_account(account)
        found = find_device(self._services, account, device_id) if device_id else None
        return TextFilter(
            account_id=account.account_id,
            dialect=mapping.NAME,
            kinds=kinds,
            received=received,
            device_id=found.device_id if found else None,
            slot=None if slot is None else slot + 1,
            reference=None if customer is None else str(customer),
            number=_read_phone(phone, country_of_all(devices)) if phone else "",
            from_ms=times.parse_time("begindate", begin, zone.info) if begin else None,
            to_ms=times.parse_time("enddate", end, zone.info, end=True) if end else None,
        )


def _read_statuses(given: Given) -> tuple[tuple[Kind, ...] | None, bool]:
    """Which texts that were sent are wanted, None for all, and whether received ones are."""
    wanted = given.listed("status")
    if not wanted:
        return None, True
    statuses = {parse_number(one) for one in wanted}
    if not statuses <= mapping.TITLES.keys():
        raise invalid("status", "no such status")
    kinds = [
        kind
        for status in sorted(mapping.TITLES)
        if status in statuses
        for kind in mapping.kinds_of(status)
    ]
    return tuple(kinds), mapping.INCOMING in statuses


def _read_phone(written: str, country: str | None) -> str:
    try:
        return read_number(written, country, plus_lost=True)
    except Refused:  # texts come from names and short codes too
        return as_typed(written).strip().removeprefix("+")


def _render_page(
    page: TextPage, short_ids: Mapping[int, int], zone: times.Zone, oldest_first: bool
) -> schemas.SmsList:
    views = reversed(page.texts) if oldest_first else page.texts
    texts = [mapping.render_sms(view, short_ids, zone) for view in views]
    return schemas.SmsList(smss={str(text.id): text for text in texts}, count=page.total)
