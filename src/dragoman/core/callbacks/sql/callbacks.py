"""Callbacks that are due, and the outcome of each attempt."""

from __future__ import annotations

from enum import IntEnum

import msgspec
from sqlalchemy import Connection, and_, exists, func, select

from dragoman.core.messages.sql.tables import callback_attempts, callbacks
from dragoman.storage.bulk import BulkInsert, BulkUpdate
from dragoman.storage.rows import columns_of, read_all
from dragoman.storage.work import together


class CallbackState(IntEnum):
    """The stage of a callback."""

    PENDING = 0
    DELIVERED = 1
    GIVEN_UP = 2
    """The last retry failed, or the customer's server said 410, or the URL may not be called."""


class StoredCallback(msgspec.Struct, frozen=True, kw_only=True):
    """A callback to be delivered."""

    callback_id: int
    account_id: int
    message_id: int
    dialect: str
    origin: str
    url: str
    payload: str
    attempts: int
    next_attempt_ms: int


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of a call to a customer's URL."""

    callback_id: int
    state: CallbackState
    attempts: int
    next_attempt_ms: int
    answered_ms: int
    answer_status: int | None
    answer: str


_UPDATE = BulkUpdate(
    callbacks, Attempt.__struct_fields__, dict.fromkeys(Attempt.__struct_fields__[1:], "{new}")
)
_INSERT_REPEATED = BulkInsert(
    callback_attempts, suffix="ON CONFLICT (callback_id, number) DO NOTHING"
)
"""Attempts that another follows; the last one is in the callback's own row."""


@together("record_callback_attempts")
def record(connection: Connection, items: list[Attempt]) -> None:
    rows = {item.callback_id: msgspec.structs.astuple(item) for item in items}
    _UPDATE.run(connection, list(rows.values()))
    _INSERT_REPEATED.run(
        connection,
        [
            (item.callback_id, item.attempts, item.answered_ms, item.answer_status, item.answer)
            for item in items
            if item.state is CallbackState.PENDING
        ],
    )


def count_pending(connection: Connection) -> dict[str, int]:
    """The number of pending callbacks of each origin."""
    query = (
        select(callbacks.c.origin, func.count())
        .where(callbacks.c.state == CallbackState.PENDING.value)
        .group_by(callbacks.c.origin)
    )
    return {row[0]: row[1] for row in connection.execute(query)}


def last_pending(connection: Connection) -> int:
    """The newest pending callback; 0 without any."""
    query = select(func.max(callbacks.c.callback_id)).where(
        callbacks.c.state == CallbackState.PENDING.value
    )
    return connection.execute(query).scalar() or 0


def load_due(
    connection: Connection, origin: str, now_ms: int, limit: int, newest: int
) -> list[StoredCallback]:
    """Callbacks to an origin that are due, each with all that are pending for its message.

    In the order of delivery. A message whose first callback is not due yet is left out, as are
    callbacks after `newest`.
    """
    pending = and_(
        callbacks.c.state == CallbackState.PENDING.value, callbacks.c.callback_id <= newest
    )
    before = callbacks.alias("before")
    due = (
        select(callbacks.c.message_id)
        .where(
            pending,
            callbacks.c.origin == origin,
            callbacks.c.next_attempt_ms <= now_ms,
            # Of a message only the first may go; those behind it must not fill the page.
            ~exists().where(
                before.c.message_id == callbacks.c.message_id,
                before.c.callback_id < callbacks.c.callback_id,
                before.c.state == CallbackState.PENDING.value,
            ),
        )
        .order_by(callbacks.c.next_attempt_ms, callbacks.c.callback_id)
        .limit(limit)
    )
    message_ids = list(connection.execute(due).scalars())
    query = (
        select(*columns_of(callbacks, StoredCallback))
        .where(callbacks.c.message_id.in_(message_ids), pending)
        .order_by(callbacks.c.callback_id)
    )
    return read_all(connection, query, StoredCallback)
