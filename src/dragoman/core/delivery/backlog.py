"""Messages that wait for a carrier: in the queue up to its limit, in SQL beyond.

Where a route's queue is full, an account's lane of it is *spilled*: its new messages stay in their
rows, and are read back in the order of their identifiers as the queue empties. After a restart all
with unsent rows start spilled. So memory is bounded, a start is quick however much is waiting, a
campaign that waits in its rows delays no single message, and no account delays another.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import field

import structlog

from dragoman.core.delivery.delivery import Delivery
from dragoman.core.delivery.series import SeriesCollector
from dragoman.core.delivery.spilled import Line, SpilledLines
from dragoman.core.inbound.opt_outs import OptOuts
from dragoman.core.messages.feed import Feed
from dragoman.core.messages.live import LiveBatch, LiveMessage, LiveMessages
from dragoman.core.messages.loader import MessageLoader
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.records import StoredMessage
from dragoman.core.messages.sql import pending
from dragoman.core.model.errors import FailureCode
from dragoman.core.model.stored import ignore
from dragoman.core.model.use_case import use_case
from dragoman.kit.ids import time_of
from dragoman.storage.engine import Storage
from dragoman.work_queue.port import Lane, WorkQueue

MAX_QUEUED = 20_000
"""Messages of a route in memory; beyond that new ones stay in SQL, except those of an account that
has less than its share of them."""
BULK_SHARE = 0.5
"""How much of the queue bulk may fill; the rest is for messages that go ahead of it."""
SINGLE_SHARE = 0.75
"""How far a spilled lane fills the queue; the rest is for newer and more urgent ones."""
PAGE = 500
LINES_AT_ONCE = 100
"""Lines that are looked at without a pause."""
POLL_S = 0.2
READ_LATER_S = 600.0
"""Before rows are read again that no carrier could take."""

_LANES = {lane.value: lane for lane in Lane}

log = structlog.get_logger(__name__)

# Members that every message asks for: looking one up in its class costs more than the rest.
_BULK = Lane.BULK


@use_case(kw_only=True)
class Backlog:
    """Publishes accepted messages, at once or when the queue has capacity."""

    storage: Storage
    queue: WorkQueue
    live: LiveMessages
    loader: MessageLoader
    delivery: Delivery
    opt_outs: OptOuts
    routes: Collection[str]
    held_routes: Collection[str]
    """Routes with a carrier that must never be given a message twice."""
    series: SeriesCollector
    kept_routes: Collection[str] = ()
    """Routes whose carriers all keep what they were given: what they do not know never left."""
    feed: Feed = field(default_factory=Feed)
    awaited: int = field(default=0, init=False)
    """Messages published so far for which somebody may be waiting: all that are not bulk."""
    _lines: SpilledLines = field(init=False)
    _later: dict[tuple[str, int], int] = field(default_factory=dict, init=False)
    """The first message of a route and account that is left in its row for now."""
    _restart_at: int = field(default=0, init=False)
    """Rows up to here were written by an earlier run."""
    _spilled: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    def __post_init__(self) -> None:
        self._lines = SpilledLines(self.queue)

    def take_routes(self, held: Collection[str], kept: Collection[str]) -> None:
        """Takes other routes of these kinds from here on; `routes` is as the router has them."""
        self.held_routes, self.kept_routes = held, kept

    def room(self, route: str, account_id: int) -> int:
        """How many more bulk messages of an account the queue of a route accepts."""
        if (route, _BULK, account_id) in self._lines.read_up_to:
            return 0
        return self._room(route, account_id, BULK_SHARE)

    def _room(self, route: str, account_id: int, share: float) -> int:
        """The room in a share of the queue, or in the account's part of that share."""
        limit = int(MAX_QUEUED * share)
        room = limit - self.queue.depth(route)
        if room > 0:
            return room
        own, accounts = self.queue.shares(route, account_id)
        return limit // accounts - own

    async def restore(self, last_identifier: int) -> None:
        """Finds unsent messages of an earlier run, without reading them yet."""
        self._restart_at = last_identifier
        for route, account_id in await self.storage.read(pending.routes_with_unsent):
            if route in self.routes:
                for lane in Lane:
                    self._lines.put((route, lane, account_id), 0)
            elif route:  # the rows wait until the route is configured again, or expire
                log.warning("route_is_gone", route=route)
        if self._lines.read_up_to:
            self._spilled.set()

    def read_again(self, routes: Collection[str], account_id: int, after: int) -> None:
        """Has an account's rows of routes read again from an identifier on; those live are kept."""
        for route in routes:
            if route in self.routes:
                for lane in Lane:
                    self._lines.put_earlier((route, lane, account_id), after)
        self._spilled.set()

    def read_later(self, route: str, account_id: int, message_id: int) -> None:
        """Has the row of a message that no carrier can take now read again in some minutes."""
        line = (route, account_id)
        first = self._later.get(line)
        if first is None:
            asyncio.get_running_loop().call_later(READ_LATER_S, self._read_left, line)
        self._later[line] = message_id if first is None else min(first, message_id)

    def _read_left(self, line: tuple[str, int]) -> None:
        route, account_id = line
        self.read_again((route,), account_id, self._later.pop(line) - 1)

    def drop(self, route: str) -> None:
        """Reads no more rows of a route that is gone."""
        self._lines.drop(route)

    async def publish(self, messages: Sequence[LiveMessage]) -> None:
        """Queues messages whose rows are on disk, or leaves them in SQL for later."""
        if self.feed.listeners:
            for message in messages:
                made_ms = time_of(message.message_id)
                self.feed.publish(message, None, State.QUEUED, made_ms)
        for line, group in _by_line(messages):
            # Those of several requests come as they were stored, not as they were numbered.
            if not self._takes(line, min([message.message_id for message in group])):
                continue
            if line[1] is not _BULK:
                self.awaited += len(group)
            # A row can have been read back in the instant between its commit and this.
            works = []
            for message in group:
                if self.live.get(message.message_id) is None:
                    self.live.add(message)
                    if message.batch.stored.options.udh and self.series.is_part(message):
                        works += [one.work for one in self.series.add(message)]
                    else:
                        works.append(message.work)
            await self.queue.publish(line[0], works)

    async def publish_made(self, batch: LiveBatch, stored: Sequence[StoredMessage]) -> None:
        """The same for many of a batch, of which those left in SQL need no object."""
        if self.feed.listeners:
            await self.publish([LiveMessage(message, batch) for message in stored])
            return
        by_route: dict[str, list[StoredMessage]] = defaultdict(list)
        for message in stored:
            by_route[message.route].append(message)
        lane = _LANES[batch.stored.lane]
        for route, group in by_route.items():
            if self._takes((route, lane, batch.account_id), group[0].message_id):
                await self.publish([LiveMessage(message, batch) for message in group])

    def _takes(self, line: Line, first: int) -> bool:
        """Whether the queue takes messages of a line; if not, they are read back from the first."""
        route, lane, account_id = line
        if route not in self.routes:
            return False
        if line not in self._lines.read_up_to and (
            self.queue.depth(route) < MAX_QUEUED * BULK_SHARE
            or self._room(route, account_id, BULK_SHARE if lane is _BULK else 1.0) > 0
        ):
            return True
        self._lines.put_earlier(line, first - 1)
        self._spilled.set()
        return False

    async def run(self) -> None:
        """Reads rows back as the queue empties; runs until cancelled."""
        while True:
            await self._spilled.wait()
            looks = self._lines.moving()
            for number, line in enumerate(self._lines.of(looks), 1):
                try:
                    has_read = await self._catch_up(line)
                except Exception as error:  # a failing reader must not end the gateway's work
                    has_read = True
                    log.error("backlog_not_read", route=line[0], reason=type(error).__name__)
                if has_read:
                    looks.pop(line[0], None)
                if not number % LINES_AT_ONCE:
                    await asyncio.sleep(0)
            self._lines.rest(looks)
            if not self._lines.read_up_to:
                self._spilled.clear()
            await asyncio.sleep(POLL_S)

    async def _catch_up(self, line: Line) -> bool:
        """Queues rows of a line while there is room; whether there was any."""
        route, lane, account_id = line
        share = BULK_SHARE if lane is _BULK else SINGLE_SHARE
        read_up_to = self._lines.read_up_to
        found_room = False
        # The line may be dropped, with its route, at any moment.
        while line in read_up_to and self._room(route, account_id, share) > 0:
            found_room = True
            start = read_up_to[line]
            last = await self._read_page(line, start)
            if line not in read_up_to:
                break
            if last is not None:
                # A message before the page may have been left in its row meanwhile.
                if read_up_to[line] == start:
                    self._lines.put(line, last)
                continue
            # From here on new messages are queued directly; what was accepted until now and left
            # in its row is in these last pages. What an earlier run wrote has all been seen.
            last = max(self._lines.pop(line), self._restart_at)
            while last is not None:
                last = await self._read_page(line, last)
            break
        return found_room

    async def _read_page(self, line: Line, after: int) -> int | None:
        """Queues the next rows of a line; returns the last identifier read."""
        route, lane, account_id = line
        read = await self.loader.read(
            lambda c: pending.load_unsent(c, route, lane.value, account_id, after, PAGE)
        )
        sendable = []
        for message in read.fresh:
            if not self._may_be_sent(message):
                continue
            if message.batch.stored.options.udh and self.series.is_part(message):
                sendable += self.series.add(message)
            else:
                sendable.append(message)
        await self.queue.publish(route, [message.work for message in sendable])
        return read.stored[-1].message_id if read.stored else None

    def _may_be_sent(self, message: LiveMessage) -> bool:
        """Whether to send a message that waited long, or may have left in an earlier run."""
        batch = message.batch
        if (
            message.state is State.QUEUED
            and not message.possible_duplicate
            and not batch.stored.options.ignores_opt_outs
            and self.opt_outs.among(batch.account_id, batch.stored.sender, (message.recipient,))
        ):
            self.delivery.change(message, State.REJECTED, ignore, failure=FailureCode.OPTED_OUT)
            return False
        if message.state is State.QUEUED or message.message_id > self._restart_at:
            return True
        if message.route in self.kept_routes and not message.is_premium:
            return True
        if message.route not in self.held_routes and not message.is_premium:
            message.possible_duplicate = True
            return True
        self.delivery.change(
            message, State.UNKNOWN, ignore, failure=FailureCode.RESPONSE_LOST, detail="restart"
        )
        return False


def _by_line(messages: Sequence[LiveMessage]) -> Iterable[tuple[Line, Sequence[LiveMessage]]]:
    if len(messages) == 1:  # nearly always
        (message,) = messages
        batch = message.batch
        return (((message.route, _LANES[batch.stored.lane], batch.account_id), messages),)
    groups: dict[Line, list[LiveMessage]] = defaultdict(list)
    for message in messages:
        batch = message.batch
        groups[message.route, _LANES[batch.stored.lane], batch.account_id].append(message)
    return groups.items()
