"""Flags as programs write them: `true`, `"true"` or 1, and their opposites."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.dialects.linkmobility.schemas import Flag

_FLAGS: Final = MappingProxyType[bool | int | str, bool](
    {0: False, "0": False, "false": False, 1: True, "1": True, "true": True}
)  # False and True are 0 and 1 here


def read_flag(field: str, value: Flag) -> bool | None:
    """A flag, None where none is given; raises `Refused`."""
    written = value.strip().lower() if isinstance(value, str) else value
    if written is None or written == "":
        return None
    flag = _FLAGS.get(written)
    if flag is None:
        raise Refused(RefusalCode.INVALID_FIELD, field, "use true or false")
    return flag
