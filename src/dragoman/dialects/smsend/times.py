"""Instants as the manual lists them, and as the standard libraries of its programs write them.

Without a distance to UTC of their own they are read in a zone that the caller names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import MINYEAR, UTC, datetime, timedelta, timezone
from types import MappingProxyType
from typing import Final, NamedTuple, TypeAlias
from zoneinfo import ZoneInfo

from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.kit.clock import ms_of
from dragoman.web.requests import Parameters

CENTURY: Final = 2000
"""Of two digits of a year."""
FIRST_YEAR: Final = 1970
NOW: Final = "now"

_MONTHS: Final[Mapping[str, int]] = MappingProxyType(
    {
        name: number
        for number, name in enumerate(
            ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), 1
        )
    }
)
_LENGTHS: Final = (("second", timedelta(seconds=1)), ("minute", timedelta(minutes=1)))
_DAY_LONG: Final = timedelta(days=1)
_SHORT: Final = r"(?P<day>\d\d)(?P<month>\d\d)(?P<short>\d\d)(?:(?P<hour>\d\d)(?P<minute>\d\d))?"
_DIGITS: Final = (
    r"(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)"
    r"(?:(?P<hour>\d\d)(?P<minute>\d\d)(?P<second>\d\d))?"
)
_DAY: Final = r"(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)"
_MINUTE: Final = rf"{_DAY}[ T](?P<hour>\d\d):(?P<minute>\d\d)"
_SECOND: Final = r":(?P<second>\d\d)"
_GSON: Final = (
    # As java.text.DateFormat writes them; newer JDKs put U+202F before AM and PM.
    r"(?P<name>[A-Z][a-z]{2}) (?P<day>\d{1,2}), (?P<year>\d{4}),?"
    r" (?P<hour>\d{1,2}):(?P<minute>\d\d):(?P<second>\d\d)[ \u00a0\u202f](?P<half>AM|PM)"
)

Forms: TypeAlias = tuple[re.Pattern[str], ...]
Parts: TypeAlias = Mapping[str, str | None]


def _forms(*forms: str) -> Forms:
    return tuple(re.compile(form, re.ASCII) for form in forms)


ALL: Final = _forms(
    _SHORT,
    _DIGITS,
    rf"{_MINUTE}(?:{_SECOND})?(?:[.,]\d{{1,9}})? ?(?P<offset>Z|UTC|[+-]\d\d(?::?\d\d)?)?",
    _DAY,
    _GSON,
)
"""`ddMMyy[HHmm]`, `yyyyMMdd[HHmmss]`, `yyyy-MM-dd[ HH:mm[:ss][.0]]` and ISO 8601, Gson's dates."""
OF_TEXTS: Final = _forms(_DIGITS, rf"{_MINUTE}(?:{_SECOND})?")
"""`yyyyMMdd[HHmmss]`, `yyyy-MM-dd HH:mm[:ss]`."""
OF_DAYS: Final = _forms(_SHORT, _DIGITS, _DAY, rf"{_MINUTE}(?:{_SECOND})?(?:\.0)?")
"""`ddMMyy[HHmm]`, `yyyyMMdd[HHmmss]`, `yyyy-MM-dd[ HH:mm[:ss][.0]]`."""
OF_ISSUES: Final = _forms(rf"{_MINUTE}(?:{_SECOND}(?:\.\d{{1,6}})?)?")
"""`yyyy-MM-dd HH:mm[:ss[.0]]`."""
OF_BLACKLIST: Final = _forms(rf"{_DAY} (?P<hour>\d\d):(?P<minute>\d\d){_SECOND}")
"""`yyyy-MM-dd HH:mm:ss`."""


class Span(NamedTuple):
    """The first and the last millisecond of the second, minute or day that a text names."""

    first_ms: int
    last_ms: int


def parse_time(text: str, zone: ZoneInfo) -> int:
    """Reads an instant of our days in any form, in milliseconds; raises ValueError.

    Fractions of a second fall away.
    """
    return _span(parts_of(text, ALL), zone, FIRST_YEAR).first_ms


def parse_span(text: str, zone: ZoneInfo, forms: Forms) -> Span:
    """Reads a time of any year in one of some forms; raises ValueError."""
    return _span(parts_of(text, forms), zone, MINYEAR)


def read_span(
    query: Parameters, name: str, zone: ZoneInfo, forms: Forms, wanted: str
) -> Span | None:
    """The time that a query names, None where it names none; raises `Refused` with what fits."""
    text = query.get(name, "").strip()
    if not text:
        return None
    try:
        return parse_span(text, zone, forms)
    except ValueError:
        raise Refused(RefusalCode.INVALID_FIELD, name, wanted) from None


def parts_of(text: str, forms: Forms) -> Parts:
    """The parts of a time by their names, as its form has them; raises ValueError.

    The forms differ in length.
    """
    for form in forms:
        written = form.fullmatch(text)
        if written is not None:
            return written.groupdict()
    raise ValueError("none of the forms of a date")


def read_zone(name: str | None, field: str) -> ZoneInfo | None:
    """The zone of an IANA name, None where none is given; raises `Refused`."""
    name = (name or "").strip()
    if not name:
        return None
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown, no name of a zone, a folder of them
        raise Refused(RefusalCode.INVALID_FIELD, field, "not an IANA zone") from None


def _span(parts: Parts, zone: ZoneInfo, first_year: int) -> Span:
    hour, minute, second = (int(parts.get(name) or 0) for name in ("hour", "minute", "second"))
    half = parts.get("half")
    if half is not None:
        if not 1 <= hour <= 12:
            raise ValueError("no such hour")
        hour = hour % 12 + (12 if half == "PM" else 0)
    written, short = parts.get("year"), parts.get("short")
    year = int(written) if written else CENTURY + int(short or 0)
    month = int(parts.get("month") or _MONTHS.get(parts.get("name") or "", 0))
    if year < first_year:
        raise ValueError("no such year")
    try:
        at = datetime(year, month, int(parts["day"] or 0), hour, minute, second)
        at = at.replace(tzinfo=_distance(parts.get("offset")) or zone)
        first_ms = ms_of(at)
    except (ValueError, OverflowError):
        raise ValueError("no such date") from None
    length = next((length for name, length in _LENGTHS if parts.get(name)), _DAY_LONG)
    try:
        return Span(first_ms, ms_of(at + length) - 1)
    except OverflowError:  # the last there is, which stands for no end
        return Span(first_ms, first_ms)


def _distance(offset: str | None) -> timezone | None:
    if offset is None:
        return None
    if offset in {"Z", "UTC"}:
        return UTC
    digits = offset[1:].replace(":", "").ljust(4, "0")
    distance = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-distance if offset[0] == "-" else distance)
