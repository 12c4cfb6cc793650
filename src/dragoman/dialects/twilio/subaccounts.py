"""Subaccounts: created, listed, suspended and closed by the account above them.

One is an account of ours below the caller's, which pays for it. It has a SID and a token of its
own; the account above may act for it with its own, under the SID of the subaccount in the path.
"""

from __future__ import annotations

import secrets
from typing import Final

import msgspec

from dragoman.core.accounts.account_fields import AccountFields
from dragoman.core.accounts.account_tree import Changes
from dragoman.core.accounts.auth_tokens import AuthToken
from dragoman.core.accounts.model.accounts import Account
from dragoman.core.billing.model.payments import Payer
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.texts import check_text
from dragoman.dialects.twilio import errors, paging, schemas
from dragoman.dialects.twilio.calls import CREATED, Caller, CallGroup, render
from dragoman.dialects.twilio.mapping import DIALECT, render_date
from dragoman.dialects.twilio.stored import SUBACCOUNTS, SubaccountRecord
from dragoman.web.bodies import decode_body, decode_query
from dragoman.web.requests import Request
from dragoman.web.responses import Response

PATH: Final = "/2010-04-01/Accounts.json"
MAX_NAME: Final = 64
MAX_CHILDREN: Final = 1_000
"""Subaccounts that are listed; Twilio allows as many."""
PASSWORD_BYTES: Final = 24
NAME_DIGITS: Final = 8
PARTS: Final = ("messages", "incoming_phone_numbers", "keys", "balance")
ACTIVE, SUSPENDED, CLOSED = "active", "suspended", "closed"


class Subaccounts(CallGroup):
    """Answers the calls on accounts."""

    async def search(self, caller: Caller, request: Request) -> Response:
        """The account and those below it that have a SID, the account first; raises `Refused`."""
        query = decode_query(request, schemas.AccountQuery)
        at = paging.read_position(query)
        found = [await self._render(caller)]
        children, _ = await self._services.account_tree.list_children(
            caller.account, 0, MAX_CHILDREN
        )
        for view in children:
            token = await self._services.auth_tokens.of_account(view.account.account_id)
            if token is not None:
                found.append(await self._render(_as_child(caller, view.account, token)))
        found = [
            one
            for one in found
            if query.friendly_name in ("", one.friendly_name) and query.status in ("", one.status)
        ]
        page, more = paging.page_of(found, [account.sid for account in found], at)
        links = paging.links(request, PATH, at, [account.sid for account in page], more=more)
        return render(schemas.AccountPage(accounts=tuple(page), **links))

    async def fetch(self, caller: Caller, _request: Request) -> Response:
        """The account, or one below it."""
        return render(await self._render(caller))

    async def create(self, caller: Caller, request: Request) -> Response:
        """Makes a subaccount, which the caller pays for; raises `Refused`."""
        given = decode_body(request, schemas.AccountChange)
        name = given.friendly_name or f"SubAccount Created at {self._now()}"
        check_text("FriendlyName", name, MAX_NAME)
        services = self._services
        account = await self._create(caller.account, name)
        token = await services.auth_tokens.ensure(account)
        await services.audit_log.note(caller.account, "create", account=account)
        child = _as_child(caller, account, token)
        await self._put(child, SubaccountRecord(friendly_name=name))
        return render(await self._render(child), CREATED)

    async def change(self, caller: Caller, request: Request) -> Response:
        """Renames an account; suspends, resumes or closes one below; raises `Refused`."""
        given = decode_body(request, schemas.AccountChange)
        record = await self._record(caller)
        if given.friendly_name is not None:
            check_text("FriendlyName", given.friendly_name, MAX_NAME)
            record = msgspec.structs.replace(record, friendly_name=given.friendly_name)
        if given.status is not None:
            record = await self._switch(caller, given.status, record)
        await self._put(caller, record)
        account = await self._services.accounts.find_by_id(caller.account_id)
        if account is None:
            raise errors.not_found()
        return render(await self._render(msgspec.structs.replace(caller, account=account)))

    async def _create(self, parent: Account, name: str) -> Account:
        """An account of this name, or of one like it where that is taken."""
        digits = secrets.token_hex(NAME_DIGITS // 2)
        for username in (name, f"{name[: MAX_NAME - NAME_DIGITS - 1]}-{digits}"):
            try:
                created = await self._services.account_tree.create(
                    parent,
                    AccountFields(username=username, payer=Payer.PARENT),
                    password=secrets.token_urlsafe(PASSWORD_BYTES),
                    credits=0,
                    permissions={},
                )
            except Refused as refused:
                if refused.code is not RefusalCode.ALREADY_EXISTS:
                    raise
            else:
                return created.view.account
        raise Refused(RefusalCode.ALREADY_EXISTS, "FriendlyName")

    async def _switch(
        self, caller: Caller, status: str, record: SubaccountRecord
    ) -> SubaccountRecord:
        """Suspends, resumes or closes a subaccount, which only the account above may."""
        if status not in (ACTIVE, SUSPENDED, CLOSED):
            raise Refused(RefusalCode.INVALID_FIELD, "Status", "active, suspended or closed")
        if caller.parent is None:
            raise Refused(RefusalCode.PERMISSION_DENIED, "Status", "an account cannot close itself")
        if record.closed and status != CLOSED:
            raise Refused(RefusalCode.INVALID_FIELD, "Status", "the account is closed for good")
        services, account = self._services, caller.account
        enabled = status == ACTIVE
        action = "open" if enabled else "shut"
        entry = services.audit_log.entry(caller.parent, action, account=account)
        await services.account_tree.change(
            caller.parent, account.account_id, Changes(enabled=enabled, audit=(entry,))
        )
        return msgspec.structs.replace(record, closed=record.closed or status == CLOSED)

    async def _record(self, caller: Caller) -> SubaccountRecord:
        found = await self._services.dialect_records.find(DIALECT, SUBACCOUNTS, caller.sid)
        if found is None or found.account_id != caller.account_id:
            return SubaccountRecord(friendly_name=caller.account.username)
        return SubaccountRecord.read(found)

    async def _put(self, caller: Caller, record: SubaccountRecord) -> None:
        stamped = msgspec.structs.replace(record, updated_ms=self._services.clock.now_ms())
        await self._services.dialect_records.put(
            caller.account, DIALECT, SUBACCOUNTS, caller.sid, stamped.write()
        )

    async def _render(self, caller: Caller) -> schemas.Account:
        record, account = await self._record(caller), caller.account
        status = ACTIVE
        if not account.enabled:
            status = CLOSED if record.closed else SUSPENDED
        return schemas.Account(
            auth_token=None if caller.by_key else caller.token,
            date_created=render_date(caller.since_ms),
            date_updated=render_date(record.updated_ms or caller.since_ms),
            friendly_name=record.friendly_name,
            owner_account_sid=await self._owner(account) or caller.sid,
            sid=caller.sid,
            status=status,
            subresource_uris={part: caller.uri(f"/{_pascal(part)}.json") for part in PARTS},
            type="Full",
            uri=f"/2010-04-01/Accounts/{caller.sid}.json",
        )

    async def _owner(self, account: Account) -> str:
        """The SID of the account above, where it has one."""
        if account.parent_id is None:
            return ""
        token = await self._services.auth_tokens.of_account(account.parent_id)
        return token.public_id if token is not None else ""

    def _now(self) -> str:
        return render_date(self._services.clock.now_ms())


def _as_child(caller: Caller, account: Account, token: AuthToken) -> Caller:
    return Caller(
        account=account,
        sid=token.public_id,
        token=token.token,
        since_ms=token.created_ms,
        by_key=caller.by_key,
        parent=caller.account,
    )


def _pascal(name: str) -> str:
    return "".join(map(str.capitalize, name.split("_")))
