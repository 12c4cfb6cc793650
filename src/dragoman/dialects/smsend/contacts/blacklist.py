"""The blacklist: numbers that get no texts of the account, by number or by contact."""

from __future__ import annotations

import re
from collections.abc import Sequence
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.inbound.model.inbound import OptOut, OptOutFilter, OptOutOrigin
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.phone_numbers import as_typed
from dragoman.dialects.smsend.calls import CallGroup
from dragoman.dialects.smsend.contacts import reading
from dragoman.dialects.smsend.contacts.schemas import Blacklist, BlacklistEntry, PhoneNumbers
from dragoman.dialects.smsend.mapping import read_body, read_page, render_time
from dragoman.dialects.smsend.schemas import Answer, Done
from dragoman.dialects.smsend.times import OF_BLACKLIST, read_span
from dragoman.dialects.wording import instead_of
from dragoman.kit.ids import render_base64, time_of
from dragoman.web.bodies import decode_json
from dragoman.web.requests import Parameters, Request

ORIGINS: Final = MappingProxyType(
    {OptOutOrigin.API: "API", OptOutOrigin.WEB: "WEB", OptOutOrigin.STOP: "STOPSMS"}
)
"""This API's name of each origin of an opt-out."""

_ORIGINS_BY_NAME: Final = MappingProxyType({name: origin for origin, name in ORIGINS.items()})
_DIGITS: Final = re.compile(r"(?:\+|00)?([0-9]{1,15})", re.ASCII)


class BlacklistCalls(CallGroup):
    """Answers the calls on the blacklist, which is the account's opt-outs from all its senders."""

    async def add(self, account: Account, request: Request) -> Answer:
        """Enters a number, of the query or of the body; raises `Refused`."""
        body = read_body(request, PhoneNumbers) if request.body else PhoneNumbers()
        if body.phoneNumbers is not None:
            return await self._add_all(account, body.phoneNumbers)
        written = request.query.get("phoneNumber") or body.phoneNumber
        await self._services.opt_outs.add(
            account, reading.read_number(written), origin=OptOutOrigin.API
        )
        return Done()

    async def add_all(self, account: Account, request: Request) -> Answer:
        """Enters numbers, or none of them where one is none; raises `Refused`."""
        if request.body.lstrip().startswith(b"["):
            return await self._add_all(account, decode_json(request.body, list[str | int]))
        numbers = read_body(request, PhoneNumbers).phoneNumbers
        if numbers is None:
            raise Refused(RefusalCode.MISSING_FIELD, "phoneNumbers")
        return await self._add_all(account, numbers)

    async def add_contact(self, account: Account, request: Request) -> Answer:
        """Enters the number of a contact; raises `Refused`."""
        text = request.path_params["contact_id"]
        contact_id = reading.read_contact_id(text)
        with instead_of(RefusalCode.NOT_FOUND, reading.missing_contact(text)):
            contact = await self._services.contact_profiles.contact(account, contact_id)
        if not contact.mobile:
            raise _without_number(text)
        await self._services.opt_outs.add(account, contact.mobile, origin=OptOutOrigin.API)
        return Done()

    async def add_contacts(self, account: Account, request: Request) -> Answer:
        """Enters the numbers of contacts, or none where one is unknown; raises `Refused`."""
        texts = decode_json(request.body, list[str])
        contact_ids = reading.read_contact_ids(texts)
        try:
            found = await self._services.contact_profiles.contacts(account, contact_ids)
        except Refused as refused:
            if refused.code is RefusalCode.NOT_FOUND:
                spelt = render_base64(int(refused.subject))
                raise reading.unknown_in_body("contact", spelt) from None
            raise
        for contact in found:
            if not contact.mobile:
                raise _without_number(render_base64(contact.contact_id))
        await self._add_all(account, [contact.mobile for contact in found])
        return len(found)

    async def remove(self, account: Account, request: Request) -> Answer:
        """Takes a number off; raises `Refused`."""
        text = request.path_params["number"]
        unknown = Refused(RefusalCode.NOT_FOUND, text, "phoneNumber")
        with instead_of(unknown.code, unknown):
            await self._services.opt_outs.remove(account, text)
        return Done()

    async def page(self, account: Account, request: Request) -> Blacklist:
        """A page of the blacklist, oldest first; raises `Refused`."""
        page, query = read_page(request.query), request.query
        zone = self._zone_of(account, query)
        begin, end = (
            read_span(query, name, zone, OF_BLACKLIST, "yyyy-MM-dd HH:mm:ss")
            for name in ("from", "to")
        )
        wanted = OptOutFilter(
            account_id=account.account_id,
            from_ms=begin.first_ms if begin is not None else None,
            before_ms=end.last_ms + 1 if end is not None else None,
            digits=_read_digits(query),
            origins=_read_origins(query),
        )
        found = await self._services.opt_outs.search(wanted, page.offset, page.size)
        return Blacklist(
            blacklist=[_render(opt_out, zone) for opt_out in found.opt_outs],
            pageNumber=page.number,
            pageSize=page.size,
            total=found.total,
        )

    async def _add_all(self, account: Account, numbers: Sequence[str | int]) -> int:
        written = [str(number) for number in numbers]
        return await self._services.opt_outs.add_all(account, written, OptOutOrigin.API)


def _without_number(text: str) -> Refused:
    return Refused(RefusalCode.INVALID_FIELD, text, "the contact has no phoneNumber")


def _read_digits(query: Parameters) -> str:
    text = as_typed(query.get("number", "")).strip()
    if not text:
        return ""
    digits = _DIGITS.fullmatch(text)
    if digits is None:
        raise Refused(RefusalCode.INVALID_FIELD, "number", "digits of a number")
    return digits[1]


def _read_origins(query: Parameters) -> tuple[OptOutOrigin, ...] | None:
    names = [name.strip().upper() for name in query.get("origins", "").split(",") if name.strip()]
    if not names:
        return None
    origins = [_ORIGINS_BY_NAME.get(name) for name in names]
    if None in origins:
        raise Refused(RefusalCode.INVALID_FIELD, "origins", "API, WEB or STOPSMS")
    return tuple(origin for origin in origins if origin is not None)


def _render(opt_out: OptOut, zone: ZoneInfo) -> BlacklistEntry:
    return BlacklistEntry(
        phoneNumber=f"+{opt_out.recipient}",
        origin=ORIGINS[opt_out.origin],
        date=render_time(time_of(opt_out.opt_out_id), zone),
    )
