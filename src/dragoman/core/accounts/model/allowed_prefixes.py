"""The numbers an account may send to, by prefix.

`45`, `+45` and comma-separated lists; empty allows every number (LINK v2 s. 11, "prefixes").
"""

from __future__ import annotations

import re
from typing import Final, Self

import msgspec

MAX_PREFIXES: Final = 500

_PREFIX: Final = re.compile(r"\+?([1-9][0-9]{0,14})", re.ASCII)


class AllowedPrefixes(msgspec.Struct, frozen=True):
    """Prefixes of numbers, and the text they were entered as."""

    text: str = ""
    prefixes: tuple[str, ...] | None = None
    """None is every number; an empty tuple, which narrowing can lead to, is none."""

    def allow(self, digits: str) -> bool:
        """Whether an international number, as digits, may be sent to."""
        return self.prefixes is None or digits.startswith(self.prefixes)

    def narrowed(self, other: Self) -> Self:
        """What both allow, with the text of this one."""
        if other.prefixes is None:
            return self
        if self.prefixes is None:
            return type(self)(self.text, other.prefixes)
        longer = {
            max(mine, its, key=len)
            for mine in self.prefixes
            for its in other.prefixes
            if mine.startswith(its) or its.startswith(mine)
        }
        return type(self)(self.text, tuple(sorted(longer)))


def parse_allowed_prefixes(text: str) -> AllowedPrefixes:
    """Parses comma-separated prefixes; ValueError names the invalid part."""
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if len(parts) > MAX_PREFIXES:
        raise ValueError(f"more than {MAX_PREFIXES} prefixes")
    prefixes = []
    for part in parts:
        written = _PREFIX.fullmatch(part)
        if written is None:
            raise ValueError(f"{part[:32]!r} is not the first digits of an international number")
        prefixes.append(written[1])
    return AllowedPrefixes(text.strip(), tuple(prefixes) or None)
