"""Batches that are due later: what waits for its time, and another time for it.

A batch that is due is being expanded, or about to be: from then on it cannot be moved. Both happen
under the turn of `Batches`, and a move is one statement that says which time it replaces, so of two
people who move a batch the second learns of the first.
"""

from __future__ import annotations

import asyncio

from dragoman.core.accounts.accounts import Accounts
from dragoman.core.accounts.audit_log import AuditLog
from dragoman.core.accounts.model.accounts import Account, Permission
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.texts import is_storable
from dragoman.core.model.use_case import use_case
from dragoman.core.submission.admission import check_due
from dragoman.core.submission.batches import Batches
from dragoman.core.submission.model.scheduled import (
    Position,
    ScheduledBatch,
    ScheduledFilter,
    ScheduledPage,
)
from dragoman.core.submission.sql import scheduled
from dragoman.kit.clock import Clock
from dragoman.storage.engine import Storage


@use_case(kw_only=True)
class ScheduledBatches:
    """Finds, moves and cancels them, for an account in its tree; for an operator, anyone's."""

    storage: Storage
    accounts: Accounts
    batches: Batches
    audit_log: AuditLog
    clock: Clock

    async def page(
        self, wanted: ScheduledFilter, after: Position | None, limit: int
    ) -> ScheduledPage:
        """Those that fit behind a place, the first due first; raises `TookTooLong`."""
        texts = (wanted.recipient, wanted.sender, wanted.dialect, *wanted.text)
        if not all(map(is_storable, texts)):
            return ScheduledPage(batches=())
        now_ms = self.clock.now_ms()
        return await self.storage.read(
            lambda c: scheduled.find_scheduled(c, wanted, now_ms, after, limit)
        )

    async def find(self, caller: Account | None, batch_id: int) -> ScheduledBatch:
        """One of them; raises `Refused`. `caller` None is the operator."""
        return (await self._find(caller, batch_id))[0]

    async def move(
        self, caller: Account | None, batch_id: int, due_ms: int, known_due_ms: int
    ) -> Account:
        """Gives a batch another time; raises `Refused`. Returns its account.

        The code is `ALREADY_EXISTS` where it is not due at the time that the caller knows, and
        `NOT_CANCELLABLE` where it is due, so that it may be being sent.
        """
        batch, account = await self._find(caller, batch_id, changing=True)
        now_ms = self.clock.now_ms()
        if due_ms <= now_ms:
            raise Refused(RefusalCode.INVALID_SCHEDULE, "time", "in the past")
        check_due(due_ms, now_ms)
        if batch.due_ms != known_due_ms:
            raise Refused(RefusalCode.ALREADY_EXISTS, "time", "someone else has moved it")
        moving = asyncio.ensure_future(self.batches.move(batch_id, due_ms, known_due_ms))
        if not await asyncio.shield(moving):
            raise _too_late(batch_id)
        if caller is not None:
            await self.audit_log.note(caller, "move_batch", str(batch_id), account)
        return account

    async def cancel(self, caller: Account | None, batch_id: int) -> Account:
        """Cancels a batch of which nothing was sent; raises `Refused`. Returns its account."""
        _, account = await self._find(caller, batch_id, changing=True)
        await self.batches.cancel(account, batch_id)
        if caller is not None:
            await self.audit_log.note(caller, "cancel_batch", str(batch_id), account)
        return account

    async def _find(
        self, caller: Account | None, batch_id: int, *, changing: bool = False
    ) -> tuple[ScheduledBatch, Account]:
        if changing and caller is not None and not caller.may(Permission.SEND):
            raise Refused(RefusalCode.PERMISSION_DENIED, Permission.SEND)
        now_ms = self.clock.now_ms()
        batch = await self.storage.read(lambda c: scheduled.find_one(c, batch_id, now_ms))
        account = await self.accounts.find_by_id(batch.account_id) if batch is not None else None
        if (
            batch is None
            or account is None
            or not (caller is None or account.is_at_or_below(caller))
        ):
            raise Refused(RefusalCode.NOT_FOUND, str(batch_id), "no batch that is due later")
        return batch, account


def _too_late(batch_id: int) -> Refused:
    return Refused(RefusalCode.NOT_CANCELLABLE, str(batch_id), "it is due, or was moved meanwhile")
