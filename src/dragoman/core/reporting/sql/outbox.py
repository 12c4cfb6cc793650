"""Searches sent messages by number, time, batch, text and state; newest first."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

import msgspec
from sqlalchemy import ColumnElement, Connection, func, or_, select, true

from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.views import MessageView
from dragoman.core.messages.sql.changes import STATISTICS_NAMES
from dragoman.core.messages.sql.paging import (
    SCAN_LIMIT,
    TEXT_SCAN_LIMIT,
    Found,
    Newest,
    Span,
    newest_hours,
    scan,
    walk,
    whole_hours,
)
from dragoman.core.messages.sql.statistics import (
    HOUR_MS,
    QUEUED,
    HourCount,
    count_by_hour,
    count_rare_by_hour,
    hour_of,
)
from dragoman.core.messages.sql.tables import IS_UNSENT, batches, callbacks, messages
from dragoman.core.reporting.model.outbox import OutboxFilter, OutboxPage
from dragoman.core.reporting.sql.outbox_filters import (
    conditions_of,
    index_of_failed,
    narrowing,
    searched_columns,
    text_of,
)
from dragoman.kit.ids import first_at
from dragoman.storage.rows import is_one_of, read_all, read_one
from dragoman.storage.time_limit import time_limit

SEARCH_LIMIT_S: Final = 2.0
"""A search that takes longer is given up."""
FEW: Final = 1_000
"""Messages that are named one by one."""
STATES_OF_NAMES: Final = MappingProxyType(
    {
        name: frozenset(state for state in State if STATISTICS_NAMES[state] == name)
        for name in STATISTICS_NAMES.values()
    }
)


VIEW: Final = select(
    *(column for column in messages.columns if column.name != "text"),
    batches.c.sender,
    batches.c.dialect,
    text_of(messages.c).label("text"),
    batches.c.format,
    batches.c.protocol,
    batches.c.options,
).join(batches, batches.c.batch_id == messages.c.batch_id)


def search(
    connection: Connection, wanted: OutboxFilter, offset: int, limit: int, enough: int | None = None
) -> OutboxPage:
    """A page of sent messages, newest first; raises `TookTooLong`.

    If more than `enough` follow the page, they are not counted.
    """
    with time_limit(connection, SEARCH_LIMIT_S):
        most = None if enough is None else offset + limit + enough
        found = _find_page(connection, wanted, offset, limit, most)
        query = VIEW.where(messages.c.message_id.in_(found.identifiers)).order_by(
            messages.c.message_id.desc()
        )
        views = read_all(connection, query, MessageView) if found.identifiers else ()
        return OutboxPage(
            messages=tuple(views), total=found.total, parts=found.parts, has_more=found.has_more
        )


def find(
    connection: Connection, account_id: int, message_id: int, below: tuple[int, ...] = ()
) -> MessageView | None:
    """One of the account's messages, or of those of the accounts `below` it."""
    view = read_one(connection, VIEW.where(messages.c.message_id == message_id), MessageView)
    return None if view is None or view.account_id not in (account_id, *below) else view


def find_of_batch(
    connection: Connection, account_id: int, batch_id: int, offset: int, limit: int
) -> list[MessageView]:
    """A page of the messages of a batch, in the order of its recipients."""
    query = (
        VIEW.where(messages.c.batch_id == batch_id, messages.c.account_id == account_id)
        .order_by(messages.c.message_id)
        .offset(offset)
        .limit(limit)
    )
    return read_all(connection, query, MessageView)


def last_callback_answer(connection: Connection, message_id: int) -> str:
    """The customer's answer to the last callback of a message."""
    answer = connection.execute(
        select(callbacks.c.answer)
        .where(callbacks.c.message_id == message_id, callbacks.c.attempts > 0)
        .order_by(callbacks.c.callback_id.desc())
        .limit(1)
    ).scalar()
    return answer or ""


def _find_page(
    connection: Connection, wanted: OutboxFilter, offset: int, limit: int, most: int | None
) -> Found:
    span = Span.of_times(wanted.from_ms, wanted.to_ms)
    driver = connection.dialect.name
    own = is_one_of(driver, messages.c.account_id, (wanted.account_id, *wanted.below))
    driving: list[ColumnElement[bool]] = []
    if wanted.message_id is not None:
        driving.append(messages.c.message_id == wanted.message_id)
    if wanted.recipient:
        driving.append(messages.c.recipient == wanted.recipient)
    if wanted.batch_id is not None:
        if not _has_batch(connection, wanted, wanted.batch_id):
            return Found([], 0, 0)
        if driving:  # one recipient: a sum is no column of the index of the batch's many
            driving.append(messages.c.batch_id + 0 == wanted.batch_id)
        else:  # all of a batch are its account's: its index knows all there is to ask
            driving.append(messages.c.batch_id == wanted.batch_id)
            own = true()
    looks_into_batches = bool(wanted.sender or wanted.text)
    waits = bool(wanted.states) and set(wanted.states) <= STATES_OF_NAMES[QUEUED]
    if waits and not driving and most is not None:
        waiting = few_that_wait(connection)
        if waiting is not None:
            driving.append(is_one_of(driver, messages.c.message_id, waiting))
    if not driving and (wanted.states or wanted.mccs or not looks_into_batches):
        if not looks_into_batches and wanted.price is None and wanted.premium_price is None:
            first, end = whole_hours(wanted.from_ms, wanted.to_ms)
            newest = newest_hours_of(connection, wanted, first, end, most)
            found = walk(
                connection,
                identifier=messages.c.message_id,
                parts=messages.c.parts,
                conditions=[own, *index_of_failed(wanted), *conditions_of(wanted, messages.c)],
                hours=newest.hours,
                from_ms=newest.from_ms if newest.is_cut else wanted.from_ms,
                to_ms=wanted.to_ms,
                offset=offset,
                limit=limit,
                recounted=_recounted(connection, wanted, newest.from_ms, end),
            )
            return found._replace(has_more=newest.is_cut)
        span = _steer(connection, wanted, span)
    scan_limit = TEXT_SCAN_LIMIT if looks_into_batches else SCAN_LIMIT
    filters = narrowing(driver, wanted)
    if not driving and wanted.below:
        span = _span_of_newest(connection, wanted, span, scan_limit)
    if most is not None and filters is None:
        scan_limit = min(scan_limit, most + 1)
    found = scan(
        connection,
        candidates=select(*searched_columns(wanted)).where(
            own, *driving, *index_of_failed(wanted), *span.within(messages.c.message_id)
        ),
        identifier="message_id",
        filters=filters,
        limit=limit,
        offset=offset,
        scan_limit=scan_limit,
    )
    return found._replace(has_more=most is not None and found.total > most)


def _has_batch(connection: Connection, wanted: OutboxFilter, batch_id: int) -> bool:
    """Whether a batch belongs to one of the searched accounts."""
    query = select(batches.c.account_id).where(batches.c.batch_id == batch_id)
    return connection.execute(query).scalar() in (wanted.account_id, *wanted.below)


def _recounted(
    connection: Connection, wanted: OutboxFilter, from_ms: int | None, before_ms: int | None
) -> frozenset[int]:
    """The hours with messages that the counters do not distinguish from the wanted ones.

    All states before a carrier accepts a message, which are short, are counted under one name.
    """
    states = set(wanted.states)
    doubtful = tuple(
        state
        for alike in STATES_OF_NAMES.values()
        if states & alike and not states >= alike
        for state in alike
    )
    if not doubtful:
        return frozenset()
    hours = _hours(connection, msgspec.structs.replace(wanted, states=doubtful), from_ms, before_ms)
    return frozenset(hour.hour_ms for hour in hours)


def _hours(
    connection: Connection, wanted: OutboxFilter, from_ms: int | None, before_ms: int | None
) -> list[HourCount]:
    """The hours with counts of messages in the wanted states and countries."""
    names = sorted({STATISTICS_NAMES[state] for state in wanted.states or State})
    account_ids = (wanted.account_id, *wanted.below)
    values = [f"{mcc}:{name}" for mcc in wanted.mccs for name in names]
    if values:
        hours = count_rare_by_hour(
            connection, account_ids, values, from_ms=from_ms, before_ms=before_ms
        )
        if hours is not None:
            return hours

    def narrow(value: ColumnElement[str]) -> ColumnElement[bool]:
        return value.in_(values) if values else or_(*(value.like(f"%:{name}") for name in names))

    by_state = bool(wanted.states or wanted.mccs)
    return count_by_hour(
        connection,
        account_ids,
        "outbox",
        "mcc:status" if by_state else "sum",
        narrow=narrow if by_state else None,
        from_ms=from_ms,
        before_ms=before_ms,
    )


def newest_hours_of(
    connection: Connection,
    wanted: OutboxFilter,
    from_ms: int | None,
    before_ms: int | None,
    enough: int | None,
) -> Newest:
    """The newest hours with more than enough messages, or all."""
    return newest_hours(
        lambda low, high: _hours(connection, wanted, low, high),
        lambda: connection.execute(select(func.max(messages.c.message_id))).scalar(),
        from_ms,
        before_ms,
        enough,
    )


def _span_of_newest(
    connection: Connection, wanted: OutboxFilter, span: Span, candidates: int
) -> Span:
    """The part of a span with as many of the newest candidates as are examined.

    An index returns messages of several accounts in order only one account after the other.
    """
    everything = OutboxFilter(account_id=wanted.account_id, below=wanted.below)
    from_ms = None if span.first is None else hour_of(span.first)
    # Candidates later in the last hour are in addition to the counts.
    before_ms = None if span.end is None else hour_of(span.end)
    newest = newest_hours_of(connection, everything, from_ms, before_ms, candidates)
    left = candidates
    for hour in newest.hours:
        left -= hour.counted
        if left <= 0:
            first = first_at(hour.hour_ms)
            return span._replace(first=first if span.first is None else max(first, span.first))
    return span


def few_that_wait(connection: Connection) -> list[int] | None:
    """The unsent messages of all accounts; None if they are many."""
    query = select(messages.c.message_id).where(IS_UNSENT).limit(FEW + 1)
    found = list(connection.execute(query).scalars())
    return found if len(found) <= FEW else None


def _steer(connection: Connection, wanted: OutboxFilter, span: Span) -> Span:
    """The span without the times in which no such message was created."""
    if not wanted.states and not wanted.mccs:
        return span
    from_ms = None if wanted.from_ms is None else wanted.from_ms - wanted.from_ms % HOUR_MS
    before_ms = None if wanted.to_ms is None else wanted.to_ms + 1
    hours = _hours(connection, wanted, from_ms, before_ms)
    if not hours:
        return Span(0, 0)
    first, end = first_at(hours[-1].hour_ms), first_at(hours[0].hour_ms + HOUR_MS)
    return Span(
        first if span.first is None else max(first, span.first),
        end if span.end is None else min(end, span.end),
    )
