"""The ways SMSCs spell a message id in the response and again in the receipt."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from enum import Enum
from types import MappingProxyType
from typing import Final


class IdStyle(Enum):
    """A pair of spellings: in the response, in the receipt."""

    DECIMAL = "decimal"
    HEX_UPPER = "hex upper"
    HEX_LOWER = "hex lower"
    PADDED = "zero-padded decimal"
    UUID = "uuid"
    HEX_THEN_DECIMAL = "hex, then decimal"
    DECIMAL_THEN_HEX = "decimal, then hex"
    UPPER_THEN_LOWER = "upper case, then lower case"
    PADDED_THEN_BARE = "zero-padded, then bare"
    BARE_THEN_PADDED = "bare, then zero-padded"
    UUID_THEN_UNDASHED = "uuid, then without dashes"
    LONG = "65 characters"


def _uuid(number: int) -> str:
    return str(uuid.UUID(int=number * 0x9E3779B97F4A7C15F39CC0605CEDC835 & (1 << 128) - 1))


_STYLES: Final[MappingProxyType[IdStyle, Callable[[int], tuple[str, str]]]] = MappingProxyType(
    {
        IdStyle.DECIMAL: lambda n: (str(n), str(n)),
        IdStyle.HEX_UPPER: lambda n: (f"{n:X}", f"{n:X}"),
        IdStyle.HEX_LOWER: lambda n: (f"{n:x}", f"{n:x}"),
        IdStyle.PADDED: lambda n: (f"{n:010d}", f"{n:010d}"),
        IdStyle.UUID: lambda n: (_uuid(n), _uuid(n)),
        IdStyle.HEX_THEN_DECIMAL: lambda n: (f"{n:X}", str(n)),
        IdStyle.DECIMAL_THEN_HEX: lambda n: (str(n), f"{n:x}"),
        IdStyle.UPPER_THEN_LOWER: lambda n: (f"{n:08X}", f"{n:08x}"),
        IdStyle.PADDED_THEN_BARE: lambda n: (f"{n:010d}", str(n)),
        IdStyle.BARE_THEN_PADDED: lambda n: (str(n), f"{n:010d}"),
        IdStyle.UUID_THEN_UNDASHED: lambda n: (_uuid(n), _uuid(n).replace("-", "")),
        IdStyle.LONG: lambda n: (f"{n:x}-".rjust(65, "q"), f"{n:x}-".rjust(65, "q")),
    }
)


def spell_id(number: int, style: IdStyle) -> tuple[str, str]:
    """Returns the id of message `number` as the response has it and as the receipt has it."""
    return _STYLES[style](number)
