"""Batches that are due later: finding them, and moving their time."""

from __future__ import annotations

from typing import Final

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    LargeBinary,
    and_,
    case,
    cast,
    null,
    or_,
    select,
    union_all,
    update,
)

from dragoman.core.messages.model.lifecycle import BatchState
from dragoman.core.messages.model.records import BatchOptions
from dragoman.core.messages.sql.tables import batches
from dragoman.core.submission.model.scheduled import (
    Position,
    ScheduledBatch,
    ScheduledFilter,
    ScheduledPage,
)
from dragoman.storage.rows import FEW, columns_of, is_one_of
from dragoman.storage.text_search import contains_pieces
from dragoman.storage.time_limit import time_limit
from dragoman.storage.work import one_by_one

SEARCH_LIMIT_S: Final = 2.0
"""A search that takes longer is given up."""

# Literally the condition of the indexes.
_WAITS = batches.c.waiting_recipients.is_not(None)
_UNBEGUN = and_(_WAITS, batches.c.expanded == 0, batches.c.state == BatchState.QUEUED.value)
_ONLY = case((batches.c.recipients == 1, batches.c.waiting_recipients), else_=null())
_COLUMNS = columns_of(batches, ScheduledBatch)


class NewTime(msgspec.Struct, frozen=True, kw_only=True):
    """Moves the due time of a batch, and with it the times that are counted from there."""

    batch_id: int
    known_due_ms: int
    """When it was due for who moves it: if that was changed since, nothing is."""
    due_ms: int
    now_ms: int


def find_scheduled(
    connection: Connection,
    wanted: ScheduledFilter,
    now_ms: int,
    after: Position | None,
    limit: int,
) -> ScheduledPage:
    """The batches that are due after now, the first due first; raises `TookTooLong`."""
    driver = connection.dialect.name
    conditions = [_UNBEGUN, batches.c.due_ms > now_ms, *_conditions(driver, wanted)]
    if after is not None:
        conditions.append(_is_behind(after))
    query = (
        select(*_COLUMNS, _ONLY.label("only"))
        .order_by(batches.c.due_ms, batches.c.batch_id)
        .limit(limit + 1)
    )
    if len(wanted.account_ids) > FEW:
        mine = is_one_of(driver, batches.c.account_id, wanted.account_ids)
        query = query.where(mine, *conditions)
    else:  # one index range each, and the ends of them merged
        each = [
            query.where(batches.c.account_id == account_id, *conditions).subquery()
            for account_id in wanted.account_ids
        ]
        together = union_all(*(select(one) for one in each)).subquery()
        query = select(together).order_by(together.c.due_ms, together.c.batch_id).limit(limit + 1)
    with time_limit(connection, SEARCH_LIMIT_S):
        rows = connection.execute(query).all()
    found = [_view(dict(row._mapping)) for row in rows[:limit]]
    more = len(rows) > limit
    place = Position(found[-1].due_ms, found[-1].batch_id) if more else None
    return ScheduledPage(batches=tuple(found), next=place)


def find_one(connection: Connection, batch_id: int, now_ms: int) -> ScheduledBatch | None:
    """A batch that is due after now; None for any other."""
    query = select(*_COLUMNS, _ONLY.label("only")).where(
        batches.c.batch_id == batch_id, _UNBEGUN, batches.c.due_ms > now_ms
    )
    row = connection.execute(query).first()
    return None if row is None else _view(dict(row._mapping))


@one_by_one("move_batches")
def move(connection: Connection, item: NewTime) -> bool:
    """True if the batch is due at its new time; False if it has begun, or was moved since."""
    of_batch = and_(
        batches.c.batch_id == item.batch_id,
        _UNBEGUN,
        batches.c.due_ms == item.known_due_ms,
        batches.c.due_ms > item.now_ms,
    )
    stored = connection.execute(select(batches.c.options).where(of_batch)).scalar()
    if stored is None:
        return False
    later_ms = item.due_ms - item.known_due_ms
    options = _moved(msgspec.json.decode(stored, type=BatchOptions), later_ms)
    values = {
        "due_ms": item.due_ms,
        "expires_ms": batches.c.expires_ms + later_ms,
        "options": msgspec.json.encode(options).decode(),
    }
    return bool(connection.execute(update(batches).where(of_batch).values(**values)).rowcount)


def _moved(options: BatchOptions, later_ms: int) -> BatchOptions:
    """Options whose link lives as long after the new time as it would have after the old one."""
    push = options.push
    if push is None or push.expires_ms is None:
        return options
    push = msgspec.structs.replace(push, expires_ms=push.expires_ms + later_ms)
    return msgspec.structs.replace(options, push=push)


def _conditions(driver: str, wanted: ScheduledFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.recipient:
        only = cast(wanted.recipient.encode(), LargeBinary)
        conditions += [batches.c.recipients == 1, batches.c.waiting_recipients == only]
    if wanted.sender:
        conditions.append(batches.c.sender == wanted.sender)
    if wanted.dialect:
        conditions.append(batches.c.dialect == wanted.dialect)
    if wanted.text:
        conditions.append(contains_pieces(driver, batches.c.text, wanted.text))
    if wanted.from_ms is not None:
        conditions.append(batches.c.due_ms >= wanted.from_ms)
    if wanted.to_ms is not None:
        conditions.append(batches.c.due_ms <= wanted.to_ms)
    return conditions


def _is_behind(after: Position) -> ColumnElement[bool]:
    """As a range of the first column, which an index finds, and the rest."""
    return and_(
        batches.c.due_ms >= after.due_ms,
        or_(batches.c.due_ms > after.due_ms, batches.c.batch_id > after.batch_id),
    )


def _view(row: dict[str, object]) -> ScheduledBatch:
    only = row.pop("only")
    recipient = (
        bytes(only).decode("ascii", "replace") if isinstance(only, bytes | memoryview) else ""
    )
    return ScheduledBatch(
        **{**row, "recipient": recipient if recipient.isdigit() else ""}  # type: ignore[arg-type]
    )
