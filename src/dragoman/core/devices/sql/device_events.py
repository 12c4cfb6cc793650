"""Events that devices have told, so that one told again is taken once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
from sqlalchemy import Connection, delete, select

from dragoman.core.devices.sql.tables import device_events
from dragoman.storage.bulk import BulkInsert
from dragoman.storage.work import Operation

_INSERT: Final = BulkInsert(device_events, suffix="ON CONFLICT DO NOTHING")


class NewDeviceEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event that a device has told."""

    device_id: int
    event_id: str
    at_ms: int


def insert_events(connection: Connection, events: Sequence[NewDeviceEvent]) -> None:
    """Stores events; one that was told before stays as it is."""
    _INSERT.run(connection, [(event.device_id, event.event_id, event.at_ms) for event in events])


def _note(connection: Connection, items: list[NewDeviceEvent]) -> list[Exception | None]:
    insert_events(connection, items)
    return [None] * len(items)


def _drop(connection: Connection, items: list[int]) -> list[Exception | None]:
    connection.execute(delete(device_events).where(device_events.c.at_ms < max(items)))
    return [None] * len(items)


note = Operation(_note, "note_device_event", NewDeviceEvent)
drop = Operation(_drop, "drop_device_events", int)


def is_known(connection: Connection, device_id: int, event_id: str) -> bool:
    """Whether a device has told an event before."""
    query = select(device_events.c.at_ms).where(
        device_events.c.device_id == device_id, device_events.c.event_id == event_id
    )
    return connection.execute(query).first() is not None
