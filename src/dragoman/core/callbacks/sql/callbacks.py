"""Callbacks that are due, and the outcome of each attempt."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import msgspec
from sqlalchemy import ColumnElement, Connection, case, exists, func, select, update

from dragoman.core.messages.model.records import NewCallback
from dragoman.core.messages.sql.tables import callback_attempts, callbacks
from dragoman.storage.bulk import BulkInsert, BulkUpdate
from dragoman.storage.connections import bind_as_numbers
from dragoman.storage.rows import columns_of, count
from dragoman.storage.work import one_by_one, together


class CallbackState(IntEnum):
    """The stage of a callback."""

    PENDING = 0
    DELIVERED = 1
    GIVEN_UP = 2
    """The last retry failed, or the customer's server said 410, or the URL may not be called."""


class Attempt(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """The outcome of a call to a customer's URL."""

    callback_id: int
    state: CallbackState
    attempts: int
    next_attempt_ms: int
    answered_ms: int
    answer_status: int | None
    answer: str


bind_as_numbers(CallbackState)


class Release(NamedTuple):
    """Makes an account's pending callbacks to an origin due."""

    account_id: int
    origin: str
    now_ms: int


class Hurry(NamedTuple):
    """Has callbacks that are due after a time tried earlier, by so much, but not before now."""

    after_ms: int
    by_ms: int
    now_ms: int


class Expiry(NamedTuple):
    """Gives up an account's oldest pending callbacks to an origin, up to a limit."""

    account_id: int
    origin: str
    before: int
    now_ms: int
    limit: int


_READ_BACK = (*columns_of(callbacks, NewCallback), callbacks.c.next_attempt_ms.label("due_ms"))
_PENDING = callbacks.c.state == CallbackState.PENDING.value
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


@one_by_one("release_callbacks")
def release(connection: Connection, item: Release) -> None:
    later = (
        _PENDING,
        *_to(item.account_id, item.origin),
        callbacks.c.next_attempt_ms > item.now_ms,
    )
    connection.execute(update(callbacks).where(*later).values(next_attempt_ms=item.now_ms))


@one_by_one("hurry_callbacks")
def hurry(connection: Connection, item: Hurry) -> None:
    later = (_PENDING, callbacks.c.next_attempt_ms > item.after_ms)
    earlier = callbacks.c.next_attempt_ms - item.by_ms
    due_ms = case((earlier > item.now_ms, earlier), else_=item.now_ms)
    connection.execute(update(callbacks).where(*later).values(next_attempt_ms=due_ms))


@one_by_one("expire_callbacks")
def expire(connection: Connection, item: Expiry) -> int:
    """The number of callbacks that were given up."""
    old = (_PENDING, *_to(item.account_id, item.origin), callbacks.c.callback_id < item.before)
    chosen = (
        select(callbacks.c.callback_id)
        .where(*old)
        .order_by(callbacks.c.callback_id)
        .limit(item.limit)
    )
    values = {"state": CallbackState.GIVEN_UP.value, "answered_ms": item.now_ms}
    ended = update(callbacks).where(callbacks.c.callback_id.in_(chosen)).values(**values)
    return connection.execute(ended).rowcount


def count_pending(connection: Connection) -> dict[tuple[int, str], int]:
    """The number of pending callbacks of each account to each origin."""
    lane = (callbacks.c.account_id, callbacks.c.origin)
    query = select(*lane, func.count()).where(_PENDING).group_by(*lane)
    return {(row[0], row[1]): row[2] for row in connection.execute(query)}


def count_lane(connection: Connection, account_id: int, origin: str) -> int:
    """The number of pending callbacks of an account to an origin."""
    return count(connection, _PENDING, *_to(account_id, origin))


def _to(account_id: int, origin: str) -> tuple[ColumnElement[bool], ...]:
    return callbacks.c.account_id == account_id, callbacks.c.origin == origin


def last_pending(connection: Connection) -> int:
    """The newest pending callback; 0 without any."""
    query = select(func.max(callbacks.c.callback_id)).where(_PENDING)
    return connection.execute(query).scalar() or 0


def load_due(
    connection: Connection,
    account_id: int,
    origin: str,
    now_ms: int,
    limit: int,
    newest: int,
    message_id: int | None = None,
) -> list[NewCallback]:
    """An account's callbacks to an origin that are due, each with all pending for its message.

    In the order of delivery. A message whose first callback is not due yet is left out, as are
    callbacks after `newest`, and all others where a message is given.
    """
    message_ids = find_due(connection, account_id, origin, now_ms, limit, newest, message_id)
    query = (
        select(*_READ_BACK)
        .where(callbacks.c.message_id.in_(message_ids), _PENDING, callbacks.c.callback_id <= newest)
        .order_by(callbacks.c.callback_id)
    )
    return [NewCallback(**row._mapping) for row in connection.execute(query)]


def find_due(
    connection: Connection,
    account_id: int,
    origin: str,
    now_ms: int,
    limit: int,
    newest: int,
    message_id: int | None = None,
) -> list[int]:
    """The messages of such callbacks."""
    before = callbacks.alias("before")
    due = (
        select(callbacks.c.message_id)
        .where(
            _PENDING,
            callbacks.c.callback_id <= newest,
            *_to(account_id, origin),
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
    if message_id is not None:
        due = due.where(callbacks.c.message_id == message_id)
    return list(connection.execute(due).scalars())
