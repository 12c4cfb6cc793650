"""Times: read as UTC where a text is to be sent, shown as PHP dumps them in the zone asked for."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from dragoman.dialects.smsgateway24.errors import invalid
from dragoman.dialects.smsgateway24.schemas import PhpDate
from dragoman.kit.clock import ms_of

WITH_NAME: Final = 3
WITH_OFFSET: Final = 1
DAY_MS: Final = 24 * 3600 * 1000

_TIME: Final = r"(?:[ T]+(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2}))?)?"
_FORMS: Final = (
    re.compile(r"(?P<year>[0-9]{4})-(?P<month>[0-9]{1,2})-(?P<day>[0-9]{1,2})" + _TIME, re.ASCII),
    re.compile(r"(?P<day>[0-9]{1,2})\.(?P<month>[0-9]{1,2})\.(?P<year>[0-9]{4})" + _TIME, re.ASCII),
)
DATABASE: Final = "YYYY-MM-DD HH:MM:SS"
GERMAN: Final = "DD.MM.YYYY HH:MM:SS"
"""How the manual writes the times of newsletters; both forms are read everywhere."""
_OFFSET: Final = re.compile(r"([+-])([0-9]{1,2})(?::?([0-9]{2}))?", re.ASCII)


class Zone(NamedTuple):
    """Where times are read and shown."""

    info: tzinfo
    name: str
    type: int


def parse_zone(name: str, text: str) -> Zone:
    """A zone by its name or its distance to UTC; raises `Refused` that blames a parameter."""
    offset = _OFFSET.fullmatch(text.replace(" ", "+", 1) if text.startswith(" ") else text)
    if offset is not None:
        sign, hours, minutes = offset[1], int(offset[2]), int(offset[3] or 0)
        if hours <= 14 and minutes < 60:
            distance = timedelta(hours=hours, minutes=minutes)
            info = timezone(distance if sign == "+" else -distance)
            return Zone(info, f"{sign}{hours:02d}:{minutes:02d}", WITH_OFFSET)
    found = _named(text)
    if found is None:
        raise invalid(name, "no such zone")
    return found


def zone_named(name: str) -> Zone:
    """The zone of a name that is known to be one; UTC where this machine has it no more."""
    return _named(name) or Zone(UTC, "UTC", WITH_NAME)


def parse_time(
    name: str, text: str, zone: tzinfo, *, end: bool = False, usual: str = DATABASE
) -> int:
    """Reads `2024-11-13`, `2024-11-13 06:39[:21]` or `13.11.2024 06:39:21` in a zone.

    `end` takes the last moment of the day or second that is named. Raises `Refused`, which
    names the form that is `usual` for the parameter.
    """
    written = next((found for form in _FORMS if (found := form.fullmatch(text.strip()))), None)
    if written is None:
        raise invalid(name, f"not of the form {usual}")
    numbers = {part: int(digits) for part, digits in written.groupdict().items() if digits}
    try:
        at_ms = ms_of(datetime(**numbers, tzinfo=zone))
    except (ValueError, OverflowError, OSError):
        raise invalid(name, "no such date") from None
    if not end:
        return at_ms
    return at_ms + (1000 if "hour" in numbers else DAY_MS) - 1


def render_date(at_ms: int, zone: Zone) -> PhpDate:
    """A time as PHP dumps a DateTime."""
    date = f"{render_plain(at_ms, zone)}.000000"
    return PhpDate(date=date, timezone_type=zone.type, timezone=zone.name)


def render_with_offset(at_ms: int, zone: Zone) -> PhpDate:
    """A time as PHP dumps one that knows its distance to UTC only."""
    offset = datetime.fromtimestamp(at_ms // 1000, zone.info).strftime("%z")
    return render_date(at_ms, Zone(zone.info, f"{offset[:3]}:{offset[3:5]}", WITH_OFFSET))


def render_human(at_ms: int, zone: Zone) -> str:
    """`28.03.2020 20:10:29`."""
    return datetime.fromtimestamp(at_ms // 1000, zone.info).strftime("%d.%m.%Y %H:%M:%S")


def render_plain(at_ms: int, zone: Zone) -> str:
    """`2020-03-28 20:10:29`."""
    return datetime.fromtimestamp(at_ms // 1000, zone.info).strftime("%Y-%m-%d %H:%M:%S")


@lru_cache(maxsize=256)
def _named(name: str) -> Zone | None:
    try:
        return Zone(ZoneInfo(name), name, WITH_NAME)
    except (KeyError, ValueError, OSError):
        return None
