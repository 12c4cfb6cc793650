"""Hourly counters, summed in memory for a group and written with it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, delete, func, select

from dragoman.core.messages.sql.tables import IS_BY_COUNTRY, hourly_statistics
from dragoman.kit.ids import EPOCH_MS, SEQUENCE_BITS
from dragoman.kit.zones import Stretch
from dragoman.storage.bulk import BulkInsert
from dragoman.storage.hot_rows import HotRows
from dragoman.storage.rows import is_one_of
from dragoman.storage.time_limit import time_limit

HOUR_MS: Final = 3_600_000
WITHOUT_ROWS: Final = "told:"
"""Prefix of the direction of counts that have no rows which a search could find."""
FEW_COUNTS: Final = 1_000
"""Counts of a rare value that are read for all accounts, not for each of the wanted ones."""
READ_LIMIT_S: Final = 2.0
"""A question that takes longer is given up."""
QUEUED: Final = "queued"
"""What the states before a carrier took a message are called in the statistics."""
CREDITS: Final = "mcc:credits"
"""What messages to a country are charged, less what was refunded; in the hour of the message."""
PRICE: Final = "mcc:price"
"""The same by the price list, in its smallest unit."""

_ADD = HotRows(
    BulkInsert(
        hourly_statistics,
        suffix=(
            "ON CONFLICT (account_id, hour_ms, direction, dimension, value) DO UPDATE SET"
            " count = hourly_statistics.count + excluded.count,"
            " parts = hourly_statistics.parts + excluded.parts"
        ),
    ),
    5,
    {"count": "{old} + {new}", "parts": "{old} + {new}"},
)


class Counters:
    """The counts of one group of work."""

    def __init__(self) -> None:
        self._states: dict[tuple[int, int, str, str, str], list[int]] = defaultdict(lambda: [0, 0])
        self._counts: dict[tuple[int, int, str, str, str], list[int]] = defaultdict(lambda: [0, 0])

    def accepted(self, account_id: int, hour_ms: int, mcc: str, count: int, parts: int) -> None:
        """Counts accepted messages of an hour."""
        _add(self._states[account_id, hour_ms, mcc, "", QUEUED], count, parts)

    def moved(
        self,
        account_id: int,
        hour_ms: int,
        mcc: str,
        before: str,
        after: str,
        count: int,
        parts: int,
    ) -> None:
        """Counts messages of an hour in another state."""
        _add(self._states[account_id, hour_ms, mcc, before, after], count, parts)

    def add(
        self, account_id: int, at_ms: int, direction: str, dimension: str, value: str, parts: int
    ) -> None:
        """Counts one of another dimension."""
        hour_ms = at_ms - at_ms % HOUR_MS
        _add(self._counts[account_id, hour_ms, direction, dimension, value], 1, parts)

    def count(
        self, account_id: int, hour_ms: int, dimension: str, value: str, count: int, parts: int
    ) -> None:
        """Counts a value of sent messages in an hour; negative counts subtract."""
        _add(self._counts[account_id, hour_ms, "outbox", dimension, value], count, parts)

    def charged(self, account_id: int, hour_ms: int, mcc: str, credits: int, price: int) -> None:
        """Counts what is charged for messages; negative for what is refunded."""
        for dimension, amount in ((CREDITS, credits), (PRICE, price)):
            if amount:
                _add(self._counts[account_id, hour_ms, "outbox", dimension, mcc], amount, 0)

    def write(self, connection: Connection) -> None:
        """Adds the counts to the stored ones."""
        counts = self._counts
        for (account_id, hour_ms, mcc, before, after), (count, parts) in self._states.items():
            sides = [(f"{mcc}:{after}", 1)]
            if before:
                sides.append((f"{mcc}:{before}", -1))
            else:
                _add(counts[account_id, hour_ms, "outbox", "sum", "sum"], count, parts)
            for value, sign in sides:
                entry = counts[account_id, hour_ms, "outbox", "mcc:status", value]
                _add(entry, sign * count, sign * parts)
        # Sorted, so that two writers could never wait for each other in a circle.
        rows = [
            (*key, count, parts) for key, (count, parts) in sorted(counts.items()) if count or parts
        ]
        _ADD.run(connection, rows)


def detach(connection: Connection, account_id: int, from_ms: int, before_ms: int) -> None:
    """Keeps the counts of some hours for statistics alone: their rows are dropped."""
    table = hourly_statistics.c
    counted = (
        table.account_id == account_id,
        table.hour_ms >= from_ms,
        table.hour_ms < before_ms,
        table.direction.in_(("inbox", "outbox")),
    )
    rows = connection.execute(select(hourly_statistics).where(*counted)).all()
    _ADD.run(
        connection,
        [(row[0], row[1], WITHOUT_ROWS + row.direction, *row[3:]) for row in rows],
    )
    connection.execute(delete(hourly_statistics).where(*counted))


IDS_PER_HOUR: Final = HOUR_MS << SEQUENCE_BITS
"""Identifiers of an hour have the same quotient: hours since `EPOCH_MS`, which begins one."""


def start_of_hour(number: int) -> int:
    """When an hour since `EPOCH_MS` begins, in milliseconds."""
    return EPOCH_MS + number * HOUR_MS


def hour_of(identifier: int) -> int:
    """The start of the hour in which an identifier was created, in milliseconds."""
    at_ms = (identifier >> SEQUENCE_BITS) + EPOCH_MS
    return at_ms - at_ms % HOUR_MS


def _add(entry: list[int], count: int, parts: int) -> None:
    entry[0] += count
    entry[1] += parts


class HourCount(NamedTuple):
    """The count in one hour."""

    hour_ms: int
    counted: int
    parts: int


class PeriodCount(NamedTuple):
    """The count of a value in one period."""

    direction: str
    dimension: str
    period: int
    """How many of its unit the period begins after 1970 in local time."""
    value: str
    counted: int


def count_by_hour(
    connection: Connection,
    account_ids: Sequence[int],
    direction: str,
    dimension: str,
    *,
    narrow: Callable[[ColumnElement[str]], ColumnElement[bool]] | None = None,
    from_ms: int | None = None,
    before_ms: int | None = None,
) -> list[HourCount]:
    """The hours with any counts, newest first; `narrow` selects the values."""
    table = hourly_statistics.c
    conditions = [
        is_one_of(connection.dialect.name, table.account_id, account_ids),
        table.direction == direction,
        table.dimension == dimension,
    ]
    if narrow is not None:
        conditions.append(narrow(table.value))
    if from_ms is not None:
        conditions.append(table.hour_ms >= from_ms)
    if before_ms is not None:
        conditions.append(table.hour_ms < before_ms)
    count = func.sum(table.count)
    query = (
        select(table.hour_ms, count, func.sum(table.parts))
        .where(*conditions)
        .group_by(table.hour_ms)
        .having(count > 0)
        .order_by(table.hour_ms.desc())
    )
    return [HourCount(hour, int(n), int(parts)) for hour, n, parts in connection.execute(query)]


def count_rare_by_hour(
    connection: Connection,
    account_ids: Sequence[int],
    values: Sequence[str],
    *,
    from_ms: int | None = None,
    before_ms: int | None = None,
) -> list[HourCount] | None:
    """The hours with sent messages of some `mcc:status`, newest first; None if those are many.

    The primary key has the hours of an account in order, each with all countries: where hardly
    anybody sends to one, or nobody, that is a look at the counts of everything.
    """
    table = hourly_statistics.c
    conditions = [IS_BY_COUNTRY, is_one_of(connection.dialect.name, table.value, values)]
    if from_ms is not None:
        conditions.append(table.hour_ms >= from_ms)
    if before_ms is not None:
        conditions.append(table.hour_ms < before_ms)
    columns = table.account_id, table.direction, table.hour_ms, table.count, table.parts
    rows = connection.execute(select(*columns).where(*conditions).limit(FEW_COUNTS + 1)).all()
    if len(rows) > FEW_COUNTS:
        return None
    wanted = set(account_ids)
    hours: dict[int, list[int]] = defaultdict(lambda: [0, 0])
    for account_id, direction, hour_ms, count, parts in rows:
        if account_id in wanted and direction == "outbox":
            _add(hours[hour_ms], count, parts)
    return [
        HourCount(hour, *hours[hour]) for hour in sorted(hours, reverse=True) if hours[hour][0] > 0
    ]


def count_by_period(
    connection: Connection,
    account_ids: Sequence[int],
    directions: Sequence[str],
    dimensions: Sequence[str],
    *,
    stretches: Iterable[Stretch],
    unit_ms: int,
) -> list[PeriodCount]:
    """Sums over periods of local time, which clock changes split into stretches.

    All dimensions of a time are adjacent, so several cost little more than one. Raises
    `TookTooLong`.
    """
    table = hourly_statistics.c
    counted = func.sum(table.count)
    found: list[PeriodCount] = []
    with time_limit(connection, READ_LIMIT_S):
        for stretch in stretches:
            period = ((table.hour_ms + stretch.offset_ms) // unit_ms).label("period")
            query = (
                select(table.direction, table.dimension, period, table.value, counted)
                .where(
                    is_one_of(connection.dialect.name, table.account_id, account_ids),
                    table.hour_ms >= stretch.from_ms,
                    table.hour_ms < stretch.before_ms,
                    table.direction.in_(directions),
                    table.dimension.in_(dimensions),
                )
                # Sorted by what differs most, which spares comparisons of texts that are alike.
                .group_by(table.value, period, table.dimension, table.direction)
                .having(counted > 0)
            )
            found += (
                PeriodCount(direction, dimension, int(at), value, int(n))
                for direction, dimension, at, value, n in connection.execute(query)
            )
    return found
