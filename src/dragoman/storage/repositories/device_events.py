"""Events that devices have told, so that one told again is taken once."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from dragoman.storage.tables import device_events
from dragoman.storage.work import Operation


class NewDeviceEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event that a device has told."""

    device_id: int
    event_id: str
    at_ms: int


def insert_events(connection: Connection, events: Iterable[NewDeviceEvent]) -> list[bool]:
    """Stores events; whether each is new."""
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    return [
        connection.execute(
            dialect.insert(device_events)
            .values(msgspec.structs.asdict(event))
            .on_conflict_do_nothing()
        ).rowcount
        == 1
        for event in events
    ]


def _note(connection: Connection, items: list[NewDeviceEvent]) -> list[bool | Exception]:
    return [*insert_events(connection, items)]


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
