"""Messages assigned to phones: stored before a phone can fetch one, and at each step."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, select, text

from dragoman.core.devices.model.devices import AssignmentState, AssignmentStep, StoredAssignment
from dragoman.core.devices.sql.tables import device_assignments
from dragoman.core.messages.model.records import row_of
from dragoman.storage.bulk import BulkInsert, BulkUpdate
from dragoman.storage.rows import read_all
from dragoman.storage.work import together

_INSERT = BulkInsert(device_assignments)
_UPDATE = BulkUpdate(
    device_assignments,
    ("assignment_id", "state", "cancelling", "valid_until_ms", "changed_ms"),
    dict.fromkeys(("state", "cancelling", "valid_until_ms", "changed_ms"), "{new}"),
    where="t.state <= v.column2",
)
# Written out, not bound: only so do databases see that the index of open ones fits.
_OPEN = text(f"device_assignments.state < {AssignmentState.SENT.value}")


@together("assign_to_devices")
def assign(connection: Connection, items: list[StoredAssignment]) -> None:
    _INSERT.run(connection, [row_of(item) for item in items])


@together("move_assignments")
def move(connection: Connection, items: list[AssignmentStep]) -> None:
    latest: dict[int, AssignmentStep] = {}
    for item in items:
        earlier = latest.get(item.assignment_id)
        if earlier is None or earlier.state <= item.state:
            latest[item.assignment_id] = item
    _UPDATE.run(connection, [row_of(item) for item in latest.values()])


def load_open(connection: Connection, carrier: str) -> list[StoredAssignment]:
    """What phones of a carrier may still send, in the order of assignment."""
    query = (
        select(device_assignments)
        .where(device_assignments.c.carrier == carrier, _OPEN)
        .order_by(device_assignments.c.assignment_id)
    )
    return read_all(connection, query, StoredAssignment)


def find(connection: Connection, device_id: int, wanted: Collection[int]) -> list[StoredAssignment]:
    """The assignments of a device with these identifiers."""
    query = select(device_assignments).where(
        device_assignments.c.device_id == device_id, device_assignments.c.assignment_id.in_(wanted)
    )
    return read_all(connection, query, StoredAssignment)


def find_of_message(connection: Connection, message_id: int) -> list[StoredAssignment]:
    """The assignments of a message, in order."""
    query = (
        select(device_assignments)
        .where(device_assignments.c.message_id == message_id)
        .order_by(device_assignments.c.assignment_id)
    )
    return read_all(connection, query, StoredAssignment)
