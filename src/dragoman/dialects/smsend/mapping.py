"""What this API calls the house's things, and how it spells identifiers, times and flags."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from dragoman.domain.accounts import Account
from dragoman.domain.errors import RefusalCode, Refused
from dragoman.kit.ids import LIMIT
from dragoman.web.requests import Parameters

DIALECT: Final = "smsend"
PREFIX: Final = "/API/v1.0/REST"

MAX_DIGITS: Final = 16
"""Of an identifier: all are below 2**53."""

_FLAGS: Final = {"true": True, "1": True, "false": False, "0": False, "": False}


def render_user_key(account: Account) -> str:
    """The `user_key` of an account."""
    return str(account.account_id)


def parse_identifier(text: str) -> int | None:
    """An identifier as this API writes it; None for any other text."""
    if not (text.isascii() and text.isdigit()) or len(text) > MAX_DIGITS:
        return None
    number = int(text)
    return number if number < LIMIT else None


def read_identifier(text: str, kind: str) -> int:
    """An identifier out of a path; raises `Refused` as for one that nothing has."""
    identifier = parse_identifier(text)
    if identifier is None:
        raise Refused(RefusalCode.NOT_FOUND, text, kind)
    return identifier


def read_flag(query: Parameters, name: str) -> bool:
    """A parameter that says `true` or `false`, false where it is left out; raises `Refused`."""
    flag = _FLAGS.get(query.get(name, "").strip().lower())
    if flag is None:
        raise Refused(RefusalCode.INVALID_FIELD, name, "true or false")
    return flag


def render_time(at_ms: int, zone: ZoneInfo) -> str:
    """A time as `20140704124747`."""
    return _local(at_ms, zone).strftime("%Y%m%d%H%M%S")


def render_date(at_ms: int, zone: ZoneInfo) -> str:
    """The day of a time as `20160823`."""
    return _local(at_ms, zone).strftime("%Y%m%d")


def zone_of(account: Account, default: str) -> ZoneInfo:
    """The zone in which an account reads and writes times."""
    return ZoneInfo(account.time_zone or default)


def _local(at_ms: int, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(at_ms // 1000, UTC).astimezone(zone)
