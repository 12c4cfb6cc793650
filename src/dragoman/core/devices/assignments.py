"""Messages assigned to devices: stored before a phone can see one, and at each step."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from dragoman.core.devices.model.devices import AssignmentStep, StoredAssignment
from dragoman.core.devices.sql import assignments, devices
from dragoman.core.model.stored import OnStored
from dragoman.storage.engine import Storage
from dragoman.storage.persistence import persist


class Assignments:
    """The assignments of the devices of all carriers."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def assign(self, row: StoredAssignment, on_stored: Callable[[object], None]) -> None:
        """Stores a new assignment; `on_stored` gets an exception if that fails."""
        self._storage.writer.submit(assignments.assign, row, on_stored)

    async def move(self, step: AssignmentStep) -> None:
        """Stores a step; raises `StorageUnavailable`."""
        await self._storage.writer.write(assignments.move, step)

    def move_surely(self, step: AssignmentStep, on_stored: OnStored) -> None:
        """Stores a step, retrying until it is on disk."""
        persist(self._storage.writer, assignments.move, step, on_stored)

    async def find(self, device_id: int, assignment_id: int) -> StoredAssignment | None:
        """The assignment of a device with an identifier."""
        rows = await self._storage.read(lambda c: assignments.find(c, device_id, [assignment_id]))
        return rows[0] if rows else None

    async def load_open(self, carrier: str) -> Sequence[StoredAssignment]:
        """What devices of a carrier may still send, in the order of assignment."""
        return await self._storage.read(lambda c: assignments.load_open(c, carrier))

    async def load_usage(self, carrier: str, since: int) -> list[tuple[int, int, int, int]]:
        """(device, slot, minute since the epoch, parts) assigned from an identifier on."""
        return await self._storage.read(lambda c: devices.load_usage(c, carrier, since))
