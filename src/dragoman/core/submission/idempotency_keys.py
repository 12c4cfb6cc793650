"""Submissions with clients' own keys: accepted once each, looked up, cancelled."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable

import msgspec

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.messages.loader import MessageLoader
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.messages import Submission
from dragoman.core.model.errors import RefusalCode, Refused, existing
from dragoman.core.model.use_case import use_case
from dragoman.core.submission.batches import Batches
from dragoman.core.submission.decisions import AcceptedBatch, Decision
from dragoman.core.submission.model.idempotency_keys import KeyedFilter, KeyedView
from dragoman.core.submission.sql import idempotency_keys as submission_keys
from dragoman.core.submission.sql.idempotency_keys import KeyedBatch, KeyedPage
from dragoman.core.submission.submission import SubmissionService
from dragoman.kit.ids import time_of
from dragoman.storage.engine import Storage

KEY_BYTES = 15
"""20 letters and digits: unguessable, and short enough for every client."""

CallBack = Callable[[int], Awaitable[bool]]
"""Asks the carrier that has a message not to send it; whether it may still be stopped."""


class AcceptedSubmission(msgspec.Struct, frozen=True, kw_only=True):
    """A stored submission and its key."""

    key: str
    created_ms: int


@use_case(kw_only=True)
class IdempotencyKeys:
    """A key is used once per account and dialect; a refusal does not use it."""

    storage: Storage
    submission: SubmissionService
    batches: Batches
    loader: MessageLoader
    call_back: CallBack
    new_key: Callable[[], str] = lambda: secrets.token_urlsafe(KEY_BYTES)

    async def check_free(self, account: Account, dialect: str, key: str) -> None:
        """Raises `Refused` for a used key, before any other error."""
        account_id = account.account_id
        taken = await self.storage.read(
            lambda c: submission_keys.find_row(c, account_id, dialect, key)
        )
        if taken is not None:
            raise Refused(RefusalCode.ALREADY_EXISTS, "id", "is taken")

    async def submit(
        self, account: Account, submission: Submission, key: str = ""
    ) -> AcceptedSubmission:
        """Stores a submission under a key, or a generated one; raises `Refused`.

        The key is its reference too, unless it has one.
        """
        key = key or self.new_key()
        if submission.reference is None:
            submission = msgspec.structs.replace(submission, reference=key)
        decision = await self.submission.decide(account, submission)
        accepted = await self.store(decision, key)
        return AcceptedSubmission(key=key, created_ms=time_of(accepted.batch_id))

    async def store(self, decision: Decision, key: str = "") -> AcceptedBatch:
        """Stores what was decided under a key, or a generated one; raises `Refused`."""
        waiting = (decision.new.batch.waiting_recipients or b"").decode()
        item = KeyedBatch(
            key=key or self.new_key(),
            new=decision.new,
            recipients=tuple(filter(None, waiting.split(","))),
        )
        return await self.submission.store(decision, submission_keys.accept, item)

    async def find(self, account: Account, dialect: str, key: str) -> KeyedView:
        """The account's submission with a key; raises `Refused`."""
        account_id = account.account_id
        found = await self.storage.read(lambda c: submission_keys.find(c, account_id, dialect, key))
        return existing(found, Refused(RefusalCode.NOT_FOUND, "", "message not found"))

    async def search(self, wanted: KeyedFilter, offset: int, limit: int) -> KeyedPage:
        """A page of an account's submissions, by default newest first."""
        return await self.storage.read(lambda c: submission_keys.search(c, wanted, offset, limit))

    async def cancel(self, account: Account, dialect: str, key: str) -> KeyedView:
        """Cancels what is unsent of a submission; raises `Refused` if nothing is.

        What a phone has fetched ends when the phone confirms.
        """
        account_id = account.account_id
        row = await self.storage.read(
            lambda c: submission_keys.find_row(c, account_id, dialect, key)
        )
        if row is None:
            raise Refused(RefusalCode.NOT_FOUND, "", "message not found")
        try:
            await self.batches.cancel(account, row.batch_id)
        except Refused as refused:
            if refused.code is not RefusalCode.NOT_CANCELLABLE:
                raise
            if not await self._stop_what_can_be(row.batch_id):
                raise Refused(RefusalCode.NOT_CANCELLABLE, "", "message is not pending") from None
        return await self.find(account, dialect, key)

    async def _stop_what_can_be(self, batch_id: int) -> int:
        stopped = await self.batches.cancel_waiting(batch_id)
        handed_over = [
            message.message_id
            for message in await self.loader.live_of_batch(batch_id)
            if message.state is State.SENDING
        ]
        for message_id in handed_over:
            stopped += await self.call_back(message_id)
        return stopped
