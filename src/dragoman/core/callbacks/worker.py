"""Calls customers' URLs: in order per message, each origin separately, losing nothing.

A callback is a row before it is a call. As long as an origin answers, callbacks are sent straight
from memory; once any of its callbacks has to wait, all of them go through their rows, in order,
until none is left. An origin that does not answer is paused, so that it does not hold up others.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import field
from typing import Protocol

import msgspec
import structlog

from dragoman.core.callbacks.schedule import RetrySchedule, Verdict, parse_retry_after
from dragoman.core.callbacks.sql import callbacks
from dragoman.core.callbacks.sql.callbacks import Attempt, CallbackState, StoredCallback
from dragoman.core.messages.model.callbacks import (
    CallbackCall,
    CallbackFacts,
    EventFacts,
    TextFacts,
)
from dragoman.core.messages.model.records import NewCallback
from dragoman.core.metrics import Metrics
from dragoman.core.model.use_case import use_case
from dragoman.kit.clock import Clock
from dragoman.kit.ids import time_of
from dragoman.storage.engine import Storage
from dragoman.storage.persistence import persist
from dragoman.web.outgoing import Fetched, FetchError, FetchRefused

MAX_IN_MEMORY = 1_000
"""Callbacks of an origin in memory; more wait in their rows."""
PAGE = 500
POLL_S = 0.25
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0
LONGEST_WISH_S = 3600.0
MAX_ANSWER = 500
TOO_MANY_REQUESTS = 429

Rendered = CallbackCall | Awaitable[CallbackCall]
Render = Callable[[str, CallbackFacts], Rendered]
"""Makes the request from the customer's URL and the facts."""
RenderText = Callable[[str, TextFacts], CallbackCall]
"""Makes the request that sends an inbound text on."""
RenderEvent = Callable[[str, EventFacts], Rendered]
"""Makes the request that notifies a webhook of an event."""

log = structlog.get_logger(__name__)


class Caller(Protocol):
    """Makes HTTP calls."""

    def start(
        self,
        method: str,
        url: str,
        on_result: Callable[[Fetched | FetchError], None],
        *,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes = b"",
    ) -> None:
        """Makes a call and reports its outcome, never before this returns."""
        ...


@use_case(kw_only=True)
class CallbackWorker:
    """Delivers the callbacks of one gateway."""

    storage: Storage
    client: Caller
    renderers: Mapping[str, Render]
    schedule: RetrySchedule
    per_origin: int
    clock: Clock
    metrics: Metrics
    text_renderers: Mapping[str, RenderText] = field(default_factory=dict)
    event_renderers: Mapping[str, RenderEvent] = field(default_factory=dict)
    _lanes: dict[str, _OriginLane] = field(default_factory=dict, init=False)
    _calling: int = field(default=0, init=False)
    _rendering: set[asyncio.Future[None]] = field(default_factory=set, init=False)
    _announced: int = field(default=0, init=False)
    """The newest callback that memory knows of; all before it are in a lane or its rows."""
    _nothing_called: asyncio.Future[None] | None = field(default=None, init=False)

    def announce(self, new: NewCallback) -> None:
        """Sends a stored callback soon, or leaves it in its row."""
        self._announced = max(self._announced, new.callback_id)
        lane = self._lane(new.origin)
        if lane.in_rows or len(lane.queue) >= MAX_IN_MEMORY:
            lane.in_rows += 1
            return
        self._enqueue(
            lane,
            StoredCallback(
                callback_id=new.callback_id,
                account_id=new.account_id,
                message_id=new.message_id,
                dialect=new.dialect,
                origin=new.origin,
                url=new.url,
                payload=new.payload,
                attempts=0,
                next_attempt_ms=new.due_ms,
            ),
        )

    async def restore(self) -> None:
        """Finds the origins with pending callbacks from an earlier run."""
        self._announced = await self.storage.read(callbacks.last_pending)
        waiting = await self.storage.read(callbacks.count_pending)
        for origin, count in waiting.items():
            self._lane(origin).in_rows = count

    async def run(self) -> None:
        """Reads pending callbacks back from their rows as they fall due; runs until cancelled."""
        while True:
            await asyncio.sleep(POLL_S)
            for lane in list(self._lanes.values()):
                idle = not lane.queue and not lane.busy
                if lane.in_rows and idle and self.clock.monotonic() >= lane.paused_until:
                    try:
                        await self._read_back(lane)
                    except Exception as error:  # retried at the next poll
                        log.error("callbacks_not_read", reason=type(error).__name__)
                elif idle and not lane.in_rows and not lane.calling:
                    del self._lanes[lane.origin]

    async def stop(self) -> None:
        """Waits for the calls in progress; the rest stays in rows."""
        for lane in self._lanes.values():
            lane.queue.clear()
        if self._calling:
            self._nothing_called = asyncio.get_running_loop().create_future()
            await self._nothing_called

    def depth(self) -> int:
        """The number of pending callbacks, in memory and in rows."""
        return sum(len(lane.queue) + lane.in_rows for lane in self._lanes.values())

    async def _read_back(self, lane: _OriginLane) -> None:
        now_ms = self.clock.now_ms()
        # After a pause one callback is sent first, to probe the origin.
        limit = 1 if lane.failures else PAGE
        # What is on disk and not announced yet would be taken twice: from its row, and when it is.
        newest = self._announced
        due = await self.storage.read(
            lambda c: callbacks.load_due(c, lane.origin, now_ms, limit, newest)
        )
        for callback in due:
            lane.in_rows -= 1
            self._enqueue(lane, callback)
        if not due:
            # What waits is due later, or the count is stale: count again, in case it is zero.
            before = lane.in_rows
            counted = await self.storage.read(callbacks.count_pending)
            if not lane.queue and not lane.busy:
                # What was announced meanwhile may be in the count or not: one too many is counted
                # away next time, one too few would be forgotten.
                lane.in_rows += counted.get(lane.origin, 0) - before
            lane.paused_until = self.clock.monotonic() + FIRST_PAUSE_S

    def _lane(self, origin: str) -> _OriginLane:
        lane = self._lanes.get(origin)
        if lane is None:
            lane = self._lanes[origin] = _OriginLane(origin)
        return lane

    def _enqueue(self, lane: _OriginLane, callback: StoredCallback) -> None:
        lane.queue.append(callback)
        self._put_to_work(lane)

    def _put_to_work(self, lane: _OriginLane) -> None:
        while lane.calling < self.per_origin and (callback := lane.take()) is not None:
            lane.calling += 1
            self._calling += 1
            self._call(lane, callback)

    def _call(self, lane: _OriginLane, callback: StoredCallback) -> None:
        try:
            call = self._render(callback)
        except Exception as error:  # a defect of ours, or a dialect that is not enabled now
            self._not_rendered(lane, callback, error)
            return
        if isinstance(call, CallbackCall):
            self._start(lane, callback, call)
            return
        task = asyncio.ensure_future(self._start_later(lane, callback, call))
        self._rendering.add(task)
        task.add_done_callback(self._rendering.discard)

    async def _start_later(
        self, lane: _OriginLane, callback: StoredCallback, rendering: Awaitable[CallbackCall]
    ) -> None:
        try:
            call = await rendering
        except Exception as error:  # above all a database that is away
            self._not_rendered(lane, callback, error)
        else:
            self._start(lane, callback, call)

    def _not_rendered(self, lane: _OriginLane, callback: StoredCallback, error: Exception) -> None:
        log.error("callback_not_rendered", dialect=callback.dialect, reason=type(error).__name__)
        called = _Called(status=None, answer="not rendered", ours=True)
        asyncio.get_running_loop().call_soon(self._end, lane, callback, called)

    def _start(self, lane: _OriginLane, callback: StoredCallback, call: CallbackCall) -> None:
        def on_result(result: Fetched | FetchError) -> None:
            self._end(lane, callback, _called(result))

        self.client.start(call.method, call.url, on_result, headers=call.headers, body=call.body)

    def _end(self, lane: _OriginLane, callback: StoredCallback, called: _Called) -> None:
        lane.calling -= 1
        self._calling -= 1
        status = called.status
        if status is not None and status != TOO_MANY_REQUESTS:
            lane.failures = 0  # the origin answers again
        now_ms = self.clock.now_ms()
        age_s = (now_ms - time_of(callback.callback_id)) / 1000
        verdict = Verdict.GIVE_UP if called.refused else self.schedule.judge(status, age_s)
        attempts = callback.attempts + 1
        next_ms = now_ms
        if verdict is Verdict.RETRY:
            wish_s = parse_retry_after(called.retry_after, now_ms) if called.retry_after else None
            delay_s = self.schedule.delay_s(attempts, wish_s, random.random())
            next_ms += round(delay_s * 1000)
            lane.in_rows += 1 + lane.put_back(callback.message_id)
            if not called.ours and (status is None or status == TOO_MANY_REQUESTS):
                self._pause(lane, wish_s)
        self.metrics.callbacks[verdict.value] += 1
        if verdict is Verdict.DELIVERED:
            self.metrics.callback_delay_s.observe(age_s)
        attempt = Attempt(
            callback_id=callback.callback_id,
            state=_STATES[verdict],
            attempts=attempts,
            next_attempt_ms=next_ms,
            answered_ms=now_ms,
            answer_status=status,
            answer=called.answer[:MAX_ANSWER].replace("\0", ""),
        )

        def recorded(_on_disk: bool) -> None:
            lane.busy.discard(callback.message_id)
            if lane.queue:
                self._put_to_work(lane)

        persist(self.storage.writer, callbacks.record, attempt, recorded)
        if lane.queue:
            self._put_to_work(lane)
        if not self._calling and self._nothing_called and not self._nothing_called.done():
            self._nothing_called.set_result(None)

    def _render(self, callback: StoredCallback) -> Rendered:
        render_text = self.text_renderers.get(callback.dialect)
        if render_text is not None:
            text = msgspec.json.decode(callback.payload, type=TextFacts)
            return render_text(callback.url, text)
        render_event = self.event_renderers.get(callback.dialect)
        if render_event is not None:
            event = msgspec.json.decode(callback.payload, type=EventFacts)
            return render_event(callback.url, event)
        facts = msgspec.json.decode(callback.payload, type=CallbackFacts)
        return self.renderers[callback.dialect](callback.url, facts)

    def _pause(self, lane: _OriginLane, wish_s: float | None) -> None:
        now = self.clock.monotonic()
        if now >= lane.paused_until:  # else one of several calls that failed together
            pause_s = min(FIRST_PAUSE_S * 2**lane.failures, LONGEST_PAUSE_S)
            lane.failures = min(lane.failures + 1, 10)
            lane.paused_until = now + pause_s
        wished_until = now + min(wish_s or 0, LONGEST_WISH_S)
        lane.paused_until = max(lane.paused_until, wished_until)
        lane.in_rows += len(lane.queue)
        lane.queue.clear()


_STATES = {
    Verdict.DELIVERED: CallbackState.DELIVERED,
    Verdict.RETRY: CallbackState.PENDING,
    Verdict.GIVE_UP: CallbackState.GIVEN_UP,
}


class _Called(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The outcome of a call."""

    status: int | None
    """None where there was no answer."""
    answer: str
    retry_after: str = ""
    refused: bool = False
    """Whether the URL may not be called at all."""
    ours: bool = False
    """Whether it was not even tried, for a reason that is not the customer's."""


def _called(result: Fetched | FetchError) -> _Called:
    if isinstance(result, Fetched):
        return _Called(
            status=result.status,
            answer=result.body.decode("utf-8", "replace"),
            retry_after=result.headers.get("retry-after", ""),
        )
    return _Called(status=None, answer=result.reason, refused=isinstance(result, FetchRefused))


class _OriginLane:
    """The callbacks to one origin."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.queue: deque[StoredCallback] = deque()
        self.in_rows = 0
        """Callbacks that are pending in SQL and not here."""
        self.calling = 0
        """Calls under way."""
        self.busy: set[int] = set()
        """Messages of which a callback is being delivered, or its result being stored."""
        self.failures = 0
        self.paused_until = 0.0

    def take(self) -> StoredCallback | None:
        """The next callback of a message without one in progress."""
        for index, callback in enumerate(self.queue):
            if callback.message_id not in self.busy:
                del self.queue[index]
                self.busy.add(callback.message_id)
                return callback
        return None

    def put_back(self, message_id: int) -> int:
        """Leaves later callbacks of a message in their rows; returns their number."""
        before = len(self.queue)
        self.queue = deque(c for c in self.queue if c.message_id != message_id)
        return before - len(self.queue)
