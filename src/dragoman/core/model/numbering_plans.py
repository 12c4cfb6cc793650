"""Numbers that numbering plans allow, for what people enter or import.

A number needs a country code, and a possible length for its country. Assigned ranges are not
checked: they change faster than any table, and LINK v2 s. 06 has `+4512345678`, which is in none,
as a valid number.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final

import phonenumbers
from phonenumbers import NumberParseException, PhoneMetadata

from dragoman.core.model.phone_numbers import (
    WRITTEN,
    as_typed,
    country_code,
    drop_punctuation,
    join_digits,
)

MAX_WRITTEN: Final = 40
"""Characters of a written number that are looked at."""

_PLAIN: Final = re.compile(r"\+([1-9][0-9]{5,14})", re.ASCII)
_MACHINES: Final[Mapping[str, tuple[str, int]]] = MappingProxyType(
    {"32": ("77", 13), "33": ("700", 13), "45": ("37", 12), "47": ("58", 12)}
)
"""How the numbers of machines begin, and their digits, where phonenumbers has no plan for them."""
_TRUNK_ZERO: Final = frozenset({"32", "33"})
"""Where those are dialled with a zero inside the country."""

_NO_PREFIX: Final = re.compile(r"(?!)")


def parse_international(written: str) -> str | None:
    """The digits of a number with `+` or `00` and country code; None for any other.

    A misplaced trunk prefix, as in `+44 (0)20 7123 4567`, is removed.
    """
    plain = _PLAIN.fullmatch(written)
    if plain is not None:
        digits = plain[1]
        code = country_code(digits[:3])
        if code is not None:
            lengths, prefix = _plan(code)
            national = digits[len(code) :]
            if len(national) in lengths and not prefix.match(national):
                return digits
            if _is_machine(code, national):
                return digits
    return _parse_fully(written)


def _parse_fully(written: str) -> str | None:
    written = as_typed(written).strip()
    if written.startswith("00"):
        written = f"+{written[2:]}"
    if "(" in written and (after_plus := WRITTEN.fullmatch(written)):
        written = f"+{join_digits(after_plus[1])}"
    if not written.startswith("+") or len(written) > MAX_WRITTEN or not written.isascii():
        return None
    if any(character.isalpha() for character in written):
        return None
    digits = drop_punctuation(written[1:])
    code = country_code(digits[:3]) if digits.isdigit() else None
    if code is not None and _is_machine(code, digits[len(code) :]):
        return digits
    try:
        number = phonenumbers.parse(written, None)
    except NumberParseException:
        return None
    if number.extension or not phonenumbers.is_possible_number(number):
        return None
    plain = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return plain.removeprefix("+")


def _is_machine(code: str, national: str) -> bool:
    first, length = _MACHINES.get(code, ("", 0))
    return len(national) == length and national.startswith(first)


@lru_cache(maxsize=300)
def _plan(code: str) -> tuple[frozenset[int], re.Pattern[str]]:
    """The lengths of national numbers, and the pattern of one that may have a trunk prefix."""
    region = phonenumbers.region_code_for_country_code(int(code))
    metadata = PhoneMetadata.metadata_for_region_or_calling_code(int(code), region)
    if metadata is None or metadata.general_desc is None:
        return frozenset(), _NO_PREFIX
    prefix = metadata.national_prefix_for_parsing
    return (
        frozenset(metadata.general_desc.possible_length),
        re.compile(f"(?:{prefix})(?<=.)") if prefix else _NO_PREFIX,
    )


def parse_national(written: str, calling_code: str) -> str | None:
    """The digits of a number as it is dialled inside a country; None where it is none there.

    Without its country code a number needs a length that is possible there, not an assigned range;
    with it, as `4915752982212`, it has to be in one, since it could be a number without it as well.
    """
    region = phonenumbers.region_code_for_country_code(int(calling_code))
    written = as_typed(written).strip()
    if len(written) > MAX_WRITTEN or not written.isascii():
        return None
    if any(character.isalpha() for character in written):
        return None
    national = drop_punctuation(written)
    dialled = national.removeprefix("0") if calling_code in _TRUNK_ZERO else national
    if national.isdigit() and _is_machine(calling_code, dialled):
        return calling_code + dialled
    try:
        number = phonenumbers.parse(written, region)
    except NumberParseException:
        return None
    if number.extension or str(number.country_code) != calling_code:
        return None
    if written.startswith("+"):
        fits = phonenumbers.is_valid_number(number)
    else:
        reason = phonenumbers.is_possible_number_with_reason(number)
        fits = reason == phonenumbers.ValidationResult.IS_POSSIBLE
    if not fits:
        return None
    plain = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return plain.removeprefix("+")
