"""The status of a text, as this API names it (Get SMS message state)."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from dragoman.core.messages.model.lifecycle import State
from dragoman.core.model.errors import FailureCode

WAITING: Final = "WAITING"
SCHEDULED: Final = "SCHEDULED"
SENT: Final = "SENT"
AWAITING_RECEIPT: Final = "WAIT4DLVR"
DELIVERED: Final = "DLVRD"
TIMEOUT: Final = "TIMEOUT"
ERROR: Final = "ERROR"
INVALID_DESTINATION: Final = "INVALIDDST"
UNKNOWN_PREFIX: Final = "UNKNPFX"
BLACKLISTED: Final = "BLACKLISTED"
REJECTED: Final = "KO"
INVALID_CONTENTS: Final = "INVALIDCONTENTS"
TOO_MANY_FOR_NUMBER: Final = "TOOM4NUM"

_STATES: Final = MappingProxyType(
    {
        State.SCHEDULED: (SCHEDULED, 2, 600),
        State.QUEUED: (WAITING, 2, 600),
        State.SENDING: (WAITING, 2, 600),
        State.SENT: (AWAITING_RECEIPT, 2, 601),
        State.UNKNOWN: (TIMEOUT, 10, 500),
        State.DELIVERED: (DELIVERED, 4, 400),
        State.UNDELIVERED: (ERROR, 9, 500),
        State.EXPIRED: (TIMEOUT, 10, 500),
        State.REJECTED: (REJECTED, 9, 500),
        State.CANCELLED: (ERROR, 9, 500),
    }
)
STATUSES: Final = MappingProxyType({state: row[0] for state, row in _STATES.items()})
"""By state, where the failure does not say more."""
HISTORY_CODES: Final = MappingProxyType({state: row[1] for state, row in _STATES.items()})
"""The numbers of `rcptHistory`: 2 on its way, 4 arrived, 9 failed, 10 too late."""
CALLBACK_CODES: Final = MappingProxyType({state: row[2] for state, row in _STATES.items()})
"""`messagestatuscode`: 4xx arrived, 5xx failed, 6xx on its way."""

FAILURES: Final = MappingProxyType(
    {
        FailureCode.NONE: None,
        FailureCode.UNKNOWN_SUBSCRIBER: INVALID_DESTINATION,
        FailureCode.ABSENT_SUBSCRIBER: None,
        FailureCode.BARRED: None,
        FailureCode.HANDSET: None,
        FailureCode.HANDSET_MEMORY_FULL: None,
        FailureCode.NETWORK: None,
        FailureCode.NETWORK_TIMEOUT: None,
        FailureCode.CONGESTION: ERROR,
        FailureCode.INVALID_DESTINATION: INVALID_DESTINATION,
        FailureCode.INVALID_SENDER: None,
        FailureCode.INVALID_CONTENT: INVALID_CONTENTS,
        FailureCode.TEXT_TOO_LONG: INVALID_CONTENTS,
        FailureCode.DUPLICATE: TOO_MANY_FOR_NUMBER,
        FailureCode.EXPIRED: None,
        FailureCode.CANCELLED: None,
        FailureCode.NO_ROUTE: UNKNOWN_PREFIX,
        FailureCode.OPTED_OUT: BLACKLISTED,
        FailureCode.NOT_ALLOWED: UNKNOWN_PREFIX,
        FailureCode.NOT_BILLABLE: ERROR,
        FailureCode.NO_REPORT: None,
        FailureCode.RESPONSE_LOST: None,
        FailureCode.REFUSED_BY_CARRIER: None,
        FailureCode.UNSPECIFIED: None,
    }
)
"""By the reason of a text that did not arrive; None leaves it to the state."""

_FAILED: Final = frozenset({State.UNDELIVERED, State.REJECTED})

_ARRIVED: Final = HISTORY_CODES[State.DELIVERED]


def status_of(state: State, failure: FailureCode, *, wants_receipt: bool) -> str:
    """The status of a text; `SENT` is the last one where no receipts come."""
    if not wants_receipt and _is_last_known(state, failure):
        return SENT
    return (FAILURES[failure] if state in _FAILED else None) or STATUSES[state]


def history_code_of(state: State, failure: FailureCode, *, wants_receipt: bool) -> int:
    """The number for a text in the history of a recipient."""
    if not wants_receipt and _is_last_known(state, failure):
        return _ARRIVED
    return HISTORY_CODES[state]


def _is_last_known(state: State, failure: FailureCode) -> bool:
    """Whether a carrier took a text, and no more is known of it."""
    return state is State.SENT or (state is State.UNKNOWN and failure is FailureCode.NO_REPORT)
