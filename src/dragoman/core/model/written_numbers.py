"""Numbers as people of a country write them: with its calling code, or without."""

from __future__ import annotations

import phonenumbers

from dragoman.core.model.errors import Refused
from dragoman.core.model.phone_numbers import as_typed, normalise

MAX_WRITTEN = 40


def read_written(text: str, region: str = "") -> tuple[str, ...]:
    """The numbers that a text can mean, as digits: none where it is no number.

    Without `+` or `00` it can be a number of the region (ISO 3166-1 alpha-2) as well as an
    international one: `30123456` is one of Denmark, and also one of Greece.
    """
    text = as_typed(text).strip()
    if not text or len(text) > MAX_WRITTEN:
        return ()
    found: list[str] = []
    if region and not text.startswith(("+", "00")) and _is_number(text):
        try:
            parsed = phonenumbers.parse(text, region)
        except phonenumbers.NumberParseException:
            parsed = None
        if parsed is not None and _is_dialled_from_abroad(parsed, region):
            found.append(f"{parsed.country_code}{phonenumbers.national_significant_number(parsed)}")
    try:
        found.append(normalise(text))
    except Refused:
        pass
    return tuple(dict.fromkeys(found))


def region_of_number(digits: str) -> str:
    """The country of an international number; empty where it has none."""
    try:
        return phonenumbers.region_code_for_number(phonenumbers.parse(f"+{digits}")) or ""
    except phonenumbers.NumberParseException:
        return ""


def is_in_use(digits: str) -> bool:
    """Whether a country has given out such numbers; a long one without its code is none."""
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(f"+{digits}"))
    except phonenumbers.NumberParseException:
        return False


def has_numbers(region: str) -> bool:
    """Whether there is a country of this name (ISO 3166-1 alpha-2) with phone numbers."""
    return region in phonenumbers.SUPPORTED_REGIONS


def _is_dialled_from_abroad(number: phonenumbers.PhoneNumber, region: str) -> bool:
    """Whether a number of a region has an international form.

    One without its area code has none, nor has a short code: some plans leave room for numbers of
    four digits (Germany), so that by its length alone a short code could be either.
    """
    reason = phonenumbers.is_possible_number_with_reason(number)
    if reason != phonenumbers.ValidationResult.IS_POSSIBLE:
        return False
    return not phonenumbers.is_possible_short_number_for_region(
        number, region
    ) or phonenumbers.is_valid_number(number)


def _is_number(text: str) -> bool:
    return text.isascii() and all(one.isdigit() or one in " .()/-" for one in text)
