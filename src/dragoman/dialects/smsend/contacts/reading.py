"""Contacts, numbers and identifiers as programs write them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

from dragoman.core.contacts.contact_profiles import ContactDraft
from dragoman.core.contacts.model.contacts import CUSTOM_FIELDS, ContactProfile
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.phone_numbers import normalise
from dragoman.dialects.smsend.contacts.days import parse_day
from dragoman.dialects.smsend.contacts.schemas import ContactFields
from dragoman.dialects.smsend.errors import BAD_REQUEST, WordedRefusal
from dragoman.dialects.smsend.reading import read_text
from dragoman.dialects.smsend.schemas import Value
from dragoman.dialects.wording import quoted
from dragoman.kit.ids import parse_base64, parse_number

YEARS_AHEAD: Final = 20
"""How far two digits of a year may lead into the future, where the day is no birth date."""

_TEXTS: Final = (
    "email", "name", "surname", "fax", "address", "city", "province", "zip", "notes",
)  # fmt: skip


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
