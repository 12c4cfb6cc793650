"""The progress of batches and messages as their sender sees it, including phones."""

from __future__ import annotations

from collections.abc import Collection
from enum import IntEnum
from types import MappingProxyType
from typing import Final

import msgspec

from dragoman.core.devices.model.devices import AssignmentState
from dragoman.core.messages.model.lifecycle import BatchState, State
from dragoman.core.model.errors import FailureCode


class Progress(IntEnum):
    """A message's state, refined by what a phone has done with it."""

    PENDING = 0
    """No carrier or phone has it for certain."""
    CANCELLING = 1
    """It was cancelled, and the phone that has it has not confirmed."""
    CANCELLED = 2
    PROCESSED = 3
    """A phone has it; nothing more is known."""
    SENT = 4
    DELIVERED = 5
    FAILED = 6


_OF_STATE: Final = MappingProxyType(
    {
        State.SCHEDULED: Progress.PENDING,
        State.QUEUED: Progress.PENDING,
        State.SENDING: Progress.PENDING,
        State.SENT: Progress.SENT,
        State.UNKNOWN: Progress.PROCESSED,
        State.DELIVERED: Progress.DELIVERED,
        State.UNDELIVERED: Progress.FAILED,
        State.EXPIRED: Progress.FAILED,
        State.REJECTED: Progress.FAILED,
        State.CANCELLED: Progress.CANCELLED,
    }
)

HELD: Final = frozenset({AssignmentState.HELD, AssignmentState.PROCESSED})
"""Where a phone has said that it has a message."""


def progress_of(
    state: State,
    failure: FailureCode,
    *,
    was_sent: bool,
    assignment: AssignmentState | None = None,
    cancelling: bool = False,
) -> Progress:
    """The progress of a message; `assignment` is its state at the last phone."""
    if state is State.SENDING and assignment is not None:
        if cancelling and assignment < AssignmentState.PROCESSED:
            return Progress.CANCELLING
        if cancelling and assignment is AssignmentState.CANCELLED:
            return Progress.CANCELLED
        return Progress.PROCESSED if assignment in HELD else Progress.PENDING
    if state is State.UNKNOWN and was_sent:
        return Progress.SENT
    if state is State.REJECTED and failure is FailureCode.CANCELLED:
        return Progress.CANCELLED
    return _OF_STATE[state]


def progress_of_all(all_of_them: Collection[Progress]) -> Progress:
    """The progress of several recipients: open states take precedence over ended ones."""
    for one in (Progress.PENDING, Progress.CANCELLING, Progress.CANCELLED, Progress.PROCESSED):
        if one in all_of_them:
            return one
    first, *others = set(all_of_them)
    return Progress.SENT if others else first


class BatchProgress(msgspec.Struct, frozen=True, kw_only=True):
    """The progress of a batch, and what lists show of it."""

    batch_id: int
    account_id: int
    sender: str
    text: str
    format: str
    protocol: str
    due_ms: int
    state: BatchState
    recipients: int
    unsent: int
    buffered: int
    received: int
    failed: int
    expanding: bool
    """Whether recipients may be added."""
