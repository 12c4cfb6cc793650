"""One-time codes in texts, the likeliest first, for test suites to enter."""

from __future__ import annotations

import re
from typing import Final

MAX_TEXT: Final = 2_000
WORDS: Final = (
    "code",
    "kode",
    "koden",
    "codice",
    "código",
    "codigo",
    "kod",
    "otp",
    "pin",
    "tan",
    "password",
    "passcode",
    "adgangskode",
    "token",
    "verification",
    "verify",
)
"""Words that stand near codes, in the languages of the dialects and some more."""
NEAR: Final = 40
"""Characters between one of these words and its code."""

_BOUND: Final = re.compile(r"^@[^\s#]+ #(?P<code>[A-Za-z0-9-]{4,12})\s*$", re.MULTILINE)
"""The last line of an origin-bound one-time code, as browsers read it: `@shop.example #123456`."""
_ADDRESS: Final = re.compile(r"(?:https?://|www\.)\S+|\S+@\S+", re.IGNORECASE)
_GROUPED: Final = re.compile(
    r"(?<![\w+.,-])(?:[A-Z]{1,3}-)?([0-9]{3}[ -][0-9]{3,4})(?![\w-]|[.,][0-9])"
)
_DIGITS: Final = re.compile(r"(?<![\w+.,/-])(?:[A-Z]{1,3}-)?([0-9]{4,8})(?![\w/-]|[.,][0-9])")
_MIXED: Final = re.compile(
    r"(?<![\w-])((?=[A-Z0-9]*[0-9])(?=[A-Z0-9]*[A-Z])[A-Z0-9]{5,10})(?![\w-])"
)
_WORD: Final = re.compile(rf"\b(?:{'|'.join(WORDS)})\b", re.IGNORECASE)


def find_codes(text: str) -> tuple[str, ...]:
    """The codes in a text without what separates their groups; those near one of `WORDS` first."""
    text = text[:MAX_TEXT]
    bound = [match["code"] for match in _BOUND.finditer(text)]
    plain = _ADDRESS.sub(lambda match: " " * len(match[0]), _BOUND.sub("", text))
    words = [match.span() for match in _WORD.finditer(plain)]
    found: list[tuple[bool, int, str]] = []
    taken: list[tuple[int, int]] = []
    for pattern in (_GROUPED, _DIGITS, _MIXED):
        for match in pattern.finditer(plain):
            begin, end = match.span(1)
            if any(begin < other_end and other < end for other, other_end in taken):
                continue
            taken.append((begin, end))
            distance = _distance(begin, end, words)
            near = distance <= NEAR
            if pattern is not _DIGITS and not near:
                continue  # else every article number would be a code
            code = match[1].replace(" ", "").replace("-", "")
            found.append((not near, distance if near else begin, code))
    return tuple(dict.fromkeys(bound + [code for _, _, code in sorted(found)]))


def _distance(begin: int, end: int, words: list[tuple[int, int]]) -> int:
    """Characters between a span and the nearest of others."""
    return min((max(begin - last, first - end, 0) for first, last in words), default=MAX_TEXT)
