"""The states of messages and batches, and the transitions between them."""

from __future__ import annotations

from enum import IntEnum
from types import MappingProxyType
from typing import Final


class State(IntEnum):
    """The stage of a message. The numbers are stored; they grow along its way."""

    SCHEDULED = 0
    """Accepted, due later."""
    QUEUED = 10
    """Accepted and due; no carrier has been given it."""
    SENDING = 20
    """Handed to a link or phone, or about to be: after a crash it may have left us."""
    SENT = 30
    """A carrier took it; its report is awaited."""
    UNKNOWN = 35
    """No report came in time, or the answer to the submit was lost; a late report still counts."""
    DELIVERED = 40
    UNDELIVERED = 41
    EXPIRED = 42
    REJECTED = 43
    """Refused by us or by the carrier at submission."""
    CANCELLED = 44


class BatchState(IntEnum):
    """The stage of a whole submission."""

    QUEUED = 0
    """Stored; its recipients are not expanded yet."""
    RUNNING = 10
    """Its recipients become messages, or messages wait for a carrier."""
    DONE = 20
    """Every message has been handed to a carrier or has ended."""
    CANCELLED = 30


class ReceiptState(IntEnum):
    """The state in a carrier's receipt for a message or part (SMPP 3.4 s. 5.2.28)."""

    ENROUTE = 1
    DELIVERED = 2
    EXPIRED = 3
    DELETED = 4
    UNDELIVERABLE = 5
    ACCEPTED = 6
    UNKNOWN = 7
    REJECTED = 8


_ENDS: Final = frozenset(
    {State.DELIVERED, State.UNDELIVERED, State.EXPIRED, State.REJECTED, State.CANCELLED}
)

TRANSITIONS: Final = MappingProxyType(
    {
        State.SCHEDULED: frozenset(
            {State.QUEUED, State.SENDING, State.EXPIRED, State.REJECTED, State.CANCELLED}
        ),
        State.QUEUED: frozenset(
            {State.SENDING, State.SENT, State.EXPIRED, State.REJECTED, State.CANCELLED}
        ),
        State.SENDING: frozenset(
            {
                State.SENT,
                State.UNKNOWN,
                State.DELIVERED,
                State.UNDELIVERED,
                State.EXPIRED,
                State.REJECTED,
            }
        ),
        State.SENT: frozenset(
            {State.UNKNOWN, State.DELIVERED, State.UNDELIVERED, State.EXPIRED, State.REJECTED}
        ),
        State.UNKNOWN: frozenset(
            {State.DELIVERED, State.UNDELIVERED, State.EXPIRED, State.REJECTED}
        ),
        **{end: frozenset[State]() for end in _ENDS},
    }
)
"""From each state, the states a message may go to. Nothing leaves an end."""

CANCELLABLE: Final = frozenset(
    before for before, after in TRANSITIONS.items() if State.CANCELLED in after
)
"""The states in which a message can still be stopped: no carrier has been given it."""

_OF_RECEIPT: Final = MappingProxyType(
    {
        ReceiptState.DELIVERED: State.DELIVERED,
        ReceiptState.EXPIRED: State.EXPIRED,
        ReceiptState.DELETED: State.UNDELIVERED,
        ReceiptState.UNDELIVERABLE: State.UNDELIVERED,
        ReceiptState.REJECTED: State.REJECTED,
        ReceiptState.UNKNOWN: State.UNKNOWN,
        ReceiptState.ENROUTE: None,
        ReceiptState.ACCEPTED: None,
    }
)


def may_go(before: State, after: State) -> bool:
    """Whether a message may change from `before` to `after`."""
    return after in TRANSITIONS[before]


def is_end(state: State) -> bool:
    """Whether the state is final."""
    return state >= State.DELIVERED


def state_of_receipt(reported: ReceiptState) -> State | None:
    """The state a receipt leads to; None for an intermediate one."""
    return _OF_RECEIPT[reported]


def state_of_parts(parts: tuple[State | None, ...]) -> State | None:
    """The state of a message in several parts; None while receipts are missing.

    A text with a missing part is not delivered: the first part that ended otherwise decides.
    """
    for state in parts:
        if state is not None and state is not State.DELIVERED and state is not State.UNKNOWN:
            return state
    if None in parts:
        return None
    return State.UNKNOWN if State.UNKNOWN in parts else State.DELIVERED
