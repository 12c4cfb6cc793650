"""What the error texts of phones mean, as far as several protocols share them.

Android names the results of sending (`SmsManager.RESULT_…`), networks those of delivery (the
TP-Status of 3GPP 23.040 s. 9.2.3.15).
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Final

import msgspec

from dragoman.core.model.errors import FailureCode

GENERIC: Final = "RESULT_ERROR_GENERIC_FAILURE"
LIMIT: Final = "RESULT_ERROR_LIMIT_EXCEEDED"

_RESULT: Final = re.compile(r"RESULT_[A-Z_]+")
_TP_STATUS: Final = re.compile(r"Delivery result from SC [^:]*: *(0x[0-9a-fA-F]{1,2}|[0-9]{1,3})")
_NO_SIM: Final = re.compile(r"SIM (\d+) not found")
_TOO_LATE: Final = "TTL expired"

_OF_RESULT: Final = MappingProxyType(
    {
        GENERIC: FailureCode.NETWORK,
        LIMIT: FailureCode.CONGESTION,
        "RESULT_ERROR_RADIO_OFF": FailureCode.NETWORK,
        "RESULT_ERROR_NO_SERVICE": FailureCode.NETWORK,
        "RESULT_ERROR_NULL_PDU": FailureCode.INVALID_CONTENT,
        "RESULT_ERROR_FDN_CHECK_FAILURE": FailureCode.BARRED,
        "RESULT_ERROR_SHORT_CODE_NOT_ALLOWED": FailureCode.BARRED,
        "RESULT_ERROR_SHORT_CODE_NEVER_ALLOWED": FailureCode.BARRED,
        "RESULT_RADIO_NOT_AVAILABLE": FailureCode.NETWORK,
        "RESULT_NETWORK_REJECT": FailureCode.REFUSED_BY_CARRIER,
        "RESULT_NETWORK_ERROR": FailureCode.NETWORK,
        "RESULT_INVALID_ARGUMENTS": FailureCode.INVALID_CONTENT,
        "RESULT_INVALID_SMS_FORMAT": FailureCode.INVALID_CONTENT,
        "RESULT_ENCODING_ERROR": FailureCode.INVALID_CONTENT,
        "RESULT_INVALID_SMSC_ADDRESS": FailureCode.REFUSED_BY_CARRIER,
        "RESULT_OPERATION_NOT_ALLOWED": FailureCode.BARRED,
        "RESULT_NO_DEFAULT_SMS_APP": FailureCode.REFUSED_BY_CARRIER,
        "RESULT_RIL_NETWORK_REJECT": FailureCode.REFUSED_BY_CARRIER,
        "RESULT_RIL_INVALID_SMS_FORMAT": FailureCode.INVALID_CONTENT,
        "RESULT_RIL_ENCODING_ERR": FailureCode.INVALID_CONTENT,
        "RESULT_RIL_REQUEST_RATE_LIMITED": FailureCode.CONGESTION,
        "RESULT_RIL_SIM_ABSENT": FailureCode.REFUSED_BY_CARRIER,
    }
)
_OF_TP_STATUS: Final = MappingProxyType(
    {
        0x40: FailureCode.NETWORK,
        0x41: FailureCode.HANDSET,
        0x42: FailureCode.BARRED,
        0x43: FailureCode.UNKNOWN_SUBSCRIBER,
        0x44: FailureCode.NETWORK,
        0x45: FailureCode.NETWORK,
        0x46: FailureCode.EXPIRED,
        0x47: FailureCode.CANCELLED,
        0x48: FailureCode.REFUSED_BY_CARRIER,
        0x60: FailureCode.CONGESTION,
        0x61: FailureCode.ABSENT_SUBSCRIBER,
        0x62: FailureCode.ABSENT_SUBSCRIBER,
        0x63: FailureCode.BARRED,
    }
)


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """An error text, read."""

    code: FailureCode
    detail: str
    """The name or number in the text; never the text itself, which may quote the message."""
    limited: bool = False
    """The phone's system limits its messages."""
    generic: bool = False
    """It failed for no stated reason."""
    missing_slot: int | None = None
    """The requested SIM is not in the phone."""
    too_late: bool = False
    """Its validity ended before the phone began to send it."""


def read_result(error: str) -> Result:
    """Reads the error text of a failed message."""
    if (named := _RESULT.search(error)) is not None:
        name = named[0].rstrip("_")
        code = _OF_RESULT.get(name, FailureCode.NETWORK)
        return Result(code=code, detail=name, limited=name == LIMIT, generic=name == GENERIC)
    if (status := _TP_STATUS.search(error)) is not None:
        number = int(status[1], 0) if status[1].startswith("0x") else int(status[1])
        code = _OF_TP_STATUS.get(number, FailureCode.UNSPECIFIED)
        return Result(code=code, detail=f"TP-Status {number}")
    if (slot := _NO_SIM.search(error)) is not None:
        return Result(
            code=FailureCode.REFUSED_BY_CARRIER,
            detail="SIM not found",
            missing_slot=int(slot[1][:3]),
        )
    if _TOO_LATE in error:
        return Result(code=FailureCode.EXPIRED, detail=_TOO_LATE, too_late=True)
    return Result(code=FailureCode.UNSPECIFIED, detail="")
