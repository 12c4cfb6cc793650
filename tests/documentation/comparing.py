"""Compares what a page says is printed with what is printed.

`…` in a line stands for anything, a line of its own for any lines, and in JSON for any value, any
items or (as a field) any further fields. Identifiers (twelve digits and more), keys (sixteen
hexadecimals and more) and times fit whatever is printed in their place. How many spaces there are
does not count.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

ANY: Final = "…"
_MASKS: Final = (
    (r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?", "<time>"),
    (r"\b\d\d-\d\d-\d{4} \d\d:\d\d(?::\d\d)?\b", "<time>"),
    (r"\b\d{12,19}\b", "<identifier>"),
    (r"\b[0-9a-f]{16,}\b", "<key>"),
)


def fits(shown: str, printed: str, *, anywhere: bool = False) -> bool:
    """Whether an output is the one that is shown.

    `anywhere` in it is enough where other things may show themselves, before, between and behind.
    """
    try:
        return _same(json.loads(shown), json.loads(printed))
    except ValueError:
        pattern, tidy = _tidy(shown), _tidy(printed) + "\n"
        if anywhere:
            pattern = "\n".join(f"{ANY}\n{line}" for line in pattern.splitlines())
            return re.match(_pattern(pattern), tidy) is not None
        return re.fullmatch(_pattern(pattern), tidy) is not None


def _same(shown: Any, printed: Any) -> bool:
    if shown == ANY:
        return True
    if isinstance(shown, dict) and isinstance(printed, dict):
        if ANY not in shown and list(shown) != list(printed):
            return False
        named = {name: value for name, value in shown.items() if name != ANY}
        return all(n in printed and _same(value, printed[n]) for n, value in named.items())
    if isinstance(shown, list) and isinstance(printed, list):
        if shown == [ANY]:
            return True
        return len(shown) == len(printed) and all(map(_same, shown, printed))
    if type(shown) is not type(printed):
        return False
    return re.fullmatch(_pattern(_tidy(str(shown))), _tidy(str(printed)) + "\n") is not None


def _tidy(text: str) -> str:
    """Text without empty lines, with single spaces, and with words for what always differs."""
    lines = (re.sub("─+", "─", " ".join(line.split())) for line in text.splitlines())
    tidy = "\n".join(line for line in lines if line)
    for pattern, name in _MASKS:
        tidy = re.sub(pattern, name, tidy)
    return tidy


def _pattern(shown: str) -> str:
    """Fits text whose every line ends with a line break."""
    return "".join(
        r"(?:[^\n]*\n)*?"
        if line == ANY
        else r"[^\n]*?".join(map(re.escape, line.split(ANY))) + r"\n"
        for line in shown.split("\n")
    )
