"""Batches that run later or in chunks: due times, expansion, stopping before sending.

Recipients become messages in chunks of `CHUNK`, each with the batch's progress in one transaction,
and only while the routes have room; so memory does not grow with the list.
"""

from __future__ import annotations

import asyncio
from collections import deque

import msgspec
import structlog

from dragoman.domain.accounts import Account
from dragoman.domain.errors import FailureCode, RefusalCode, Refused
from dragoman.domain.lifecycle import BatchState, State
from dragoman.kit.clock import Clock
from dragoman.kit.ids import IdSource
from dragoman.services.accounts import Accounts
from dragoman.services.backlog import Backlog
from dragoman.services.delivery import Delivery
from dragoman.services.live import LiveBatch, LiveMessage, LiveMessages
from dragoman.services.submission import SubmissionService, without_rejected
from dragoman.storage.engine import Storage
from dragoman.storage.records import Settlement, StoredBatch
from dragoman.storage.repositories import batches, pending, submissions

CHUNK = 1_000
MAX_RUNNING = 8
"""Batches that run at once; they take turns, a chunk each."""
MAX_HELD = 64
"""Batches whose recipients are in memory, those included that wait for room on their routes."""
POLL_S = 0.5
STORAGE_RETRY_S = 1.0

log = structlog.get_logger(__name__)


class Batches:
    """Runs stored batches, and stops them."""

    def __init__(
        self,
        *,
        storage: Storage,
        live: LiveMessages,
        backlog: Backlog,
        delivery: Delivery,
        submission: SubmissionService,
        accounts: Accounts,
        ids: IdSource,
        clock: Clock,
    ) -> None:
        self._storage = storage
        self._live = live
        self._backlog = backlog
        self._delivery = delivery
        self._submission = submission
        self._accounts = accounts
        self._ids = ids
        self._clock = clock
        self._running: deque[_Expansion] = deque()

    async def run(self) -> None:
        """Expands batches as they fall due; runs until cancelled."""
        while True:
            try:
                busy = await self._step()
            except asyncio.CancelledError:
                raise
            except Exception as error:  # one bad step must not end all batches
                log.error("batches_not_expanded", reason=type(error).__name__)
                self._running.clear()
                await asyncio.sleep(STORAGE_RETRY_S)
                continue
            if not busy:
                await asyncio.sleep(POLL_S)

    async def cancel(self, account: Account, batch_id: int) -> None:
        """Stops a batch none of whose messages a carrier has been given; raises `Refused`."""
        progress = await self._storage.read(lambda c: batches.find(c, account.account_id, batch_id))
        if progress is None:
            raise Refused(RefusalCode.NOT_FOUND, str(batch_id), "batch")
        if progress.state is BatchState.QUEUED and await self._stop_unexpanded(account, batch_id):
            return
        waiting = [m for m in self._live if m.batch.batch_id == batch_id]
        if len(waiting) < progress.recipients or any(m.state is not State.QUEUED for m in waiting):
            raise Refused(RefusalCode.NOT_CANCELLABLE, str(batch_id), "it is being sent")
        stored = [asyncio.get_running_loop().create_future() for _ in waiting]
        for message, future in zip(waiting, stored, strict=True):  # all at once, or none
            self._delivery.change(
                message, State.CANCELLED, future.set_result, failure=FailureCode.CANCELLED
            )
        await asyncio.gather(*stored)

    async def _stop_unexpanded(self, account: Account, batch_id: int) -> bool:
        held = await self._storage.read(lambda c: batches.held_by(c, batch_id))
        first, *further = (
            Settlement(wallet_id=wallet, entry_id=self._ids.next(), amount=amount, refund=True)
            for wallet, amount in (held or {account.wallet_id: 0}).items()
        )
        settlement = msgspec.structs.replace(first, also=tuple(further))
        cancellation = batches.Cancellation(batch_id=batch_id, settlement=settlement)
        return await self._storage.writer.write(batches.cancel, cancellation)

    async def _step(self) -> bool:
        """Expands one chunk; whether there was anything to do."""
        blocked = sum(not self._has_room(expansion) for expansion in self._running)
        room = min(MAX_RUNNING + blocked, MAX_HELD) - len(self._running)
        if room > 0:
            await self._take_up_due(room)
        for _ in range(len(self._running)):
            expansion = self._running.popleft()
            if not self._has_room(expansion):  # a route that is stuck must not hold up the others
                self._running.append(expansion)
            else:
                if await self._expand(expansion):
                    self._running.append(expansion)
                return True
        return False

    async def _take_up_due(self, room: int) -> None:
        now_ms = self._clock.now_ms()
        known = [expansion.batch.batch_id for expansion in self._running]
        due = await self._storage.read(lambda c: pending.load_due_batches(c, now_ms, known, room))
        for stored in due:
            account = await self._accounts.find_by_id(stored.account_id)
            if account is not None:
                self._running.append(_Expansion(stored, account))

    def _has_room(self, expansion: _Expansion) -> bool:
        if expansion.routes is None:
            chunk = expansion.recipients[expansion.at : expansion.at + CHUNK]
            route_of = self._submission.route_of
            expansion.routes = {
                route_of(expansion.account, number, expansion.live.multimedia is not None)
                for number in chunk
            }
        return all(self._backlog.room(route) >= CHUNK for route in expansion.routes)

    async def _expand(self, expansion: _Expansion) -> bool:
        """Makes messages of the next chunk; whether recipients are left."""
        chunk = expansion.recipients[expansion.at : expansion.at + CHUNK]
        messages = self._submission.make_messages(expansion.account, expansion.live, chunk)
        rejections = self._submission.reject_opted_out(expansion.live, messages)
        finished = expansion.at + len(chunk) >= len(expansion.recipients)
        moved = await self._storage.writer.write(
            submissions.expand,
            submissions.Expansion(
                expansion.live.batch_id,
                messages,
                expansion.at,
                finished,
                expansion.batch.options.premium,
                rejections,
            ),
        )
        if not moved:
            return False
        expansion.at += len(chunk)
        expansion.routes = None
        self._delivery.tell_rejections(rejections)
        sendable = without_rejected(messages, rejections)
        live = [LiveMessage(message, expansion.live) for message in sendable]
        await self._backlog.publish([message for message in live if message.route])
        for message in live:
            if not message.route:  # there was one when the batch was accepted
                self._live.add(message)
                self._delivery.change(
                    message, State.REJECTED, _ignore, failure=FailureCode.NO_ROUTE
                )
        return not finished


def _ignore(_stored: bool) -> None:
    """A row that could not be written waits for the next start."""


class _Expansion:
    """A batch that is being expanded."""

    def __init__(self, stored: StoredBatch, account: Account) -> None:
        self.account = account
        self.recipients = (stored.waiting_recipients or b"").decode().split(",")
        self.at = stored.expanded
        stored.waiting_recipients = None
        self.batch = stored
        self.live = LiveBatch(stored, account.wallet_id)
        self.routes: set[str] | None = None
        """Of the next chunk, once somebody has asked."""
