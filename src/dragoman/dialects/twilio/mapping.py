"""Statuses, failures, times and prices in this API's words."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime
from types import MappingProxyType
from typing import Final, NamedTuple

from dragoman.core.accounts.model.senders import SHORT_CODE_DIGITS
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.model.errors import FailureCode

DIALECT: Final = "twilio"
API_VERSION: Final = "2010-04-01"
RECEIVED: Final = "received"
ACCEPTED: Final = "accepted"

STATUSES: Final = MappingProxyType(
    {
        State.SCHEDULED: "scheduled",
        State.QUEUED: "queued",
        State.SENDING: "sending",
        State.SENT: "sent",
        State.UNKNOWN: "sent",
        State.DELIVERED: "delivered",
        State.UNDELIVERED: "undelivered",
        State.EXPIRED: "undelivered",
        State.REJECTED: "undelivered",
        State.CANCELLED: "canceled",
    }
)
"""Of messages that a carrier took, or that have not ended."""

NEVER_LEFT: Final = MappingProxyType({State.EXPIRED: "failed", State.REJECTED: "failed"})
"""Of messages that ended before a carrier took them, where that is another word."""

ERRORS: Final = MappingProxyType(
    {
        FailureCode.NONE: None,
        FailureCode.UNKNOWN_SUBSCRIBER: 30005,
        FailureCode.ABSENT_SUBSCRIBER: 30003,
        FailureCode.BARRED: 30004,
        FailureCode.HANDSET: 30003,
        FailureCode.HANDSET_MEMORY_FULL: 30003,
        FailureCode.NETWORK: 30008,
        FailureCode.NETWORK_TIMEOUT: 30410,
        FailureCode.CONGESTION: 30017,
        FailureCode.INVALID_DESTINATION: 30006,
        FailureCode.INVALID_SENDER: 30018,
        FailureCode.INVALID_CONTENT: 30007,
        FailureCode.TEXT_TOO_LONG: 30019,
        FailureCode.DUPLICATE: 30008,
        FailureCode.EXPIRED: 30036,
        FailureCode.CANCELLED: None,
        FailureCode.NO_ROUTE: 30006,
        FailureCode.OPTED_OUT: 21610,
        FailureCode.NOT_ALLOWED: 21408,
        FailureCode.NOT_BILLABLE: 30008,
        FailureCode.NO_REPORT: 30008,
        FailureCode.RESPONSE_LOST: 30008,
        FailureCode.REFUSED_BY_CARRIER: 30008,
        FailureCode.UNSPECIFIED: 30008,
    }
)
"""`error_code` of a message that was not delivered."""

ERROR_TEXTS: Final = MappingProxyType(
    {
        21408: "Permission to send to the region has not been enabled",
        21610: "Attempt to send to unsubscribed recipient",
        30003: "Unreachable destination handset",
        30004: "Message blocked",
        30005: "Unknown destination handset",
        30006: "Landline or unreachable carrier",
        30007: "Message filtered",
        30008: "Unknown error",
        30017: "Carrier network congestion",
        30018: "Destination carrier requires sender ID pre-registration",
        30019: "Content size exceeds carrier limit",
        30036: "Validity period expired",
        30410: "Provider timeout error",
    }
)
"""`error_message` of each of them."""

_WITH_ERROR: Final = frozenset({"failed", "undelivered"})


class Outcome(NamedTuple):
    """The status of a message, and why it was not delivered."""

    status: str
    error_code: int | None

    @property
    def error_message(self) -> str | None:
        return None if self.error_code is None else ERROR_TEXTS[self.error_code]


def outcome_of(state: State, failure: FailureCode, *, left: bool) -> Outcome:
    """The outcome of a message, which may have `left` for its carrier."""
    status = STATUSES[state] if left else NEVER_LEFT.get(state, STATUSES[state])
    return Outcome(status, ERRORS[failure] if status in _WITH_ERROR else None)


def render_date(at_ms: int) -> str:
    """A time as RFC 2822 writes it."""
    return format_datetime(datetime.fromtimestamp(at_ms // 1000, UTC))


def render_iso_date(at_ms: int) -> str:
    """A time as the newer APIs write it (ISO 8601)."""
    return datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def render_number(number: str) -> str:
    """A number in E.164; short codes and names as they are."""
    is_long = number.isascii() and number.isdigit() and len(number) > SHORT_CODE_DIGITS
    return f"+{number}" if is_long else number


def render_price(price: int) -> str | None:
    """A price in ten-thousandths as what it takes from the balance; None for none."""
    return f"-{price // 10_000}.{price % 10_000:04}0" if price else None
