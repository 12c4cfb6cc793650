"""An account's balance, and its API keys."""

from __future__ import annotations

from typing import Final

import msgspec

from dragoman.core.accounts.key_pairs import KeyPair
from dragoman.core.billing.model.payments import Payer
from dragoman.core.model.errors import existing
from dragoman.dialects.twilio import errors, paging, schemas
from dragoman.dialects.twilio.calls import CREATED, DONE, Caller, CallGroup, render
from dragoman.dialects.twilio.mapping import render_date
from dragoman.web.bodies import decode_body, decode_query
from dragoman.web.requests import Request
from dragoman.web.responses import Response

UNLIMITED: Final = "1000000.00"
"""The balance of an account without a limit."""


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
        name = decode_body(request, schemas.KeyRequest).friendly_name
        made = await self._services.key_pairs.create(caller.account, name)
        shown = _render_key(made.key)
        return render(schemas.NewKey(**msgspec.structs.asdict(shown), secret=made.secret), CREATED)

    async def list_keys(self, caller: Caller, request: Request) -> Response:
        """The keys, newest first."""
        at = paging.read_position(decode_query(request, schemas.Paging))
        found = await self._services.key_pairs.of_account(caller.account)
        page, more = paging.page_of(found, [key.sid for key in found], at)
        keys = tuple(map(_render_key, page))
        links = paging.links(
            request, caller.uri("/Keys.json"), at, [key.sid for key in keys], more=more
        )
        return render(schemas.KeyPage(keys=keys, **links))

    async def fetch_key(self, caller: Caller, request: Request) -> Response:
        """One key, without its secret; raises `Refused`."""
        key = await self._services.key_pairs.find(caller.account, request.path_params["key"])
        return render(_render_key(existing(key, errors.not_found())))

    async def change_key(self, caller: Caller, request: Request) -> Response:
        """Renames a key; raises `Refused`."""
        name = decode_body(request, schemas.KeyRequest).friendly_name
        sid = request.path_params["key"]
        key = await self._services.key_pairs.rename(caller.account, sid, name)
        return render(_render_key(existing(key, errors.not_found())))

    async def delete_key(self, caller: Caller, request: Request) -> Response:
        """Ends a key at once; raises `Refused`."""
        sid = request.path_params["key"]
        if not await self._services.key_pairs.remove(caller.account, sid):
            raise errors.not_found()
        return DONE


def _render_key(key: KeyPair) -> schemas.Key:
    return schemas.Key(
        sid=key.sid,
        friendly_name=key.name,
        date_created=render_date(key.created_ms),
        date_updated=render_date(key.updated_ms),
    )
