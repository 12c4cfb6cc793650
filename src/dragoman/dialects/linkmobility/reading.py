"""Texts and flags as programs send them, and the advanced key that some calls need."""

from __future__ import annotations

import hmac
from types import MappingProxyType
from typing import Final

from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.dialects.linkmobility.errors import WordedRefusal
from dragoman.dialects.linkmobility.schemas import Flag, Text

_FLAGS: Final = MappingProxyType[bool | int | str, bool](
    {0: False, "0": False, "false": False, 1: True, "1": True, "true": True}
)  # False and True are 0 and 1 here


def read_text(value: Text | float) -> str:
    """A text without white space around it; empty where there is none."""
    return "" if value is None else str(value).strip()


def read_flag(field: str, value: Flag) -> bool | None:
    """A flag: `true`, `"true"` or 1, or their opposites; None where none is given.

    Raises `Refused`.
    """
    written = value.strip().lower() if isinstance(value, str) else value
    if written is None or written == "":
        return None
    flag = _FLAGS.get(written)
    if flag is None:
        raise Refused(RefusalCode.INVALID_FIELD, field, "use true or false")
    return flag


def check_advanced(expected: str, given: str, purpose: str) -> None:
    """Raises `Refused` unless `given` is the advanced key, which is for a provider's own staff.

    `purpose` names the call or field that needs it.
    """
    offered = given.encode("utf-8", "surrogatepass")
    if not expected or not hmac.compare_digest(expected.encode(), offered):
        text = f"Access denied, [{purpose}] needs the advanced key"
        raise WordedRefusal(RefusalCode.PERMISSION_DENIED, text)
