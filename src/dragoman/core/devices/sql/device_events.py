"""Events reported by devices, so that a repeated one is handled once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
from sqlalchemy import Connection, delete

from dragoman.core.devices.sql.tables import device_events
from dragoman.storage.bulk import BulkInsert
from dragoman.storage.rows import is_any
from dragoman.storage.work import together

_INSERT: Final = BulkInsert(device_events, suffix="ON CONFLICT DO NOTHING")


class NewDeviceEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event reported by a device."""

    device_id: int
    event_id: str
    at_ms: int


def insert_events(connection: Connection, events: Sequence[NewDeviceEvent]) -> None:
    """Inserts events; known ones are unchanged."""
    _INSERT.run(connection, [(event.device_id, event.event_id, event.at_ms) for event in events])


@together("note_device_event")
def note(connection: Connection, items: list[NewDeviceEvent]) -> None:
    insert_events(connection, items)


@together("drop_device_events")
def drop(connection: Connection, items: list[int]) -> None:
    connection.execute(delete(device_events).where(device_events.c.at_ms < max(items)))


def is_known(connection: Connection, device_id: int, event_id: str) -> bool:
    """Whether a device has reported an event before."""
    table = device_events.c
    return is_any(connection, table.device_id == device_id, table.event_id == event_id)
