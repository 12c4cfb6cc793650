"""Texts, flags, times and pages as programs write and ask for them."""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Final, Self
from zoneinfo import ZoneInfo

from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.dialects.linkmobility.errors import WordedRefusal
from dragoman.dialects.linkmobility.schemas import Flag, Paging, Text
from dragoman.kit.clock import ms_of
from dragoman.kit.ids import LIMIT
from dragoman.web.requests import Request

_WRITTEN: Final = re.compile(
    r"([0-9]{1,2})-([0-9]{1,2})-([0-9]{4}) +([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?"
)
_LOGGED: Final = re.compile(r"[0-9]{4}(-[0-9]{2}){2} [0-9]{2}(:[0-9]{2}){2}", re.ASCII)
_BATCH_TIME: Final = "%d-%m-%Y %H:%M:%S"
_LOG_TIME: Final = "%Y-%m-%d %H:%M:%S"
_LOG_DATE: Final = "%Y_%m_%d"
_FLAGS: Final = MappingProxyType[bool | int | str, bool](
    {0: False, "0": False, "false": False, 1: True, "1": True, "true": True}
)  # False and True are 0 and 1 here

MAX_PAGE: Final = 1_000_000_000
MAX_IDENTIFIER: Final = LIMIT - 1


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


def read_text(value: Text | float) -> str:
    """A text without white space around it; empty where there is none."""
    return "" if value is None else str(value).strip()


def read_flag(field: str, value: Flag) -> bool | None:
    """A flag: `true`, `"true"` or 1, or their opposites; None where none is given.

    Raises `Refused`.
    """
    written = value.strip().lower() if isinstance(value, str) else value
    if written is None or written == "":
        return None
    flag = _FLAGS.get(written)
    if flag is None:
        raise Refused(RefusalCode.INVALID_FIELD, field, "use true or false")
    return flag


def check_advanced(expected: str, given: str, purpose: str) -> None:
    """Raises `Refused` unless `given` is the advanced key, which is for a provider's own staff.

    `purpose` names the call or field that needs it.
    """
    offered = given.encode("utf-8", "surrogatepass")
    if not expected or not hmac.compare_digest(expected.encode(), offered):
        text = f"Access denied, [{purpose}] needs the advanced key"
        raise WordedRefusal(RefusalCode.PERMISSION_DENIED, text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Which page is asked for, and how much stands on one."""

    number: int
    size: int

    @classmethod
    def of(cls, request: Request, size: int) -> Self:
        """The page in the path."""
        return cls(number=min(int(request.path_params["page"][:20]), MAX_PAGE), size=size)

    @property
    def offset(self) -> int:
        """Items before this page; page 0 is read as page 1."""
        return max(self.number - 1, 0) * self.size


def render_paging(page: Page, total: int) -> Paging:
    """Which page of how many this is, as searches answer."""
    pages = count_pages(total, page.size)
    return Paging(pages=pages, offset=page.size, current=max(page.number, 1))


def count_pages(items: int, size: int) -> int:
    """How many pages items take; at least one."""
    return max(1, -(-items // size))
