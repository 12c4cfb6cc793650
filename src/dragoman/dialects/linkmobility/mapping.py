"""The manual's names and numbers of our states and failures."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from dragoman.core.inbound.model.inbound import Handling
from dragoman.core.messages.model.lifecycle import BatchState, State
from dragoman.core.messages.model.messages import Format
from dragoman.core.model.errors import FailureCode

DIALECT: Final = "linkmobility"
PROTOCOL: Final = "REST"
"""How a message came in, as queries show it."""
MAIL_PROTOCOL: Final = "SMTP"
"""The same, of a message that came by mail."""

QUEUED: Final = "queued"
BUFFERED: Final = "buffered"
RECEIVED: Final = "received"
REJECTED: Final = "rejected"
EXPIRED: Final = "expired"

STATUSES: Final = MappingProxyType(
    {
        State.SCHEDULED: QUEUED,
        State.QUEUED: QUEUED,
        State.SENDING: BUFFERED,
        State.SENT: BUFFERED,
        State.UNKNOWN: EXPIRED,
        State.DELIVERED: RECEIVED,
        State.UNDELIVERED: REJECTED,
        State.EXPIRED: EXPIRED,
        State.REJECTED: REJECTED,
        State.CANCELLED: REJECTED,
    }
)
"""The `status` of a message."""

STATES_OF_STATUS: Final = MappingProxyType(
    {
        status: tuple(state for state in State if STATUSES[state] == status)
        for status in (QUEUED, BUFFERED, RECEIVED, REJECTED, EXPIRED)
    }
)
"""The states a search for a `status` finds."""

REPORTED: Final = frozenset({state for state in State if state >= State.SENT})
"""The states that delivery reports are sent for.

`State.SENDING` reads `buffered` too, but only `State.SENT` says that a carrier has the message.
"""

BATCH_STATES: Final = MappingProxyType(
    {
        BatchState.QUEUED: "QUEUED",
        BatchState.RUNNING: "RUNNING",
        BatchState.DONE: "DONE",
        BatchState.CANCELLED: "DONE",
    }
)
"""The `state` of a batch; programs refuse any other."""

FORMATS: Final = MappingProxyType(
    {
        "GSM": Format.GSM,
        "UNICODE": Format.UNICODE,
        "BINARY": Format.BINARY,
        "MMS": Format.MMS,
        "WAPPUSH": Format.WAP_PUSH,
    }
)

NO_ERROR: Final = 0

STATUS_TEXTS: Final = MappingProxyType(
    {
        0: "Unknown subscriber",
        **dict.fromkeys(range(1, 9), "Service temporary not available"),
        9: "Illegal error code",
        10: "Network time-out",
        50: "Error in MS",
        100: "Facility not supported",
        101: "Unknown subscriber",
        102: "Facility not provided",
        103: "Call barred",
        104: "Operation barred",
        105: "SC congestion",
        106: "Facility not supported",
        107: "Absent subscriber",
        108: "Delivery fail",
        109: "SC congestion",
        110: "Protocol error",
        111: "MS not equipped",
        112: "Unknown SC",
        113: "SC congestion",
        114: "Illegal MS",
        115: "MS not a subscriber",
        116: "Error in MS",
        117: "SMS lower layer not provisioned",
        118: "System fail",
        119: "PLMN system failure",
        120: "HLR",
        121: "VLR",
        122: "Previous VLR",
        123: "Controlling MSC",
        124: "VMSC",
        125: "EIR system failure",
        126: "System failure",
        127: "Unexpected data value",
        128: "Message encoding not supported",
        200: "Error in address service centre",
        201: "Invalid absolute Validity Period",
        202: "Short message exceeds maximum",
        203: "Unable to Unpack GSM message",
        204: "Unable to convert IRA ALPHABET",
        205: "Invalid validity period format",
        206: "Invalid destination address",
        207: "Duplicate message submit",
        208: "Invalid message type indicator",
    }
)
"""The text of each `statuscode`. 0 also goes with `received`, which has no text."""

CODES_OF_FAILURES: Final = MappingProxyType(
    {
        FailureCode.NONE: 108,
        FailureCode.UNKNOWN_SUBSCRIBER: 101,
        FailureCode.ABSENT_SUBSCRIBER: 107,
        FailureCode.BARRED: 103,
        FailureCode.HANDSET: 116,
        FailureCode.HANDSET_MEMORY_FULL: 50,
        FailureCode.NETWORK: 126,
        FailureCode.NETWORK_TIMEOUT: 10,
        FailureCode.CONGESTION: 109,
        FailureCode.INVALID_DESTINATION: 206,
        FailureCode.INVALID_SENDER: 127,
        FailureCode.INVALID_CONTENT: 128,
        FailureCode.TEXT_TOO_LONG: 202,
        FailureCode.DUPLICATE: 207,
        FailureCode.EXPIRED: 108,
        FailureCode.CANCELLED: 108,
        FailureCode.NO_ROUTE: 100,
        FailureCode.OPTED_OUT: 103,
        FailureCode.NOT_ALLOWED: 100,
        FailureCode.NOT_BILLABLE: 103,
        FailureCode.NO_REPORT: 10,
        FailureCode.RESPONSE_LOST: 10,
        FailureCode.REFUSED_BY_CARRIER: 108,
        FailureCode.UNSPECIFIED: 108,
    }
)
"""The `statuscode` of a message that did not arrive."""

FUNCTIONS: Final = MappingProxyType(
    {
        Handling.KEPT: "",
        Handling.FORWARDED: "http",
        Handling.OPTED_OUT: "stop",
        Handling.OPTED_IN: "start",
    }
)
"""The `function` of a received text: what was done with it."""

_FAILED: Final = frozenset({REJECTED, EXPIRED})


def status_code(state: State, failure: FailureCode) -> int:
    """The `statuscode` of a message; 0 while nothing went wrong with it."""
    return CODES_OF_FAILURES[failure] if STATUSES[state] in _FAILED else NO_ERROR


def status_reason(state: State, failure: FailureCode) -> str:
    """The text of the `statuscode`; empty while nothing went wrong."""
    code = status_code(state, failure)
    return STATUS_TEXTS[code] if code != NO_ERROR else ""
