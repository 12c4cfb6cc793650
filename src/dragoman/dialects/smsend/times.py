"""Instants as the manual lists them, and as the standard libraries of its programs write them.

Without a distance to UTC of their own they are read in a zone that the caller names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

from dragoman.domain.errors import RefusalCode, Refused
from dragoman.kit.clock import ms_of

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
_FORMS: Final = tuple(
    re.compile(form, re.ASCII)
    for form in (
        r"(?P<day>\d\d)(?P<month>\d\d)(?P<short>\d\d)(?:(?P<hour>\d\d)(?P<minute>\d\d))?",
        r"(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)"
        r"(?:(?P<hour>\d\d)(?P<minute>\d\d)(?P<second>\d\d))?",
        r"(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)"
        r"(?:[ T](?P<hour>\d\d):(?P<minute>\d\d)(?::(?P<second>\d\d))?(?:[.,]\d{1,9})?"
        r" ?(?P<offset>Z|UTC|[+-]\d\d(?::?\d\d)?)?)?",
        # Gson, in the words of java.text.DateFormat; newer JDKs put U+202F before AM and PM.
        r"(?P<name>[A-Z][a-z]{2}) (?P<day>\d{1,2}), (?P<year>\d{4}),?"
        r" (?P<hour>\d{1,2}):(?P<minute>\d\d):(?P<second>\d\d)[ \u00a0\u202f](?P<half>AM|PM)",
    )
)
"""`ddMMyy[HHmm]`, `yyyyMMdd[HHmmss]`, `yyyy-MM-dd[ HH:mm[:ss][.0]]` and ISO 8601, Gson's dates."""


def parse_time(text: str, zone: ZoneInfo) -> int:
    """Reads an instant, in milliseconds; raises ValueError. Fractions of a second fall away."""
    for form in _FORMS:
        written = form.fullmatch(text)
        if written is not None:
            return _instant(written.groupdict(), zone)
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


def _instant(parts: Mapping[str, str | None], zone: ZoneInfo) -> int:
    hour, minute, second = (int(parts.get(name) or 0) for name in ("hour", "minute", "second"))
    half = parts.get("half")
    if half is not None:
        if not 1 <= hour <= 12:
            raise ValueError("no such hour")
        hour = hour % 12 + (12 if half == "PM" else 0)
    year = int(parts.get("year") or 0) or CENTURY + int(parts.get("short") or 0)
    month = int(parts.get("month") or _MONTHS.get(parts.get("name") or "", 0))
    if year < FIRST_YEAR:
        raise ValueError("no such year")
    try:
        at = datetime(year, month, int(parts["day"] or 0), hour, minute, second)
        return ms_of(at.replace(tzinfo=_distance(parts.get("offset")) or zone))
    except (ValueError, OverflowError):
        raise ValueError("no such date") from None


def _distance(offset: str | None) -> timezone | None:
    if offset is None:
        return None
    if offset in {"Z", "UTC"}:
        return UTC
    digits = offset[1:].replace(":", "").ljust(4, "0")
    distance = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-distance if offset[0] == "-" else distance)
