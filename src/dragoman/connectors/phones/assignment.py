"""A message assigned to a phone, in memory, and the index of the open ones."""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum

from dragoman.core.devices.model.devices import AssignmentState, AssignmentStep, StoredAssignment
from dragoman.core.messages.model.messages import Outgoing

ANY_SLOT = 0
"""Leaves the choice of the SIM to the phone."""


class Cancelling(IntEnum):
    """Why a phone is asked not to send a message."""

    NO = 0
    BY_CUSTOMER = 1
    TO_REROUTE = 2
    """The message is routed again once the phone has confirmed."""


class DeviceAssignment:
    """One message assigned to one phone."""

    __slots__ = (
        "assigned_ms",
        "assignment_id",
        "cancelling",
        "changed_ms",
        "device_id",
        "message",
        "message_id",
        "parts",
        "recipient",
        "settled",
        "slot",
        "state",
        "stored",
        "unwritten",
        "valid_until_ms",
        "withdraws",
    )

    def __init__(
        self,
        row: StoredAssignment,
        message: Outgoing | None,
        *,
        stored: bool,
        withdraws: bool = False,
    ) -> None:
        self.assignment_id = row.assignment_id
        self.message_id = row.message_id
        self.device_id = row.device_id
        self.slot = row.slot
        self.parts = row.parts
        self.state = row.state
        self.cancelling = Cancelling(row.cancelling)
        self.recipient = row.recipient
        self.valid_until_ms = row.valid_until_ms
        self.assigned_ms = row.assigned_ms
        self.changed_ms = row.changed_ms
        self.message = message
        self.stored = stored
        """Whether its row is on disk: before that no phone may see it."""
        self.unwritten = False
        """Whether its row is behind what its phone reported."""
        self.withdraws = withdraws
        """Whether its phone drops what it fetched when its validity ends, or on request."""
        self.settled = message is None
        """Whether the outcome was reported to the gateway."""

    @property
    def waits(self) -> bool:
        """Whether it occupies its SIM: the phone has not passed it to its radio."""
        return self.state < AssignmentState.PROCESSED

    @property
    def is_shown(self) -> bool:
        """Whether a phone that fetches gets it."""
        if not self.stored or self.message is None or not self.waits:
            return False
        return self.state < AssignmentState.HELD or self.cancelling is not Cancelling.NO

    @property
    def is_urgent(self) -> bool:
        """Whether its message is urgent."""
        return self.message is not None and self.message.urgent

    @property
    def can_be_recalled(self) -> bool:
        """Whether its phone can be asked not to send it after all."""
        return self.stored and self.waits and self.withdraws

    @property
    def key(self) -> str:
        """The identifier the phone knows it by."""
        return str(self.assignment_id)

    @property
    def sim(self) -> int | None:
        """The slot of the SIM that was chosen; None where the phone chooses."""
        return self.slot or None

    def step(self) -> AssignmentStep:
        """The row's changeable columns as they are now."""
        return AssignmentStep(
            assignment_id=self.assignment_id,
            state=self.state,
            cancelling=self.cancelling.value,
            valid_until_ms=self.valid_until_ms,
            changed_ms=self.changed_ms,
        )


class OpenAssignments:
    """The open assignments, by their own, the message's and the device's identifier."""

    def __init__(self) -> None:
        self._all: dict[int, DeviceAssignment] = {}
        self._of_message: dict[int, DeviceAssignment] = {}
        self._of_device: dict[int, dict[int, DeviceAssignment]] = {}
        self._waiting: dict[tuple[int, int], int] = {}
        self.held_parts = 0
        """Parts of messages whose outcome the gateway waits for."""

    def __iter__(self) -> Iterator[DeviceAssignment]:
        return iter(tuple(self._all.values()))

    def __len__(self) -> int:
        return len(self._all)

    def add(self, assignment: DeviceAssignment) -> None:
        self._all[assignment.assignment_id] = assignment
        self._of_device.setdefault(assignment.device_id, {})[assignment.assignment_id] = assignment
        if assignment.waits:
            self._count(assignment, 1)
        if not assignment.settled:
            self._of_message[assignment.message_id] = assignment
            self.held_parts += assignment.parts

    def resume(self, assignment: DeviceAssignment, message: Outgoing) -> None:
        """Resumes an assignment of an earlier run whose outcome is still awaited."""
        assignment.message, assignment.settled = message, False
        self._of_message[assignment.message_id] = assignment
        self.held_parts += assignment.parts

    def settle(self, assignment: DeviceAssignment) -> None:
        """Marks the outcome as reported to the gateway."""
        if not assignment.settled:
            assignment.settled = True
            self.held_parts -= assignment.parts
            if self._of_message.get(assignment.message_id) is assignment:
                del self._of_message[assignment.message_id]

    def move(self, assignment: DeviceAssignment, state: AssignmentState, now_ms: int) -> None:
        """Changes the state; an assignment that is no longer open is dropped."""
        if assignment.waits and state >= AssignmentState.PROCESSED:
            self._count(assignment, -1)
        assignment.state, assignment.changed_ms = state, now_ms
        if state >= AssignmentState.SENT:
            self._all.pop(assignment.assignment_id, None)
            of_device = self._of_device.get(assignment.device_id, {})
            of_device.pop(assignment.assignment_id, None)
            if not of_device:
                self._of_device.pop(assignment.device_id, None)

    def get(self, assignment_id: int) -> DeviceAssignment | None:
        return self._all.get(assignment_id)

    def of_message(self, message_id: int) -> DeviceAssignment | None:
        """The assignment of a message whose outcome is awaited."""
        return self._of_message.get(message_id)

    def of_device(self, device_id: int) -> list[DeviceAssignment]:
        """A device's, in the order they were assigned."""
        return list(self._of_device.get(device_id, {}).values())

    def waiting(self, device_id: int, slot: int) -> int:
        """How many assignments occupy a SIM."""
        return self._waiting.get((device_id, slot), 0)

    def _count(self, assignment: DeviceAssignment, change: int) -> None:
        place = (assignment.device_id, assignment.slot)
        count = self._waiting.get(place, 0) + change
        if count:
            self._waiting[place] = count
        else:
            self._waiting.pop(place, None)
