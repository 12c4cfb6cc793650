"""Callbacks that are due, and the outcome of each attempt."""

from __future__ import annotations

from collections.abc import Collection
from enum import IntEnum
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, and_, case, exists, func, select, update

from dragoman.core.messages.model.callbacks import CallbackSubject, are_in_short, read_facts
from dragoman.core.messages.model.records import BatchOptions, NewCallback
from dragoman.core.messages.sql.tables import batches, callback_attempts, callbacks, messages
from dragoman.storage.bulk import BulkInsert, BulkUpdate
from dragoman.storage.connections import bind_as_numbers
from dragoman.storage.rows import are_empty, columns_of, count
from dragoman.storage.work import one_by_one, together

OK: Final = 200


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

    @property
    def is_plain(self) -> bool:
        """Whether its row says all of it without the time and the status of the answer."""
        return (
            self.state is CallbackState.DELIVERED
            and self.answer_status == OK
            and self.answered_ms == self.next_attempt_ms
        )


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


_TABLE = callbacks.c
_PENDING = _TABLE.state == CallbackState.PENDING.value
_WAS_OK = and_(_TABLE.state == CallbackState.DELIVERED.value, _TABLE.answered_ms.is_(None))
_DIALECT_OF_BATCH = (
    select(batches.c.dialect)
    .join(messages, messages.c.batch_id == batches.c.batch_id)
    .where(messages.c.message_id == _TABLE.message_id)
    .correlate(callbacks)
    .scalar_subquery()
)
LEFT_OUT: Final[dict[str, ColumnElement[Any]]] = {
    "dialect": case((_TABLE.dialect == "", _DIALECT_OF_BATCH), else_=_TABLE.dialect),
    "answered_ms": case((_WAS_OK, _TABLE.next_attempt_ms), else_=_TABLE.answered_ms),
    "answer_status": case((_WAS_OK, OK), else_=_TABLE.answer_status),
}
"""What rows leave out as others say it: those about a message its dialect, and those of calls that
were answered with 200 the rest, so that they hardly grow when that comes and stay on their page."""


def read_columns(kind: type[msgspec.Struct]) -> list[ColumnElement[Any]]:
    """The columns of callbacks that are fields of a value, with what rows leave out."""
    return [
        LEFT_OUT[name].label(name) if name in LEFT_OUT else _TABLE[name]
        for name in kind.__struct_fields__
        if name in _TABLE
    ]


_UPDATE = BulkUpdate(
    callbacks, Attempt.__struct_fields__, dict.fromkeys(Attempt.__struct_fields__[1:], "{new}")
)
_UPDATE_OK = BulkUpdate(
    callbacks,
    ("callback_id", "attempts", "next_attempt_ms", "answer"),
    {
        **dict.fromkeys(("attempts", "next_attempt_ms", "answer"), "{new}"),
        "state": str(CallbackState.DELIVERED.value),
        **dict.fromkeys(("answered_ms", "answer_status"), "NULL"),
    },
)
"""Calls that were answered with 200, as most are."""
_INSERT_REPEATED = BulkInsert(
    callback_attempts, suffix="ON CONFLICT (callback_id, number) DO NOTHING"
)
"""Attempts that another follows; the last one is in the callback's own row."""


@together("record_callback_attempts")
def record(connection: Connection, items: list[Attempt]) -> None:
    newest = {item.callback_id: item for item in items}
    plain, others = [], []
    for item in newest.values():
        if item.is_plain:
            plain.append((item.callback_id, item.attempts, item.answered_ms, item.answer))
        else:
            others.append(msgspec.structs.astuple(item))
    _UPDATE_OK.run(connection, plain)
    _UPDATE.run(connection, others)
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
    if are_empty(connection, callbacks):
        return {}
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
    if are_empty(connection, callbacks):
        return 0
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
        select_new()
        .where(callbacks.c.message_id.in_(message_ids), _PENDING, callbacks.c.callback_id <= newest)
        .order_by(callbacks.c.callback_id)
    )
    return [read_new(row) for row in connection.execute(query)]


_decode_options = msgspec.json.Decoder(BatchOptions).decode
_OF_MESSAGE = tuple(messages.c[name] for name in ("recipient", "mcc", "parts", "price"))
_OF_BATCH = (
    *(batches.c[name] for name in ("batch_id", "sender", "options")),
    batches.c.dialect.label("dialect_of_batch"),
)


def select_new() -> Select[Any]:
    """Callbacks for `read_new`, with what the rows of their messages say."""
    of_message = messages.c.message_id == _TABLE.message_id
    return select(
        *columns_of(callbacks, NewCallback),
        _TABLE.next_attempt_ms.label("due_ms"),
        *_OF_MESSAGE,
        *_OF_BATCH,
    ).select_from(
        callbacks.outerjoin(messages, of_message).outerjoin(
            batches, batches.c.batch_id == messages.c.batch_id
        )
    )


def read_new(row: Any) -> NewCallback:
    """A callback as it was when it was stored."""
    payload, url = row.payload, row.url
    if are_in_short(payload) and row.options is not None:
        options = _decode_options(row.options)
        subject = CallbackSubject(
            batch_id=row.batch_id,
            recipient=row.recipient,
            sender=row.sender,
            return_data=options.return_data,
            mcc=row.mcc,
            parts=row.parts,
            price=row.price,
            premium_price=options.premium.price if options.premium is not None else 0,
        )
        payload = read_facts(payload, row.callback_id, row.message_id, subject)
        url = url or options.callback_url
    return NewCallback(
        callback_id=row.callback_id,
        account_id=row.account_id,
        message_id=row.message_id,
        dialect=row.dialect or row.dialect_of_batch,
        origin=row.origin,
        url=url,
        payload=payload,
        due_ms=row.due_ms,
        attempts=row.attempts,
    )


class Whole(NamedTuple):
    """What the row of a callback may leave out."""

    dialect: str
    url: str
    payload: str
    """JSON."""


def load_whole(connection: Connection, callback_ids: Collection[int]) -> dict[int, Whole]:
    """Callbacks as they were when they were stored."""
    query = select_new().where(_TABLE.callback_id.in_(callback_ids))
    return {
        new.callback_id: Whole(
            new.dialect,
            new.url,
            new.payload
            if isinstance(new.payload, str)
            else msgspec.json.encode(new.payload).decode(),
        )
        for new in map(read_new, connection.execute(query))
    }


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
