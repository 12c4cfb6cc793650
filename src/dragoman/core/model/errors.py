"""Refusals and failures with stable codes; dialects have their providers' texts for them."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeVar

T = TypeVar("T")

NOT_A_ZONE = "must be an IANA time zone such as Europe/Copenhagen"


class RefusalCode(StrEnum):
    """Why a request was refused. Nothing was stored and no credits were used."""

    AUTHENTICATION_FAILED = "authentication_failed"
    ADDRESS_NOT_ALLOWED = "address_not_allowed"
    PERMISSION_DENIED = "permission_denied"
    INSUFFICIENT_CREDIT = "insufficient_credit"
    MALFORMED_REQUEST = "malformed_request"
    MISSING_FIELD = "missing_field"
    INVALID_FIELD = "invalid_field"
    INVALID_RECIPIENT = "invalid_recipient"
    TOO_MANY_RECIPIENTS = "too_many_recipients"
    INVALID_SENDER = "invalid_sender"
    SENDER_NOT_ALLOWED = "sender_not_allowed"
    RECIPIENT_NOT_ALLOWED = "recipient_not_allowed"
    NUMBER_NOT_ALLOWED = "number_not_allowed"
    EMPTY_TEXT = "empty_text"
    TEXT_TOO_LONG = "text_too_long"
    TEXT_NOT_ENCODABLE = "text_not_encodable"
    INVALID_VALIDITY = "invalid_validity"
    INVALID_SCHEDULE = "invalid_schedule"
    INVALID_CALLBACK_URL = "invalid_callback_url"
    NO_ROUTE = "no_route"
    NOT_SUPPORTED = "not_supported"
    NOT_FOUND = "not_found"
    NOT_CANCELLABLE = "not_cancellable"
    NOT_BILLABLE = "not_billable"
    NOT_REFUNDABLE = "not_refundable"
    ALREADY_EXISTS = "already_exists"
    UNAVAILABLE = "unavailable"


class Refused(Exception):
    """A request that the gateway refuses.

    `subject` is the field, number or identifier concerned; `detail` says in plain English what is
    wrong with it, without secrets, texts or keys.
    """

    def __init__(self, code: RefusalCode, subject: str = "", detail: str = "") -> None:
        super().__init__(code, subject, detail)
        self.code = code
        self.subject = subject
        self.detail = detail

    def __str__(self) -> str:
        return ": ".join(part for part in (self.code.value, self.subject, self.detail) if part)


def existing(found: T | None, refusal: Refused) -> T:
    """What was found; raises the refusal where there is nothing."""
    if found is None:
        raise refusal
    return found


class FailureCode(StrEnum):
    """Why an accepted message was not delivered."""

    NONE = ""
    UNKNOWN_SUBSCRIBER = "unknown_subscriber"
    ABSENT_SUBSCRIBER = "absent_subscriber"
    BARRED = "barred"
    HANDSET = "handset"
    HANDSET_MEMORY_FULL = "handset_memory_full"
    NETWORK = "network"
    NETWORK_TIMEOUT = "network_timeout"
    CONGESTION = "congestion"
    INVALID_DESTINATION = "invalid_destination"
    INVALID_SENDER = "invalid_sender"
    INVALID_CONTENT = "invalid_content"
    TEXT_TOO_LONG = "text_too_long"
    DUPLICATE = "duplicate"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    NO_ROUTE = "no_route"
    OPTED_OUT = "opted_out"
    NOT_ALLOWED = "not_allowed"
    NOT_BILLABLE = "not_billable"
    NO_REPORT = "no_report"
    RESPONSE_LOST = "response_lost"
    REFUSED_BY_CARRIER = "refused_by_carrier"
    UNSPECIFIED = "unspecified"


class RetryCode(StrEnum):
    """Why a carrier could not take a message now; it is retried."""

    LINK_DOWN = "link_down"
    CARRIER_BUSY = "carrier_busy"
    DRAINING = "draining"


class StorageUnavailable(Refused):
    """Nothing can be stored or read: the disk is full or failing, or the database is unreachable.

    For callers a refusal like any other. After a failed sync (`sync_failed`) all further writes
    fail.
    """

    def __init__(self, reason: str = "", *, sync_failed: bool = False) -> None:
        super().__init__(RefusalCode.UNAVAILABLE, "storage", reason)
        self.sync_failed = sync_failed

    def __str__(self) -> str:
        return self.detail


class TookTooLong(Refused):
    """A query examines more than its time allows."""

    def __init__(self) -> None:
        super().__init__(
            RefusalCode.INVALID_FIELD, "starttime", "too much to search, ask for a shorter time"
        )


class AlreadyInUse(Exception):
    """Another process has this database open."""
