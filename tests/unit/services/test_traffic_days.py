"""Days that are over: what is read when, and what is shown meanwhile."""

from __future__ import annotations

from dragoman.core.messages.sql.statistics import PeriodCount
from dragoman.core.reporting.traffic_days import KEPT_MS, MAX_PERIODS, TrafficDays, Tree
from dragoman.kit.clock import FixedClock

SMALL = Tree(1, "UTC", False)
LARGE = Tree(1, "UTC", True)
DAYS = range(100, 104)


class Counters:
    """Counters that are one more at each reading, except of days with nothing."""

    def __init__(self) -> None:
        self.readings: list[range] = []
        self.fails = False

    async def read(self, days: range) -> list[PeriodCount]:
        if self.fails:
            raise RuntimeError("no database")
        self.readings.append(days)
        return [
            PeriodCount("outbox", "sum", day, "sum", len(self.readings))
            for day in days
            if day != 101
        ]


async def _counts(days: TrafficDays, tree: Tree, counters: Counters) -> dict[int, int]:
    rows = await days.rows(tree, DAYS, counters.read)
    return {row.period: row.counted for row in rows}


async def test_days_of_a_small_tree_are_read_at_once_and_again_when_they_are_old() -> None:
    clock, counters = FixedClock(), Counters()
    days = TrafficDays(clock)
    assert await _counts(days, SMALL, counters) == {100: 1, 102: 1, 103: 1}
    assert await _counts(days, SMALL, counters) == {100: 1, 102: 1, 103: 1}
    assert counters.readings == [DAYS]
    clock.advance(KEPT_MS / 1000 + 1)
    assert await _counts(days, SMALL, counters) == {100: 2, 102: 2, 103: 2}


async def test_days_of_a_large_tree_are_read_one_by_one_and_again_behind_the_answer() -> None:
    clock, counters = FixedClock(), Counters()
    days = TrafficDays(clock)
    first = await _counts(days, LARGE, counters)
    assert first == {100: 1, 102: 3, 103: 4}
    assert counters.readings == [range(day, day + 1) for day in DAYS]
    clock.advance(KEPT_MS / 1000 + 1)
    assert await _counts(days, LARGE, counters) == first
    await days.settle()
    assert await _counts(days, LARGE, counters) == {100: 5, 102: 7, 103: 8}


async def test_days_that_cannot_be_read_again_are_shown_as_they_were() -> None:
    clock, counters = FixedClock(), Counters()
    days = TrafficDays(clock)
    first = await _counts(days, LARGE, counters)
    clock.advance(KEPT_MS / 1000 + 1)
    counters.fails = True
    assert await _counts(days, LARGE, counters) == first
    await days.settle()
    assert await _counts(days, LARGE, counters) == first
    counters.fails = False
    await days.settle()
    await _counts(days, LARGE, counters)
    await days.settle()
    assert (await _counts(days, LARGE, counters))[100] > first[100]


async def test_day_that_begins_is_read_alone_and_the_oldest_is_forgotten() -> None:
    counters = Counters()
    days = TrafficDays(FixedClock())
    month = range(100, 100 + MAX_PERIODS)
    await days.rows(SMALL, month, counters.read)
    await days.rows(SMALL, range(month.start + 1, month.stop + 1), counters.read)
    assert counters.readings == [month, range(month.stop, month.stop + 1)]
    await days.rows(SMALL, range(100, 101), counters.read)
    assert counters.readings[2:] == [range(100, 101)]
