"""Moves waiting messages to another route: when theirs is stuck, or gone from the configuration.

A message keeps its identifier, its place by age, its credits and its price; only the route in its
row changes, before another worker can take it. If the process dies here, its row says one route or
the other. What a carrier has, or may have, is never moved.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import field
from typing import Final

import structlog

from dragoman.core.accounts.accounts import Accounts
from dragoman.core.delivery import backlog
from dragoman.core.delivery.backlog import Backlog
from dragoman.core.delivery.dispatcher import Dispatcher
from dragoman.core.messages.live import LiveBatch, LiveMessage, LiveMessages
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.records import StoredBatch
from dragoman.core.messages.model.routing import Route, Router
from dragoman.core.messages.sql import changes, pending
from dragoman.core.model.errors import StorageUnavailable
from dragoman.core.model.use_case import use_case
from dragoman.kit.clock import Clock
from dragoman.protocols.gsm.segmentation import in_common
from dragoman.storage.engine import Storage
from dragoman.work_queue.port import Work, WorkQueue

CHECK_S: Final = 1.0
PAGE: Final = 500
RETURNING_S: Final = 60.0
"""How long after its route is gone a carrier may still return a message."""
_WAITING: Final = frozenset({State.QUEUED, State.SENDING})

log = structlog.get_logger(__name__)


@use_case(kw_only=True)
class Rerouting:
    """Moves messages between routes."""

    storage: Storage
    queue: WorkQueue
    live: LiveMessages
    router: Router
    accounts: Accounts
    dispatcher: Dispatcher
    backlog: Backlog
    clock: Clock
    _stuck_since: dict[str, float] = field(default_factory=dict, init=False)
    _gone: dict[str, float] = field(default_factory=dict, init=False)
    """Routes that are gone, and until when messages may still come back to them."""
    _unmoved: set[str] = field(default_factory=set, init=False)
    """Those with rows that could not be moved yet."""

    async def run(self) -> None:
        """Runs until cancelled."""
        while True:
            await asyncio.sleep(CHECK_S)
            try:
                await self.check()
            except StorageUnavailable as error:  # what was to be moved waits where it was
                log.warning("not_rerouted", reason=str(error))

    async def check(self) -> None:
        """Hands over what waits on routes that are stuck for as long as they may be."""
        now = self.clock.monotonic()
        for route in list(self.router.routes.values()):
            if not route.fallback or not self.dispatcher.is_stuck(route):
                self._stuck_since.pop(route.name, None)
                continue
            since = self._stuck_since.setdefault(route.name, now)
            target = self.router.routes.get(route.fallback)
            if target is not None and now - since >= route.fallback_after_s:
                room = max(0, backlog.MAX_QUEUED - self.queue.depth(target.name))
                works = self.dispatcher.pull_out(route.name, room) if room else []
                if moved := await self._move(works, route.name, target):
                    log.info("rerouted", route=route.name, to=target.name, messages=moved)
        for name in list(self._unmoved):
            await self.move_all(name)
        for name, until in list(self._gone.items()):
            if name in self.router.routes or now > until:
                del self._gone[name]
            else:
                await self._move(self.dispatcher.pull_out(name), name, None)

    async def move_all(self, route: str) -> int:
        """Routes everything anew that waits on a route that is gone; returns how many messages.

        Where the database is unavailable, it is tried again later.
        """
        self._unmoved.discard(route)
        if route in self.router.routes:  # it is back
            return 0
        self._gone[route] = self.clock.monotonic() + RETURNING_S
        self.backlog.drop(route)
        try:
            moved = await self._move(self.dispatcher.pull_out(route), route, None)
            return moved + await self._move_rows(route)
        except StorageUnavailable as error:
            self._unmoved.add(route)
            log.warning("not_rerouted", route=route, reason=str(error))
            return 0

    async def _move(self, works: Sequence[Work], route: str, target: Route | None) -> int:
        """Moves queued messages, to a route or to that which takes them now."""
        left, moved = list(works), 0
        try:
            while left:
                page = left[:PAGE]
                messages = [m for work in page if (m := self._waiting(work)) is not None]
                names = await self._targets(messages, target)
                rows = [
                    (one.message_id, name)
                    for message, name in names
                    for one in (message, *message.joined)
                    if name != route
                ]
                if rows:
                    await self.storage.writer.write(changes.move, rows)
                del left[: len(page)]
                for message, name in names:
                    for one in (message, *message.joined):
                        one.route = name
                    await self.queue.publish(name, (message.work,))
                moved += len(rows)
        finally:
            await self.queue.publish(route, left)
        return moved

    def _waiting(self, work: Work) -> LiveMessage | None:
        message = self.live.get(work.message_id)
        if message is None or message.in_flight or message.state not in _WAITING:
            return None
        return message

    async def _targets(
        self, messages: Iterable[LiveMessage], target: Route | None
    ) -> list[tuple[LiveMessage, str]]:
        """Each message with its route from here on."""
        found = []
        for message in messages:
            route = target or await self._route_of(message.recipient, message.batch)
            fits = route is not None and _takes(route, message.batch)
            found.append((message, route.name if fits and route is not None else message.route))
        return found

    async def _route_of(self, recipient: str, batch: LiveBatch) -> Route | None:
        account = await self.accounts.find_by_id(batch.account_id)
        if account is None:
            return None
        options = batch.stored.options
        multimedia = batch.multimedia is not None
        query = self.router.query(
            account.username,
            recipient,
            at_ms=self.clock.now_ms(),
            sender=batch.stored.sender,
            message_type=options.message_type,
            tag=options.tag,
            multimedia=multimedia,
        )
        return self.router.choose(account.username, recipient, multimedia=multimedia, query=query)

    async def _move_rows(self, route: str) -> int:
        """Moves messages that wait in their rows, and has them read from there."""
        after, moved = 0, 0
        firsts: dict[tuple[str, int], int] = {}
        while True:
            stored = await self.storage.read(
                lambda c, after=after: pending.load_unsent_of_route(c, route, after, PAGE)  # type: ignore[misc]
            )
            if not stored:
                break
            after = stored[-1].message_id
            absent = [one for one in stored if self.live.get(one.message_id) is None]
            batch_ids = {one.batch_id for one in absent}
            batches: dict[int, StoredBatch] = await self.storage.read(
                lambda c, ids=batch_ids: pending.load_batches(c, ids)  # type: ignore[misc]
            )
            rows = []
            for one in absent:
                batch = LiveBatch(batches[one.batch_id], 0)
                target = await self._route_of(one.recipient, batch)
                if target is not None and target.name != route and _takes(target, batch):
                    rows.append((one.message_id, target.name))
                    firsts.setdefault((target.name, one.account_id), one.message_id)
            if rows:
                await self.storage.writer.write(changes.move, rows)
                moved += len(rows)
        for (name, account_id), first in firsts.items():
            self.backlog.read_again((name,), account_id, first - 1)
        return moved


def _takes(route: Route, batch: LiveBatch) -> bool:
    """Whether a route takes a message as it was cut; one its recipient pays for is not moved."""
    cut = batch.stored.options.repertoire
    return (
        not batch.is_premium
        and route.multimedia is (batch.multimedia is not None)
        and batch.stored.options.device_id is None
        and in_common((cut, route.repertoire)) == cut
    )
