"""The parameters of a call, however a program sends them.

Query, form, multipart form and JSON are one: names in any case, numbers and flags as such or as
text, what is not meant absent, empty or null. What the body says counts more than the query.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from dragoman.dialects.smsgateway24.errors import invalid, missing
from dragoman.web.bodies import decode_body, parse_json
from dragoman.web.refusals import MalformedBody
from dragoman.web.requests import Request

MAX_NUMBER: Final = (1 << 53) - 1
"""Beyond it, programs in JavaScript and PHP lose digits."""
MAX_DIGITS: Final = 16

_NOTHING: Final = frozenset({"", "null", "undefined"})
_YES: Final = frozenset({"1", "true", "yes", "on"})
_NO: Final = frozenset({"0", "false", "no", "off"})


class Given:
    """What was given, by lower-case name."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = {name.lower(): value for name, value in values.items()}

    def raw(self, name: str) -> Any:
        """A value as it came; None where there is none."""
        return self._values.get(name)

    def text(self, *names: str) -> str:
        """A value as text, under the first of the names that has any; empty where none has."""
        for name in names:
            text = _as_text(name, self._values.get(name))
            if text.strip() not in _NOTHING:
                return text
        return ""

    def body(self, name: str) -> str:
        """A text that people read, which may say `null` and mean it; raises `Refused` for none."""
        text = _as_text(name, self._values.get(name))
        if not text:
            raise missing(name)
        return text

    def required(self, *names: str) -> str:
        """A value as text; raises `Refused` where there is none."""
        text = self.text(*names)
        if not text:
            raise missing(names[0])
        return text

    def number(self, name: str) -> int | None:
        """A number from 0 on; None where there is none. Raises `Refused`."""
        text = self.text(name).strip()
        if not text:
            return None
        if not (text.isascii() and text.isdigit()) or len(text) > MAX_DIGITS:
            raise invalid(name, "not a number")
        if int(text) > MAX_NUMBER:
            raise invalid(name, f"more than {MAX_NUMBER}")
        return int(text)

    def flag(self, name: str) -> bool:
        """Whether something is wanted; raises `Refused` for what is neither yes nor no."""
        text = self.text(name).strip().lower()
        if text in _YES:
            return True
        if text and text not in _NO:
            raise invalid(name, "neither 0 nor 1")
        return False

    def listed(self, name: str) -> list[str]:
        """A list, or texts with commas between them, or PHP's `name[0]`, `name[1]`, …"""
        value = self._values.get(name)
        if isinstance(value, list):
            pieces = [_as_text(name, one) for one in value]
        else:
            pieces = _as_text(name, value).split(",")
        pieces += [
            _as_text(name, value)
            for key, value in self._values.items()
            if key.startswith(f"{name}[") and key.endswith("]")
        ]
        return [piece.strip() for piece in pieces if piece.strip() not in _NOTHING]


def read_parameters(request: Request) -> Given:
    """Everything a call gives; raises `MalformedBody`."""
    values: dict[str, Any] = {name.lower(): value for name, value in request.query.items()}
    if request.body.strip():
        body = decode_body(request, dict[str, Any])
        values.update((name.lower(), value) for name, value in body.items())
    return Given(values)


def parse_inner(name: str, value: Any) -> Any:
    """The JSON in a parameter, which in a JSON body need not be a text; raises `Refused`."""
    if not isinstance(value, str):
        return value
    try:
        return parse_json(value.encode())
    except (MalformedBody, UnicodeError):
        raise invalid(name, "not JSON") from None


def _as_text(name: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float) and value.is_integer() and abs(value) <= MAX_NUMBER:
        return str(int(value))
    if isinstance(value, int | float):
        return str(value)
    raise invalid(name, "neither text nor number")
