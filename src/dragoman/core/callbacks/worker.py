"""Has customers told: in order per message, each account and origin separately, losing nothing.

A callback is a row before it is delivered, as an HTTP call (`http_calls`) or to a bind. As long as
an origin answers, callbacks go out straight from memory; once one of an account's callbacks to it
has to wait, all of them go through their rows, in order, until none is left. An origin that fails
is held for that account alone, and no account takes all calls that may be under way.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import field
from functools import partial
from weakref import WeakValueDictionary

import structlog

from dragoman.core.callbacks.callback_lists import CallbackLists
from dragoman.core.callbacks.calling import MAX_ANSWER, Called, Deliver
from dragoman.core.callbacks.lanes import FIRST_PAUSE_S, AccountCalls, CallbackLane
from dragoman.core.callbacks.model.held_hosts import HeldHost, names_of
from dragoman.core.callbacks.model.hosts import CallbackHost, PausedHost
from dragoman.core.callbacks.schedule import RetrySchedule, Verdict, parse_retry_after
from dragoman.core.callbacks.sql import callback_lists, callbacks
from dragoman.core.callbacks.sql.callbacks import (
    Attempt,
    CallbackState,
    Expiry,
    Release,
)
from dragoman.core.messages.model.records import NewCallback
from dragoman.core.metrics import Metrics
from dragoman.core.model.errors import StorageUnavailable
from dragoman.core.model.use_case import use_case
from dragoman.kit.clock import Clock, ClockWatch
from dragoman.kit.ids import first_at, time_of
from dragoman.storage.engine import Storage
from dragoman.storage.persistence import is_repeated
from dragoman.storage.writer import JointWork

MAX_IN_MEMORY = 1_000
"""Callbacks of an account to an origin in memory; more wait in their rows."""
PAGE = 500
POLL_S = 0.25
UNREACHABLE_PAUSE_S = 60.0
"""Between two looks for what is too old, where nobody can take it."""
MAX_ATTEMPTS = 32_767
"""As counted; its column has 16 bits."""
FOREVER_MS = 1 << 62

log = structlog.get_logger(__name__)

# Members that every message asks for: looking one up in its class costs more than the rest.
_DELIVERED = Verdict.DELIVERED
_RETRY = Verdict.RETRY
_GIVE_UP = Verdict.GIVE_UP


@use_case(kw_only=True)
class CallbackWorker:
    """Delivers the callbacks of one gateway."""

    storage: Storage
    deliver: Deliver
    schedule: RetrySchedule
    concurrency: int
    """Calls at the same time; an account may have as many as are left to the others."""
    per_lane: int
    """Calls at the same time of an account to an origin."""
    clock: Clock
    metrics: Metrics
    serves: Callable[[str], bool] = lambda _origin: True
    """Whether it is this worker that delivers to an origin."""
    reachable: Callable[[int], bool] = lambda _account_id: True
    """Whether anything can be delivered to an account now; if not, nothing of it is tried."""
    on_called: Callable[[NewCallback, int, str], None] | None = None
    """Told of each call that ended: when, in milliseconds, and its verdict."""
    most_kept: int = 0
    """Callbacks of an account to an origin that wait at most; the oldest are given up for newer
    ones. 0 for no limit."""
    _paused: dict[tuple[int, str], int] = field(default_factory=dict, init=False)
    """By account and origin, since when somebody has them wait."""
    _lanes: dict[tuple[int, str], CallbackLane] = field(default_factory=dict, init=False)
    _calling: int = field(default=0, init=False)
    _calls: WeakValueDictionary[int, AccountCalls] = field(
        default_factory=WeakValueDictionary, init=False
    )
    """By account, as long as it has a lane."""
    _short: dict[AccountCalls, dict[CallbackLane, None]] = field(default_factory=dict, init=False)
    """By account, the lanes that wait for other calls to end, in the order in which they go on."""
    _look: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    """Set when rows may be read without waiting for the next poll."""
    _announced: int = field(default=0, init=False)
    """The newest callback that memory knows of; all before it are in a lane or its rows."""
    _nothing_called: asyncio.Future[None] | None = field(default=None, init=False)
    _clock_watch: ClockWatch = field(init=False)
    _attempts: JointWork[Attempt, tuple[CallbackLane, int]] = field(init=False)
    _ended: list[tuple[Attempt, tuple[CallbackLane, int]]] = field(default_factory=list, init=False)
    """Calls that ended in this turn of the loop, to be written together."""
    _hurries: list[callbacks.Hurry] = field(default_factory=list, init=False)
    """What is to be written because the clock was set back."""

    def __post_init__(self) -> None:
        self._clock_watch = ClockWatch(self.clock)
        self._attempts = JointWork(callbacks.record, self._recorded, can_wait=True)

    def announce(self, new: NewCallback) -> None:
        """Sends a stored callback soon, or leaves it in its row."""
        if not self.serves(new.origin):
            return
        self._announced = max(self._announced, new.callback_id)
        lane = self._lane(new.account_id, new.origin)
        if (
            lane.in_rows
            or lane.failures
            or lane.queued >= MAX_IN_MEMORY
            or not self.reachable(new.account_id)
            or (new.account_id, new.origin) in self._paused
        ):
            lane.in_rows += 1
            return
        self._enqueue(lane, new)

    async def restore(self) -> None:
        """Finds the lanes with pending callbacks from an earlier run."""
        # Nothing is planned so far ahead: the clock was set back since.
        now_ms = self.clock.now_ms()
        farthest_ms = now_ms + round(self.schedule.most_s * 1000)
        hurry = callbacks.Hurry(farthest_ms, by_ms=FOREVER_MS, now_ms=now_ms)
        self._hurries.append(hurry)
        all_paused, self._announced, waiting = await self.storage.read(
            lambda connection: (
                callback_lists.load_paused(connection),
                callbacks.last_pending(connection),
                callbacks.count_pending(connection),
            )
        )
        for paused in all_paused:
            self.pause(paused)
        for lane, count in waiting.items():
            if self.serves(lane[1]):
                self._lane(*lane).in_rows = count

    async def run(self) -> None:
        """Reads pending callbacks back from their rows as they fall due; runs until cancelled."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_S):
                    await self._look.wait()
            self._look.clear()
            await self._follow_clock()
            for key, lane in list(self._lanes.items()):
                idle = not lane.queued and not lane.busy
                if key in self._paused:
                    continue
                may_read = idle or self._may_read_ahead(lane)
                if lane.in_rows and may_read and self.clock.monotonic() >= lane.paused_until:
                    try:
                        await self._take_up(lane)
                    except Exception as error:  # retried at the next poll
                        log.error("callbacks_not_read", reason=type(error).__name__)
                elif idle and not lane.in_rows and not lane.calling:
                    lane.let_go()
                    del self._lanes[key]

    async def _follow_clock(self) -> None:
        """Keeps the waits of callbacks when the wall clock is set back."""
        if back_ms := self._clock_watch.set_back_ms():
            now_ms = self.clock.now_ms()
            self._hurries.append(callbacks.Hurry(now_ms, by_ms=back_ms, now_ms=now_ms))
        try:
            while self._hurries:
                await self.storage.writer.write(callbacks.hurry, self._hurries[0])
                del self._hurries[0]
        except Exception as error:  # retried at the next poll
            log.error("callbacks_not_moved", reason=type(error).__name__)

    def follow(self, lists: CallbackLists) -> None:
        """Acts on what people change: callbacks made again, hosts paused and let go on."""
        lists.replayed.subscribe(self.replayed)
        lists.paused.subscribe(self.pause)
        lists.unpaused.subscribe(self.unpause)

    def pause(self, host: PausedHost) -> None:
        """Has what is for a host wait in its rows, and ends no call that is under way."""
        if not self.serves(host.origin):
            return
        key = (host.account_id, host.origin)
        self._paused[key] = host.since_ms
        if (lane := self._lanes.get(key)) is not None:
            lane.in_rows += lane.clear()

    def unpause(self, account_id: int, origin: str) -> None:
        """Lets what waits for a host go on, at once."""
        if self._paused.pop((account_id, origin), None) is not None:
            self.retry_now(account_id, origin)

    def replayed(self, account_id: int, origin: str, number: int, newest: int) -> None:
        """So many callbacks to a host are pending again in their rows, `newest` the last."""
        if self.serves(origin):
            self._announced = max(self._announced, newest)
            self._lane(account_id, origin).in_rows += number
            self._look.set()

    def hosts(self) -> tuple[CallbackHost, ...]:
        """Where callbacks wait, or where they fail or are paused; the most waiting first."""
        now, now_ms = self.clock.monotonic(), self.clock.now_ms()
        known = {key: lane for key, lane in self._lanes.items() if lane.waiting or lane.failures}
        found = []
        for key in known.keys() | self._paused.keys():
            lane, paused_ms = self._lanes.get(key), self._paused.get(key)
            fails = lane is not None and lane.failures > 0 and lane.unwell_since is not None
            since_ms, next_ms = paused_ms, None
            if lane is not None and paused_ms is None:
                if fails:
                    since_ms = now_ms - round((now - (lane.unwell_since or now)) * 1000)
                next_ms = now_ms + round(max(0.0, lane.paused_until - now) * 1000)
            found.append(
                CallbackHost(
                    account_id=key[0],
                    origin=key[1],
                    waiting=lane.waiting if lane is not None else 0,
                    calling=lane.calling if lane is not None else 0,
                    reason=lane.reason if lane is not None and fails else "",
                    since_ms=since_ms,
                    next_try_ms=next_ms,
                    is_paused=paused_ms is not None,
                )
            )
        return tuple(sorted(found, key=lambda host: (-host.waiting, host.origin)))

    async def stop(self) -> None:
        """Waits for the calls in progress; the rest stays in rows."""
        for lane in self._lanes.values():
            lane.clear()
        if self._calling:
            self._nothing_called = asyncio.get_running_loop().create_future()
            await self._nothing_called

    def depth(self) -> int:
        """The number of pending callbacks, in memory and in rows."""
        return sum(lane.waiting for lane in self._lanes.values())

    def held(self) -> tuple[HeldHost, ...]:
        """The hosts that fail, those that began to first first."""
        now, now_ms = self.clock.monotonic(), self.clock.now_ms()
        hosts = [
            HeldHost(
                account_id=lane.account_id,
                origin=lane.origin,
                reason=lane.reason,
                waiting=lane.waiting,
                since_ms=now_ms - round((now - lane.unwell_since) * 1000),
                next_try_ms=now_ms + round(max(0.0, lane.paused_until - now) * 1000),
            )
            for lane in self._lanes.values()
            if lane.failures and lane.unwell_since is not None
        ]
        return tuple(sorted(hosts, key=lambda host: host.since_ms))

    def retry_now(
        self, account_id: int | None, host: str = "", message_id: int | None = None
    ) -> list[tuple[int, str, int]]:
        """Has what waits tried without a wait, all of it or only one account's or host's.

        Of a held host one callback is tried, that of the message if one is given; the others follow
        once it answers. Returns account, origin, and how many callbacks wait there.
        """
        chosen = [
            lane
            for lane in self._lanes.values()
            if lane.waiting
            and (lane.account_id, lane.origin) not in self._paused
            and account_id in (None, lane.account_id)
            and host.lower() in ("", lane.origin, *names_of(lane.origin))
        ]
        for lane in chosen:
            lane.retry_now(message_id)
        self._look.set()
        return [(lane.account_id, lane.origin, lane.waiting) for lane in chosen]

    def receiver_found(self, account_id: int) -> None:
        """Something can be delivered to an account again: all that waits for it is due."""
        self.retry_now(account_id)

    def _may_read_ahead(self, lane: CallbackLane) -> bool:
        """Whether more may be read while calls are under way, so that one that hangs holds up none.

        A held origin is tried with one at a time; what is given up must not be under way.
        """
        is_full = bool(self.most_kept) and lane.in_rows > self.most_kept
        return not (lane.ready or lane.failures or lane.has_expired or is_full)

    async def _take_up(self, lane: CallbackLane) -> None:
        """Reads what waits, or where nobody can take it gives up what waited too long."""
        if self.reachable(lane.account_id):
            await self._read_back(lane)
            return
        if lane.busy:
            return
        lane.paused_until = self.clock.monotonic() + UNREACHABLE_PAUSE_S
        lane.has_expired = True
        await self._give_up_old(lane)

    async def _read_back(self, lane: CallbackLane) -> None:
        if lane.released:
            now_due = Release(lane.account_id, lane.origin, self.clock.now_ms())
            await self.storage.writer.write(callbacks.release, now_due)
            lane.released = False
        await self._give_up_old(lane)
        # Before it is read: what ends meanwhile may be read as if it had not.
        under_way, is_held = lane.under_way(), lane.failures > 0
        due_ms, limit, first = self.clock.now_ms(), PAGE + len(under_way), lane.first
        if is_held:  # to see how the origin is, any of them will do
            due_ms, limit, lane.tried_at = FOREVER_MS, 1, self.clock.monotonic()
        lane.first = None
        # What is on disk and not announced yet would be taken twice: from its row, and when it is.
        newest = self._announced
        due = await self.storage.read(
            lambda c: callbacks.load_due(
                c, lane.account_id, lane.origin, due_ms, limit, newest, first
            )
        )
        is_paused = (lane.account_id, lane.origin) in self._paused
        if is_paused or (lane.failures > 0) is not is_held:  # since it was asked for
            return
        lane.more = len(due) >= limit
        due = [callback for callback in due if callback.message_id not in under_way]
        for callback in due:
            lane.in_rows -= 1
            self._enqueue(lane, callback)
        if not due:
            # What waits is due later, or the count is stale: count again, in case it is zero.
            if not lane.busy:
                await self._recount(lane)
            lane.paused_until = max(lane.paused_until, self.clock.monotonic() + FIRST_PAUSE_S)

    async def _recount(self, lane: CallbackLane) -> None:
        before = lane.in_rows
        counted = await self.storage.read(
            lambda c: callbacks.count_lane(c, lane.account_id, lane.origin)
        )
        if not lane.queued and not lane.busy:
            # What was announced meanwhile may be in the count or not: one too many is counted
            # away next time, one too few would be forgotten.
            lane.in_rows += counted - before

    async def _give_up_old(self, lane: CallbackLane) -> None:
        """Gives up what became too old while its host failed; each would be called once more."""
        now_ms = self.clock.now_ms()
        before = first_at(now_ms - round(self.schedule.give_up_after_s * 1000))
        expiry = Expiry(lane.account_id, lane.origin, before, now_ms, PAGE)
        while lane.has_expired:
            ended = await self._expire(lane, expiry)
            lane.has_expired = ended == PAGE
        while self.most_kept and (surplus := lane.in_rows - self.most_kept) > 0:
            oldest = expiry._replace(before=self._announced, limit=min(surplus, PAGE))
            if not await self._expire(lane, oldest):
                break

    async def _expire(self, lane: CallbackLane, expiry: Expiry) -> int:
        ended = await self.storage.writer.write(callbacks.expire, expiry)
        lane.in_rows -= ended
        self.metrics.callbacks[_GIVE_UP.value] += ended
        return ended

    def _lane(self, account_id: int, origin: str) -> CallbackLane:
        lane = self._lanes.get((account_id, origin))
        if lane is None:
            calls = self._calls.get(account_id)
            if calls is None:
                calls = self._calls[account_id] = AccountCalls()
            lane = self._lanes[account_id, origin] = CallbackLane(account_id, origin, calls)
        return lane

    def _enqueue(self, lane: CallbackLane, callback: NewCallback) -> None:
        lane.put(callback)
        self._put_to_work(lane)

    def _put_to_work(self, lane: CallbackLane) -> None:
        calls = lane.calls
        while lane.ready and lane.calling < self.per_lane:
            if calls.under_way >= self.concurrency - self._calling:
                self._short.setdefault(calls, {})[lane] = None
                return
            callback = lane.take()
            if callback is None:
                return
            lane.calling += 1
            calls.under_way += 1
            self._calling += 1
            self.deliver(callback, partial(self._end, lane, callback))

    def _serve_short(self) -> None:
        """Gives free places to lanes that wait for one, each account's in turn."""
        for calls, lanes in list(self._short.items()):
            while lanes and calls.under_way < self.concurrency - self._calling:
                lane = next(iter(lanes))
                del lanes[lane]
                self._put_to_work(lane)
            if not lanes:
                del self._short[calls]

    def _end(self, lane: CallbackLane, callback: NewCallback, called: Called) -> None:
        lane.calling -= 1
        lane.calls.under_way -= 1
        self._calling -= 1
        if self._short:
            self._serve_short()
        status, now_ms = called.status, self.clock.now_ms()
        age_s = (now_ms - time_of(callback.callback_id)) / 1000
        verdict = self.schedule.judge(status, age_s)
        if called.refused or (called.passed_on and verdict is _RETRY):
            verdict = _GIVE_UP
        attempts, next_ms = callback.attempts + 1, now_ms
        wish_s = None
        if verdict is _RETRY:
            attempts = min(attempts, MAX_ATTEMPTS)
            wish_s = parse_retry_after(called.retry_after, now_ms) if called.retry_after else None
            delay_s = self.schedule.delay_s(attempts, wish_s, random.random())
            next_ms += round(delay_s * 1000)
            lane.in_rows += 1 + lane.put_back(callback.message_id)
        if verdict is not _DELIVERED or lane.unwell_since is not None:
            self._note_health(lane, called, wish_s)
            lane.has_expired |= verdict is _GIVE_UP and lane.failures > 0
        self.metrics.callbacks[verdict] += 1
        if verdict is _DELIVERED:
            self.metrics.callback_delay_s.observe(age_s)
        if self.on_called is not None:
            self.on_called(callback, now_ms, verdict.value)
        attempt = Attempt(
            callback_id=callback.callback_id,
            state=_STATES[verdict],
            attempts=attempts,
            next_attempt_ms=next_ms,
            answered_ms=now_ms,
            answer_status=status,
            answer=called.answer[:MAX_ANSWER].replace("\0", ""),
        )
        if not self._ended:
            asyncio.get_running_loop().call_soon(self._write_ended)
        self._ended.append((attempt, (lane, callback.message_id)))
        if lane.ready:
            self._put_to_work(lane)
        if not self._calling and self._nothing_called and not self._nothing_called.done():
            self._nothing_called.set_result(None)

    def _write_ended(self) -> None:
        ended, self._ended = self._ended, []
        self.storage.writer.submit_all(self._attempts, ended)

    def _write(self, attempt: Attempt, caller: tuple[CallbackLane, int]) -> None:
        self.storage.writer.submit_joint(self._attempts, attempt, caller)

    def _recorded(
        self,
        attempts: list[Attempt],
        callers: list[tuple[CallbackLane, int]],
        results: Iterable[object],
    ) -> None:
        """Hears of all calls of a commit; each is written until that succeeds."""
        lanes: dict[CallbackLane, None] = {}
        for attempt, caller, result in zip(attempts, callers, results, strict=True):
            if isinstance(result, Exception) and is_repeated(
                result, self.storage.writer, callbacks.record, self._write, attempt, caller
            ):
                continue
            if isinstance(result, StorageUnavailable):
                continue  # its row says that it waits, and is not to be read again
            lane, message_id = caller
            lane.finish(message_id)
            lanes[lane] = None
        for lane in lanes:
            if lane.ready:
                self._put_to_work(lane)
            elif lane.more:
                self._look.set()

    def _note_health(self, lane: CallbackLane, called: Called, wish_s: float | None) -> None:
        """Holds an origin that fails, or ends that."""
        now, status = self.clock.monotonic(), called.status
        if called.ours or called.refused:  # which says nothing of the origin
            if lane.failures:
                lane.paused_until = max(lane.paused_until, now + FIRST_PAUSE_S)
        elif lane.is_failing(status, now):
            reason = f"it answered {status}"
            if status is None:  # the host is named beside it
                reason = called.answer.partition(": ")[2] or called.answer
            lane.hold(now, self.schedule.heeded_s(wish_s), reason)
        elif status is not None and status < 500:
            lane.answered(now)


_STATES = {
    Verdict.DELIVERED: CallbackState.DELIVERED,
    Verdict.RETRY: CallbackState.PENDING,
    Verdict.GIVE_UP: CallbackState.GIVEN_UP,
}
