"""Messaging services: pools of senders with settings of their own (Twilio Messaging v1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from dragoman.container import Services
from dragoman.core.accounts.model.senders import normalise_sender
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.phone_numbers import normalise
from dragoman.dialects.twilio import errors, paging, schemas, sids
from dragoman.dialects.twilio.calls import CREATED, DONE, Caller, CallGroup, render
from dragoman.dialects.twilio.inbound import country_of
from dragoman.dialects.twilio.mapping import DIALECT, render_iso_date, render_number
from dragoman.dialects.twilio.numbers import read_changes
from dragoman.dialects.twilio.pools import Pools
from dragoman.dialects.twilio.stored import SERVICES, ServiceRecord
from dragoman.kit.ids import time_of
from dragoman.web.bodies import decode_body, decode_query
from dragoman.web.requests import Request
from dragoman.web.responses import Response

PATH: Final = "/v1/Services"
MAX_SENDERS: Final = 400
MAX_VALIDITY_S: Final = 36_000

Change = Callable[[ServiceRecord], ServiceRecord]


class MessagingServices(CallGroup):
    """Answers the calls on services and on the senders in them."""

    def __init__(self, services: Services, pools: Pools) -> None:
        super().__init__(services)
        self._pools = pools

    async def create(self, caller: Caller, request: Request) -> Response:
        """Makes a service; raises `Refused`."""
        given = decode_body(request, schemas.ServiceRequest)
        if not given.friendly_name:
            raise Refused(RefusalCode.MISSING_FIELD, "FriendlyName")
        record = ServiceRecord(**_changes(given))
        sid = sids.new_sid(sids.SERVICE)
        await self._store(caller, sid, record)
        return render(await self._render(caller, request, sid), CREATED)

    async def search(self, caller: Caller, request: Request) -> Response:
        """A page of the services; raises `Refused`."""
        at = paging.read_position(decode_query(request, schemas.Paging))
        records = self._services.dialect_records
        found = [one.name for one in await records.of_account(caller.account, DIALECT, SERVICES)]
        page, more = paging.page_of(found, found, at)
        meta = self._meta(request, PATH, at, page, "services", more=more)
        shown = [await self._render(caller, request, sid) for sid in page]
        return render(schemas.ServicePage(meta=meta, services=tuple(shown)))

    async def fetch(self, caller: Caller, request: Request) -> Response:
        """One service; raises `Refused`."""
        return render(await self._render(caller, request, request.path_params["service"]))

    async def change(self, caller: Caller, request: Request) -> Response:
        """Changes a service; raises `Refused`."""
        changes = _changes(decode_body(request, schemas.ServiceRequest))
        sid = request.path_params["service"]
        async with self._pools.turns.of(caller.account_id):
            record = await self._change(
                caller, sid, lambda known: msgspec.structs.replace(known, **changes)
            )
            for digits in record.numbers:
                await self._pools.route(caller.account, digits)
        return render(await self._render(caller, request, sid))

    async def delete(self, caller: Caller, request: Request) -> Response:
        """Deletes a service; its numbers are as they were before. Raises `Refused`."""
        sid = request.path_params["service"]
        async with self._pools.turns.of(caller.account_id):
            record = await self._find(caller, sid)
            await self._services.dialect_records.remove(caller.account, DIALECT, SERVICES, sid)
            for digits in record.numbers:
                await self._move(caller, digits, "")
        return DONE

    # Numbers

    async def add_number(self, caller: Caller, request: Request) -> Response:
        """Adds a number to a pool; raises `Refused`."""
        sid = request.path_params["service"]
        given = decode_body(request, schemas.PoolNumberRequest).phone_number_sid
        now_ms = self._services.clock.now_ms()

        def add(known: ServiceRecord) -> ServiceRecord:
            _check_room(known)
            return msgspec.structs.replace(known, numbers={**known.numbers, digits: now_ms})

        async with self._pools.turns.of(caller.account_id):
            digits = await self._digits_of(caller, given)
            record = await self._change(caller, sid, add)
            await self._move(caller, digits, sid)
        return render(self._pool_number(caller, request, sid, record, digits), CREATED)

    async def list_numbers(self, caller: Caller, request: Request) -> Response:
        """A page of the numbers of a pool; raises `Refused`."""
        sid = request.path_params["service"]
        record = await self._find(caller, sid)
        at = paging.read_position(decode_query(request, schemas.Paging))
        shown = [
            self._pool_number(caller, request, sid, record, digits) for digits in record.numbers
        ]
        page, more = paging.page_of(shown, [one.sid for one in shown], at)
        path = f"{PATH}/{sid}/PhoneNumbers"
        found = [one.sid for one in page]
        meta = self._meta(request, path, at, found, "phone_numbers", more=more)
        return render(schemas.PoolNumberPage(meta=meta, phone_numbers=tuple(page)))

    async def fetch_number(self, caller: Caller, request: Request) -> Response:
        """One number of a pool; raises `Refused`."""
        sid = request.path_params["service"]
        record = await self._find(caller, sid)
        digits = _member(record.numbers, sids.NUMBER, request.path_params["number"])
        return render(self._pool_number(caller, request, sid, record, digits))

    async def remove_number(self, caller: Caller, request: Request) -> Response:
        """Takes a number out of a pool; raises `Refused`."""
        sid = request.path_params["service"]
        gone: list[str] = []

        def remove(known: ServiceRecord) -> ServiceRecord:
            gone.append(_member(known.numbers, sids.NUMBER, request.path_params["number"]))
            return msgspec.structs.replace(known, numbers=_without(known.numbers, gone[0]))

        async with self._pools.turns.of(caller.account_id):
            await self._change(caller, sid, remove)
            await self._move(caller, gone[0], "")
        return DONE

    # Names

    async def add_name(self, caller: Caller, request: Request) -> Response:
        """Adds an alphabetic sender to a pool; raises `Refused`."""
        sid = request.path_params["service"]
        given = decode_body(request, schemas.AlphaSenderRequest).alpha_sender
        name = normalise_sender(given.strip())
        if name.removeprefix("+").isdigit():
            raise Refused(RefusalCode.INVALID_SENDER, name)
        now_ms = self._services.clock.now_ms()

        def add(known: ServiceRecord) -> ServiceRecord:
            if name in known.names:
                raise errors.CodedRefusal(21710)
            _check_room(known)
            return msgspec.structs.replace(known, names={**known.names, name: now_ms})

        async with self._pools.turns.of(caller.account_id):
            record = await self._change(caller, sid, add)
        return render(self._alpha_sender(caller, request, sid, record, name), CREATED)

    async def list_names(self, caller: Caller, request: Request) -> Response:
        """A page of the alphabetic senders of a pool; raises `Refused`."""
        sid = request.path_params["service"]
        record = await self._find(caller, sid)
        at = paging.read_position(decode_query(request, schemas.Paging))
        shown = [self._alpha_sender(caller, request, sid, record, name) for name in record.names]
        page, more = paging.page_of(shown, [one.sid for one in shown], at)
        found = [one.sid for one in page]
        path = f"{PATH}/{sid}/AlphaSenders"
        meta = self._meta(request, path, at, found, "alpha_senders", more=more)
        return render(schemas.AlphaSenderPage(meta=meta, alpha_senders=tuple(page)))

    async def fetch_name(self, caller: Caller, request: Request) -> Response:
        """One alphabetic sender of a pool; raises `Refused`."""
        sid = request.path_params["service"]
        record = await self._find(caller, sid)
        name = _member(record.names, sids.ALPHA_SENDER, request.path_params["sender"])
        return render(self._alpha_sender(caller, request, sid, record, name))

    async def remove_name(self, caller: Caller, request: Request) -> Response:
        """Takes an alphabetic sender out of a pool; raises `Refused`."""

        def remove(known: ServiceRecord) -> ServiceRecord:
            name = _member(known.names, sids.ALPHA_SENDER, request.path_params["sender"])
            return msgspec.structs.replace(known, names=_without(known.names, name))

        async with self._pools.turns.of(caller.account_id):
            await self._change(caller, request.path_params["service"], remove)
        return DONE

    # Keeping

    async def _find(self, caller: Caller, sid: str) -> ServiceRecord:
        found = await self._pools.service(caller.account_id, sid)
        if found is None:
            raise errors.not_found()
        return found

    async def _change(self, caller: Caller, sid: str, change: Change) -> ServiceRecord:
        return await self._store(caller, sid, change(await self._find(caller, sid)))

    async def _store(self, caller: Caller, sid: str, record: ServiceRecord) -> ServiceRecord:
        stamped = msgspec.structs.replace(record, updated_ms=self._services.clock.now_ms())
        await self._services.dialect_records.put(
            caller.account, DIALECT, SERVICES, sid, stamped.write()
        )
        return stamped

    async def _move(self, caller: Caller, digits: str, sid: str) -> None:
        """Has a number be in a service, or in none; its texts go where that says."""
        number = await self._pools.number(caller.account_id, digits)
        moved = msgspec.structs.replace(number, service_sid=sid)
        await self._pools.put_number(caller.account, digits, moved)

    async def _digits_of(self, caller: Caller, given: str) -> str:
        """The digits of a number that may be in a pool; it is in no other."""
        digits = ""
        if sids.is_sid(given, sids.NUMBER):
            for one in await self._services.keywords.numbers():
                mine = one.account_id == caller.account_id
                if mine and sids.derived_sid(sids.NUMBER, one.number) == given:
                    digits = one.number
        elif given.startswith("+"):
            digits = normalise(given)
        if not digits:
            raise errors.not_found()
        owner = self._services.inbound_routing.number(digits)
        if owner is not None and owner.account_id != caller.account_id:
            raise errors.not_found()
        if (await self._pools.number(caller.account_id, digits)).service_sid:
            raise errors.CodedRefusal(21710)
        return digits

    # Rendering

    def _meta(
        self,
        request: Request,
        path: str,
        at: paging.Position,
        found: list[str],
        key: str,
        *,
        more: bool,
    ) -> schemas.Meta:
        url = self._settings.public_url
        return paging.meta(request, url, path, at, found, key, more=more)

    def _url(self, request: Request, path: str) -> str:
        return f"{paging.base_url(request, self._settings.public_url)}{path}"

    async def _render(self, caller: Caller, request: Request, sid: str) -> schemas.Service:
        kept = await self._services.dialect_records.find(DIALECT, SERVICES, sid)
        if kept is None or kept.account_id != caller.account_id:
            raise errors.not_found()
        record = ServiceRecord.read(kept)
        url = self._url(request, f"{PATH}/{sid}")
        values = msgspec.structs.asdict(record)
        for name in ("numbers", "names", "updated_ms"):
            del values[name]
        for name in ("inbound_request_url", "fallback_url", "status_callback"):
            values[name] = values[name] or None
        return schemas.Service(
            sid=sid,
            account_sid=caller.sid,
            date_created=render_iso_date(time_of(kept.position)),
            date_updated=render_iso_date(record.updated_ms),
            us_app_to_person_registered=False,
            url=url,
            links={
                "phone_numbers": f"{url}/PhoneNumbers",
                "alpha_senders": f"{url}/AlphaSenders",
            },
            **values,
        )

    def _pool_number(
        self, caller: Caller, request: Request, sid: str, record: ServiceRecord, digits: str
    ) -> schemas.PoolNumber:
        number_sid = sids.derived_sid(sids.NUMBER, digits)
        date = render_iso_date(record.numbers[digits])
        return schemas.PoolNumber(
            sid=number_sid,
            account_sid=caller.sid,
            service_sid=sid,
            date_created=date,
            date_updated=date,
            phone_number=render_number(digits),
            country_code=country_of(digits),
            capabilities=("SMS", "MMS"),
            url=self._url(request, f"{PATH}/{sid}/PhoneNumbers/{number_sid}"),
        )

    def _alpha_sender(
        self, caller: Caller, request: Request, sid: str, record: ServiceRecord, name: str
    ) -> schemas.AlphaSender:
        sender_sid = sids.derived_sid(sids.ALPHA_SENDER, name)
        date = render_iso_date(record.names[name])
        return schemas.AlphaSender(
            sid=sender_sid,
            account_sid=caller.sid,
            service_sid=sid,
            date_created=date,
            date_updated=date,
            alpha_sender=name,
            capabilities=("SMS",),
            url=self._url(request, f"{PATH}/{sid}/AlphaSenders/{sender_sid}"),
        )


def _changes(given: schemas.ServiceRequest) -> dict[str, Any]:
    changes = read_changes(given, ServiceRecord)
    if not 1 <= changes.get("validity_period", 1) <= MAX_VALIDITY_S:
        raise Refused(RefusalCode.INVALID_FIELD, "ValidityPeriod", f"1 to {MAX_VALIDITY_S}")
    return changes


def _check_room(record: ServiceRecord) -> None:
    if len(record.numbers) + len(record.names) >= MAX_SENDERS:
        raise Refused(RefusalCode.INVALID_FIELD, "PhoneNumberSid", f"at most {MAX_SENDERS}")


def _member(members: dict[str, int], kind: str, sid: str) -> str:
    """The member with a SID; raises `Refused`."""
    for member in members:
        if sids.derived_sid(kind, member) == sid:
            return member
    raise errors.not_found()


def _without(members: dict[str, int], gone: str) -> dict[str, int]:
    return {member: at_ms for member, at_ms in members.items() if member != gone}
