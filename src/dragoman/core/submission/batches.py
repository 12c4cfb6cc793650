"""Batches that run later or in chunks: due times, expansion, cancellation.

Recipients become messages in chunks of `CHUNK`, each with the progress of the batch in one
transaction, while one of their routes has room; so memory does not grow with the list. Chunks are
smaller while other messages come, whose acceptance is stored behind them. Messages
of a full route stay in their rows (`core/delivery/backlog.py`). Recipients whose routes stand still
stay in the row of their batch, unless others wait behind them: for those they too become messages
that stay in their rows, a few at a time. Nothing else waits for a dead carrier, and no account
takes up all places.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import field
from typing import NamedTuple, TypeAlias

import msgspec
import structlog

from dragoman.core.accounts.accounts import MAX_DEPTH, Accounts
from dragoman.core.accounts.model.accounts import Account
from dragoman.core.billing.model.reservations import Settlement
from dragoman.core.delivery.backlog import Backlog
from dragoman.core.delivery.delivery import Delivery
from dragoman.core.messages.live import LiveBatch, LiveMessage, LiveMessages
from dragoman.core.messages.loader import MessageLoader
from dragoman.core.messages.model.lifecycle import CANCELLABLE, BatchState, State
from dragoman.core.messages.model.records import StoredMessage
from dragoman.core.messages.sql import pending
from dragoman.core.metrics import Metrics
from dragoman.core.model.errors import FailureCode, RefusalCode, Refused
from dragoman.core.model.use_case import use_case
from dragoman.core.submission.audiences import Audiences, Chunk
from dragoman.core.submission.expansion import (
    ANYWHERE,
    AudienceExpansion,
    Expansion,
    NumbersExpansion,
)
from dragoman.core.submission.message_maker import MessageMaker, without_rejected
from dragoman.core.submission.pacing import Pacing
from dragoman.core.submission.sql import audiences, batches, scheduled, submissions
from dragoman.kit.clock import Clock, ClockWatch
from dragoman.kit.ids import IdSource
from dragoman.storage.engine import Storage

CHUNK = 1_000
SMALL_CHUNK = 250
"""While messages come for which somebody may be waiting: each chunk holds up what is accepted."""
AWAITED_S = 1.0
"""They come if one did so lately."""
SLICE = 100
"""Recipients that become messages of routes which stand still in one step; it holds up no other
traffic for long."""
PAUSE = 4.0
"""The pause after such a step, in times of the step itself."""
MAX_RUNNING = 8
"""Batches that run at once, and take turns, a chunk each; an account without any begins one. Of
further ones the recipients are not kept in memory."""
MAX_RUNNING_OF_ACCOUNT = 4
MAX_HELD = 1_000
"""Batches taken up, including those that wait for their routes."""
MAX_HELD_OF_ACCOUNT = 100
STALLED_S = 5.0
"""Routes from which nothing was taken for so long stand still."""
PAGE = 500
"""Messages of a stopped batch that are ended together."""
POLL_S = 0.5
MAX_STEPS = 8
"""Times that the wall clock was set back which are remembered."""
STORAGE_RETRY_S = 1.0
ADOPTION_S = 0.05
"""Longer than loading a stored message into memory takes."""

log = structlog.get_logger(__name__)

Messages: TypeAlias = tuple[StoredMessage, ...]


class Stuck(NamedTuple):
    """Since when a full route does not move."""

    since: float
    taken: int
    """Messages that were taken from it until then."""


class MadeChunk(NamedTuple):
    """The next recipients of a batch and their messages."""

    chunk: Chunk
    messages: Messages
    stuck: bool
    """Whether their routes stand still."""


@use_case(kw_only=True)
class Batches:
    """Runs stored batches, and cancels them."""

    storage: Storage
    live: LiveMessages
    loader: MessageLoader
    backlog: Backlog
    delivery: Delivery
    maker: MessageMaker
    metrics: Metrics
    audiences: Audiences
    accounts: Accounts
    ids: IdSource
    clock: Clock
    pacing: Pacing
    _running: deque[Expansion] = field(default_factory=deque, init=False)
    _stuck: dict[str, Stuck] = field(default_factory=dict, init=False)
    """By route, as last seen full."""
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)
    """Held while a chunk is expanded, so that its batch is not stopped in between."""
    _crowded: frozenset[int] = field(default=frozenset(), init=False)
    """Accounts of which no more batches are taken up."""
    _awaited: int = field(default=0, init=False)
    """Messages for which somebody may be waiting, as last seen."""
    _awaited_until: float = field(default=float("-inf"), init=False)
    """Until then chunks are small for their sake."""
    _pause_until: float = field(default=float("-inf"), init=False)
    """Until then no recipients whose routes stand still become messages."""
    _is_pausing: bool = field(default=False, init=False)
    """Whether any do after that."""
    _restored: bool = field(default=False, init=False)
    _clock_watch: ClockWatch = field(init=False)
    _overdue: deque[tuple[int, int]] = field(
        default_factory=lambda: deque(maxlen=MAX_STEPS), init=False
    )
    """When the wall clock was set back: the time that it was then, and the last identifier."""

    def __post_init__(self) -> None:
        self._clock_watch = ClockWatch(self.clock)

    async def run(self) -> None:
        """Expands due batches; runs until cancelled."""
        while True:
            try:
                if not self._restored:
                    await self._restore()
                async with self._turn:
                    busy = await self._step()
            except Exception as error:  # one bad step must not end all batches
                log.error("batches_not_expanded", reason=type(error).__name__)
                self._running.clear()
                await asyncio.sleep(STORAGE_RETRY_S)
                continue
            if not busy:
                pause_s = self._pause_until - self.clock.monotonic() if self._is_pausing else POLL_S
                await asyncio.sleep(max(0.0, min(pause_s, POLL_S)))

    async def cancel(self, account: Account, batch_id: int) -> None:
        """Cancels a batch none of whose messages were given to a carrier; raises `Refused`.

        All of it or nothing is cancelled, even if the caller goes away meanwhile.
        """
        await asyncio.shield(asyncio.ensure_future(self._cancel(account, batch_id)))

    async def move(self, batch_id: int, due_ms: int, known_due_ms: int) -> bool:
        """Gives a batch another time; False if it is due, or was moved meanwhile."""
        async with self._turn:  # in which no batch is taken up by a time that is then no more
            if any(expansion.batch_id == batch_id for expansion in self._running):
                return False
            new = scheduled.NewTime(
                batch_id=batch_id,
                known_due_ms=known_due_ms,
                due_ms=due_ms,
                now_ms=self.clock.now_ms(),
            )
            return await self.storage.writer.write(scheduled.move, new)

    async def cancel_unexpanded(self, account: Account, batch_ids: Sequence[int]) -> int:
        """Cancels, together, those of an account's batches that have not begun; how many."""
        stopping = self._cancel_unexpanded(account, batch_ids)
        return await asyncio.shield(asyncio.ensure_future(stopping))

    async def stop_rest(self, batch_id: int) -> None:
        """Lets nobody else of a batch's audience get a message; those are counted as cancelled."""
        async with self._turn:
            reason = FailureCode.CANCELLED.value
            stop = audiences.AudienceStop(batch_id=batch_id, reason=reason)
            await self.storage.writer.write(audiences.stop, stop)
            self.pacing.drop(batch_id)
            for expansion in self._running:
                if expansion.batch_id == batch_id:
                    expansion.forget()  # it is read again, with what was stored

    async def cancel_waiting(self, batch_id: int) -> int:
        """Cancels the messages of a batch that no carrier was given; returns their number."""
        async with self._turn:
            waiting = [
                message
                for message in await self.loader.live_of_batch(batch_id)
                if message.state is State.QUEUED and not message.possible_duplicate
            ]
            await asyncio.shield(asyncio.ensure_future(self._cancel_all(waiting)))
            return len(waiting)

    async def cancel_message(self, batch_id: int, message_id: int) -> None:
        """Cancels a message that no carrier was given; raises `Refused`."""
        await asyncio.shield(asyncio.ensure_future(self._cancel_message(batch_id, message_id)))

    async def _cancel_message(self, batch_id: int, message_id: int) -> None:
        message = self.live.get(message_id)
        if message is not None:
            await self._cancel_one(message)
            return
        batch = await self._load_batch(batch_id)
        routes: set[str] = set()
        with self.live.withhold(batch_id):  # so that it is not loaded meanwhile
            try:
                rows = await self.storage.read(lambda c: pending.load_messages(c, [message_id]))
                routes = {row.route for row in rows}
                # A row can be read in the instant between its commit and its coming to memory.
                await asyncio.sleep(ADOPTION_S)
                waiting = [self.live.get(message_id) or LiveMessage(row, batch) for row in rows]
                await self._cancel_one(waiting[0])
            finally:
                # Others of the batch may have been passed over while it was withheld.
                self.backlog.read_again(routes, batch.account_id, batch_id)

    async def _cancel_one(self, message: LiveMessage) -> None:
        if message.state not in CANCELLABLE or message.possible_duplicate:
            raise _too_late(message.message_id)
        await self._cancel_all([message])

    async def _cancel(self, account: Account, batch_id: int) -> None:
        async with self._turn:
            progress = await self.storage.read(
                lambda c: batches.find(c, account.account_id, batch_id)
            )
            if progress is None:
                raise Refused(RefusalCode.NOT_FOUND, str(batch_id), "batch")
            unexpanded = progress.state is BatchState.QUEUED
            if unexpanded and any(await self._stop_unexpanded(account, [batch_id])):
                return
            waiting = await self.loader.live_of_batch(batch_id)
            if any(m.state is not State.QUEUED or m.possible_duplicate for m in waiting):
                raise _too_late(batch_id)
            if waiting and not progress.expanding and len(waiting) == progress.recipients:
                await self._cancel_all(waiting)
            elif progress.state is BatchState.RUNNING:
                await self._stop_expanded(account, batch_id, waiting)
            else:
                raise _too_late(batch_id)

    async def _cancel_unexpanded(self, account: Account, batch_ids: Sequence[int]) -> int:
        async with self._turn:
            return sum(await self._stop_unexpanded(account, batch_ids))

    async def _stop_unexpanded(self, account: Account, batch_ids: Sequence[int]) -> list[bool]:
        """Stops batches in one group of the writer; whether each had not begun."""
        held = await self.storage.read(lambda c: batches.held_by_each(c, batch_ids))
        write = self.storage.writer.write
        return await asyncio.gather(
            *(
                write(batches.cancel, self._cancellation(account, batch_id, held[batch_id]))
                for batch_id in batch_ids
            )
        )

    async def cancellation_of(self, account: Account, batch_id: int) -> batches.Cancellation:
        """What stops a batch that has not begun, for a writer of more than that."""
        held = await self.storage.read(lambda c: batches.held_by_each(c, [batch_id]))
        return self._cancellation(account, batch_id, held[batch_id])

    def _cancellation(
        self, account: Account, batch_id: int, held: Mapping[int, int]
    ) -> batches.Cancellation:
        first, *further = (
            Settlement(wallet_id=wallet, entry_id=self.ids.next(), amount=amount, refund=True)
            for wallet, amount in (held or {account.wallet_id: 0}).items()
        )
        settlement = msgspec.structs.replace(first, also=tuple(further))
        return batches.Cancellation(batch_id=batch_id, settlement=settlement)

    async def _stop_expanded(
        self, account: Account, batch_id: int, waiting: list[LiveMessage]
    ) -> None:
        """Stops a batch, some or all of whose messages are only in their rows.

        Its messages are removed from memory first, so that none is sent while the rows decide.
        """
        routes = {message.route for message in waiting}
        with self.live.withhold(batch_id):
            for message in waiting:
                self.live.remove(message)
            entry_ids = tuple(self.ids.take(MAX_DEPTH))  # as many wallets as accounts above it
            stop = batches.Stop(batch_id=batch_id, entry_ids=entry_ids)
            stopped = False
            try:
                stopped = await self.storage.writer.write(batches.stop, stop)
            finally:
                if not stopped:
                    self.backlog.read_again(routes, account.account_id, batch_id)
        if not stopped:
            raise _too_late(batch_id)
        self._running = deque(e for e in self._running if e.batch_id != batch_id)
        await self._end_stopped(batch_id)

    async def _end_stopped(self, batch_id: int) -> None:
        """Ends the messages of a stopped batch."""
        batch = await self._load_batch(batch_id)
        while rows := await self.storage.read(
            lambda c: pending.load_unsent_of_batch(c, batch_id, PAGE)
        ):
            await self._cancel_all([LiveMessage(row, batch) for row in rows])

    async def _load_batch(self, batch_id: int) -> LiveBatch:
        loaded = await self.storage.read(lambda c: pending.load_batches(c, [batch_id]))
        stored = loaded[batch_id]
        wallets = await self.storage.read(lambda c: pending.wallet_of(c, [stored.account_id]))
        return LiveBatch(stored, wallets[stored.account_id])

    async def _cancel_all(self, messages: list[LiveMessage]) -> None:
        stored = [asyncio.get_running_loop().create_future() for _ in messages]
        for message, future in zip(messages, stored, strict=True):  # all at once, or none
            self.delivery.change(
                message, State.CANCELLED, future.set_result, failure=FailureCode.CANCELLED
            )
        if not all(await asyncio.gather(*stored)):
            raise Refused(RefusalCode.UNAVAILABLE)

    async def _restore(self) -> None:
        """Completes what an earlier run had begun to end."""
        for batch_id in await self.storage.read(pending.stopped_with_unsent):
            await self._end_stopped(batch_id)
        self._restored = True

    async def _step(self) -> bool:
        """Expands one chunk; whether there was anything to do."""
        if len(self._running) < MAX_HELD:
            await self._take_up_due()
        self._is_pausing = False
        for _ in range(len(self._running)):
            expansion = self._running.popleft()
            chunk = await self._next_chunk(expansion) if self._may_go(expansion) else None
            if chunk is None:
                self._enqueue(expansion)
            else:
                if await self._expand(expansion, *chunk):
                    self._enqueue(expansion)
                return True
        return False

    def _enqueue(self, expansion: Expansion) -> None:
        if len(self._running) >= MAX_RUNNING:
            expansion.forget()
        self._running.append(expansion)

    async def _take_up_due(self) -> None:
        """Takes up due batches, of the accounts that have not taken up their share."""
        held = Counter(expansion.account.account_id for expansion in self._running)
        going = [e for e in self._running if not e.waits and self._may_go(e)]
        running = Counter(expansion.account.account_id for expansion in going)
        room = max(MAX_RUNNING - len(going), 1)
        most = MAX_RUNNING_OF_ACCOUNT if len(going) < MAX_RUNNING else 1
        without = [a for a in held if running[a] >= most or held[a] >= MAX_HELD_OF_ACCOUNT]
        self._crowded = frozenset(a for a in held if held[a] >= MAX_HELD_OF_ACCOUNT)
        known = [expansion.batch_id for expansion in self._running]
        back_ms, now_ms = self._clock_watch.set_back_ms(), self.clock.now_ms()
        if back_ms:
            self._overdue.append((now_ms + back_ms, self.ids.next()))
        due = await self.storage.read(
            lambda c: pending.load_due_batches(c, now_ms, known, room, without, list(self._overdue))
        )
        for stored in due:
            account = await self.accounts.find_by_id(stored.account_id)
            if account is None or running[stored.account_id] >= most:
                continue
            running[stored.account_id] += 1
            expansion: Expansion
            if stored.options.audience:
                expansion = AudienceExpansion(stored, account, self.audiences, self.ids)
            else:
                expansion = NumbersExpansion(stored, account, self._load_waiting)
            self._enqueue(expansion)

    async def _load_waiting(self, batch_id: int) -> bytes:
        return await self.storage.read(lambda c: pending.load_waiting(c, batch_id))

    def _chunk(self) -> int:
        """How many recipients become messages together."""
        now, awaited = self.clock.monotonic(), self.backlog.awaited
        if awaited != self._awaited:
            self._awaited, self._awaited_until = awaited, now + AWAITED_S
        return min(SMALL_CHUNK, CHUNK) if now < self._awaited_until else CHUNK

    def _may_go(self, expansion: Expansion) -> bool:
        """Whether a route of the next recipients has room, or they must be passed by."""
        routes = expansion.routes
        if self.pacing.room(expansion.batch_id, CHUNK) <= 0:
            return False
        if not routes or expansion.router_version != self.maker.router.version:
            return True
        if self._has_room(expansion, routes):
            return True
        if not all(list(map(self._stands_still, routes))):  # each has to be looked at
            return False
        return self._must_be_passed(expansion) and not self._pauses()

    def _must_be_passed(self, expansion: Expansion) -> bool:
        """Whether recipients whose routes stand still become messages, which wait in their rows.

        So they do for the sake of those behind them, on other routes; or of batches that are not
        taken up before. If there are none, they stay in the row of their batch.
        """
        ahead = expansion.ahead
        return (
            ahead is None  # not looked at yet
            or "" in ahead
            or self._has_room(expansion, ahead)
            or not all(list(map(self._stands_still, ahead)))
            or expansion.live.stored.expires_ms <= self.clock.now_ms()
            or expansion.account.account_id in self._crowded
            or len(self._running) >= MAX_HELD - 1
        )

    def _pauses(self) -> bool:
        """Whether traffic on other routes has its turn."""
        pauses = self.clock.monotonic() < self._pause_until
        self._is_pausing |= pauses
        return pauses

    def _has_room(self, expansion: Expansion, routes: Iterable[str]) -> bool:
        account_id = expansion.account.account_id
        return any(self.backlog.room(route, account_id) > 0 for route in routes)

    def _stands_still(self, route: str) -> bool:
        now, taken = self.clock.monotonic(), self.backlog.queue.taken(route)
        stuck = self._stuck.get(route)
        if stuck is None or stuck.taken != taken:
            stuck = self._stuck[route] = Stuck(now, taken)
        return now - stuck.since >= STALLED_S

    async def _next_chunk(self, expansion: Expansion) -> MadeChunk | None:
        """Reads the next recipients; None if they cannot become messages now.

        Nothing read is kept while it waits: contacts may change or be deleted meanwhile.
        """
        stuck = False
        if expansion.router_version != self.maker.router.version:
            expansion.routes = expansion.ahead = None
            expansion.router_version = self.maker.router.version
        elif expansion.routes and not self._has_room(expansion, expansion.routes):
            stuck = True
            if expansion.ahead is None:
                expansion.ahead = await self._routes_ahead(expansion)
                if not self._must_be_passed(expansion):
                    return None
        most = self.pacing.room(expansion.batch_id, min(SLICE, CHUNK) if stuck else self._chunk())
        chunk = await expansion.read(max(1, most))
        if chunk is None:
            return None
        made: list[StoredMessage] = []
        if not chunk.progress.stopped:
            for first in range(0, len(chunk.recipients), SLICE):
                some = chunk.recipients[first : first + SLICE]
                made += self.maker.make(expansion.account, expansion.live, some, expansion.prices)
                await asyncio.sleep(0)
        expansion.routes = {message.route for message in made if message.route}
        if expansion.routes and not self._has_room(expansion, expansion.routes):
            if not stuck or not self._may_go(expansion):
                return None
        else:
            stuck = False
        return MadeChunk(chunk, tuple(made), stuck)

    async def _routes_ahead(self, expansion: Expansion) -> Set[str]:
        """The routes of all recipients that are left."""
        rest = await expansion.rest()
        if rest is None:
            return ANYWHERE
        routes: set[str] = set()
        for numbers in rest.numbers():
            found = self.maker.routes(expansion.account, expansion.live, numbers)
            if found is None:
                return ANYWHERE
            routes |= found
            await asyncio.sleep(0)
        return routes

    async def _expand(
        self, expansion: Expansion, chunk: Chunk, made: Messages, stuck: bool
    ) -> bool:
        """Stores the messages of a chunk; whether recipients are left."""
        began = self.clock.monotonic()
        # With others it would be outdated by then, and with a rule the next chunk has another size.
        if not self._running and not stuck and not self.pacing.has_rule(expansion.batch_id):
            expansion.read_ahead(chunk, self._chunk())
        stored = self._step_of(expansion, chunk, made)
        while True:
            try:
                moved = await self.storage.writer.write(submissions.expand, stored)
                break
            except Refused as refused:
                if refused.code is not RefusalCode.INSUFFICIENT_CREDIT:
                    raise
                log.warning("batch_out_of_credit", batch_id=expansion.batch_id)
                expansion.cannot_pay(int(refused.subject))
                stored = self._step_of(expansion, chunk, made)
        if not moved:
            return False
        expansion.advance(chunk, stored)
        self.pacing.took(expansion.batch_id, len(stored.messages))
        if stuck:  # those behind them are likely to be alike
            now = self.clock.monotonic()
            self._pause_until = now + (now - began) * PAUSE
        else:
            expansion.routes = None
        if stored.step is not None:
            # Recipients of an audience are counted as they become known.
            self.metrics.accepted[expansion.live.stored.dialect] += len(stored.messages)
        self.delivery.notify_rejections(stored.rejections, expansion.live, stored.messages)
        sendable = without_rejected(stored.messages)
        await self.backlog.publish_made(expansion.live, sendable)
        return not chunk.finished

    def _step_of(self, expansion: Expansion, chunk: Chunk, made: Messages) -> submissions.Expansion:
        """The step to store for a chunk; recipients that cannot be sent to are rejected with it."""
        stored = expansion.step(chunk, made)
        return stored._replace(
            premium=expansion.live.stored.options.premium,
            rejections=self.maker.rejections(expansion.live, stored.messages),
        )


def _too_late(identifier: int) -> Refused:
    return Refused(RefusalCode.NOT_CANCELLABLE, str(identifier), "it is being sent or has ended")
