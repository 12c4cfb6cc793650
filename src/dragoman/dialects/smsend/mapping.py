"""How this API spells identifiers, times, flags and money."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.billing.model.pricing import UNITS_PER_CURRENCY_UNIT
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.kit.ids import parse_number
from dragoman.web.requests import Parameters

DIALECT: Final = "smsend"
PREFIX: Final = "/API/v1.0/REST"

MAX_MONEY: Final = 1_000_000_000
UNLIMITED: Final = 2**31 - 1
"""What an account without a limit has: the most that an `int` of Java or C# holds."""

_FLAGS: Final = {"true": True, "1": True, "false": False, "0": False, "": False}


def render_user_key(account: Account) -> str:
    """The `user_key` of an account."""
    return str(account.account_id)


def read_identifier(text: str, kind: str) -> int:
    """An identifier out of a path; raises `Refused` as for one that nothing has."""
    identifier = parse_number(text)
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


def render_day(at_ms: int, zone: ZoneInfo) -> str:
    """The day of a time as `2015-01-16`."""
    return _local(at_ms, zone).strftime("%Y-%m-%d")


def render_money(units: int) -> float:
    """Ten-thousandths as a number."""
    return units / UNITS_PER_CURRENCY_UNIT


def read_money(name: str, amount: float) -> int:
    """A number as ten-thousandths; raises `Refused` for one that is none of money."""
    if not 0 <= amount <= MAX_MONEY:  # NaN is not either
        raise Refused(RefusalCode.INVALID_FIELD, name, f"0 to {MAX_MONEY}")
    return round(amount * UNITS_PER_CURRENCY_UNIT)


def render_quantity(credits: int | None) -> int:
    """Credits that are left; None is without a limit."""
    return UNLIMITED if credits is None else min(credits, UNLIMITED)


def _local(at_ms: int, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(at_ms // 1000, UTC).astimezone(zone)
