"""Replacing a message that is due later: another batch in its place, in one transaction.

The new one has the name of the first as its reference, by which it is found from then on.
"""

from __future__ import annotations

import msgspec

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.messages.model.messages import CallbackRequest, Format, Submission
from dragoman.core.messages.sql import pending
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.use_case import use_case
from dragoman.core.submission.batches import Batches
from dragoman.core.submission.sql import replacing
from dragoman.core.submission.submission import SubmissionService
from dragoman.storage.engine import Storage
from dragoman.work_queue.port import Lane


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What a message that is due later is to become; None leaves a time as it was."""

    text: str
    due_ms: int | None
    expires_ms: int | None
    callback: CallbackRequest | None
    name: str
    """What the message is called, by its first batch."""


@use_case(kw_only=True)
class Replacements:
    """Replaces messages of which nothing has been sent or made yet."""

    storage: Storage
    submission: SubmissionService
    batches: Batches

    async def replace(self, account: Account, batch_id: int, change: Change) -> None:
        """Replaces the text and times of a message to one recipient; raises `Refused`.

        NOT_CANCELLABLE where it has begun: then nothing is changed.
        """
        found = await self.storage.read(lambda c: pending.load_batches(c, [batch_id]))
        waiting = await self.storage.read(lambda c: pending.load_waiting(c, batch_id))
        batch = found.get(batch_id)
        if batch is None or batch.account_id != account.account_id:
            raise Refused(RefusalCode.NOT_FOUND, str(batch_id), "batch")
        if not waiting or batch.recipients != 1:
            raise Refused(RefusalCode.NOT_CANCELLABLE, str(batch_id), "it has begun")
        submission = Submission(
            dialect=batch.dialect,
            recipients=(f"+{waiting.decode()}",),
            text=change.text,
            sender=batch.sender,
            format=Format.AUTO,
            due_ms=change.due_ms or batch.due_ms,
            expires_ms=change.expires_ms or batch.expires_ms,
            reference=change.name,
            callback=change.callback,
            protocol_id=batch.options.protocol_id,
            protocol=batch.protocol,
            urgent=batch.lane == Lane.URGENT,
        )
        decision = await self.submission.decide(account, submission)
        item = replacing.Replacement(
            old=await self.batches.cancellation_of(account, batch_id), new=decision.new
        )
        await self.submission.store(decision, replacing.replace, item)

    async def current(self, account: Account, dialect: str, name: str) -> int | None:
        """The batch that a message has become that was replaced; None where it was not."""
        return await self.storage.read(
            lambda c: replacing.find_replacement(c, account.account_id, dialect, name)
        )
