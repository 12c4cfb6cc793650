"""Days as contacts have them: written in any of the manual's ways, answered as `2017-05-11`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Final

from dragoman.dialects.smsend.times import OF_DAYS, Parts, parts_of

_CENTURIES: Final = (2000, 1900)
_FIRST_YEAR: Final = 1000


def parse_day(text: str, latest: date) -> date:
    """Reads a day; of two digits of a year the last one up to `latest`. Raises ValueError."""
    return _day(parts_of(text, OF_DAYS), latest)


def render_day(day: date | None) -> str | None:
    """Writes a day as `2017-05-11`; None where there is none."""
    return None if day is None else day.isoformat()


def _day(parts: Parts, latest: date) -> date:
    hour, minute, second = (int(parts.get(name) or 0) for name in ("hour", "minute", "second"))
    month, day_of_month = (int(parts[name] or 0) for name in ("month", "day"))
    for year in _years(parts):
        try:
            day = datetime(year, month, day_of_month, hour, minute, second).date()
        except ValueError:
            continue
        if "year" in parts or day <= latest:
            return day
    raise ValueError("no such date")


def _years(parts: Parts) -> Iterator[int]:
    if "year" in parts:
        year = int(parts["year"] or 0)
        if year >= _FIRST_YEAR:
            yield year
    else:
        for century in _CENTURIES:
            yield century + int(parts["short"] or 0)
