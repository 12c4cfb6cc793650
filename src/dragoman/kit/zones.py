"""Local time without offset changes: the spans in which a zone keeps one offset to UTC."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
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
