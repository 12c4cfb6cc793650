"""Messages with phones: written before a phone can fetch one, and at each step it reports."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, Row, select, text

from dragoman.core.devices.model.assignments import AssignmentStep, StoredAssignment
from dragoman.core.devices.model.devices import AssignmentState
from dragoman.core.devices.sql.tables import device_assignments
from dragoman.core.messages.model.records import row_of
from dragoman.storage.bulk import BulkInsert, BulkUpdate
from dragoman.storage.work import Operation

_INSERT = BulkInsert(device_assignments)
_UPDATE = BulkUpdate(
    device_assignments,
    ("assignment_id", "state", "cancelling", "valid_until_ms", "changed_ms"),
    dict.fromkeys(("state", "cancelling", "valid_until_ms", "changed_ms"), "{new}"),
    where="t.state <= v.column2",
)
# Written out, not bound: only so do databases see that the index of open ones fits.
_OPEN = text(f"device_assignments.state < {AssignmentState.SENT.value}")


def _assign(connection: Connection, items: list[StoredAssignment]) -> list[Exception | None]:
    _INSERT.run(connection, [row_of(item) for item in items])
    return [None] * len(items)


def _move(connection: Connection, items: list[AssignmentStep]) -> list[Exception | None]:
    latest: dict[int, AssignmentStep] = {}
    for item in items:
        earlier = latest.get(item.assignment_id)
        if earlier is None or earlier.state <= item.state:
            latest[item.assignment_id] = item
    _UPDATE.run(connection, [row_of(item) for item in latest.values()])
    return [None] * len(items)


assign = Operation(_assign, "assign_to_devices", StoredAssignment)
move = Operation(_move, "move_assignments", AssignmentStep)


def load_open(connection: Connection, carrier: str) -> list[StoredAssignment]:
    """What phones of a carrier may still send, in the order it was assigned."""
    query = (
        select(device_assignments)
        .where(device_assignments.c.carrier == carrier, _OPEN)
        .order_by(device_assignments.c.assignment_id)
    )
    return [_read(row) for row in connection.execute(query)]


def find(connection: Connection, device_id: int, wanted: Collection[int]) -> list[StoredAssignment]:
    """What a device was handed under these identifiers."""
    query = select(device_assignments).where(
        device_assignments.c.device_id == device_id, device_assignments.c.assignment_id.in_(wanted)
    )
    return [_read(row) for row in connection.execute(query)]


def find_of_message(connection: Connection, message_id: int) -> list[StoredAssignment]:
    """What devices were handed of a message, in order."""
    query = (
        select(device_assignments)
        .where(device_assignments.c.message_id == message_id)
        .order_by(device_assignments.c.assignment_id)
    )
    return [_read(row) for row in connection.execute(query)]


def _read(row: Row[Any]) -> StoredAssignment:
    values = {**row._mapping, "state": AssignmentState(row.state)}
    return StoredAssignment(**values)
