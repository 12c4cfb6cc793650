"""Pages of sent messages by key, newest first, that cost the same however deep they are.

A page is read off the narrowest index that fits: of a batch, a number, failed messages, an account.
What no index narrows is looked for among a limited number of candidates; a page then says how far
it looked, and the next one goes on there. The hourly counters tell which hours hold messages of a
state or a country at all, so that rare ones are not looked for among all others. Of many accounts,
whose messages no index has in order, the newest messages of everybody are looked at before that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, and_, case, func, select, true, union_all

from dragoman.core.messages.model.views import MessageView
from dragoman.core.messages.sql.paging import Span
from dragoman.core.messages.sql.statistics import HOUR_MS, QUEUED, hour_of
from dragoman.core.messages.sql.tables import IS_FAILED, IS_UNSENT, batches, messages
from dragoman.core.model.errors import FailureCode
from dragoman.core.reporting.model.message_search import (
    ExportedMessage,
    ExportedMessages,
    FoundMessages,
    MessageFilter,
)
from dragoman.core.reporting.model.outbox import OutboxFilter
from dragoman.core.reporting.sql.outbox import (
    SEARCH_LIMIT_S,
    STATES_OF_NAMES,
    VIEW,
    few_that_wait,
    newest_hours_of,
)
from dragoman.core.reporting.sql.outbox_filters import FAILED, text_of
from dragoman.kit.ids import first_at, time_of
from dragoman.storage.rows import FEW, is_one_of, read_all
from dragoman.storage.text_search import contains_pieces
from dragoman.storage.time_limit import time_limit

LOOKED_AT: Final = 8_000
"""Candidates of one page, of which only columns of their own are looked at."""
TEXTS_LOOKED_AT: Final = 4_000
"""Candidates of one page whose batches are looked at."""
MAX_RUNS: Final = 25
"""Runs of hours that are looked at before the counters are asked again."""
WIDER: Final = 4
"""How many times as far is looked where that is likely to be far enough."""
MAX_ROUNDS: Final = 4
"""How often one page asks the counters."""

_EXPORT: Final = select(
    *(
        messages.c[name]
        for name in ExportedMessage.__struct_fields__
        if name in messages.c and name != "text"
    ),
    batches.c.sender,
    batches.c.dialect,
    batches.c.reference,
    text_of(messages.c).label("text"),
).join(batches, batches.c.batch_id == messages.c.batch_id)


class _Page(NamedTuple):
    identifiers: list[int]
    before: int | None
    is_full: bool


def find_messages(
    connection: Connection, wanted: MessageFilter, before: int | None, limit: int
) -> FoundMessages:
    """A page of messages below an identifier, newest first; raises `TookTooLong`."""
    with time_limit(connection, SEARCH_LIMIT_S):
        page = _find(connection, wanted, before, limit, _budget(wanted))
        views = _read(connection, VIEW, page.identifiers, MessageView)
    looked_to_ms = None
    if page.before is not None and not page.is_full:
        looked_to_ms = time_of(page.before)
    return FoundMessages(messages=tuple(views), before=page.before, looked_to_ms=looked_to_ms)


def export_messages(
    connection: Connection, wanted: MessageFilter, before: int | None, limit: int
) -> ExportedMessages:
    """The same as rows of a file, looking further for each of them; raises `TookTooLong`."""
    with time_limit(connection, SEARCH_LIMIT_S):
        page = _find(connection, wanted, before, limit, 4 * _budget(wanted))
        rows = _read(connection, _EXPORT, page.identifiers, ExportedMessage)
    return ExportedMessages(messages=tuple(rows), before=page.before)


def _read(
    connection: Connection, query: Select[Any], identifiers: list[int], kind: Any
) -> list[Any]:
    if not identifiers:
        return []
    among = is_one_of(connection.dialect.name, messages.c.message_id, identifiers)
    return read_all(connection, query.where(among).order_by(messages.c.message_id.desc()), kind)


def _budget(wanted: MessageFilter) -> int:
    return TEXTS_LOOKED_AT if wanted.text or wanted.sender or wanted.dialect else LOOKED_AT


def _find(
    connection: Connection, wanted: MessageFilter, before: int | None, limit: int, budget: int
) -> _Page:
    span = Span.of_times(wanted.from_ms, wanted.to_ms)
    if before is not None:
        span = span._replace(end=before if span.end is None else min(before, span.end))
    ranges = _ranges(connection, wanted)
    conditions = list(_conditions(connection.dialect.name, wanted))
    if ranges and _is_wide(wanted):
        page = _find_in_window(connection, wanted, ranges, conditions, span, limit, budget)
        if page is not None:
            return page
    found: list[int] = []
    for _ in range(MAX_ROUNDS):
        runs, rest = _runs(connection, wanted, span, limit, budget) if ranges else ([], None)
        for run in runs:
            floor, budget = _look(connection, ranges, run, budget)
            part = run if floor is None else run._replace(first=floor)
            found += _read_part(connection, ranges, conditions, part, limit + 1 - len(found))
            if len(found) > limit:
                return _Page(found[:limit], found[limit - 1], True)
            if floor is not None or budget <= 0:
                return _Page(found, part.first, False)
        if rest is None:
            return _Page(found, None, False)
        span = span._replace(end=rest)
    return _Page(found, span.end, False)


def _is_wide(wanted: MessageFilter) -> bool:
    """Whether the messages of many accounts are gone through, and no index has them in order."""
    return len(wanted.account_ids) > FEW and not _is_narrow(wanted)


def _is_narrow(wanted: MessageFilter) -> bool:
    named = wanted.batch_ids is not None or wanted.message_ids is not None
    return bool(named or wanted.recipients or _waits(wanted))


def _find_in_window(
    connection: Connection,
    wanted: MessageFilter,
    ranges: Sequence[ColumnElement[bool]],
    conditions: Sequence[ColumnElement[bool]],
    span: Span,
    limit: int,
    budget: int,
) -> _Page | None:
    """A page of what is frequent, from the newest messages of all accounts; None if it is rare.

    The counters of thousands of accounts take longer to read than that.
    """
    is_counted = bool(wanted.states or wanted.mccs)
    is_export = budget > _budget(wanted)
    widths = [budget] if is_export else [budget, WIDER * budget]
    for width in widths if conditions else (2 * limit, budget):
        number, lowest, own = _newest_of_all(connection, wanted, span, width)
        window = span if number < width else span._replace(first=lowest)
        found = _read_part(connection, ranges, conditions, window, limit + 1)
        if len(found) > limit:
            return _Page(found[:limit], found[limit - 1], True)
        if number < width:
            return _Page(found, None, False)
        if width < budget:
            continue
        is_likely = len(found) * WIDER > limit
        if (is_likely and is_export) or (not is_counted and own >= width // 2):
            return _Page(found, window.first, False)
        if not is_counted or not is_likely:
            return None
    return None


def _newest_of_all(
    connection: Connection, wanted: MessageFilter, span: Span, width: int
) -> tuple[int, int, int]:
    """How many messages a window holds, the lowest identifier in it, and how many are wanted."""
    newest = (
        select(messages.c.message_id, messages.c.account_id)
        .where(*span.within(messages.c.message_id))
        .order_by(messages.c.message_id.desc())
        .limit(width)
        .subquery()
    )
    own = is_one_of(connection.dialect.name, newest.c.account_id, wanted.account_ids)
    counted = func.count(), func.min(newest.c.message_id), func.sum(case((own, 1), else_=0))
    number, lowest, mine = connection.execute(select(*counted).select_from(newest)).one()
    return number, lowest or 0, mine or 0


def _ranges(connection: Connection, wanted: MessageFilter) -> list[ColumnElement[bool]]:
    """Conditions each of which is a range of one index, in the order of identifiers."""
    driver = connection.dialect.name
    accounts, failed = wanted.account_ids, _failed_alone(wanted)
    if wanted.batch_ids is not None:
        return [messages.c.batch_id == one for one in _own_batches(connection, wanted)]
    numbers = wanted.recipients or (None,)
    if wanted.message_ids is not None:
        mine = is_one_of(driver, messages.c.account_id, accounts)
        return [and_(messages.c.message_id.in_(wanted.message_ids), mine)]
    if _waits(wanted) and not wanted.recipients:
        mine = is_one_of(driver, messages.c.account_id, accounts)
        waiting = few_that_wait(connection)
        if waiting is not None:
            return [and_(is_one_of(driver, messages.c.message_id, waiting), mine)]
        return [and_(IS_UNSENT, mine)]
    if len(accounts) * len(numbers) > FEW:
        mine = is_one_of(driver, messages.c.account_id, accounts)
        to = messages.c.recipient.in_(wanted.recipients) if wanted.recipients else true()
        return [and_(mine, to, failed)]
    return [
        and_(
            messages.c.account_id == account_id,
            true() if number is None else messages.c.recipient == number,
            failed,
        )
        for account_id, number in product(accounts, numbers)
    ]


def _own_batches(connection: Connection, wanted: MessageFilter) -> list[int]:
    driver = connection.dialect.name
    query = select(batches.c.batch_id).where(
        batches.c.batch_id.in_(wanted.batch_ids or ()),
        is_one_of(driver, batches.c.account_id, wanted.account_ids),
    )
    return list(connection.execute(query).scalars())


def _failed_alone(wanted: MessageFilter) -> ColumnElement[bool]:
    """The condition of the index of failed messages, where only those can fit."""
    codes = bool(wanted.failures) and FailureCode.NONE not in wanted.failures
    states = bool(wanted.states) and set(wanted.states) <= FAILED
    return IS_FAILED if codes or states else true()


def _conditions(driver: str, wanted: MessageFilter) -> Iterator[ColumnElement[bool]]:
    """What is looked at in each candidate."""
    for column, value in (("route", wanted.route), ("carrier", wanted.carrier)):
        if value:
            yield messages.c[column] == value
    if wanted.states:
        yield messages.c.state.in_([state.value for state in wanted.states])
    if wanted.failures:
        yield messages.c.failure.in_([failure.value for failure in wanted.failures])
    if wanted.mccs:
        yield messages.c.mcc.in_(wanted.mccs)
    named = wanted.batch_ids is not None or wanted.message_ids is not None
    if named and wanted.recipients:
        yield messages.c.recipient.in_(wanted.recipients)
    # As a value of each candidate, so that no planner begins with the batches.
    if wanted.sender:
        yield _of_batch(func.lower(batches.c.sender)) == wanted.sender.lower()
    if wanted.dialect:
        yield _of_batch(batches.c.dialect) == wanted.dialect
    if wanted.text:
        text = func.coalesce(messages.c.text, _of_batch(batches.c.text))
        yield contains_pieces(driver, text, wanted.text)


def _of_batch(column: ColumnElement[Any]) -> ColumnElement[Any]:
    query = select(column).where(batches.c.batch_id == messages.c.batch_id)
    return query.correlate(messages).scalar_subquery()


def _runs(
    connection: Connection, wanted: MessageFilter, span: Span, limit: int, budget: int
) -> tuple[list[Span], int | None]:
    """Parts of a span that can hold what is wanted, newest first, and where the rest of it ends."""
    is_wide = len(wanted.account_ids) > FEW
    by_failed = not is_wide and not wanted.mccs and _failed_alone(wanted) is IS_FAILED
    is_counted = bool(wanted.states or wanted.mccs)
    if _is_narrow(wanted) or by_failed or not (is_counted or is_wide):
        return [span], None
    counted = OutboxFilter(
        account_id=wanted.account_ids[0],
        below=wanted.account_ids[1:],
        states=wanted.states,
        mccs=wanted.mccs,
    )
    further = wanted.route or wanted.carrier or wanted.failures or _budget(wanted) != LOOKED_AT
    enough = budget if further else limit + 1
    from_ms = None if span.first is None else hour_of(span.first)
    before_ms = None if span.end is None else hour_of(span.end - 1) + HOUR_MS
    newest = newest_hours_of(connection, counted, from_ms, before_ms, enough)
    rest = None
    if newest.is_cut and newest.from_ms is not None:
        rest = first_at(newest.from_ms)
    runs: list[Span] = []
    held = 0
    for hour in newest.hours:
        first, end = first_at(hour.hour_ms), first_at(hour.hour_ms + HOUR_MS)
        if held > enough or len(runs) == MAX_RUNS:
            rest = end
            break
        held += hour.counted
        if runs and runs[-1].first == end:
            runs[-1] = runs[-1]._replace(first=first)
        else:
            runs.append(Span(first, end))
    return [_within(span, run) for run in runs], rest


def _waits(wanted: MessageFilter) -> bool:
    """Whether only messages that no carrier took can fit; there is an index of those."""
    return bool(wanted.states) and set(wanted.states) <= STATES_OF_NAMES[QUEUED]


def _within(span: Span, run: Span) -> Span:
    firsts = [one for one in (span.first, run.first) if one is not None]
    ends = [one for one in (span.end, run.end) if one is not None]
    return Span(max(firsts, default=None), min(ends, default=None))


def _look(
    connection: Connection, ranges: Sequence[ColumnElement[bool]], run: Span, budget: int
) -> tuple[int | None, int]:
    """How far down a run so many candidates reach, None for all of it, and how many are left."""
    identifier = messages.c.message_id
    each = max(budget // len(ranges), 1)
    floors: list[int] = []
    used = 0
    for one in ranges:
        some = (
            select(identifier)
            .where(one, *run.within(identifier))
            .order_by(identifier.desc())
            .limit(each)
            .subquery()
        )
        query = select(func.count(), func.min(some.c.message_id))
        number, lowest = connection.execute(query.select_from(some)).one()
        used += number
        if number == each:
            floors.append(lowest)
    return (max(floors), 0) if floors else (None, budget - used)


def _read_part(
    connection: Connection,
    ranges: Sequence[ColumnElement[bool]],
    conditions: Sequence[ColumnElement[bool]],
    part: Span,
    limit: int,
) -> list[int]:
    identifier = messages.c.message_id
    each = [
        select(identifier.label("id"))
        .where(one, *conditions, *part.within(identifier))
        .order_by(identifier.desc())
        .limit(limit)
        for one in ranges
    ]
    if len(each) == 1:
        return list(connection.execute(each[0]).scalars())
    together = union_all(*(select(one.subquery()) for one in each)).subquery()
    query = select(together.c.id).order_by(together.c.id.desc()).limit(limit)
    return list(connection.execute(query).scalars())
