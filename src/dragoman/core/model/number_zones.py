"""Time zones of phone numbers, for what is to arrive by day.

A number tells a country, and in some countries an area. Where it can be in several zones, as
mobile numbers of Russia and numbers of North America without a known area can, the one in the
middle is taken: nobody is then further from the hour meant than half of what the country spans.

phonenumbers has the zones by prefix. Some of them are those of another country, which had the same
clock when they were written down and has changed it since, or changes it in summer.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

from phonenumbers.tzdata import TIMEZONE_DATA, TIMEZONE_LONGEST_PREFIX

UNKNOWN_ZONE: Final = "UTC"
OWN_ZONES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "211": "Africa/Juba",  # an hour behind that of Nairobi since 2021
        "212": "Africa/Casablanca",  # an hour ahead of that of the Canary Islands in winter
        "213": "Africa/Algiers",  # that of Paris, without its summer time
        "218": "Africa/Tripoli",  # that of Bucharest, without its summer time
        "505": "America/Managua",  # that of Chicago, without its summer time
    }
)
"""By country code, where phonenumbers has another country's zone; as in the zone.tab of tzdata."""

_REFERENCE: Final = datetime(2026, 1, 15, 12)


def zone_of_number(digits: str) -> str:
    """The name of a number's zone; `UTC` for numbers of no country."""
    for length in range(min(len(digits), TIMEZONE_LONGEST_PREFIX), 0, -1):
        prefix = digits[:length]
        if prefix in OWN_ZONES:
            return OWN_ZONES[prefix]
        if prefix in TIMEZONE_DATA:
            return _zone_of_prefix(prefix)
    return UNKNOWN_ZONE


def offset_of_zone(zone: str, at_ms: int) -> int:
    """Minutes that a zone is ahead of UTC at a time."""
    offset = datetime.fromtimestamp(at_ms / 1000, ZoneInfo(zone)).utcoffset()
    return 0 if offset is None else round(offset.total_seconds() / 60)


@lru_cache(maxsize=4096)
def _zone_of_prefix(prefix: str) -> str:
    zones = [zone for zone in TIMEZONE_DATA[prefix] if _is_known(zone)]
    if not zones:
        return UNKNOWN_ZONE
    zones.sort(key=_offset_in_winter)
    return zones[len(zones) // 2]


@lru_cache(maxsize=1024)
def _is_known(zone: str) -> bool:
    try:
        ZoneInfo(zone)
    except (OSError, ValueError):
        return False
    return True


def _offset_in_winter(zone: str) -> float:
    offset = ZoneInfo(zone).utcoffset(_REFERENCE)
    return 0.0 if offset is None else offset.total_seconds()
