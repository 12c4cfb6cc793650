"""Contacts, days, numbers and identifiers as programs write them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Final

from dragoman.core.contacts.contact_profiles import ContactDraft
from dragoman.core.contacts.model.contacts import CUSTOM_FIELDS, ContactProfile
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.phone_numbers import normalise
from dragoman.dialects.smsend.contacts.schemas import ContactFields
from dragoman.dialects.smsend.errors import BAD_REQUEST, WordedRefusal
from dragoman.dialects.smsend.mapping import read_text
from dragoman.dialects.smsend.schemas import Value
from dragoman.dialects.smsend.times import OF_DAYS, Parts, parts_of
from dragoman.dialects.wording import quoted
from dragoman.kit.ids import parse_base64, parse_number

_CENTURIES: Final = (2000, 1900)
_FIRST_YEAR: Final = 1000
YEARS_AHEAD: Final = 20
"""How far two digits of a year may lead into the future, where the day is no birth date."""

_TEXTS: Final = (
    "email", "name", "surname", "fax", "address", "city", "province", "zip", "notes",
)  # fmt: skip


def parse_day(text: str, latest: date) -> date:
    """Reads a day; of two digits of a year the last one up to `latest`. Raises ValueError."""
    return _day(parts_of(text, OF_DAYS), latest)


def render_day(day: date | None) -> str | None:
    """Writes a day as `2017-05-11`; None where there is none."""
    return None if day is None else day.isoformat()


def _day(parts: Parts, latest: date) -> date:
    hour, minute, second = (int(parts.get(name) or 0) for name in ("hour", "minute", "second"))
    month, day_of_month = (int(parts[name] or 0) for name in ("month", "day"))
    for year in _years(parts):
        try:
            day = datetime(year, month, day_of_month, hour, minute, second).date()
        except ValueError:
            continue
        if "year" in parts or day <= latest:
            return day
    raise ValueError("no such date")


def _years(parts: Parts) -> Iterator[int]:
    if "year" in parts:
        year = int(parts["year"] or 0)
        if year >= _FIRST_YEAR:
            yield year
    else:
        for century in _CENTURIES:
            yield century + int(parts["short"] or 0)


def read_draft(fields: ContactFields, today: date) -> ContactDraft:
    """A contact to create; raises `Refused`."""
    texts = {name: read_text(getattr(fields, name)) for name in _TEXTS}
    custom = {
        number: text
        for number in range(1, CUSTOM_FIELDS + 1)
        if (text := read_text(getattr(fields, f"custom{number}")))
    }
    number = read_text(fields.phoneNumber)
    ahead = date(today.year + YEARS_AHEAD, 12, 31)
    return ContactDraft(
        mobile=normalise(number) if number else "",
        profile=ContactProfile(
            **texts,
            gender=read_text(fields.gender).lower(),
            birth_date=_read_day("birthdate", fields.birthdate, today),
            promotion_date=_read_day("promotiondate", fields.promotiondate, ahead),
            reminder_date=_read_day("rememberdate", fields.rememberdate, ahead),
            custom=custom,
        ),
        group_ids=tuple(map(_read_group, fields.groupIds or ())),
    )


def read_contact_id(text: str) -> int:
    """The identifier in a path; raises `Refused` as for a contact that does not exist."""
    contact_id = parse_base64(text)
    if contact_id is None:
        raise missing_contact(text)
    return contact_id


def read_contact_ids(texts: Sequence[str]) -> list[int]:
    """Identifiers in a body; raises `Refused` for the first that is none."""
    found = []
    for text in texts:
        contact_id = parse_base64(text)
        if contact_id is None:
            raise unknown_in_body("contact", text)
        found.append(contact_id)
    return found


def read_number(value: Value, name: str = "phoneNumber") -> str:
    """The digits of a number that has to be there; raises `Refused`."""
    written = read_text(value)
    if not written:
        raise Refused(RefusalCode.MISSING_FIELD, name)
    return normalise(written)


def missing_contact(text: str) -> Refused:
    """The refusal of a contact in a path, by the name that the caller knows it by."""
    return Refused(RefusalCode.NOT_FOUND, text, "contact")


def unknown_in_body(kind: str, text: str) -> WordedRefusal:
    """The refusal of something in a body that the account does not have: 400, not 404."""
    text = f"Not found: {kind} [{quoted(text)}]"
    return WordedRefusal(RefusalCode.NOT_FOUND, text, BAD_REQUEST)


def _read_group(value: str | int) -> int:
    group_id = parse_number(str(value).strip())
    if group_id is None:
        raise unknown_in_body("group", str(value))
    return group_id


def _read_day(name: str, value: Value, latest: date) -> date | None:
    text = read_text(value)
    if not text:
        return None
    try:
        return parse_day(text, latest)
    except ValueError as error:
        raise Refused(RefusalCode.INVALID_FIELD, name, str(error)) from None
