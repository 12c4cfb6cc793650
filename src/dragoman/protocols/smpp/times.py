"""The time format of SMPP: absolute with an offset, or relative to now (SMPP 3.4 s. 7.1.1)."""

import re
from datetime import datetime, timedelta, timezone
from typing import Final

_QUARTER: Final = timedelta(minutes=15)
_MAX_QUARTERS: Final = 48
_DAYS_OF_YEAR: Final = 365
_DAYS_OF_MONTH: Final = 30
_SHAPE: Final = re.compile(
    r"([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([0-9])([0-9]{2})([-+R])"
)


def render_relative(period: timedelta) -> str:
    """Write a span as `YYMMDDhhmmss000R`, whole seconds, years of 365 and months of 30 days.

    Raises ValueError for a negative span and for 100 years and more.
    """
    if period < timedelta():
        raise ValueError("a relative time lies ahead")
    years, days = divmod(period.days, _DAYS_OF_YEAR)
    if years > 99:
        raise ValueError(f"{years} years do not fit two digits")
    months, days = divmod(days, _DAYS_OF_MONTH)
    minutes, seconds = divmod(period.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{years:02d}{months:02d}{days:02d}{hours:02d}{minutes:02d}{seconds:02d}000R"


def parse_time(text: str) -> datetime | timedelta | None:
    """Read an absolute time as an aware datetime, a relative one as a timedelta, empty as None.

    Raises ValueError for anything else; a server answers ESME_RINVSCHED or ESME_RINVEXPIRY.
    """
    if not text:
        return None
    shape = _SHAPE.fullmatch(text)
    if shape is None:
        raise ValueError(f"not an SMPP time: {text!r}")
    year, month, day, hour, minute, second, tenth, quarters = map(int, shape.groups()[:8])
    if shape[9] == "R":
        return timedelta(
            days=year * _DAYS_OF_YEAR + month * _DAYS_OF_MONTH + day,
            hours=hour,
            minutes=minute,
            seconds=second,
        )
    if quarters > _MAX_QUARTERS:
        raise ValueError(f"offset of {quarters} quarter hours")
    offset = quarters * _QUARTER if shape[9] == "+" else -quarters * _QUARTER
    return datetime(
        2000 + year, month, day, hour, minute, second, tenth * 100_000, timezone(offset)
    )
