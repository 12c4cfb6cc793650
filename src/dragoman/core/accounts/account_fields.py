"""The fields of an account that can be set, validated before they are stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from dragoman.core.accounts.model.accounts import AccountDetails
from dragoman.core.accounts.model.allowed_addresses import parse_allowed_addresses
from dragoman.core.accounts.model.allowed_prefixes import parse_allowed_prefixes
from dragoman.core.accounts.model.senders import normalise_sender
from dragoman.core.accounts.sql.accounts import parse_types, render_details, render_types
from dragoman.core.billing.model.payments import Payer
from dragoman.core.model.errors import NOT_A_ZONE, RefusalCode, Refused
from dragoman.core.model.texts import is_storable
from dragoman.core.model.written_numbers import has_numbers

MAX_NAME: Final = 64
MAX_DETAIL: Final = 200
MAX_DAYS: Final = 36_500
AS_ABOVE: Final = -1
MAX_LIST: Final = 10_000
"""Characters of written addresses or prefixes."""


class AccountFields(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Fields of an account as they are entered; None leaves one unchanged."""

    username: str | None = None
    allowed_addresses: str | None = None
    prefixes: str | None = None
    default_sender: str | None = None
    time_zone: str | None = None
    country: str | None = None
    """ISO 3166-1 alpha-2 in either case; empty for that of the time zone."""
    profile: str | None = None
    details: AccountDetails | None = None
    payer: Payer | None = None
    message_types: str | None = None
    """Names with blanks between; empty for all."""
    max_parts: int | None = None
    max_recipients: int | None = None
    texts_days: int | None = None
    """`AS_ABOVE` leaves it to the account above, as for the next two."""
    numbers_days: int | None = None
    messages_days: int | None = None


def read_fields(fields: AccountFields) -> dict[str, Any]:
    """The given fields as `Account` has them; raises `Refused` for the first invalid one."""
    return {
        name: _CHECKS.get(name, _keep)(name, value)
        for name in fields.__struct_fields__
        if (value := getattr(fields, name)) is not None
    }


def render_fields(fields: AccountFields) -> dict[str, Any]:
    """The given fields as columns; raises `Refused` for the first invalid one."""
    values = read_fields(fields)
    columns = {name: getattr(fields, name) for name in values}
    if "message_types" in columns:
        columns["message_types"] = render_types(values["message_types"])
    for name in ("allowed_addresses", "prefixes"):
        if name in columns:
            columns[name] = values[name].text
    for name in ("texts_days", "numbers_days", "messages_days"):
        if name in columns:
            columns[name] = values[name]
    if "country" in columns:
        columns["country"] = values["country"]
    if "payer" in columns:
        columns["payer"] = values["payer"].value
    if "details" in columns:
        columns["details"] = render_details(columns["details"])
    return columns


def _read_days(name: str, value: int) -> int | None:
    if not AS_ABOVE <= value <= MAX_DAYS:
        raise Refused(RefusalCode.INVALID_FIELD, name, f"{AS_ABOVE} to {MAX_DAYS}")
    return None if value == AS_ABOVE else value


def _keep(_name: str, value: Any) -> Any:
    return value


def _check_username(name: str, value: str) -> str:
    if not value or len(value) > MAX_NAME or not value.isprintable():
        raise Refused(RefusalCode.INVALID_FIELD, name, "1 to 64 printable characters")
    return value


def _check_list(name: str, value: str) -> Any:
    try:
        if len(value) > MAX_LIST:
            raise ValueError("too long")
        parse = parse_allowed_addresses if name == "allowed_addresses" else parse_allowed_prefixes
        return parse(value)
    except ValueError as error:
        raise Refused(RefusalCode.INVALID_FIELD, name, str(error)) from None


def _check_sender(_name: str, value: str) -> str:
    if value:
        normalise_sender(value)
    return value


def _check_zone(name: str, value: str) -> str:
    try:
        if value:
            ZoneInfo(value)
    except (ValueError, OSError, KeyError):
        raise Refused(RefusalCode.INVALID_FIELD, name, NOT_A_ZONE) from None
    return value


def _read_country(name: str, value: str) -> str:
    region = value.strip().upper()
    if region and not has_numbers(region):
        raise Refused(RefusalCode.INVALID_FIELD, name, "not a country by ISO 3166-1, such as DK")
    return region


def _read_types(_name: str, value: str) -> frozenset[str] | None:
    return parse_types(value)


def _check_details(_name: str, value: AccountDetails) -> AccountDetails:
    for name in value.__struct_fields__:
        text = getattr(value, name)
        if text is not None and (len(text) > MAX_DETAIL or not is_storable(text)):
            raise Refused(RefusalCode.INVALID_FIELD, name, f"at most {MAX_DETAIL} characters")
    return value


_CHECKS: Final[Mapping[str, Callable[[str, Any], Any]]] = {
    "username": _check_username,
    "allowed_addresses": _check_list,
    "prefixes": _check_list,
    "default_sender": _check_sender,
    "time_zone": _check_zone,
    "country": _read_country,
    "details": _check_details,
    "message_types": _read_types,
    "texts_days": _read_days,
    "numbers_days": _read_days,
    "messages_days": _read_days,
}
