"""The command_status of every refusal (SMPP 3.4 s. 5.1.3), chosen by how programs react to it.

Kannel and its like repeat a submit for ever on ESME_RSYSERR, wait and repeat on ESME_RTHROTTLED and
ESME_RMSGQFUL, and take all others for final. At a bind they give up for good on ESME_RINVPASWD, and
try again on ESME_RBINDFAIL.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from dragoman.core.accounts.model.smpp_logins import SmppOptions
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.protocols.smpp.constants import CommandStatus

STATUSES: Final = MappingProxyType(
    {
        RefusalCode.AUTHENTICATION_FAILED: CommandStatus.ESME_RINVPASWD,
        RefusalCode.ADDRESS_NOT_ALLOWED: CommandStatus.ESME_RBINDFAIL,
        RefusalCode.PERMISSION_DENIED: CommandStatus.ESME_RSUBMITFAIL,
        RefusalCode.INSUFFICIENT_CREDIT: CommandStatus.ESME_RSUBMITFAIL,
        RefusalCode.MALFORMED_REQUEST: CommandStatus.ESME_RSUBMITFAIL,
        RefusalCode.MISSING_FIELD: CommandStatus.ESME_RINVDSTADR,
        RefusalCode.INVALID_FIELD: CommandStatus.ESME_RSUBMITFAIL,
        RefusalCode.INVALID_RECIPIENT: CommandStatus.ESME_RINVDSTADR,
        RefusalCode.TOO_MANY_RECIPIENTS: CommandStatus.ESME_RINVNUMDESTS,
        RefusalCode.INVALID_SENDER: CommandStatus.ESME_RINVSRCADR,
        RefusalCode.SENDER_NOT_ALLOWED: CommandStatus.ESME_RINVSRCADR,
        RefusalCode.RECIPIENT_NOT_ALLOWED: CommandStatus.ESME_RINVDSTADR,
        RefusalCode.NUMBER_NOT_ALLOWED: CommandStatus.ESME_RINVDSTADR,
        RefusalCode.EMPTY_TEXT: CommandStatus.ESME_RINVMSGLEN,
        RefusalCode.TEXT_TOO_LONG: CommandStatus.ESME_RINVMSGLEN,
        RefusalCode.TEXT_NOT_ENCODABLE: CommandStatus.ESME_RSUBMITFAIL,
        RefusalCode.INVALID_VALIDITY: CommandStatus.ESME_RINVEXPIRY,
        RefusalCode.INVALID_SCHEDULE: CommandStatus.ESME_RINVSCHED,
        RefusalCode.INVALID_CALLBACK_URL: CommandStatus.ESME_RSUBMITFAIL,
        RefusalCode.NO_ROUTE: CommandStatus.ESME_RINVDSTADR,
        RefusalCode.NOT_SUPPORTED: CommandStatus.ESME_RSUBMITFAIL,
        RefusalCode.NOT_FOUND: CommandStatus.ESME_RINVMSGID,
        RefusalCode.NOT_CANCELLABLE: CommandStatus.ESME_RCANCELFAIL,
        RefusalCode.NOT_BILLABLE: CommandStatus.ESME_RSUBMITFAIL,
        RefusalCode.NOT_REFUNDABLE: CommandStatus.ESME_RSUBMITFAIL,
        RefusalCode.ALREADY_EXISTS: CommandStatus.ESME_RSUBMITFAIL,
        RefusalCode.UNAVAILABLE: CommandStatus.ESME_RMSGQFUL,
    }
)
"""The answer to every refusal of a submit. That of storage is temporary to every program."""
_FIELDS: Final = MappingProxyType({"udh": CommandStatus.ESME_RINVESMCLASS})
"""The fields that have a status of their own."""

BIND_STATUSES: Final = MappingProxyType(
    {
        RefusalCode.AUTHENTICATION_FAILED: CommandStatus.ESME_RINVPASWD,
        RefusalCode.ADDRESS_NOT_ALLOWED: CommandStatus.ESME_RBINDFAIL,
        RefusalCode.PERMISSION_DENIED: CommandStatus.ESME_RBINDFAIL,
        RefusalCode.UNAVAILABLE: CommandStatus.ESME_RBINDFAIL,
    }
)
"""The answer to a refused bind; ESME_RBINDFAIL, after which programs try again, to all others."""

LATER: Final = frozenset(
    {
        CommandStatus.ESME_RSYSERR.value,
        CommandStatus.ESME_RBINDFAIL.value,
        CommandStatus.ESME_RMSGQFUL.value,
        CommandStatus.ESME_RSUBMITFAIL.value,
        CommandStatus.ESME_RTHROTTLED.value,
        CommandStatus.ESME_RX_T_APPN.value,
        CommandStatus.ESME_RQUERYFAIL.value,
        CommandStatus.ESME_RDELIVERYFAILURE.value,
        CommandStatus.ESME_RUNKNOWNERR.value,
    }
)
"""Answers to a deliver_sm after which it is sent again; every other one but 0 is final."""


class Unacceptable(Exception):
    """A request with a field that it cannot have; `status` is the answer."""

    def __init__(self, status: CommandStatus) -> None:
        super().__init__(status.name)
        self.status = status.value


def status_of(refused: Refused, options: SmppOptions) -> int:
    """The answer to a refused submit."""
    if refused.code is RefusalCode.INSUFFICIENT_CREDIT:
        return options.no_credit_status
    if refused.code is RefusalCode.INVALID_FIELD and refused.subject in _FIELDS:
        return _FIELDS[refused.subject].value
    return STATUSES[refused.code].value
