"""Bodies, values and pages as the manual's own programs ask for them.

Their JSON comes with or without a Content-Type, and from Java and Perl on Windows in the system's
character set instead of UTF-8.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final, TypeVar

import msgspec

from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.dialects.smsend.schemas import Switch, Value
from dragoman.web.bodies import decode_body, decode_json
from dragoman.web.charsets import parse_media_type
from dragoman.web.refusals import MalformedBody, RefusalKind
from dragoman.web.requests import Parameters, Request

Shape = TypeVar("Shape")

SYSTEM_CHARSET: Final = "windows-1252"
"""What `getBytes()` of an older Java gives in western Europe."""

_SWITCHES: Final = MappingProxyType(
    {"true": True, "1": True, "false": False, "0": False, "": False, "none": False}
)
DEFAULT_SIZE: Final = 10
MAX_SIZE: Final = 500
MAX_NUMBER: Final = 1_000_000


def read_body(request: Request, shape: type[Shape]) -> Shape:
    """Reads a body into its shape; raises `MalformedBody`, which the frame answers."""
    try:
        return decode_body(request, shape)
    except MalformedBody as error:
        if error.refusal.kind is not RefusalKind.BAD_CHARSET:
            raise
        if parse_media_type(request.header(b"content-type")).charset:
            raise
    return decode_json(request.body, shape, charset=SYSTEM_CHARSET)


def read_text(value: Value) -> str:
    """A text without the blanks around it; empty where none was given."""
    return "" if value is None else str(value).strip()


def read_switch(name: str, value: Switch) -> bool:
    """What may be `true` or `"true"`; raises `Refused`."""
    if value is None:
        return False
    switch = _SWITCHES.get(str(value).strip().lower())
    if switch is None:
        raise Refused(RefusalCode.INVALID_FIELD, name, "true or false")
    return switch


def read_count(value: Value, name: str, default: int, most: int, unit: str = "") -> int:
    """A number from 1 to `most`, `default` where none is given; raises `Refused`."""
    text = read_text(value)
    if not text:
        return default
    if text.isascii() and text.isdigit() and len(text) <= len(str(most)) and 1 <= int(text) <= most:
        return int(text)
    raise Refused(RefusalCode.INVALID_FIELD, name, f"1 to {most}{unit}")


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of a list."""

    number: int
    size: int

    @property
    def offset(self) -> int:
        """How many entries stand before it."""
        return (self.number - 1) * self.size


def read_page(
    query: Parameters, default_size: int = DEFAULT_SIZE, max_size: int = MAX_SIZE
) -> Page:
    """The page that a query asks for; raises `Refused`."""
    return Page(
        number=read_count(query.get("pageNumber"), "pageNumber", 1, MAX_NUMBER),
        size=read_count(query.get("pageSize"), "pageSize", default_size, max_size),
    )
