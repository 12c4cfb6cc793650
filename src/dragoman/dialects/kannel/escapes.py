"""The escapes of a `dlr-url` (Kannel user guide, "Parameters (Escape Codes)").

They are replaced twice: what the submission says when it comes in, and what became of the message
when its report is made. `%%` is a percent sign in both.
"""

from __future__ import annotations

import re
from typing import Final, Protocol
from urllib.parse import quote_plus, unquote_to_bytes

_ESCAPE: Final = re.compile(r"%(?:#[^#]*#[^#]*#|.)", re.DOTALL)
_OCTETS: Final = re.compile(r"(?:%[0-9A-Fa-f]{2})+")


class Values(Protocol):
    """What escapes stand for, by their letter or their whole name."""

    def get(self, escape: str, /) -> str | None:
        """The value of an escape; None for one that stays as it is."""
        ...


def fill(template: str, values: Values, *, last: bool) -> str:
    """Replaces the escapes that `values` has by their letter; others stay as they are.

    Kannel also takes the first letter of an encoded octet (`%D0%B1`) for an escape; here octets
    that are the UTF-8 of a character beyond ASCII stay. Before the `last` pass a `%%` is kept, and
    the percent signs of values are doubled.
    """
    filled, at = [], 0
    while at < len(template):
        octets = _OCTETS.match(template, at)
        if octets is not None and (length := _encoded_text(octets[0])):
            filled.append(template[at : at + length])
            at += length
            continue
        escape = _ESCAPE.match(template, at)
        if escape is None:
            filled.append(template[at])
            at += 1
            continue
        filled.append(_replace(escape[0], values, last=last))
        at = escape.end()
    return "".join(filled)


def quoted(text: str) -> str:
    """A text as Kannel writes it into a URL: a blank is `+`, all else that is not plain `%XX`."""
    return quote_plus(text, safe="", errors="replace")


def _replace(escape: str, values: Values, *, last: bool) -> str:
    if escape == "%%":
        return "%" if last else escape
    value = values.get(escape[1]) if len(escape) == 2 else values.get(escape)
    if value is None:
        return escape
    return value if last else value.replace("%", "%%")


def _encoded_text(octets: str) -> int:
    """How many characters of `%XX…` are one character of UTF-8 beyond ASCII; 0 if none."""
    first = unquote_to_bytes(octets[:3])[0]
    length = 2 if 0xC2 <= first < 0xE0 else 3 if 0xE0 <= first < 0xF0 else 4
    if first < 0xC2 or first > 0xF4 or len(octets) < 3 * length:
        return 0
    try:
        unquote_to_bytes(octets[: 3 * length]).decode()
    except UnicodeDecodeError:
        return 0
    return 3 * length
