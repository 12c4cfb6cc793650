"""Deletes outdated rows, a bounded number at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import Column, Connection, Select, delete, select

from dragoman.core.accounts.sql.tables import audit_entries
from dragoman.core.callbacks.sql.callbacks import CallbackState
from dragoman.core.campaigns.model.mailings import DeliveryState
from dragoman.core.campaigns.sql.tables import deliveries
from dragoman.core.inbound.sql.tables import carrier_texts
from dragoman.core.messages.sql.tables import (
    attachments,
    batches,
    callback_attempts,
    callbacks,
    ingested_rows,
    message_events,
)
from dragoman.core.retention.model import Kept, Outdated
from dragoman.kit.ids import first_at
from dragoman.storage.work import Operation

CHUNK: Final = 500
"""Rows that go at once."""
CHUNK_OF_ATTACHMENTS: Final = 10
"""Batches whose files go at once; they are large."""


def _drop_attachments(connection: Connection, before_ms: int) -> bool:
    chosen = (
        select(attachments.c.batch_id)
        .distinct()
        .join(batches, batches.c.batch_id == attachments.c.batch_id)
        .where(attachments.c.batch_id < first_at(before_ms), batches.c.expires_ms < before_ms)
        .order_by(attachments.c.batch_id)
    )
    return _drop_chosen(connection, chosen, CHUNK_OF_ATTACHMENTS, attachments.c.batch_id)


def _drop_audit_entries(connection: Connection, before_ms: int) -> bool:
    identifier = audit_entries.c.entry_id
    chosen = select(identifier).where(identifier < first_at(before_ms)).order_by(identifier)
    return _drop_chosen(connection, chosen, CHUNK, identifier)


def _drop_callbacks(connection: Connection, before_ms: int) -> bool:
    identifier = callbacks.c.callback_id
    is_over = callbacks.c.state != CallbackState.PENDING.value
    old = identifier < first_at(before_ms)
    chosen = select(identifier).where(old, is_over).order_by(identifier)
    return _drop_chosen(connection, chosen, CHUNK, callback_attempts.c.callback_id, identifier)


def _drop_carrier_texts(connection: Connection, before_ms: int) -> bool:
    identifier = carrier_texts.c.stored_id
    chosen = select(identifier).where(identifier < first_at(before_ms)).order_by(identifier)
    return _drop_chosen(connection, chosen, CHUNK, identifier)


def _drop_deliveries(connection: Connection, before_ms: int) -> bool:
    identifier = deliveries.c.delivery_id
    is_over = deliveries.c.state > DeliveryState.SENDING.value
    old = identifier < first_at(before_ms)
    chosen = select(identifier).where(old, is_over).order_by(identifier)
    return _drop_chosen(connection, chosen, CHUNK, identifier)


def _drop_notes(connection: Connection, before_ms: int) -> bool:
    identifier = message_events.c.event_id
    chosen = select(identifier).where(identifier < first_at(before_ms)).order_by(identifier)
    return _drop_chosen(connection, chosen, CHUNK, identifier)


def _drop_chosen(
    connection: Connection, chosen: Select[Any], limit: int, *columns: Column[Any]
) -> bool:
    """Deletes the rows with selected identifiers in a column; whether more may be left."""
    identifiers = list(connection.execute(chosen.limit(limit)).scalars())
    for column in columns if identifiers else ():
        connection.execute(delete(column.table).where(column.in_(identifiers)))
    return len(identifiers) == limit


def _drop_ingested_rows(connection: Connection, before_ms: int) -> bool:
    """Deletes all rows of one report together: no identifier orders them."""
    ingested_ms = ingested_rows.c.ingested_ms
    times = select(ingested_ms).where(ingested_ms < before_ms).order_by(ingested_ms)
    last_ms = connection.execute(times.offset(CHUNK - 1).limit(1)).scalar()
    old = ingested_ms < before_ms if last_ms is None else ingested_ms <= last_ms
    connection.execute(delete(ingested_rows).where(old))
    return last_ms is not None


_DROPS: Final[Mapping[Kept, Callable[[Connection, int], bool]]] = MappingProxyType(
    {
        Kept.ATTACHMENTS: _drop_attachments,
        Kept.AUDIT_ENTRIES: _drop_audit_entries,
        Kept.CALLBACKS: _drop_callbacks,
        Kept.CARRIER_TEXTS: _drop_carrier_texts,
        Kept.DELIVERIES: _drop_deliveries,
        Kept.INGESTED_ROWS: _drop_ingested_rows,
        Kept.NOTES: _drop_notes,
    }
)


def _drop_outdated(connection: Connection, items: list[Outdated]) -> list[bool | Exception]:
    """Whether more of each kind may be left."""
    return [_DROPS[item.kind](connection, item.before_ms) for item in items]


drop_outdated = Operation(_drop_outdated, "drop_outdated", Outdated)
