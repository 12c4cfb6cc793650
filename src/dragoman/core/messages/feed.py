"""The live feed: stored state changes of messages, for those who listen now.

Without listeners a change costs one look at an empty tuple. With some, changes are collected and
passed on in batches, which costs little more for many listeners than for one. A slow listener loses
the oldest changes, gets their number, and delays no other; nothing is stored for it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from dragoman.core.messages.live import LiveMessage
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.state_choices import read_states
from dragoman.core.metrics import Metrics
from dragoman.core.model.errors import FailureCode, RefusalCode, Refused

MAX_LISTENERS: Final = 64
MAX_WAITING: Final = 2_000
"""Changes that wait for one listener: a second of 500 messages/s, which change four times each."""
GATHER_S: Final = 0.05
"""How long changes are gathered for whoever waits for them."""
MAX_GATHERED: Final = 500
"""Changes that are passed on without waiting longer."""


class FeedEvent(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A message entered a state."""

    at_ms: int
    message_id: int
    batch_id: int
    account_id: int
    dialect: str
    sender: str
    recipient: str
    parts: int
    route: str
    carrier: str
    before: State | None
    """None for a message that was accepted."""
    state: State
    """`QUEUED` once it is accepted, `SENDING` at each attempt."""
    failure: FailureCode
    detail: str


Change = tuple[LiveMessage, State | None, State, int, str | None, FailureCode, str]
"""A message, its states before and after, when, the carrier, why it failed: as cheap as can be.

Most changes of busy times are never shown, and only those that are become events. Of the message
itself an event takes only what never changes; what changes stands beside it as it was.
"""


class FeedFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which changes to receive; what is not given does not restrict it."""

    accounts: frozenset[int] | None = None
    """None is everybody's, for operators."""
    states: frozenset[State] = frozenset()
    recipient: str = ""
    """The digits that the number begins with."""
    route: str = ""
    dialect: str = ""

    def pick(self, changes: Sequence[Change]) -> Sequence[Change]:
        """Those of some changes that match."""
        if (accounts := self.accounts) is not None:
            changes = [change for change in changes if change[0].batch.account_id in accounts]
        if states := self.states:
            changes = [change for change in changes if change[2] in states]
        if recipient := self.recipient:
            changes = [change for change in changes if change[0].recipient.startswith(recipient)]
        if route := self.route:
            changes = [change for change in changes if change[0].route == route]
        if dialect := self.dialect:
            changes = [change for change in changes if change[0].batch.stored.dialect == dialect]
        return changes


def read_filter(
    *,
    accounts: frozenset[int] | None,
    states: str = "",
    recipient: str = "",
    route: str = "",
    dialect: str = "",
) -> FeedFilter:
    """Parses a filter such as `delivered,failed` and `+45 20`; raises `Refused`."""
    wanted = read_states(states)
    digits = "".join(character for character in recipient if character not in " +-()./")
    if digits and not (digits.isascii() and digits.isdigit()):
        raise Refused(RefusalCode.INVALID_FIELD, "to", "must be a number or its first digits")
    return FeedFilter(
        accounts=accounts,
        states=frozenset(wanted),
        recipient=digits.removeprefix("00"),
        route=route,
        dialect=dialect,
    )


class FeedPage(msgspec.Struct, frozen=True, kw_only=True):
    """The changes since the last page; empty if there were none in time."""

    events: tuple[FeedEvent, ...]
    dropped: int = 0
    """Changes before these that the listener was too slow for."""
    skipped: int = 0
    """Changes before these that the listener did not ask for."""


def _event(change: Change) -> FeedEvent:
    message, before, state, at_ms, carrier, failure, detail = change
    stored = message.batch.stored
    return FeedEvent(
        at_ms=at_ms,
        message_id=message.message_id,
        batch_id=stored.batch_id,
        account_id=stored.account_id,
        dialect=stored.dialect,
        sender=stored.sender,
        recipient=message.recipient,
        parts=message.part_count,
        route=message.route,
        carrier=carrier or "",
        before=before,
        state=state,
        failure=failure,
        detail=detail,
    )


class Listener:
    """A listener of the feed."""

    def __init__(self, wanted: FeedFilter, feed: Feed, limit: int) -> None:
        self.wanted = wanted
        self.dropped = 0
        """In all."""
        self._feed = feed
        self._waiting: deque[Change] = deque(maxlen=limit)
        self._missed = 0
        self._awake = asyncio.Event()

    def put(self, changes: Sequence[Change]) -> int:
        """Queues changes and never blocks; returns how many older ones are lost."""
        before = len(self._waiting) + len(changes)
        self._waiting.extend(changes)
        lost = before - len(self._waiting)
        self._missed += lost
        self.dropped += lost
        if changes:
            self._awake.set()
        return lost

    async def next(self, timeout_s: float, most: int = MAX_WAITING) -> FeedPage:
        """The changes since the last call, in order, but only the newest `most` (at least one).

        Waits for a change, up to a time limit.
        """
        feed = self._feed
        feed.pass_on()
        if not self._waiting:
            self._awake.clear()
            feed.sleepers += 1
            try:
                async with asyncio.timeout(timeout_s):
                    await self._awake.wait()
            except TimeoutError:
                pass
            finally:
                feed.sleepers -= 1
            feed.pass_on()
        changes, missed = list(self._waiting), self._missed
        self._waiting.clear()
        self._missed = 0
        shown = changes[-most:]
        return FeedPage(
            events=tuple(map(_event, shown)), dropped=missed, skipped=len(changes) - len(shown)
        )


class Feed:
    """Passes changes to listeners."""

    def __init__(self, metrics: Metrics | None = None) -> None:
        self.listeners: tuple[Listener, ...] = ()
        """Checked first by publishers, which do nothing without listeners."""
        self.sleepers = 0
        """Listeners that wait for something to happen; the others look by themselves."""
        self._metrics = metrics or Metrics()
        self._gathered: list[Change] = []

    @contextlib.contextmanager
    def listen(self, wanted: FeedFilter, limit: int = MAX_WAITING) -> Iterator[Listener]:
        """Subscribes to changes; raises `Refused` if there are too many listeners."""
        if len(self.listeners) >= MAX_LISTENERS:
            raise Refused(RefusalCode.UNAVAILABLE, "feed", "too many listeners")
        self.pass_on()
        listener = Listener(wanted, self, limit)
        self.listeners = (*self.listeners, listener)
        try:
            yield listener
        finally:
            self.listeners = tuple(one for one in self.listeners if one is not listener)

    def publish(
        self,
        message: LiveMessage,
        before: State | None,
        state: State,
        at_ms: int,
        *,
        carrier: str | None = None,
        failure: FailureCode = FailureCode.NONE,
        detail: str = "",
    ) -> None:
        """Queues a state change of a message."""
        gathered = self._gathered
        gathered.append((message, before, state, at_ms, carrier, failure, detail))
        if len(gathered) >= MAX_GATHERED:
            self.pass_on()
        elif self.sleepers and len(gathered) == 1:
            asyncio.get_running_loop().call_later(GATHER_S, self.pass_on)

    def pass_on(self) -> None:
        """Passes collected changes to the listeners that want them."""
        if not self._gathered:
            return
        changes, self._gathered = self._gathered, []
        for listener in self.listeners:
            self._metrics.feed_dropped += listener.put(listener.wanted.pick(changes))
