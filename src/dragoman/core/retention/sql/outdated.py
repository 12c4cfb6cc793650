"""Deletes outdated rows, a bounded number at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

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
from dragoman.storage.rows import are_empty
from dragoman.storage.work import Operation

CHUNK: Final = 500
"""Rows that go at once."""
CHUNK_OF_ATTACHMENTS: Final = 10
"""Batches whose files go at once; they are large."""


class _Rows(NamedTuple):
    """Rows that are deleted when they are old."""

    chosen: Callable[[int], Select[Any]]
    """Selects the identifiers of those before a time, oldest first."""
    columns: tuple[Column[Any], ...]
    """The columns with these identifiers, in the order in which their rows are deleted."""
    are_large: bool = False


def _old_attachments(before_ms: int) -> Select[Any]:
    return (
        select(attachments.c.batch_id)
        .distinct()
        .join(batches, batches.c.batch_id == attachments.c.batch_id)
        .where(attachments.c.batch_id < first_at(before_ms), batches.c.expires_ms < before_ms)
        .order_by(attachments.c.batch_id)
    )


def _old_callbacks(before_ms: int) -> Select[Any]:
    identifier = callbacks.c.callback_id
    is_over = callbacks.c.state != CallbackState.PENDING.value
    return select(identifier).where(identifier < first_at(before_ms), is_over).order_by(identifier)


def _old_deliveries(before_ms: int) -> Select[Any]:
    identifier = deliveries.c.delivery_id
    is_over = deliveries.c.state > DeliveryState.SENDING.value
    return select(identifier).where(identifier < first_at(before_ms), is_over).order_by(identifier)


def _old_by(identifier: Column[Any]) -> Callable[[int], Select[Any]]:
    return lambda before_ms: (
        select(identifier).where(identifier < first_at(before_ms)).order_by(identifier)
    )


_ROWS: Final[Mapping[Kept, _Rows]] = MappingProxyType(
    {
        Kept.ATTACHMENTS: _Rows(_old_attachments, (attachments.c.batch_id,), are_large=True),
        Kept.AUDIT_ENTRIES: _Rows(_old_by(audit_entries.c.entry_id), (audit_entries.c.entry_id,)),
        Kept.CALLBACKS: _Rows(
            _old_callbacks, (callback_attempts.c.callback_id, callbacks.c.callback_id)
        ),
        Kept.CARRIER_TEXTS: _Rows(_old_by(carrier_texts.c.stored_id), (carrier_texts.c.stored_id,)),
        Kept.DELIVERIES: _Rows(_old_deliveries, (deliveries.c.delivery_id,)),
        Kept.NOTES: _Rows(_old_by(message_events.c.event_id), (message_events.c.event_id,)),
    }
)
"""All kinds but `INGESTED_ROWS`, which have no identifier."""


def find_outdated(connection: Connection, items: Iterable[Outdated]) -> list[Outdated]:
    """Those of which there is anything."""
    return [item for item in items if _is_any(connection, item)]


def _is_any(connection: Connection, item: Outdated) -> bool:
    rows = _ROWS.get(item.kind)
    table = ingested_rows if rows is None else rows.columns[-1].table
    if are_empty(connection, table):
        return False
    chosen = _ingestions(item.before_ms) if rows is None else rows.chosen(item.before_ms)
    return connection.execute(chosen.limit(1)).first() is not None


def _ingestions(before_ms: int) -> Select[Any]:
    ingested_ms = ingested_rows.c.ingested_ms
    return select(ingested_ms).where(ingested_ms < before_ms).order_by(ingested_ms)


def _drop(connection: Connection, item: Outdated) -> bool:
    """Deletes some rows; whether more may be left."""
    rows = _ROWS.get(item.kind)
    if rows is None:
        return _drop_ingested_rows(connection, item.before_ms)
    limit = CHUNK_OF_ATTACHMENTS if rows.are_large else CHUNK
    chosen = rows.chosen(item.before_ms).limit(limit)
    identifiers = list(connection.execute(chosen).scalars())
    for column in rows.columns if identifiers else ():
        connection.execute(delete(column.table).where(column.in_(identifiers)))
    return len(identifiers) == limit


def _drop_ingested_rows(connection: Connection, before_ms: int) -> bool:
    """Deletes all rows of one report together: no identifier orders them."""
    ingested_ms = ingested_rows.c.ingested_ms
    last_ms = connection.execute(_ingestions(before_ms).offset(CHUNK - 1).limit(1)).scalar()
    old = ingested_ms < before_ms if last_ms is None else ingested_ms <= last_ms
    connection.execute(delete(ingested_rows).where(old))
    return last_ms is not None


def _drop_outdated(connection: Connection, items: list[Outdated]) -> list[bool | Exception]:
    """Whether more of each kind may be left."""
    return [_drop(connection, item) for item in items]


drop_outdated = Operation(_drop_outdated, "drop_outdated", Outdated)
