"""What an SMSC's refusal of a submit means for the message (SMPP 3.4 s. 5.1.3)."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from dragoman.core.model.errors import FailureCode
from dragoman.protocols.smpp.constants import CommandStatus

THROTTLING: Final = frozenset(
    {CommandStatus.ESME_RTHROTTLED.value, CommandStatus.ESME_RMSGQFUL.value}
)
"""Try later, and slower: not a failure of the message."""

TEMPORARY: Final = frozenset(
    {
        CommandStatus.ESME_RSYSERR.value,
        CommandStatus.ESME_RX_T_APPN.value,
        CommandStatus.ESME_RINVBNDSTS.value,
        CommandStatus.ESME_RALYBND.value,
    }
)
"""The SMSC or the session is at fault now; the message may be fine."""

DEFINITE: Final = MappingProxyType(
    {
        CommandStatus.ESME_RINVDSTADR.value: FailureCode.INVALID_DESTINATION,
        CommandStatus.ESME_RINVDSTTON.value: FailureCode.INVALID_DESTINATION,
        CommandStatus.ESME_RINVDSTNPI.value: FailureCode.INVALID_DESTINATION,
        CommandStatus.ESME_RINVDESTFLAG.value: FailureCode.INVALID_DESTINATION,
        CommandStatus.ESME_RINVNUMDESTS.value: FailureCode.INVALID_DESTINATION,
        CommandStatus.ESME_RINVSRCADR.value: FailureCode.INVALID_SENDER,
        CommandStatus.ESME_RINVSRCTON.value: FailureCode.INVALID_SENDER,
        CommandStatus.ESME_RINVSRCNPI.value: FailureCode.INVALID_SENDER,
        CommandStatus.ESME_RINVMSGLEN.value: FailureCode.INVALID_CONTENT,
        CommandStatus.ESME_RINVESMCLASS.value: FailureCode.INVALID_CONTENT,
        CommandStatus.ESME_RINVOPTPARSTREAM.value: FailureCode.INVALID_CONTENT,
        CommandStatus.ESME_RINVPARLEN.value: FailureCode.INVALID_CONTENT,
        CommandStatus.ESME_RINVOPTPARAMVAL.value: FailureCode.INVALID_CONTENT,
        CommandStatus.ESME_RINVEXPIRY.value: FailureCode.EXPIRED,
    }
)
"""Statuses that say what is wrong with the message."""


def failure_of_status(status: int) -> FailureCode:
    """Why a message with this status failed; accepts any number."""
    return DEFINITE.get(status, FailureCode.REFUSED_BY_CARRIER)


def describe_status(status: int) -> str:
    """Renders a status for people: its name where SMPP has one, else its number."""
    try:
        name = CommandStatus(status).name
    except ValueError:
        name = "vendor status" if 0x400 <= status <= 0x4FF else "status"
    return f"{name} (0x{status:08X})"
