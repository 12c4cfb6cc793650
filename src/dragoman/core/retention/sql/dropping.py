"""Drops messages and received texts by whole days, with all that belongs to them.

Counts by hour say how many rows a search finds, so those of a day go from the searches together
with its rows; statistics keep them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Column, Connection, Select, delete, exists, select

from dragoman.core.callbacks.sql.callbacks import CallbackState
from dragoman.core.devices.sql.tables import device_assignments, device_texts
from dragoman.core.inbound.sql.tables import inbound_texts
from dragoman.core.messages.sql.statistics import detach
from dragoman.core.messages.sql.tables import (
    attachments,
    audiences,
    batches,
    callback_attempts,
    callbacks,
    message_events,
    messages,
    parts,
    premium_messages,
    receipt_keys,
)
from dragoman.core.retention.model import Day
from dragoman.core.retention.sql.forgetting import forget_conversations, is_call_of_text
from dragoman.core.retention.sql.sweeping import MESSAGE_IS_OVER, SWATH, of_account
from dragoman.core.submission.sql.tables import newsletters, orders, submission_keys
from dragoman.kit.ids import first_at, time_of
from dragoman.kit.zones import DAY_MS
from dragoman.storage.short_ids import short_ids
from dragoman.storage.work import one_by_one

_OF_MESSAGE: Final = (
    *(parts, premium_messages, device_assignments, message_events, receipt_keys, messages),
)
_OF_BATCH: Final = (newsletters, audiences, attachments, batches)


def find_day(connection: Connection, account_id: int, before_ms: int) -> Day | None:
    """The oldest day of an account that can be dropped and ends before a time.

    It waits until all of its messages are over, and so do those after it.
    """
    up_to = first_at(before_ms - before_ms % DAY_MS)
    oldest = [
        connection.execute(query.limit(1)).scalar()
        for query in (
            _of_account(messages.c.message_id, account_id, up_to),
            _of_account(inbound_texts.c.inbound_id, account_id, up_to),
            _empty_batches(account_id, up_to),
        )
    ]
    found = [identifier for identifier in oldest if identifier is not None]
    if not found:
        return None
    from_ms = time_of(min(found)) // DAY_MS * DAY_MS
    day = Day(account_id=account_id, from_ms=from_ms, before_ms=from_ms + DAY_MS)
    of_day = _of_account(messages.c.message_id, account_id, first_at(day.before_ms))
    needed = connection.execute(of_day.where(~MESSAGE_IS_OVER).limit(1)).first()
    return None if needed is not None else day


@one_by_one("drop_day")
def drop(connection: Connection, item: Day) -> bool:
    """Whether there is more to drop."""
    detach(connection, item.account_id, item.from_ms, item.before_ms)
    up_to = first_at(item.before_ms)
    for key, drop_some in (
        (messages.c.message_id, _drop_messages),
        (inbound_texts.c.inbound_id, _drop_texts),
    ):
        oldest = _of_account(key, item.account_id, up_to)
        identifiers = list(connection.execute(oldest.limit(SWATH)).scalars())
        if identifiers:
            drop_some(connection, identifiers)
            return True
    return _drop_batches(connection, item.account_id, up_to)


def _of_account(key: Column[int], account_id: int, up_to: int) -> Select[Any]:
    """The rows of an account below an identifier, oldest first."""
    return select(key).where(of_account(key, account_id), key < up_to).order_by(key)


def _drop_messages(connection: Connection, message_ids: Sequence[int]) -> None:
    calls = select(callbacks.c.callback_id).where(callbacks.c.message_id.in_(message_ids))
    _drop_callbacks(connection, list(connection.execute(calls).scalars()))
    for table in _OF_MESSAGE:
        _drop(connection, table.c.message_id, message_ids)
    _drop(connection, short_ids.c.identifier, message_ids)


def _drop_texts(connection: Connection, inbound_ids: Sequence[int]) -> None:
    calls = (
        select(callbacks.c.callback_id)
        .join(inbound_texts, is_call_of_text(inbound_texts.c.inbound_id))
        .where(
            inbound_texts.c.inbound_id.in_(inbound_ids),
            callbacks.c.state != CallbackState.PENDING.value,
        )
    )
    _drop_callbacks(connection, list(connection.execute(calls).scalars()))
    forget_conversations(connection, inbound_ids)
    for table in (device_texts, inbound_texts):
        _drop(connection, table.c.inbound_id, inbound_ids)
    _drop(connection, short_ids.c.identifier, inbound_ids)


def _drop_callbacks(connection: Connection, callback_ids: Sequence[int]) -> None:
    for table in (callback_attempts, callbacks):
        _drop(connection, table.c.callback_id, callback_ids)


def _drop_batches(connection: Connection, account_id: int, up_to: int) -> bool:
    """Drops batches of which no message is left; whether there may be more."""
    query = _empty_batches(account_id, up_to).add_columns(batches.c.dialect)
    rows = connection.execute(query.limit(SWATH)).all()
    batch_ids = [row.batch_id for row in rows]
    for dialect in {row.dialect for row in rows}:
        keys = submission_keys.c
        of_dialect = (keys.account_id == account_id, keys.dialect == dialect)
        _drop(connection, keys.batch_id, batch_ids, *of_dialect)
    _drop(connection, orders.c.batch_id, batch_ids, orders.c.account_id == account_id)
    for table in _OF_BATCH:
        _drop(connection, table.c.batch_id, batch_ids)
    _drop(connection, short_ids.c.identifier, batch_ids)
    return len(rows) == SWATH


def _empty_batches(account_id: int, up_to: int) -> Select[Any]:
    """Batches of which no message is left, or was ever made."""
    nothing_left = ~exists().where(messages.c.batch_id == batches.c.batch_id)
    query = _of_account(batches.c.batch_id, account_id, up_to)
    return query.where(batches.c.waiting_recipients.is_(None), nothing_left)


def _drop(
    connection: Connection, key: Column[int], identifiers: Sequence[int], *conditions: Any
) -> None:
    if identifiers:
        connection.execute(delete(key.table).where(*conditions, key.in_(identifiers)))
