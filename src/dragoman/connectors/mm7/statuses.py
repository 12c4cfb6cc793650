"""What an MMSC's status means for the message (3GPP TS 23.140 s. 8.7.8.3)."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from dragoman.core.messages.model.lifecycle import ReceiptState
from dragoman.core.model.errors import FailureCode

SUCCESS: Final = 1000
PARTIAL_SUCCESS: Final = 1100
SERVER_ERROR: Final = 3000
UNSUPPORTED_OPERATION: Final = 4003

_DEFINITE: Final = MappingProxyType(
    {
        2001: FailureCode.BARRED,  # operation restricted
        2002: FailureCode.INVALID_DESTINATION,  # address error
        2003: FailureCode.UNKNOWN_SUBSCRIBER,  # address not found
        2004: FailureCode.INVALID_CONTENT,  # multimedia content refused
        2007: FailureCode.INVALID_CONTENT,  # message format corrupt
        3002: FailureCode.REFUSED_BY_CARRIER,  # message rejected
        3003: FailureCode.REFUSED_BY_CARRIER,  # multiple addresses not supported
        3004: FailureCode.REFUSED_BY_CARRIER,  # application addressing not supported
        4004: FailureCode.INVALID_CONTENT,  # validation error
        4007: FailureCode.REFUSED_BY_CARRIER,  # service denied
        4008: FailureCode.REFUSED_BY_CARRIER,  # application denied
    }
)
"""Statuses that blame the message, of whatever class."""
_CLIENT_ERRORS: Final = range(2000, 3000)

RECEIPT_STATES: Final = MappingProxyType(
    {
        "retrieved": ReceiptState.DELIVERED,
        "expired": ReceiptState.EXPIRED,
        "rejected": ReceiptState.UNDELIVERABLE,  # by the recipient
        "unreachable": ReceiptState.UNDELIVERABLE,
        "unrecognised": ReceiptState.UNDELIVERABLE,  # by the recipient's phone
        "deferred": ReceiptState.ENROUTE,
        "forwarded": ReceiptState.ENROUTE,
        "indeterminate": ReceiptState.UNKNOWN,
    }
)
"""The receipt state for each MMStatus, in lower case."""


def failure_of_status(status: int) -> FailureCode | None:
    """Why a message with this status failed; None where another try may succeed.

    What is wrong with the service or with our login (3000, 4001 …) is not the message's fault.
    """
    failure = _DEFINITE.get(status)
    if failure is None and status in _CLIENT_ERRORS:
        return FailureCode.REFUSED_BY_CARRIER
    return failure
