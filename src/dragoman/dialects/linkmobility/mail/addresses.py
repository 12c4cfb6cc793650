"""The addresses mail comes to: `[<option>=<value>+…]<apikey>+sms<number>`, before the `@`."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote

import msgspec

_NUMBER: Final = re.compile(r"sms([0-9]{1,15})", re.ASCII | re.IGNORECASE)
_GENERATED_KEY: Final = re.compile(r"[0-9a-f]{64}", re.ASCII | re.IGNORECASE)


class MailAddress(msgspec.Struct, frozen=True, kw_only=True):
    """What an address says."""

    key: str
    number: str
    """As `POST message` takes it, with `+`."""
    options: tuple[tuple[str, str], ...] = ()
    """(field of a message, value), in the order written."""


def parse_address(local_part: str) -> MailAddress:
    """Reads what stands before `@`; ValueError says what is wrong, without repeating the key.

    A key as we make them is hexadecimal and read in either case, as some mail programs lower or
    raise what they send; a key that was chosen counts as it is written, and cannot hold a `+`.
    """
    head, _, target = local_part.rpartition("+")
    *options, key = head.split("+")
    number = _NUMBER.fullmatch(target)
    if number is None or not key:
        raise ValueError("expected [options+]<apikey>+sms4512345678")
    return MailAddress(
        key=key.lower() if _GENERATED_KEY.fullmatch(key) else key,
        number=f"+{number[1]}",
        options=tuple(map(_parse_option, options)),
    )


def _parse_option(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise ValueError("expected options such as class=0")
    return name, unquote(value)
