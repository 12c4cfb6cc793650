"""Local time without offset changes: the spans in which a zone keeps one offset to UTC."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from importlib import resources
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS


class Stretch(NamedTuple):
    """A time, its end not included, in which local time is `offset_ms` ahead of UTC."""

    from_ms: int
    before_ms: int
    offset_ms: int


def stretches_of(zone: str, from_ms: int, before_ms: int) -> Iterator[Stretch]:
    """Cuts a time that begins with a UTC hour where the zone changes its offset.

    A change is found to the hour; of two changes within a day only their sum is.
    """
    info = ZoneInfo(zone)
    begin, offset = from_ms, _offset(info, from_ms)
    at = from_ms
    while at < before_ms:
        step = min(at + DAY_MS, before_ms)
        if _offset(info, step) != offset:
            while _offset(info, at) == offset:
                at += HOUR_MS
            if at >= before_ms:
                break
            yield Stretch(begin, at, offset)
            begin, offset = at, _offset(info, at)
        else:
            at = step
    if begin < before_ms:
        yield Stretch(begin, before_ms, offset)


def _offset(zone: ZoneInfo, at_ms: int) -> int:
    offset = datetime.fromtimestamp(at_ms // 1000, UTC).astimezone(zone).utcoffset()
    return 0 if offset is None else round(offset.total_seconds() * 1000)


@lru_cache(maxsize=1)
def _countries() -> dict[str, str]:
    """Zones by name, each with the country it is the usual one of (ISO 3166-1 alpha-2)."""
    table = resources.files("tzdata") / "zoneinfo" / "zone.tab"
    rows = (line.split("\t") for line in table.read_text(encoding="utf-8").splitlines())
    return {row[2]: row[0] for row in rows if len(row) > 2 and not row[0].startswith("#")}


def zone_names() -> list[str]:
    """The names that people choose a zone by, in alphabetical order."""
    return sorted([*_countries(), "UTC"])


def country_of_zone(zone: str) -> str:
    """The country of a zone such as Europe/Copenhagen: `DK`; empty for one of no country."""
    return _countries().get(zone, "")
