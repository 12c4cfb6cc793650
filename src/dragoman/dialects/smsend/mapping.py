"""Values as this API writes them, and bodies, values and pages as its programs ask for them.

Their JSON comes with or without a Content-Type, and from Java and Perl on Windows in the system's
character set instead of UTF-8.
"""

from __future__ import annotations

from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

import msgspec

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.billing.model.pricing import UNITS_PER_CURRENCY_UNIT
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.dialects.smsend.schemas import Switch, Value
from dragoman.kit.ids import parse_number
from dragoman.web.bodies import decode_body, decode_json
from dragoman.web.charsets import parse_media_type
from dragoman.web.refusals import MalformedBody, RefusalKind
from dragoman.web.requests import Parameters, Request

DIALECT: Final = "smsend"
PREFIX: Final = "/API/v1.0/REST"

MAX_MONEY: Final = 1_000_000_000
UNLIMITED: Final = 2**31 - 1
"""What an account without a limit has: the most that an `int` of Java or C# holds."""

_FLAGS: Final = {"true": True, "1": True, "false": False, "0": False, "": False}
Shape = TypeVar("Shape")

SYSTEM_CHARSET: Final = "windows-1252"
"""What `getBytes()` of an older Java gives in western Europe."""

_SWITCHES: Final = MappingProxyType(
    {"true": True, "1": True, "false": False, "0": False, "": False, "none": False}
)
DEFAULT_SIZE: Final = 10
MAX_SIZE: Final = 500
MAX_NUMBER: Final = 1_000_000


def render_user_key(account: Account) -> str:
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


def read_body(request: Request, shape: type[Shape]) -> Shape:
    """Reads a body into its shape; raises `MalformedBody`, which the frame answers."""
    try:
        return decode_body(request, shape)
    except MalformedBody as error:
        if error.refusal.kind is not RefusalKind.BAD_CHARSET:
            raise
        if parse_media_type(request.header(b"content-type")).charset:
            raise
    return decode_json(request.body, shape, charset=SYSTEM_CHARSET)


def read_text(value: Value) -> str:
    """A text without the blanks around it; empty where none was given."""
    return "" if value is None else str(value).strip()


def read_switch(name: str, value: Switch) -> bool:
    """What may be `true` or `"true"`; raises `Refused`."""
    if value is None:
        return False
    switch = _SWITCHES.get(str(value).strip().lower())
    if switch is None:
        raise Refused(RefusalCode.INVALID_FIELD, name, "true or false")
    return switch


def read_count(value: Value, name: str, default: int, most: int, unit: str = "") -> int:
    """A number from 1 to `most`, `default` where none is given; raises `Refused`."""
    text = read_text(value)
    if not text:
        return default
    if text.isascii() and text.isdigit() and len(text) <= len(str(most)) and 1 <= int(text) <= most:
        return int(text)
    raise Refused(RefusalCode.INVALID_FIELD, name, f"1 to {most}{unit}")


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of a list."""

    number: int
    size: int

    @property
    def offset(self) -> int:
        """How many entries stand before it."""
        return (self.number - 1) * self.size


def read_page(
    query: Parameters, default_size: int = DEFAULT_SIZE, max_size: int = MAX_SIZE
) -> Page:
    """The page that a query asks for; raises `Refused`."""
    return Page(
        number=read_count(query.get("pageNumber"), "pageNumber", 1, MAX_NUMBER),
        size=read_count(query.get("pageSize"), "pageSize", default_size, max_size),
    )
