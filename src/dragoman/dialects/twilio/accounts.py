"""An account's balance, and its API keys."""

from __future__ import annotations

import secrets
from typing import Final

import msgspec

from dragoman.core.accounts.credentials import digest_of_key
from dragoman.core.accounts.dialect_records import Record
from dragoman.core.billing.model.payments import Payer
from dragoman.core.model.texts import check_text
from dragoman.dialects.twilio import errors, paging, schemas, sids
from dragoman.dialects.twilio.calls import CREATED, DONE, Caller, CallGroup, render
from dragoman.dialects.twilio.mapping import DIALECT, render_date
from dragoman.dialects.twilio.stored import KEYS, KeyRecord
from dragoman.kit.ids import time_of
from dragoman.web.bodies import decode_body, decode_query
from dragoman.web.requests import Request
from dragoman.web.responses import Response

UNLIMITED: Final = "1000000.00"
"""The balance of an account without a limit."""
SECRET_BYTES: Final = 24
MAX_NAME: Final = 64


class Accounts(CallGroup):
    """Answers the calls on balance and keys."""

    async def balance(self, caller: Caller, _request: Request) -> Response:
        """What the account has left, or the one that pays for it."""
        account = caller.account
        while account.payer is Payer.PARENT and account.parent_id is not None:
            above = await self._services.accounts.find_by_id(account.parent_id)
            if above is None:
                break
            account = above
        balance = await self._services.accounts.balance(account)
        left = UNLIMITED if balance.unlimited else f"{balance.available}.00"
        return render(
            schemas.Balance(
                account_sid=caller.sid, balance=left, currency=self._settings.price_unit
            )
        )

    # Keys

    async def create_key(self, caller: Caller, request: Request) -> Response:
        """Makes a key, whose secret is shown only now; raises `Refused`."""
        name = _read_name(decode_body(request, schemas.KeyRequest))
        sid, secret = sids.new_sid(sids.KEY), secrets.token_urlsafe(SECRET_BYTES)
        key = KeyRecord(
            friendly_name=name,
            digest=digest_of_key(secret).hex(),
            updated_ms=self._services.clock.now_ms(),
        )
        record = await self._services.dialect_records.put(
            caller.account, DIALECT, KEYS, sid, key.write()
        )
        shown = _render_key(record)
        return render(schemas.NewKey(**msgspec.structs.asdict(shown), secret=secret), CREATED)

    async def list_keys(self, caller: Caller, request: Request) -> Response:
        """The keys, newest first."""
        at = paging.read_position(decode_query(request, schemas.Paging))
        found = await self._services.dialect_records.of_account(caller.account, DIALECT, KEYS)
        page, more = paging.page_of(found, [record.name for record in found], at)
        keys = tuple(map(_render_key, page))
        links = paging.links(
            request, caller.uri("/Keys.json"), at, [key.sid for key in keys], more=more
        )
        return render(schemas.KeyPage(keys=keys, **links))

    async def fetch_key(self, caller: Caller, request: Request) -> Response:
        """One key, without its secret; raises `Refused`."""
        return render(_render_key(await self._find_key(caller, request)))

    async def change_key(self, caller: Caller, request: Request) -> Response:
        """Renames a key; raises `Refused`."""
        name = _read_name(decode_body(request, schemas.KeyRequest))
        record = await self._find_key(caller, request)
        changed = msgspec.structs.replace(
            KeyRecord.read(record), friendly_name=name, updated_ms=self._services.clock.now_ms()
        )
        return render(
            _render_key(
                await self._services.dialect_records.put(
                    caller.account, DIALECT, KEYS, record.name, changed.write()
                )
            )
        )

    async def delete_key(self, caller: Caller, request: Request) -> Response:
        """Ends a key at once; raises `Refused`."""
        record = await self._find_key(caller, request)
        await self._services.dialect_records.remove(caller.account, DIALECT, KEYS, record.name)
        return DONE

    async def _find_key(self, caller: Caller, request: Request) -> Record:
        sid = request.path_params["key"]
        record = await self._services.dialect_records.find(DIALECT, KEYS, sid)
        if record is None or record.account_id != caller.account_id:
            raise errors.not_found()
        return record


def _read_name(given: schemas.KeyRequest) -> str:
    check_text("FriendlyName", given.friendly_name, MAX_NAME)
    return given.friendly_name


def _render_key(record: Record) -> schemas.Key:
    key = KeyRecord.read(record)
    return schemas.Key(
        sid=record.name,
        friendly_name=key.friendly_name,
        date_created=render_date(time_of(record.position)),
        date_updated=render_date(key.updated_ms),
    )
