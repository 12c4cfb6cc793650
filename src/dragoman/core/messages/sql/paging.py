"""Pages of search results, newest first, with totals, without counting all rows.

Ten million rows cannot be counted for every search. A search by time, state or country alone is
answered from the hourly counters, which give the total and the hour in which a page begins, however
deep it is. Everything else examines candidates from an index, newest first, up to a limit.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Select,
    func,
    literal_column,
    select,
    union_all,
)

from dragoman.core.messages.sql.statistics import HOUR_MS, HourCount, hour_of
from dragoman.kit.ids import EPOCH_MS, first_at
from dragoman.kit.zones import DAY_MS

SCAN_LIMIT: Final = 100_000
"""Candidates that a search looks through where only an index narrows it."""
TEXT_SCAN_LIMIT: Final = 8_000
"""Candidates whose texts or senders a search looks into."""
MAX_HOURS: Final = 500
"""Hours from which one page is gathered."""


class Found(NamedTuple):
    """Identifiers of a page, and the total."""

    identifiers: list[int]
    total: int
    parts: int
    has_more: bool = False
    """Whether there is more than `total`, which then was enough to know."""


class Span(NamedTuple):
    """A range of identifiers, the end excluded; None if open."""

    first: int | None
    end: int | None

    @classmethod
    def of_times(cls, from_ms: int | None, to_ms: int | None) -> Span:
        """The identifiers created from one time to another, both included."""
        return cls(_first_at(from_ms), None if to_ms is None else first_at(to_ms + 1))

    def within(self, identifier: ColumnElement[int]) -> list[ColumnElement[bool]]:
        """The conditions that an identifier is in the range."""
        conditions = []
        if self.first is not None:
            conditions.append(identifier >= self.first)
        if self.end is not None:
            conditions.append(identifier < self.end)
        return conditions


class Newest(NamedTuple):
    """The newest hours with any counts."""

    hours: list[HourCount]
    from_ms: int | None
    """The beginning of the time that was looked at."""
    is_cut: bool
    """Whether that is less than was asked for, since it holds enough."""


class _Piece(NamedTuple):
    span: Span
    counted: int
    parts: int


def scan(
    connection: Connection,
    *,
    candidates: Select[Any],
    identifier: str,
    filters: Callable[[FromClause], Select[Any]] | None,
    limit: int,
    offset: int,
    scan_limit: int,
) -> Found:
    """Examines the newest candidates.

    `candidates` selects their rows by indexed conditions; `filters` selects matching ones from a
    subquery of them, without which all match.
    """
    column = candidates.selected_columns[identifier]
    if filters is None:
        return _scan_all(connection, candidates, column, limit, offset, scan_limit)
    bounded = candidates.order_by(column.desc()).limit(scan_limit).subquery()
    fitting = filters(bounded).with_only_columns(bounded.c[identifier].label("id"), bounded.c.parts)
    # Named twice, and so gone through once and kept: what fits is looked for among many.
    fits = fitting.cte("fits")
    page = select(fits.c.id, literal_column("0").label("n"), literal_column("0").label("parts"))
    page = page.order_by(fits.c.id.desc()).offset(offset).limit(limit)
    sums: Any = select(literal_column("NULL"), func.count(), func.sum(fits.c.parts))
    total = parts = 0
    found: list[int] = []
    for number, counted, summed in connection.execute(
        union_all(sums.select_from(fits), select(*page.subquery().columns))
    ):
        if number is None:
            total, parts = counted, summed or 0
        else:
            found.append(number)
    return Found(sorted(found, reverse=True), total, parts)


def _scan_all(
    connection: Connection,
    candidates: Select[Any],
    column: ColumnElement[int],
    limit: int,
    offset: int,
    scan_limit: int,
) -> Found:
    """A page of candidates that all match, so that indexes suffice."""
    parts_alone = candidates.with_only_columns(candidates.selected_columns["parts"])
    bounded = parts_alone.limit(scan_limit).subquery()
    counted: Any = connection.execute(select(func.count(), func.sum(bounded.c.parts))).one()
    total, parts = counted[0], counted[1] or 0
    if offset >= total:
        return Found([], total, parts)
    page = candidates.with_only_columns(column).order_by(column.desc())
    found = connection.execute(page.offset(offset).limit(min(limit, total - offset))).scalars()
    return Found(list(found), total, parts)


def walk(
    connection: Connection,
    *,
    identifier: ColumnElement[int],
    parts: ColumnElement[int],
    conditions: Sequence[ColumnElement[bool]],
    hours: Sequence[HourCount],
    from_ms: int | None,
    to_ms: int | None,
    offset: int,
    limit: int,
    recounted: Collection[int] = (),
) -> Found:
    """Finds a page by hourly counts, newest first, counting only partial hours.

    `hours` are those that lie wholly between the times. Those that are `recounted` include other
    messages too, and are counted until `SCAN_LIMIT` messages were found in them.
    """
    pieces = []
    left = SCAN_LIMIT
    for hour in hours:
        piece = _Piece(_hour(hour.hour_ms), hour.counted, hour.parts)
        if hour.hour_ms in recounted:
            if not left:
                continue
            piece = _count(connection, identifier, parts, conditions, piece.span, left)
            left -= piece.counted
        pieces.append(piece)
    late, early = ragged_ends(from_ms, to_ms)
    if late is not None:
        pieces.insert(0, _count(connection, identifier, parts, conditions, late))
    if early is not None:
        pieces.append(_count(connection, identifier, parts, conditions, early))
    found: list[int] = []
    looked = 0
    skipped = 0
    for piece in pieces:
        if skipped + piece.counted <= offset:
            skipped += piece.counted
            continue
        query = (
            select(identifier)
            .where(*conditions, *piece.span.within(identifier))
            .order_by(identifier.desc())
            .offset(max(0, offset - skipped))
            .limit(limit - len(found))
        )
        found += connection.execute(query).scalars()
        skipped = offset
        looked += 1
        if len(found) == limit or looked == MAX_HOURS:
            break
    return Found(found, sum(p.counted for p in pieces), sum(p.parts for p in pieces))


def newest_hours(
    read: Callable[[int | None, int | None], list[HourCount]],
    read_last: Callable[[], int | None],
    from_ms: int | None,
    before_ms: int | None,
    enough: int | None,
) -> Newest:
    """The newest hours with more than `enough` in them, or all hours.

    `read` returns the hours between two times, newest first, `read_last` the newest identifier.
    Without `enough` all are read.
    """
    if enough is None:
        return Newest(read(from_ms, before_ms), from_ms, False)
    last = read_last()
    if last is None:
        return Newest([], from_ms, False)
    last_ms = hour_of(last)
    low = last_ms + HOUR_MS if before_ms is None else min(last_ms + HOUR_MS, before_ms)
    hours: list[HourCount] = []
    counted, looked_ms, width_ms = 0, 0, DAY_MS
    while counted <= enough:
        high, low = low, low - width_ms
        if low <= (EPOCH_MS if from_ms is None else from_ms):
            return Newest(hours + read(from_ms, high), from_ms, False)
        hours += read(low, high)
        counted = sum(hour.counted for hour in hours)
        looked_ms += width_ms
        # As long as it takes at this pace and a bit, within bounds: the pace of a few is no pace.
        width_ms = 4 * looked_ms
        if counted:
            left_ms = looked_ms * (enough - counted) // counted * 5 // 4
            width_ms = min(width_ms, max(looked_ms, left_ms - left_ms % HOUR_MS))
    return Newest(hours, low, True)


def whole_hours(from_ms: int | None, to_ms: int | None) -> tuple[int | None, int | None]:
    """The start of the first and end of the last whole hour between two times."""
    first = None if from_ms is None else -(-from_ms // HOUR_MS) * HOUR_MS
    end = None if to_ms is None else (to_ms + 1) // HOUR_MS * HOUR_MS
    return first, end


def ragged_ends(from_ms: int | None, to_ms: int | None) -> tuple[Span | None, Span | None]:
    """The part of a time span after its last whole hour, and before its first."""
    first, end = whole_hours(from_ms, to_ms)
    if first is not None and end is not None and first >= end:
        return Span.of_times(from_ms, to_ms), None
    late = None if to_ms is None or to_ms + 1 == end else Span.of_times(end, to_ms)
    early = (
        None if from_ms is None or from_ms == first else Span(_first_at(from_ms), _first_at(first))
    )
    return late, early


def _first_at(at_ms: int | None) -> int | None:
    return None if at_ms is None else first_at(at_ms)


def _hour(hour_ms: int) -> Span:
    return Span.of_times(hour_ms, hour_ms + HOUR_MS - 1)


def _count(
    connection: Connection,
    identifier: ColumnElement[int],
    parts: ColumnElement[int],
    conditions: Sequence[ColumnElement[bool]],
    span: Span,
    limit: int = SCAN_LIMIT,
) -> _Piece:
    rows = (
        select(parts.label("parts"))
        .where(*conditions, *span.within(identifier))
        .limit(limit)
        .subquery()
    )
    counted: Any = connection.execute(
        select(func.count(literal_column("*")), func.sum(rows.c.parts)).select_from(rows)
    ).one()
    return _Piece(span, counted[0], counted[1] or 0)
