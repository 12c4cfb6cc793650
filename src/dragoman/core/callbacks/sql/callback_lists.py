"""Lists of callbacks by key, making them once more, and the hosts that are paused."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    delete,
    exists,
    func,
    literal_column,
    select,
    update,
)

from dragoman.core.callbacks.model.callback_lists import (
    CallbackCallView,
    CallbackDetails,
    CallbackFilter,
    CallbackPage,
    CallbackView,
    UnmatchedPage,
    UnmatchedReceipt,
)
from dragoman.core.callbacks.model.hosts import PausedHost
from dragoman.core.callbacks.sql.callbacks import LEFT_OUT, CallbackState, load_whole, read_columns
from dragoman.core.callbacks.sql.tables import paused_hosts
from dragoman.core.messages.sql.tables import (
    callback_attempts,
    callbacks,
    messages,
    parked_receipts,
)
from dragoman.core.model.phone_numbers import REMOVED
from dragoman.kit.ids import time_of
from dragoman.storage.rows import are_empty, columns_of, insert_new, is_any, is_one_of, read_all
from dragoman.storage.time_limit import time_limit
from dragoman.storage.work import one_by_one

SEARCH_LIMIT_S: Final = 2.0
"""A list that takes longer is given up."""
LOOKED_AT: Final = 20_000
"""Callbacks of everybody that are looked through for one page, where no index has those of one."""
_IS_GIVEN_UP: ColumnElement[bool] = literal_column("state = 2")
"""Literally the condition of its index."""
_SIDES: Final = ("recipient", "sender")
_IS_PENDING: ColumnElement[bool] = literal_column("state = 0")


class Replay(NamedTuple):
    """Makes callbacks pending again that were delivered or given up.

    Not those whose number was forgotten: they would report on nobody.
    """

    account_id: int
    callback_ids: tuple[int, ...]
    now_ms: int


class Unpause(NamedTuple):
    """Ends the pause of an origin for an account."""

    account_id: int
    origin: str


def find_callbacks(
    connection: Connection, wanted: CallbackFilter, before: int | None, limit: int
) -> CallbackPage:
    """A page of callbacks, newest first; raises `TookTooLong`."""
    with time_limit(connection, SEARCH_LIMIT_S):
        return _find(connection, wanted, before, limit)


def _find(
    connection: Connection, wanted: CallbackFilter, before: int | None, limit: int
) -> CallbackPage:
    key = callbacks.c.callback_id
    below = [] if before is None else [key < before]
    mine = is_one_of(connection.dialect.name, callbacks.c.account_id, wanted.account_ids)
    conditions: list[Any] = [mine, *below]
    if wanted.origin:
        conditions.append(callbacks.c.origin == wanted.origin)
    if wanted.state is not None:
        conditions.append(callbacks.c.state == wanted.state)
    floor = None
    if wanted.state == CallbackState.GIVEN_UP:
        conditions.append(_IS_GIVEN_UP)
    elif wanted.state == CallbackState.PENDING and wanted.origin:
        conditions.append(_IS_PENDING)
    else:
        newest = select(key).where(*below).order_by(key.desc())
        floor = connection.execute(newest.offset(LOOKED_AT).limit(1)).scalar()
        if floor is not None:
            conditions.append(key >= floor)
    query = (
        select(*read_columns(CallbackView)).where(*conditions).order_by(key.desc()).limit(limit + 1)
    )
    found = read_all(connection, query, CallbackView)
    if len(found) > limit:
        return CallbackPage(callbacks=tuple(found[:limit]), before=found[limit - 1].callback_id)
    looked_to_ms = None if floor is None else time_of(floor)
    return CallbackPage(callbacks=tuple(found), before=floor, looked_to_ms=looked_to_ms)


def find_callback(connection: Connection, callback_id: int) -> CallbackDetails | None:
    """One callback with its calls."""
    query = select(*read_columns(CallbackView), callbacks.c.answer)
    row = connection.execute(query.where(callbacks.c.callback_id == callback_id)).first()
    if row is None:
        return None
    payload = load_whole(connection, [callback_id])[callback_id].payload
    names = CallbackView.__struct_fields__
    callback = CallbackView(**{name: getattr(row, name) for name in names})
    repeated = (
        select(*columns_of(callback_attempts, CallbackCallView))
        .where(callback_attempts.c.callback_id == callback_id)
        .order_by(callback_attempts.c.number)
    )
    calls = read_all(connection, repeated, CallbackCallView)
    if row.answered_ms is not None and row.state != CallbackState.PENDING:
        last = CallbackCallView(
            answered_ms=row.answered_ms, answer_status=row.answer_status, answer=row.answer or ""
        )
        if not calls or calls[-1] != last:
            calls.append(last)
    return CallbackDetails(
        callback=callback,
        payload=payload,
        calls=tuple(calls),
        of_message=is_any(connection, messages.c.message_id == row.message_id),
    )


def find_ended(
    connection: Connection, account_id: int, origin: str, after: int, limit: int
) -> list[int]:
    """An account's callbacks to an origin that were given up, the oldest first."""
    query = (
        select(callbacks.c.callback_id)
        .where(
            callbacks.c.account_id == account_id,
            callbacks.c.callback_id > after,
            _IS_GIVEN_UP,
            callbacks.c.origin == origin,
        )
        .order_by(callbacks.c.callback_id)
        .limit(limit)
    )
    return list(connection.execute(query).scalars())


def origins_of(
    connection: Connection, account_ids: tuple[int, ...], callback_ids: tuple[int, ...]
) -> dict[int, tuple[int, str]]:
    """The account and origin of those callbacks that are of these accounts."""
    query = select(callbacks.c.callback_id, callbacks.c.account_id, callbacks.c.origin).where(
        callbacks.c.callback_id.in_(callback_ids),
        is_one_of(connection.dialect.name, callbacks.c.account_id, account_ids),
    )
    return {row[0]: (row[1], row[2]) for row in connection.execute(query)}


@one_by_one("replay_callbacks", grows=True)
def replay(connection: Connection, item: Replay) -> int:
    """How many are pending again; their last calls are kept among those that were repeated."""
    chosen = and_(
        callbacks.c.callback_id.in_(item.callback_ids),
        callbacks.c.account_id == item.account_id,
        callbacks.c.state != CallbackState.PENDING.value,
        *(~callbacks.c.payload.contains(f'"{side}":"{REMOVED}"') for side in _SIDES),
        ~exists().where(
            messages.c.message_id == callbacks.c.message_id, messages.c.recipient == REMOVED
        ),
    )
    last = select(
        callbacks.c.callback_id,
        callbacks.c.attempts,
        LEFT_OUT["answered_ms"],
        LEFT_OUT["answer_status"],
        func.coalesce(callbacks.c.answer, ""),
    ).where(chosen, LEFT_OUT["answered_ms"].is_not(None))
    names = ["callback_id", "number", "answered_ms", "answer_status", "answer"]
    for row in connection.execute(last).all():
        known = callback_attempts.c
        if not is_any(connection, known.callback_id == row[0], known.number == row[1]):
            connection.execute(
                callback_attempts.insert().values(dict(zip(names, row, strict=True)))
            )
    again = update(callbacks).where(chosen)
    # From what the rows were before, which no longer say what they left out then.
    answered = {name: LEFT_OUT[name] for name in ("answered_ms", "answer_status")}
    values = {"state": CallbackState.PENDING.value, "next_attempt_ms": item.now_ms, **answered}
    return connection.execute(again.values(**values)).rowcount


@one_by_one("pause_callback_hosts")
def pause(connection: Connection, item: PausedHost) -> bool:
    """False where it was paused already."""
    return insert_new(connection, paused_hosts, item)


@one_by_one("unpause_callback_hosts")
def unpause(connection: Connection, item: Unpause) -> bool:
    """False where it was not paused."""
    mine = (paused_hosts.c.account_id == item.account_id, paused_hosts.c.origin == item.origin)
    return bool(connection.execute(delete(paused_hosts).where(*mine)).rowcount)


def load_paused(connection: Connection) -> list[PausedHost]:
    """Every paused host."""
    if are_empty(connection, paused_hosts):
        return []
    return read_all(connection, select(paused_hosts), PausedHost)


def find_unmatched(
    connection: Connection, carrier: str, before: int | None, limit: int
) -> UnmatchedPage:
    """Receipts that match no message, newest first."""
    key = parked_receipts.c.receipt_id
    query = select(*columns_of(parked_receipts, UnmatchedReceipt)).order_by(key.desc())
    if before is not None:
        query = query.where(key < before)
    if carrier:
        query = query.where(parked_receipts.c.carrier == carrier)
    found = read_all(connection, query.limit(limit + 1), UnmatchedReceipt)
    more = len(found) > limit
    return UnmatchedPage(
        receipts=tuple(found[:limit]), before=found[limit - 1].receipt_id if more else None
    )
