"""A message assigned to a device, and its steps."""

from __future__ import annotations

import msgspec

from dragoman.core.devices.model.devices import AssignmentState


class StoredAssignment(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A row of `device_assignments`."""

    assignment_id: int
    message_id: int
    device_id: int
    carrier: str
    slot: int
    parts: int
    state: AssignmentState
    cancelling: int
    """0, or why it is being cancelled."""
    recipient: str
    valid_until_ms: int
    assigned_ms: int
    changed_ms: int


class AssignmentStep(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The next step of an assignment; it never goes back."""

    assignment_id: int
    state: AssignmentState
    cancelling: int
    valid_until_ms: int
    changed_ms: int
