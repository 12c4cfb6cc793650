"""The error codes in carriers' receipts."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from dragoman.core.messages.model.lifecycle import State
from dragoman.core.model.errors import FailureCode

# The `err` of a receipt is the network's own affair, but most carriers put the error of the MAP
# protocol there (3GPP 29.002 s. 17.6.6), in decimal.
_OF_MAP_ERROR: Final = MappingProxyType(
    {
        1: FailureCode.UNKNOWN_SUBSCRIBER,
        5: FailureCode.UNKNOWN_SUBSCRIBER,
        6: FailureCode.ABSENT_SUBSCRIBER,
        9: FailureCode.BARRED,
        10: FailureCode.BARRED,
        11: FailureCode.BARRED,
        12: FailureCode.HANDSET,
        13: FailureCode.BARRED,
        21: FailureCode.NETWORK,
        27: FailureCode.ABSENT_SUBSCRIBER,
        31: FailureCode.HANDSET,
        32: FailureCode.HANDSET_MEMORY_FULL,
        34: FailureCode.NETWORK,
        35: FailureCode.NETWORK,
        36: FailureCode.NETWORK,
    }
)

_OF_STATE: Final = MappingProxyType(
    {
        State.EXPIRED: FailureCode.EXPIRED,
        State.REJECTED: FailureCode.REFUSED_BY_CARRIER,
        State.UNKNOWN: FailureCode.NO_REPORT,
    }
)

# Members that every message asks for: looking one up in its class costs more than the rest.
_DELIVERED = State.DELIVERED
_NONE = FailureCode.NONE


def failure_of_report(state: State, error: str) -> FailureCode:
    """Why a message ended in `state`, from the error code of the carrier's receipt."""
    if state is _DELIVERED:
        return _NONE
    if error.isascii() and error.isdigit() and (known := _OF_MAP_ERROR.get(int(error))):
        return known
    return _OF_STATE.get(state, FailureCode.UNSPECIFIED)
