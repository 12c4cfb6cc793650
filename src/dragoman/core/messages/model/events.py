"""The kinds of events that are recorded about single messages."""

from __future__ import annotations

from enum import StrEnum


class EventKind(StrEnum):
    """What happened to a message, beyond what its row says."""

    TAKEN = "taken"
    """A carrier took it; kept in memory only, since the row says so too."""
    DEFERRED = "deferred"
    """A carrier could not take it then."""
    UNANSWERED = "unanswered"
    """It left us and no answer came."""
    REFUSED = "refused"
    """A carrier refused it for good."""
    RECEIPT = "receipt"
    """A report that came as it should; kept in memory only where it says `delivered`."""
    PARKED_RECEIPT = "parked_receipt"
    """A report that came before its message was known, and waited."""
    LATE_RECEIPT = "late_receipt"
    """A report that changed nothing: repeated, or after the end."""
    RESENT = "resent"
    """Somebody sent it again, as a message of its own."""
    FEEDBACK = "feedback"
    """Its customer said whether it arrived."""


ATTEMPTS = frozenset({EventKind.TAKEN, EventKind.DEFERRED, EventKind.UNANSWERED, EventKind.REFUSED})
RECEIPTS = frozenset({EventKind.RECEIPT, EventKind.PARKED_RECEIPT, EventKind.LATE_RECEIPT})
