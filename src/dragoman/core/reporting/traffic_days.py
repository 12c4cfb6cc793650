"""Counts of complete days and hours, cached since they hardly change.

Every account has a counter for each hour and outcome; summing a month takes a tenth of a second for
a busy account, and seconds for a tree of thousands. A cached day is used for some minutes; for a
large tree longer, and then refreshed in the background, where each reading is followed by a rest.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from time import monotonic
from typing import Final, NamedTuple

import structlog

from dragoman.core.messages.sql.statistics import PeriodCount
from dragoman.kit.clock import Clock
from dragoman.kit.zones import DAY_MS

log = structlog.get_logger(__name__)

MAX_TREES: Final = 256
MAX_PERIODS: Final = 62
"""Days, or hours, of a tree: a month and the month before."""
KEPT_MS: Final = 300_000
"""How old what is shown of a day may be without being read again."""
REST: Final = 4.0
"""How many times as long as a reading in the background took nothing is read after it."""

ReadDays = Callable[[range], Awaitable[list[PeriodCount]]]
"""Reads the counts of local days, by their numbers since 1970."""


class Tree(NamedTuple):
    """An account with those below it, and the time zone of the days."""

    top: int
    zone: str
    is_large: bool
    """Whether its days are read one by one, so that no reading takes long."""
    unit_ms: int = DAY_MS
    """The length of what is called a day here; an hour too can be one."""


class _Day(NamedTuple):
    read_ms: int
    rows: Sequence[PeriodCount]


class TrafficDays:
    """Caches complete days."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._trees: OrderedDict[Tree, dict[int, _Day]] = OrderedDict()
        self._refreshing: dict[Tree, asyncio.Task[None]] = {}

    async def rows(self, tree: Tree, days: range, read: ReadDays) -> list[PeriodCount]:
        """The counts of some complete days; raises as `read` does."""
        known = self._known(tree, days)
        if tree.is_large:
            for day in [day for day in days if day not in known]:
                await self._read_at_once(known, range(day, day + 1), read)
            self.refresh(tree, days, read)
        elif old := self._old(known, days):
            await self._read_at_once(known, range(old[0], old[-1] + 1), read)
        return [row for day in days for row in known[day].rows]

    def refresh(self, tree: Tree, days: range, read: ReadDays) -> None:
        """Reads missing and old days in the background."""
        known = self._known(tree, days)
        old = self._old(known, days)
        if old and tree not in self._refreshing:
            task = asyncio.create_task(self._refresh(known, old, read))
            self._refreshing[tree] = task
            task.add_done_callback(lambda _: self._refreshing.pop(tree))

    async def settle(self) -> None:
        """Waits until reading has ended."""
        await asyncio.gather(*self._refreshing.values())

    async def _refresh(self, known: dict[int, _Day], days: Iterable[int], read: ReadDays) -> None:
        try:
            for day in days:
                began = monotonic()
                await self._read_at_once(known, range(day, day + 1), read)
                await asyncio.sleep(REST * (monotonic() - began))
        except Exception as error:  # what was read before stays, and the next look tries again
            log.warning("traffic_not_read", reason=type(error).__name__)

    async def _read_at_once(self, known: dict[int, _Day], days: range, read: ReadDays) -> None:
        read_ms = round(self._clock.monotonic() * 1000)
        rows: defaultdict[int, list[PeriodCount]] = defaultdict(list)
        for row in await read(days):
            rows[row.period].append(row)
        for day in days:
            known[day] = _Day(read_ms, rows[day])

    def _old(self, known: dict[int, _Day], days: range) -> list[int]:
        """The days to read, in order."""
        since_ms = round(self._clock.monotonic() * 1000) - KEPT_MS
        return [day for day in days if day not in known or known[day].read_ms < since_ms]

    def _known(self, tree: Tree, days: range) -> dict[int, _Day]:
        """The cached days of a tree; those no longer requested are dropped."""
        known = self._trees.setdefault(tree, {})
        self._trees.move_to_end(tree)
        if len(self._trees) > MAX_TREES:
            self._trees.popitem(last=False)
        for day in [day for day in known if day < days.stop - MAX_PERIODS]:
            del known[day]
        return known
