"""The numbers of an account that texts come to, and where those go."""

from __future__ import annotations

from typing import Any, Final

import msgspec
import phonenumbers

from dragoman.container import Services
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.phone_numbers import normalise
from dragoman.core.model.texts import check_text
from dragoman.core.model.urls import is_http_address
from dragoman.dialects.twilio import errors, paging, schemas, sids
from dragoman.dialects.twilio.available import free_numbers
from dragoman.dialects.twilio.calls import CREATED, DONE, Caller, CallGroup, may_receive, render
from dragoman.dialects.twilio.mapping import API_VERSION, render_date, render_number
from dragoman.dialects.twilio.pools import Pools
from dragoman.dialects.twilio.stored import NumberRecord
from dragoman.kit.ids import time_of
from dragoman.web.bodies import decode_body, decode_query
from dragoman.web.requests import Request
from dragoman.web.responses import Response

METHODS: Final = frozenset({"GET", "POST"})
MAX_NAME: Final = 64
PATH: Final = "/IncomingPhoneNumbers"


class Numbers(CallGroup):
    """Answers the calls on numbers; an account gets its numbers from the operator."""

    def __init__(self, services: Services, pools: Pools) -> None:
        super().__init__(services)
        self._pools = pools

    async def search(self, caller: Caller, request: Request) -> Response:
        """A page of the numbers; raises `Refused`."""
        query = decode_query(request, schemas.NumberQuery)
        at = paging.read_position(query)
        found = []
        wanted = query.phone_number.strip().lstrip("+")
        for digits, number_id in await self._own(caller):
            number = await self._render(caller, digits, number_id)
            fits = wanted in digits and query.friendly_name in ("", number.friendly_name)
            if fits:
                found.append(number)
        page, more = paging.page_of(found, [number.sid for number in found], at)
        links = paging.links(
            request, caller.uri(f"{PATH}.json"), at, [number.sid for number in page], more=more
        )
        return render(schemas.NumberPage(incoming_phone_numbers=tuple(page), **links))

    async def fetch(self, caller: Caller, request: Request) -> Response:
        """One number; raises `Refused`."""
        return render(await self._render(caller, *await self._find(caller, request)))

    async def create(self, caller: Caller, request: Request) -> Response:
        """Takes up a number that the operator has given to the account, or offers to all.

        Raises `Refused`.
        """
        given = decode_body(request, schemas.NumberChange)
        with errors.as_code(RefusalCode.INVALID_RECIPIENT, 21421):
            digits = normalise(given.phone_number) if given.phone_number else ""
        known = dict(await self._own(caller))
        if digits not in known:
            digits = await self._take(caller, digits, given)
            known = dict(await self._own(caller))
        await self._put(caller, digits, given)
        return render(await self._render(caller, digits, known[digits]), CREATED)

    async def delete(self, caller: Caller, request: Request) -> Response:
        """Gives back a number that the account has taken itself; raises `Refused`."""
        digits, number_id = await self._find(caller, request)
        offered = {one.removeprefix("+") for one in self._settings.available_numbers}
        if digits not in offered or not number_id:
            detail = "the operator has assigned it"
            raise errors.CodedRefusal(20403, render_number(digits), detail)
        services = self._services
        async with self._pools.turns.of(caller.account_id):
            settings = await self._pools.number(caller.account_id, digits)
            if settings.service_sid:
                raise errors.CodedRefusal(20409, "", "it is in a messaging service")
            for view in await services.keywords.keywords(caller.account):
                if view.keyword.number == digits:
                    await services.keywords.delete(
                        caller.account, view.keyword.keyword_id, "UTC", at_once=True
                    )
            await services.keywords.remove_number(digits)
            await self._pools.forget_number(caller.account, digits)
        await services.audit_log.note(caller.account, "remove_number", digits)
        return DONE

    async def _take(self, caller: Caller, digits: str, given: schemas.NumberChange) -> str:
        """Assigns a number that the operator offers: this one, or one with the area code."""
        may_receive(caller)
        free = await free_numbers(self._services)
        if not digits and given.area_code:
            area = given.area_code.strip()
            digits = next((one for one in free if _is_in_area(one, area)), "")
        if digits not in free:
            raise errors.CodedRefusal(21422, given.phone_number or "AreaCode")
        try:
            await self._services.keywords.add_number(caller.account, digits, shared=False)
        except Refused as refused:
            if refused.code is RefusalCode.ALREADY_EXISTS:  # somebody was faster
                raise errors.CodedRefusal(21422, given.phone_number or "AreaCode") from None
            raise
        await self._services.audit_log.note(caller.account, "add_number", digits)
        return digits

    async def change(self, caller: Caller, request: Request) -> Response:
        """Changes where the texts to a number go; raises `Refused`."""
        digits, number_id = await self._find(caller, request)
        await self._put(caller, digits, decode_body(request, schemas.NumberChange))
        return render(await self._render(caller, digits, number_id))

    async def _put(self, caller: Caller, digits: str, given: schemas.NumberChange) -> None:
        may_receive(caller)
        changes = read_changes(given, NumberRecord)
        async with self._pools.turns.of(caller.account_id):
            known = await self._pools.number(caller.account_id, digits)
            changed = msgspec.structs.replace(known, **changes)
            await self._pools.put_number(caller.account, digits, changed)

    async def _own(self, caller: Caller) -> list[tuple[str, int]]:
        """The digits and identifiers of the account's numbers, newest first."""
        numbers = await self._services.keywords.numbers()
        own = [one for one in numbers if one.account_id == caller.account_id]
        own.sort(key=lambda one: (one.number_id, one.number), reverse=True)
        return [(one.number, one.number_id) for one in own]

    async def _find(self, caller: Caller, request: Request) -> tuple[str, int]:
        sid = request.path_params["number"]
        for digits, number_id in await self._own(caller):
            if sids.derived_sid(sids.NUMBER, digits) == sid:
                return digits, number_id
        raise errors.not_found()

    async def _render(self, caller: Caller, digits: str, number_id: int) -> schemas.Number:
        record = await self._pools.number(caller.account_id, digits)
        sid = sids.derived_sid(sids.NUMBER, digits)
        created_ms = time_of(number_id)
        shown = render_number(digits)
        return schemas.Number(
            account_sid=caller.sid,
            api_version=API_VERSION,
            beta=False,
            capabilities={"voice": False, "sms": True, "mms": True, "fax": False},
            date_created=render_date(created_ms),
            date_updated=render_date(record.updated_ms or created_ms),
            friendly_name=record.friendly_name or shown,
            phone_number=shown,
            origin="hosted",
            sid=sid,
            sms_fallback_method=record.sms_fallback_method,
            sms_fallback_url=record.sms_fallback_url,
            sms_method=record.sms_method,
            sms_url=record.sms_url,
            status="in-use",
            status_callback=record.status_callback,
            status_callback_method="POST",
            uri=caller.uri(f"{PATH}/{sid}.json"),
        )


def _is_in_area(digits: str, area: str) -> bool:
    """Whether the national number begins with an area code."""
    national = str(phonenumbers.parse(f"+{digits}").national_number)
    return national.startswith(area)


def read_changes(given: msgspec.Struct, record: type[msgspec.Struct]) -> dict[str, Any]:
    """The fields of a record that parameters change, checked by what their names say.

    Raises `Refused`.
    """
    known = {field.name: field for field in msgspec.structs.fields(record)}
    changes: dict[str, Any] = {}
    for field in msgspec.structs.fields(type(given)):
        text = getattr(given, field.name)
        if text is None or field.name not in known:
            continue
        changes[field.name] = _read(field.encode_name, text, known[field.name].type)
    return changes


def _read(name: str, text: str, kind: Any) -> Any:
    if kind is bool:
        if text.lower() not in ("true", "false"):
            raise Refused(RefusalCode.INVALID_FIELD, name, "true or false")
        return text.lower() == "true"
    if kind is int:
        if not (text.isascii() and text.isdigit() and len(text) < 10):
            raise Refused(RefusalCode.INVALID_FIELD, name, "use a number")
        return int(text)
    if name.endswith("Method"):
        if text.upper() not in METHODS:
            raise Refused(RefusalCode.INVALID_FIELD, name, "GET or POST")
        return text.upper()
    if name.endswith(("Url", "StatusCallback")):
        if text and not is_http_address(text):
            raise Refused(RefusalCode.INVALID_FIELD, name, "not an http or https address")
        return text
    check_text(name, text, MAX_NAME)
    return text
