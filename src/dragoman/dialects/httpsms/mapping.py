"""How `dlr.php` says where a message is."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

import msgspec

from dragoman.core.billing.model.pricing import render_price
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.views import MessageView
from dragoman.core.model.errors import FailureCode
from dragoman.dialects.httpsms.schemas import Deleted, NotFound, Pending, Report

PENDING: Final = msgspec.json.encode(Pending())
DELETED: Final = msgspec.json.encode(Deleted())
NOT_FOUND: Final = msgspec.json.encode(NotFound())

# The manual prints `sending` and `delivered`; the names of the other ends are ours.
ANSWERS: Final = MappingProxyType[State, bytes | str](
    {
        State.SCHEDULED: PENDING,
        State.QUEUED: PENDING,
        State.SENDING: "sending",
        State.SENT: "sending",
        State.UNKNOWN: "sending",
        State.DELIVERED: "delivered",
        State.UNDELIVERED: "undelivered",
        State.EXPIRED: "expired",
        State.REJECTED: "rejected",
        State.CANCELLED: DELETED,
    }
)
"""Each state's whole answer, or the `dlr_status` of one with details."""

REASONS: Final = MappingProxyType(
    {
        FailureCode.NONE: "",
        FailureCode.UNKNOWN_SUBSCRIBER: "Unknown subscriber",
        FailureCode.ABSENT_SUBSCRIBER: "Absent subscriber",
        FailureCode.BARRED: "Call barred",
        FailureCode.HANDSET: "Error in handset",
        FailureCode.HANDSET_MEMORY_FULL: "Handset memory full",
        FailureCode.NETWORK: "Network error",
        FailureCode.NETWORK_TIMEOUT: "Network time-out",
        FailureCode.CONGESTION: "Congestion",
        FailureCode.INVALID_DESTINATION: "Invalid destination number",
        FailureCode.INVALID_SENDER: "Invalid sender",
        FailureCode.INVALID_CONTENT: "Invalid message content",
        FailureCode.TEXT_TOO_LONG: "Invalid message content",
        FailureCode.DUPLICATE: "Duplicate message",
        FailureCode.EXPIRED: "Message expired",
        FailureCode.CANCELLED: "Message deleted",
        FailureCode.NO_ROUTE: "No route to destination",
        FailureCode.OPTED_OUT: "Recipient opted out",
        FailureCode.NOT_ALLOWED: "Recipient not allowed",
        FailureCode.NOT_BILLABLE: "Recipient cannot be charged",
        FailureCode.NO_REPORT: "No delivery report",
        FailureCode.RESPONSE_LOST: "No response from carrier",
        FailureCode.REFUSED_BY_CARRIER: "Rejected by carrier",
        FailureCode.UNSPECIFIED: "Unspecified error",
    }
)
"""`dlr_error` for each failure."""

_NEVER_SENT: Final = frozenset({State.EXPIRED, State.REJECTED})
_FREE: Final = render_price(0)


def render_report(message: MessageView) -> bytes:
    """The answer to a query for a message."""
    answer = ANSWERS[message.state]
    if isinstance(answer, bytes):
        return answer
    sent = message.sent_ms is not None
    report = make_report(answer, message.state, message.failure, message.price, sent=sent)
    return msgspec.json.encode(report)


def make_report(
    status: str, state: State, failure: FailureCode, price: int, *, sent: bool
) -> Report:
    """The report on a message, which `sent` says a carrier took.

    What no carrier took costs nothing and says why in `queue_error` too.
    """
    reason = REASONS[failure] if state > State.DELIVERED else ""
    sent = sent or state not in _NEVER_SENT
    return Report(
        queue_error=0 if sent else reason or REASONS[FailureCode.UNSPECIFIED],
        dlr_status=status,
        dlr_error=reason,
        sms_cost=render_price(price) if sent else _FREE,
    )
