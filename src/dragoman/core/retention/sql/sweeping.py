"""Goes over the rows of an account in the order of their identifiers, and forgets what is in them.

A row that is still needed is passed over and written down, so that it holds up no other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Select,
    and_,
    case,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
)

from dragoman.core.accounts.sql.tables import accounts
from dragoman.core.callbacks.sql.callbacks import CallbackState
from dragoman.core.inbound.sql.tables import inbound_texts
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.sql.tables import batches, callbacks, messages
from dragoman.core.retention.model import Lifetimes, Swath, Sweep
from dragoman.core.retention.sql import forgetting
from dragoman.core.retention.sql.tables import retention_leftovers, retention_positions
from dragoman.storage.rows import put_row
from dragoman.storage.work import one_by_one

SWATH: Final = 100
"""Rows that are forgotten in one transaction, so that what is being sent hardly waits for them."""

_PENDING: Final = callbacks.c.state == CallbackState.PENDING.value
MESSAGE_IS_OVER: Final = and_(
    messages.c.state >= State.UNKNOWN.value,
    ~exists().where(callbacks.c.message_id == messages.c.message_id, _PENDING),
)
"""Neither a carrier nor a customer is to be told of it any more."""
BATCH_IS_OVER: Final = and_(
    batches.c.waiting_recipients.is_(None),
    case(
        (batches.c.recipients > 1, batches.c.unsent + batches.c.buffered == 0),
        else_=~exists().where(
            messages.c.batch_id == batches.c.batch_id, messages.c.state < State.UNKNOWN.value
        ),
    ),
)
TEXT_IS_OVER: Final = ~exists().where(
    forgetting.is_call_of_text(inbound_texts.c.inbound_id), _PENDING
)


class _Source(NamedTuple):
    """The rows that a sweep goes over."""

    key: Column[int]
    is_over: ColumnElement[bool]
    forget: Callable[[Connection, Sequence[int]], None]


_SOURCES: Final = MappingProxyType(
    {
        Sweep.TEXTS_OF_MESSAGES: _Source(
            messages.c.message_id, MESSAGE_IS_OVER, forgetting.texts_of_messages
        ),
        Sweep.TEXTS_OF_BATCHES: _Source(
            batches.c.batch_id, BATCH_IS_OVER, forgetting.texts_of_batches
        ),
        Sweep.TEXTS_RECEIVED: _Source(
            inbound_texts.c.inbound_id, TEXT_IS_OVER, forgetting.texts_received
        ),
        Sweep.NUMBERS_OF_MESSAGES: _Source(
            messages.c.message_id, MESSAGE_IS_OVER, forgetting.numbers_of_messages
        ),
        Sweep.NUMBERS_OF_BATCHES: _Source(
            batches.c.batch_id, BATCH_IS_OVER, forgetting.numbers_of_batches
        ),
        Sweep.NUMBERS_RECEIVED: _Source(
            inbound_texts.c.inbound_id, TEXT_IS_OVER, forgetting.numbers_received
        ),
    }
)


@one_by_one("sweep")
def sweep(connection: Connection, item: Swath) -> bool:
    """Whether there may be more to forget."""
    source = _SOURCES[item.sweep]
    rows = connection.execute(_next(connection, item, source)).all()
    left = list(connection.execute(_released(item, source).limit(SWATH)).scalars())
    over = [row[0] for row in rows if row.is_over]
    if over or left:
        source.forget(connection, [*left, *over])
    mine = _of(retention_leftovers, item)
    connection.execute(delete(retention_leftovers).where(*mine, _LEFT.row_id.in_(left)))
    key = {"account_id": item.account_id, "sweep": item.sweep.value}
    needed = [{**key, "row_id": row[0]} for row in rows if not row.is_over]
    if needed:
        connection.execute(insert(retention_leftovers), needed)
    if rows:
        put_row(connection, retention_positions, {**key, "position": rows[-1][0]})
    return SWATH in (len(rows), len(left))


def find_due(connection: Connection, account_id: int, before: dict[Sweep, int]) -> list[Swath]:
    """The sweeps of an account that have something to do, where each goes up to an identifier."""
    due = []
    for which, up_to in before.items():
        item = Swath(account_id=account_id, sweep=which, before=up_to)
        source = _SOURCES[which]
        for query in (_next(connection, item, source), _released(item, source)):
            if connection.execute(query.limit(1)).first() is not None:
                due.append(item)
                break
    return due


def load_lifetimes(connection: Connection, usual: Lifetimes) -> dict[int, Lifetimes]:
    """How long what belongs to each account is kept, also to deleted ones and, at 0, to none."""
    names = Lifetimes.__struct_fields__
    columns = (accounts.c[name] for name in ("account_id", "parent_id", *names))
    found = {0: usual}
    for row in connection.execute(select(*columns).order_by(func.length(accounts.c.path))):
        above = found.get(row.parent_id or 0, usual)
        own = {name: getattr(row, name) for name in names}
        found[row.account_id] = Lifetimes(
            **{name: getattr(above, name) if days is None else days for name, days in own.items()}
        )
    return found


def load_account_ids(connection: Connection) -> list[int]:
    """Every account, also deleted ones."""
    query = select(accounts.c.account_id).order_by(accounts.c.account_id)
    return list(connection.execute(query).scalars())


_LEFT: Final = retention_leftovers.c


def _next(connection: Connection, item: Swath, source: _Source) -> Any:
    """The rows after the last ones, each with whether it is needed no more."""
    position = select(retention_positions.c.position).where(*_of(retention_positions, item))
    after = connection.execute(position).scalar() or 0
    return (
        select(source.key, source.is_over.label("is_over"))
        .where(of_account(source.key, item.account_id), source.key > after)
        .where(source.key < item.before)
        .order_by(source.key)
        .limit(SWATH)
    )


def _released(item: Swath, source: _Source) -> Select[Any]:
    """Rows that were passed over and are needed no more, also those that were dropped since."""
    return (
        select(_LEFT.row_id)
        .outerjoin(source.key.table, source.key == _LEFT.row_id)
        .where(*_of(retention_leftovers, item), or_(source.is_over, source.key.is_(None)))
        .order_by(_LEFT.row_id)
    )


def of_account(key: Column[Any], account_id: int) -> ColumnElement[bool]:
    """Whether the row with a column is of an account, or for 0 of none."""
    column = key.table.c.account_id
    return column == account_id if account_id else column.is_(None)


def _of(table: Any, item: Swath) -> tuple[ColumnElement[bool], ...]:
    return table.c.account_id == item.account_id, table.c.sweep == item.sweep.value
