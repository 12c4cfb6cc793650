"""Senders that accounts request: only approved ones may be used."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from dragoman.core.accounts.accounts import Accounts
from dragoman.core.accounts.model.accounts import Account
from dragoman.core.accounts.model.audit_log import AuditEntry
from dragoman.core.accounts.model.senders import (
    SenderDetails,
    SenderState,
    StoredSender,
    normalise_sender,
)
from dragoman.core.accounts.sql import senders
from dragoman.core.accounts.sql.senders import SenderDecision, SenderRemoval
from dragoman.core.model.errors import RefusalCode, Refused, existing
from dragoman.core.model.texts import is_storable
from dragoman.core.model.use_case import use_case
from dragoman.kit.clock import Clock
from dragoman.storage.engine import Storage

MAX_SENDERS: Final = 10_000
"""Of one account."""
MAX_DETAIL: Final = 200
EVERY_STATE: Final = frozenset(SenderState)


@use_case(kw_only=True)
class Senders:
    """The senders of all accounts."""

    storage: Storage
    accounts: Accounts
    clock: Clock

    async def ask_for(self, account: Account, sender: str, details: SenderDetails) -> StoredSender:
        """Requests approval of a sender; raises `Refused`."""
        sender = normalise_sender(sender)
        for name in details.__struct_fields__:
            text = getattr(details, name)
            if text is not None and (len(text) > MAX_DETAIL or not is_storable(text)):
                raise Refused(RefusalCode.INVALID_FIELD, name, f"at most {MAX_DETAIL} characters")
        _, total = await self.list_page(account, EVERY_STATE, 0, 1)
        if total >= MAX_SENDERS:
            raise Refused(RefusalCode.INVALID_FIELD, "alias", f"at most {MAX_SENDERS}")
        new = StoredSender(
            sender_id=await self.storage.short_ids.next(),
            account_id=account.account_id,
            sender=sender,
            state=SenderState.PENDING,
            created_ms=self.clock.now_ms(),
            details=details,
        )
        await self.accounts.write(senders.add, new, account.account_id)
        return new

    async def find(self, account: Account, sender_id: int) -> StoredSender:
        """A sender of an account; raises `Refused`."""
        found = await self.storage.read(lambda c: senders.find(c, account.account_id, sender_id))
        return existing(found, Refused(RefusalCode.NOT_FOUND, str(sender_id), "alias"))

    async def find_by_name(self, account: Account, sender: str) -> StoredSender:
        """A sender of an account by its spelling; raises `Refused`."""
        found = await self.storage.read(
            lambda c: senders.find_by_name(c, account.account_id, sender)
        )
        return existing(found, Refused(RefusalCode.NOT_FOUND, sender, "no such sender"))

    async def list_page(
        self,
        account: Account | None,
        states: Collection[SenderState],
        offset: int,
        limit: int,
    ) -> tuple[list[StoredSender], int]:
        """Senders in some states, of one account or all, and the total."""
        account_id = None if account is None else account.account_id
        return await self.storage.read(
            lambda c: senders.load_page(c, account_id, states, offset, limit)
        )

    async def list_below(
        self, top: Account, states: Collection[SenderState], offset: int, limit: int
    ) -> tuple[list[StoredSender], int]:
        """Senders of an account and all below it, and the total."""
        return await self.storage.read(
            lambda c: senders.load_page(c, None, states, offset, limit, top)
        )

    async def decide(
        self, account: Account, sender: str, state: SenderState, audit: AuditEntry | None = None
    ) -> None:
        """Approves or rejects a sender immediately; raises `Refused`."""
        decision = SenderDecision(
            account_id=account.account_id, sender=sender, state=state, audit=audit
        )
        await self.accounts.write(senders.decide, decision, account.account_id)

    async def remove(self, account: Account, sender_id: int) -> None:
        """Removes a sender, also as the account's default; raises `Refused`."""
        removal = SenderRemoval(account_id=account.account_id, sender_id=sender_id)
        await self.accounts.write(senders.remove, removal, account.account_id)
