"""Counts of days that are over, kept in memory for large trees of accounts.

A tree of thousands of accounts has a counter for each of them, hour and outcome, and to add them up
for a month takes seconds. Days that are over hardly change any more: what was read of them is shown
at once, and read again behind the answer where it is older than a while.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, NamedTuple

import structlog

from dragoman.kit.clock import Clock
from dragoman.storage.repositories.statistics import PeriodCount

log = structlog.get_logger(__name__)

MAX_TREES: Final = 32
KEPT_MS: Final = 300_000
"""How old what is shown of a day that is over may be without being read again."""

ReadDay = Callable[[int], Awaitable[list[PeriodCount]]]
"""Reads the counts of a local day, by its number since 1970."""


class Tree(NamedTuple):
    """An account with those below it, and the zone whose days are meant."""

    top: int
    zone: str


class _Day(NamedTuple):
    read_ms: int
    rows: list[PeriodCount]


class TrafficDays:
    """Remembers days that are over."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._trees: OrderedDict[Tree, dict[int, _Day]] = OrderedDict()
        self._refreshing: dict[Tree, asyncio.Task[None]] = {}

    async def rows(self, tree: Tree, days: range, read: ReadDay) -> list[PeriodCount]:
        """The counts of some days that are over."""
        known = self._known(tree, days)
        for day in days:
            if day not in known:
                known[day] = _Day(self._clock.now_ms(), await read(day))
        self.refresh(tree, days, read)
        return [row for day in days for row in known[day].rows]

    def refresh(self, tree: Tree, days: range, read: ReadDay) -> None:
        """Reads what is missing or old, without anybody waiting for it."""
        since_ms = self._clock.now_ms() - KEPT_MS
        known = self._known(tree, days)
        old = [day for day in days if day not in known or known[day].read_ms < since_ms]
        if old and tree not in self._refreshing:
            task = asyncio.create_task(self._refresh(tree, old, read))
            self._refreshing[tree] = task
            task.add_done_callback(lambda _: self._refreshing.pop(tree))

    async def settle(self) -> None:
        """Returns once nothing is being read any more."""
        await asyncio.gather(*self._refreshing.values())

    async def _refresh(self, tree: Tree, days: Iterable[int], read: ReadDay) -> None:
        known = self._trees[tree]
        try:
            for day in days:
                known[day] = _Day(self._clock.now_ms(), await read(day))
        except Exception as error:  # what was read before stays, and the next look tries again
            log.warning("traffic_not_read", reason=type(error).__name__)

    def _known(self, tree: Tree, days: range) -> dict[int, _Day]:
        """What is known of a tree, without the days before those that are asked for in a month."""
        known = self._trees.setdefault(tree, {})
        self._trees.move_to_end(tree)
        if len(self._trees) > MAX_TREES:
            self._trees.popitem(last=False)
        for day in [day for day in known if day < days.stop - MAX_DAYS]:
            del known[day]
        return known


MAX_DAYS: Final = 31
