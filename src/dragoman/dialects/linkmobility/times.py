"""Times as the manual writes them, in an account's own zone."""

from __future__ import annotations

import re
from datetime import datetime
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from dragoman.core.accounts.model.accounts import Account
from dragoman.kit.clock import ms_of

_WRITTEN: Final = re.compile(
    r"([0-9]{1,2})-([0-9]{1,2})-([0-9]{4}) +([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?"
)
_LOGGED: Final = re.compile(r"[0-9]{4}(-[0-9]{2}){2} [0-9]{2}(:[0-9]{2}){2}", re.ASCII)
_BATCH_TIME: Final = "%d-%m-%Y %H:%M:%S"
_LOG_TIME: Final = "%Y-%m-%d %H:%M:%S"
_LOG_DATE: Final = "%Y_%m_%d"


def zone_of(account: Account, default: str) -> str:
    """The IANA zone in which an account writes and reads its times."""
    return account.time_zone or default


def parse_time(text: str, zone: str) -> int:
    """Reads `dd-mm-YYYY HH:MM`, with or without seconds; ValueError for anything else."""
    written = _WRITTEN.fullmatch(text.strip())
    if written is None:
        raise ValueError("not of the form dd-mm-YYYY HH:MM")
    day, month, year, hour, minute, second = (int(digits or 0) for digits in written.groups())
    try:
        return ms_of(datetime(year, month, day, hour, minute, second, tzinfo=ZoneInfo(zone)))
    except (ValueError, OverflowError):
        raise ValueError("no such date") from None


def parse_log_time(text: str, zone: str) -> int:
    """Reads `2015-02-13 10:32:44`, the form of the outbox; ValueError for anything else."""
    if not _LOGGED.fullmatch(text):
        raise ValueError("not of the form YYYY-mm-dd HH:MM:SS")
    return ms_of(datetime.strptime(text, _LOG_TIME).replace(tzinfo=ZoneInfo(zone)))


def render_batch_time(at_ms: int, zone: str) -> str:
    """Writes `17-12-2014 08:42:24`, the form of batches and of the inbox."""
    return _render(at_ms // 1000, zone, _BATCH_TIME)


def render_log_time(at_ms: int, zone: str) -> str:
    """Writes `2015-02-13 10:32:44`, the form of the outbox."""
    return _render(at_ms // 1000, zone, _LOG_TIME)


def render_log_date(at_ms: int, zone: str) -> str:
    """Writes `2015_02_13`, the form of delivery reports."""
    return _render(at_ms // 1000, zone, _LOG_DATE)


@lru_cache(maxsize=1024)
def _render(at_s: int, zone: str, form: str) -> str:
    return datetime.fromtimestamp(at_s, ZoneInfo(zone)).strftime(form)
