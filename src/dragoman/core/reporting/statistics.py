"""Counts of sent and received messages by hour, day, week or month, without reading messages."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple

import msgspec

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.messages.sql.statistics import WITHOUT_ROWS, count_by_period
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.texts import is_storable
from dragoman.core.reporting.model.ingestion import IngestedRow
from dragoman.core.reporting.queries import Queries
from dragoman.core.reporting.sql.ingestion import IngestedRows, ingest
from dragoman.kit.clock import Clock
from dragoman.kit.zones import DAY_MS, HOUR_MS, stretches_of
from dragoman.storage.engine import Storage

ROWS_AT_ONCE: Final = 1_000
"""Rows that are counted in one unit of work, so that submissions need not wait for them."""
MAX_REFERENCE: Final = 64
EARLIEST_MS: Final = 946_684_800_000  # 2000-01-01T00:00:00Z
_FIRST_DAY: Final = datetime(1970, 1, 1)


class Aggregate(StrEnum):
    """The length of a period."""

    HOURLY = "hourly"
    DAILY = "daily"
    WEEKLY = "weekly"
    """From Monday on (ISO 8601)."""
    MONTHLY = "monthly"


class _Length(NamedTuple):
    usual_days: int
    """The days before the end that are meant where no beginning is given."""
    most_days: int


_LENGTHS: Final = MappingProxyType(
    {
        Aggregate.HOURLY: _Length(1, 92),
        Aggregate.DAILY: _Length(31, 3_660),
        Aggregate.WEEKLY: _Length(92, 3_660),
        Aggregate.MONTHLY: _Length(366, 3_660),
    }
)


class StatisticsQuery(msgspec.Struct, frozen=True, kw_only=True):
    """What to count."""

    account_ids: tuple[int, ...]
    direction: str
    """inbox or outbox."""
    dimension: str
    """sum, mcc:status or keyword:number."""
    aggregate: Aggregate
    zone: str
    """The IANA zone whose hours, days, weeks and months are meant."""
    from_ms: int | None = None
    to_ms: int | None = None
    """Every hour that the time touches is counted, both ends included."""


class Total(NamedTuple):
    """The count of a value in a period."""

    start: datetime
    """When the period began, in local time."""
    value: str
    counted: int


class Ingestion(StrEnum):
    """The result for a reported row."""

    COUNTED = "counted"
    REPEATED = "repeated"
    UNKNOWN_ACCOUNT = "unknown_account"
    INVALID_TIME = "invalid_time"
    INVALID_REFERENCE = "invalid_reference"


class Statistics:
    """Reads the hourly counters, and counts what customers report."""

    def __init__(self, *, storage: Storage, queries: Queries, clock: Clock) -> None:
        self._storage = storage
        self._queries = queries
        self._clock = clock

    async def totals(self, query: StatisticsQuery) -> list[Total]:
        """The nonzero totals, by period and value; raises `Refused`."""
        unit_ms = HOUR_MS if query.aggregate is Aggregate.HOURLY else DAY_MS
        stretches = list(stretches_of(query.zone, *self._times(query)))
        found = await self._storage.read(
            lambda c: count_by_period(
                c,
                query.account_ids,
                (query.direction, WITHOUT_ROWS + query.direction),
                (query.dimension,),
                stretches=stretches,
                unit_ms=unit_ms,
            )
        )
        totals: defaultdict[tuple[datetime, str], int] = defaultdict(int)
        for row in found:
            totals[_start(query.aggregate, row.period * unit_ms), row.value] += row.counted
        return sorted(Total(*key, counted) for key, counted in totals.items())

    def _times(self, query: StatisticsQuery) -> tuple[int, int]:
        """The hours of a query: start of the first and end of the last."""
        length = _LENGTHS[query.aggregate]
        to_ms = self._clock.now_ms() if query.to_ms is None else query.to_ms
        from_ms = query.from_ms
        if from_ms is None:
            from_ms = to_ms - length.usual_days * DAY_MS
        if to_ms - from_ms > length.most_days * DAY_MS:
            detail = f"more than {length.most_days} days before the end"
            raise Refused(RefusalCode.INVALID_FIELD, "starttime", detail)
        return from_ms - from_ms % HOUR_MS, to_ms - to_ms % HOUR_MS + HOUR_MS

    async def ingest(self, account: Account, rows: Sequence[IngestedRow]) -> list[Ingestion]:
        """Counts what accounts of the tree sent or received elsewhere; returns a result per row.

        A row whose reference was counted before changes nothing.
        """
        tree = {account.account_id, *await self._queries.accounts_below(account)}
        now_ms = self._clock.now_ms()
        results = [_check(row, tree, now_ms) for row in rows]
        fit = [index for index, result in enumerate(results) if result is Ingestion.COUNTED]
        for begin in range(0, len(fit), ROWS_AT_ONCE):
            chunk = fit[begin : begin + ROWS_AT_ONCE]
            reported = IngestedRows(rows=tuple(rows[index] for index in chunk), at_ms=now_ms)
            counted = await self._storage.writer.write(ingest, reported)
            for index, new in zip(chunk, counted, strict=True):
                results[index] = Ingestion.COUNTED if new else Ingestion.REPEATED
        return results


def _check(row: IngestedRow, tree: set[int], now_ms: int) -> Ingestion:
    if row.account_id not in tree:
        return Ingestion.UNKNOWN_ACCOUNT
    if not EARLIEST_MS <= row.at_ms <= now_ms + DAY_MS:
        return Ingestion.INVALID_TIME
    if not 0 < len(row.reference) <= MAX_REFERENCE or not is_storable(row.reference):
        return Ingestion.INVALID_REFERENCE
    return Ingestion.COUNTED


def _start(aggregate: Aggregate, local_ms: int) -> datetime:
    start = _FIRST_DAY + timedelta(milliseconds=local_ms)
    if aggregate is Aggregate.WEEKLY:
        return start - timedelta(days=start.weekday())
    return start.replace(day=1) if aggregate is Aggregate.MONTHLY else start
