"""Drops messages and received texts by whole days, with all that belongs to them.

Counts by hour say how many rows a search finds, so those of a day go from the searches together
with its rows; statistics keep them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Column, Connection, delete, exists, select

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
from dragoman.core.retention.model import Days
from dragoman.core.retention.sql.forgetting import is_call_of_text
from dragoman.core.retention.sql.sweeping import MESSAGE_IS_OVER, SWATH, of_account
from dragoman.core.retention.sql.tables import retention_positions
from dragoman.core.submission.sql.tables import newsletters, orders, submission_keys
from dragoman.kit.ids import first_at, time_of
from dragoman.kit.zones import DAY_MS
from dragoman.storage.rows import put_row
from dragoman.storage.work import one_by_one

_DROPPING: Final = "messages"
"""In the place of a sweep among the positions."""
_OF_MESSAGE: Final = (
    *(parts, premium_messages, device_assignments, message_events, receipt_keys, messages),
)
_OF_BATCH: Final = (newsletters, audiences, attachments, batches)


def find_days(connection: Connection, account_id: int, before_ms: int) -> Days | None:
    """The days of an account that can be dropped; one waits until all of its messages are over."""
    mine = (
        of_account(messages.c.message_id, account_id),
        messages.c.message_id < first_at(before_ms),
    )
    first = connection.execute(
        select(messages.c.message_id)
        .where(*mine, ~MESSAGE_IS_OVER)
        .order_by(messages.c.message_id)
        .limit(1)
    ).scalar()
    if first is not None:
        before_ms = time_of(first)
    before_ms -= before_ms % DAY_MS
    position = select(retention_positions.c.position).where(
        retention_positions.c.account_id == account_id, retention_positions.c.sweep == _DROPPING
    )
    if (connection.execute(position).scalar() or 0) >= first_at(before_ms):
        return None
    return Days(account_id=account_id, before_ms=before_ms)


@one_by_one("drop_days")
def drop(connection: Connection, item: Days) -> bool:
    """Whether there is more to drop."""
    up_to = first_at(item.before_ms)
    for key, drop_some in (
        (messages.c.message_id, _drop_messages),
        (inbound_texts.c.inbound_id, _drop_texts),
    ):
        oldest = select(key).where(of_account(key, item.account_id), key < up_to).order_by(key)
        identifiers = list(connection.execute(oldest.limit(SWATH)).scalars())
        if identifiers:
            drop_some(connection, identifiers)
            return True
    if _drop_batches(connection, item.account_id, up_to):
        return True
    detach(connection, item.account_id, item.before_ms)
    row = {"account_id": item.account_id, "sweep": _DROPPING, "position": up_to}
    put_row(connection, retention_positions, row)
    return False


def _drop_messages(connection: Connection, message_ids: Sequence[int]) -> None:
    calls = select(callbacks.c.callback_id).where(callbacks.c.message_id.in_(message_ids))
    _drop_callbacks(connection, list(connection.execute(calls).scalars()))
    for table in _OF_MESSAGE:
        _drop(connection, table.c.message_id, message_ids)


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
    for table in (device_texts, inbound_texts):
        _drop(connection, table.c.inbound_id, inbound_ids)


def _drop_callbacks(connection: Connection, callback_ids: Sequence[int]) -> None:
    for table in (callback_attempts, callbacks):
        _drop(connection, table.c.callback_id, callback_ids)


def _drop_batches(connection: Connection, account_id: int, up_to: int) -> bool:
    """Drops batches of which no message is left; whether there may be more."""
    query = (
        select(batches.c.batch_id, batches.c.dialect)
        .where(
            batches.c.account_id == account_id,
            batches.c.batch_id < up_to,
            batches.c.waiting_recipients.is_(None),
            ~exists().where(messages.c.batch_id == batches.c.batch_id),
        )
        .order_by(batches.c.batch_id)
        .limit(SWATH)
    )
    rows = connection.execute(query).all()
    batch_ids = [row.batch_id for row in rows]
    for dialect in {row.dialect for row in rows}:
        keys = submission_keys.c
        of_dialect = (keys.account_id == account_id, keys.dialect == dialect)
        _drop(connection, keys.batch_id, batch_ids, *of_dialect)
    _drop(connection, orders.c.batch_id, batch_ids, orders.c.account_id == account_id)
    for table in _OF_BATCH:
        _drop(connection, table.c.batch_id, batch_ids)
    return len(rows) == SWATH


def _drop(
    connection: Connection, key: Column[int], identifiers: Sequence[int], *conditions: Any
) -> None:
    if identifiers:
        connection.execute(delete(key.table).where(*conditions, key.in_(identifiers)))
