"""What waits for a carrier: in the queue while there is room, in SQL beyond that.

A route whose queue is full is *behind*: new messages for it stay in their rows, and are read back
in the order of their identifiers as the queue empties. A restart is the same thing: every route
with unsent rows starts behind. So memory is bounded, and a start is quick, however much waits.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Sequence

import structlog

from dragoman.domain.errors import FailureCode
from dragoman.domain.lifecycle import State
from dragoman.kit.ids import LIMIT
from dragoman.queue.port import WorkQueue
from dragoman.services.delivery import Delivery
from dragoman.services.live import LiveMessage, LiveMessages
from dragoman.services.recall import Recall
from dragoman.storage.engine import Storage
from dragoman.storage.repositories import pending

MAX_QUEUED = 20_000
"""Messages of a route in memory; beyond that new ones stay in SQL until there is room."""
PAGE = 2_000
POLL_S = 0.2

log = structlog.get_logger(__name__)


class Backlog:
    """Publishes accepted messages, now or when there is room."""

    def __init__(
        self,
        *,
        storage: Storage,
        queue: WorkQueue,
        live: LiveMessages,
        recall: Recall,
        delivery: Delivery,
        routes: Collection[str],
        held_routes: Collection[str],
    ) -> None:
        self._storage = storage
        self._queue = queue
        self._live = live
        self._recall = recall
        self._delivery = delivery
        self._routes = routes
        self._held_routes = held_routes
        """Routes with a carrier that must never be given a message twice."""
        self._read_up_to: dict[str, int] = {}
        """The routes that are behind, and the identifier their rows are queued up to."""
        self._restart_at = 0
        """Rows up to here were written by an earlier run."""
        self._behind = asyncio.Event()

    def is_behind(self, route: str) -> bool:
        return route in self._read_up_to

    def room(self, route: str) -> int:
        """How many more messages of a route the queue takes."""
        return 0 if self.is_behind(route) else MAX_QUEUED - self._queue.depth(route)

    async def restore(self, last_identifier: int) -> None:
        """Finds what an earlier run left unsent; nothing is read yet."""
        self._restart_at = last_identifier
        for route in await self._storage.read(pending.routes_with_unsent):
            if route in self._routes:
                self._read_up_to[route] = 0
            else:  # the rows wait until the route is configured again, or expire
                log.warning("route_is_gone", route=route)
        if self._read_up_to:
            self._behind.set()

    async def publish(self, messages: Sequence[LiveMessage]) -> None:
        """Queues messages whose rows are on disk, or leaves them in SQL for later."""
        by_route: dict[str, list[LiveMessage]] = defaultdict(list)
        for message in messages:
            by_route[message.route].append(message)
        for route, group in by_route.items():
            if route in self._read_up_to or route not in self._routes:
                continue
            if self._queue.depth(route) >= MAX_QUEUED:
                self._read_up_to[route] = group[0].message_id - 1
                self._behind.set()
                continue
            # A row can have been read back in the instant between its commit and this.
            group = [m for m in group if self._live.get(m.message_id) is None]  # noqa: PLW2901
            for message in group:
                self._live.add(message)
            await self._queue.publish(route, [message.work for message in group])

    async def run(self) -> None:
        """Reads rows back as the queue empties; runs until cancelled."""
        while True:
            await self._behind.wait()
            for route in list(self._read_up_to):
                try:
                    await self._catch_up(route)
                except asyncio.CancelledError:
                    raise
                except Exception as error:  # a failing reader must not end the gateway's work
                    log.error("backlog_not_read", route=route, reason=type(error).__name__)
            if not self._read_up_to:
                self._behind.clear()
            await asyncio.sleep(POLL_S)

    async def _catch_up(self, route: str) -> None:
        while self._queue.depth(route) < MAX_QUEUED // 2:
            if not await self._read_page(route):
                # From here on new messages are queued directly; what was accepted until now and
                # left in its row is in this last page.
                after = self._read_up_to.pop(route)
                while (last := await self._read_page(route, after)) is not None:
                    after = last
                return

    async def _read_page(self, route: str, after: int | None = None) -> int | None:
        start = self._read_up_to[route] if after is None else after
        stored = await self._storage.read(
            lambda c: pending.load_unsent(c, route, start, LIMIT, PAGE)
        )
        if not stored:
            return None
        fresh = [m for m in stored if self._live.get(m.message_id) is None]
        messages = await self._recall.messages(fresh)
        sendable = [message for message in messages if self._may_be_sent(message)]
        await self._queue.publish(route, [message.work for message in sendable])
        last = stored[-1].message_id
        if after is None:
            self._read_up_to[route] = last
        return last

    def _may_be_sent(self, message: LiveMessage) -> bool:
        """Decides on a message that a process before this one may have handed to a link."""
        if message.state is State.QUEUED or message.message_id > self._restart_at:
            return True
        if message.route not in self._held_routes:
            message.possible_duplicate = True
            return True
        self._delivery.change(
            message, State.UNKNOWN, _ignore, failure=FailureCode.RESPONSE_LOST, detail="restart"
        )
        return False


def _ignore(_stored: bool) -> None:
    """The row stays as it is until the next start."""
