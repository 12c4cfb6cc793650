"""Recent traffic by time, country and route, from the hourly counters alone."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from dragoman.core.messages.model.outcomes import STEPS_S
from dragoman.core.messages.sql.outcome_counts import FAILURES, ROUTE_STATUS, TIMES
from dragoman.core.messages.sql.statistics import CREDITS, PRICE, PeriodCount, count_by_period
from dragoman.core.reporting.traffic_days import MAX_PERIODS, TrafficDays, Tree
from dragoman.kit.clock import Clock
from dragoman.kit.zones import DAY_MS, HOUR_MS, stretches_of
from dragoman.storage.engine import Storage

_EPOCH: Final = datetime(1970, 1, 1)
_STATES_BY: Final = MappingProxyType({"mcc": "mcc:status", "route": ROUTE_STATUS})
_READ: Final = (
    ("inbox", "sum"),
    *(("outbox", dimension) for dimension in (CREDITS, PRICE)),
    *(("outbox", named[side]) for side in _STATES_BY for named in (_STATES_BY, FAILURES, TIMES)),
)
_DIRECTIONS: Final = tuple(sorted({direction for direction, _ in _READ}))
_DIMENSIONS: Final = tuple(sorted({dimension for _, dimension in _READ}))
_TOTALS: Final = (CREDITS, PRICE, "sum", *(named["mcc"] for named in (_STATES_BY, FAILURES, TIMES)))
"""What the sum of all messages is made of, without their routes."""
MAX_DAYS_BY_HOUR: Final = 2
CHUNK_DAYS: Final = 16
"""Days that are read at once, of a time that anyone may choose."""
LARGE_TREE: Final = 100
"""Accounts from which on a month is read day by day, and hours are kept."""
LIVE_HOURS: Final = 3
"""The last hours, whose counts change most, are read each time."""
_DELIVERED: Final = "delivered"
_FAILED: Final = frozenset({"undelivered", "expired", "rejected", "unknown"})


class Lately(StrEnum):
    """The periods a report can cover."""

    DAY = "24h"
    WEEK = "7d"
    MONTH = "30d"


class _Shape(NamedTuple):
    unit_ms: int
    periods: int


_SHAPES: Final = MappingProxyType(
    {
        Lately.DAY: _Shape(HOUR_MS, 24),
        Lately.WEEK: _Shape(DAY_MS, 7),
        Lately.MONTH: _Shape(DAY_MS, 30),
    }
)


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """The outcomes of some messages: counts by state, failure and delivery time."""

    name: str
    """Mobile country code, or route; empty for all messages."""
    states: Mapping[str, int] = MappingProxyType({})
    failures: Mapping[str, int] = MappingProxyType({})
    times: Mapping[str, int] = MappingProxyType({})
    """By the steps of `outcome_counts`, in seconds."""
    credits: int = 0
    """What they are charged, less what was refunded."""
    price: int = 0
    """The same by the price list, in its smallest unit."""

    @property
    def total(self) -> int:
        """All of them, including cancelled ones."""
        return sum(self.states.values())

    @property
    def delivered(self) -> int:
        """Delivered messages."""
        return self.states.get(_DELIVERED, 0)

    @property
    def failed(self) -> int:
        """Messages that were not delivered, or had no receipt in time."""
        return sum(self.states.get(name, 0) for name in _FAILED)

    @property
    def delivery_rate(self) -> float | None:
        """The delivered part of finished messages, 0 to 1; None without any."""
        ended = self.delivered + self.failed
        return self.delivered / ended if ended else None

    def delivered_within_s(self, share: float) -> float | None:
        """Seconds within which a share (0 to 1) of the delivered ones arrived; None without any.

        It is the end of a step, so an upper bound; infinite beyond the last step.
        """
        wanted = share * sum(self.times.values())
        if not wanted:
            return None
        for step_s in STEPS_S:
            wanted -= self.times.get(str(step_s), 0)
            if wanted <= 0:
                return float(step_s)
        return float("inf")


class Period(msgspec.Struct, frozen=True, kw_only=True):
    """An hour or a day."""

    start: datetime
    """In local time."""
    sent: Share
    received: int


class TrafficReport(msgspec.Struct, frozen=True, kw_only=True):
    """The traffic of a time; periods are complete and in order, the largest shares first."""

    unit_ms: int
    """The length of a period: an hour or a day."""
    periods: tuple[Period, ...]
    whole: Share
    received: int
    countries: tuple[Share, ...]
    routes: tuple[Share, ...]


class Traffic:
    """Reports recent traffic."""

    def __init__(self, *, storage: Storage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock
        self.days = TrafficDays(clock)

    async def report_days(
        self, account_ids: tuple[int, ...], first: date, last: date, zone: str
    ) -> TrafficReport:
        """The traffic of local days, both included: by hours where they are few, else by days.

        Raises `TookTooLong`.
        """
        days = (last - first).days + 1
        unit_ms = HOUR_MS if days <= MAX_DAYS_BY_HOUR else DAY_MS
        begin = int((datetime.combine(first, time()) - _EPOCH) / timedelta(milliseconds=unit_ms))
        return await self._read_report(
            account_ids, zone, range(begin, begin + days * (DAY_MS // unit_ms)), unit_ms
        )

    async def report_before(
        self, account_ids: tuple[int, ...], report: TrafficReport, zone: str
    ) -> TrafficReport:
        """The traffic of as long a time before that of a report, without its routes.

        Raises `TookTooLong`.
        """
        number, unit_ms = len(report.periods), report.unit_ms
        begin = int((report.periods[0].start - _EPOCH) / timedelta(milliseconds=unit_ms))
        periods = range(begin - number, begin)
        now = _period_of(self._clock.now_ms(), zone, unit_ms)
        if len(account_ids) < LARGE_TREE or periods.start <= now - MAX_PERIODS:
            return await self._read_report(account_ids, zone, periods, unit_ms, _TOTALS)

        async def read(some: range) -> list[PeriodCount]:
            return await self._read(account_ids, zone, some, unit_ms)

        tree = Tree(account_ids[0], zone, is_large=unit_ms == DAY_MS, unit_ms=unit_ms)
        rows = await self.days.rows(tree, periods, read)
        return _make_report(_by_dimension(rows), periods, unit_ms)

    async def _read_report(
        self,
        account_ids: tuple[int, ...],
        zone: str,
        periods: range,
        unit_ms: int,
        dimensions: tuple[str, ...] = _DIMENSIONS,
    ) -> TrafficReport:
        chunk = CHUNK_DAYS * DAY_MS // unit_ms
        rows: list[PeriodCount] = []
        for begin in range(periods.start, periods.stop, chunk):
            some = range(begin, min(begin + chunk, periods.stop))
            rows += await self._read(account_ids, zone, some, unit_ms, dimensions)
        return _make_report(_by_dimension(rows), periods, unit_ms)

    async def report(
        self, account_ids: tuple[int, ...], lately: Lately, zone: str
    ) -> TrafficReport:
        """What an account and those below it sent and received; raises `TookTooLong`."""
        unit_ms, number = _SHAPES[lately]
        now_ms = self._clock.now_ms()
        last = _period_of(now_ms, zone, unit_ms)
        periods = range(last - number + 1, last + 1)
        tree = Tree(account_ids[0], zone, len(account_ids) >= LARGE_TREE)

        async def read(days: range) -> list[PeriodCount]:
            return await self._read(account_ids, zone, days, DAY_MS)

        async def read_hours(hours: range) -> list[PeriodCount]:
            return await self._read(account_ids, zone, hours, HOUR_MS)

        if unit_ms == DAY_MS:
            over = await self.days.rows(tree, periods[:-1], read)
            rows = over + await read(periods[-1:])
        elif tree.is_large:
            by_hour = tree._replace(is_large=False, unit_ms=HOUR_MS)
            over = await self.days.rows(by_hour, periods[:-LIVE_HOURS], read_hours)
            rows = over + await read_hours(periods[-LIVE_HOURS:])
            # Who looks at a day often looks at a month next.
            self.days.refresh(tree, self._month(zone), read)
        else:
            rows = await read_hours(periods)
        return _make_report(_by_dimension(rows), periods, unit_ms)

    def _month(self, zone: str) -> range:
        """The complete days of a month."""
        today = _period_of(self._clock.now_ms(), zone, DAY_MS)
        return range(today - _SHAPES[Lately.MONTH].periods + 1, today)

    async def _read(
        self,
        account_ids: tuple[int, ...],
        zone: str,
        periods: range,
        unit_ms: int,
        dimensions: tuple[str, ...] = _DIMENSIONS,
    ) -> list[PeriodCount]:
        # An hour more at each end, since periods of local time end within one or shift by one.
        from_ms = _begin_of(periods.start, zone, unit_ms) - HOUR_MS
        before_ms = _begin_of(periods.stop, zone, unit_ms) + HOUR_MS
        stretches = list(stretches_of(zone, from_ms, before_ms))
        found = await self._storage.read(
            lambda c: count_by_period(
                c, account_ids, _DIRECTIONS, dimensions, stretches=stretches, unit_ms=unit_ms
            )
        )
        return [row for row in found if row.period in periods]


Rows = Mapping[tuple[str, str], list[PeriodCount]]


def _by_dimension(rows: Iterable[PeriodCount]) -> Rows:
    sorted_rows: dict[tuple[str, str], list[PeriodCount]] = {key: [] for key in _READ}
    for row in rows:
        if (row.direction, row.dimension) in sorted_rows:
            sorted_rows[row.direction, row.dimension].append(row)
    return sorted_rows


def _make_report(rows: Rows, periods: range, unit_ms: int) -> TrafficReport:
    received: Counter[int] = Counter()
    for row in rows["inbox", "sum"]:
        received[row.period] += row.counted
    sent: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for row in rows["outbox", _STATES_BY["mcc"]]:
        sent[row.period][row.value.rpartition(":")[2]] += row.counted
    countries = _shares(rows, "mcc")
    return TrafficReport(
        unit_ms=unit_ms,
        periods=tuple(
            Period(
                start=_EPOCH + timedelta(milliseconds=period * unit_ms),
                sent=Share(name="", states=sent[period]),
                received=received[period],
            )
            for period in periods
        ),
        whole=Share(
            name="",
            states=_sum(share.states for share in countries),
            failures=_sum(share.failures for share in countries),
            times=_sum(share.times for share in countries),
            credits=sum(share.credits for share in countries),
            price=sum(share.price for share in countries),
        ),
        received=received.total(),
        countries=countries,
        routes=_shares(rows, "route"),
    )


def _shares(rows: Rows, side: str) -> tuple[Share, ...]:
    counts: tuple[defaultdict[str, Counter[str]], ...] = tuple(
        defaultdict(Counter) for _ in range(3)
    )
    for dimension, counted in zip((_STATES_BY, FAILURES, TIMES), counts, strict=True):
        for row in rows["outbox", dimension[side]]:
            name, _, value = row.value.rpartition(":")
            counted[name][value] += row.counted
    states, failures, times = counts
    credits, price = (
        _sum_by_value(rows["outbox", dimension]) if side == "mcc" else Counter[str]()
        for dimension in (CREDITS, PRICE)
    )
    shares = (
        Share(
            name=name,
            states=states[name],
            failures=failures[name],
            times=times[name],
            credits=credits[name],
            price=price[name],
        )
        for name in states
    )
    return tuple(sorted(shares, key=lambda share: (-share.total, share.name)))


def _sum_by_value(rows: Iterable[PeriodCount]) -> Counter[str]:
    total: Counter[str] = Counter()
    for row in rows:
        total[row.value] += row.counted
    return total


def _sum(counts: Iterable[Mapping[str, int]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for one in counts:
        total.update(one)
    return total


def _period_of(at_ms: int, zone: str, unit_ms: int) -> int:
    """The number of periods of local time since 1970."""
    local = datetime.fromtimestamp(at_ms // 1000, UTC).astimezone(ZoneInfo(zone))
    return int((local.replace(tzinfo=None) - _EPOCH) / timedelta(milliseconds=unit_ms))


def _begin_of(period: int, zone: str, unit_ms: int) -> int:
    """The start of a period of local time, at the hour at or before it."""
    local = _EPOCH + timedelta(milliseconds=period * unit_ms)
    at_ms = round(local.replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)
    return at_ms - at_ms % HOUR_MS
