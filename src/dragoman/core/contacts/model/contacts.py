"""Contacts and their profiles; lists, groups, tags, merge fields and imports."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from types import MappingProxyType
from typing import Final

import msgspec

from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.mail_addresses import is_email_address
from dragoman.core.model.texts import check_text

CUSTOM_FIELDS: Final = 10
MAX_CUSTOM: Final = 1_000
MAX_LENGTHS: Final = MappingProxyType(
    {
        "name": 40,
        "surname": 40,
        "fax": 32,
        "address": 256,
        "city": 32,
        "province": 32,
        "zip": 16,
        "notes": 1_000,
    }
)
"""Characters."""
GENDERS: Final = frozenset({"", "m", "f"})


class ListKind(StrEnum):
    """What contains contacts: at most one list, any number of groups and tags."""

    LIST = "list"
    GROUP = "group"
    TAG = "tag"


class ContactProfile(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The profile of a contact; unknown values are empty."""

    email: str = ""
    name: str = ""
    surname: str = ""
    gender: str = ""
    """`m` or `f`."""
    birth_date: date | None = None
    fax: str = ""
    address: str = ""
    city: str = ""
    province: str = ""
    zip: str = ""
    notes: str = ""
    promotion_date: date | None = None
    reminder_date: date | None = None
    custom: dict[int, str] = {}
    """Texts of the account's own, by 1 to `CUSTOM_FIELDS`."""

    @property
    def email_key(self) -> str:
        """The address in the normalised form by which contacts are found."""
        return self.email.casefold()

    def updated_with(self, newer: ContactProfile) -> ContactProfile:
        """This profile, updated with the values that a newer one has."""
        given = {
            name: value
            for name in newer.__struct_fields__
            if (value := getattr(newer, name)) not in ("", None)
        }
        return msgspec.structs.replace(self, **given | {"custom": self.custom | newer.custom})


def check_profile(profile: ContactProfile) -> None:
    """Raises `Refused` for the first invalid field."""
    if profile.email and not is_email_address(profile.email):
        raise Refused(RefusalCode.INVALID_FIELD, "email", "not an e-mail address")
    if profile.gender not in GENDERS:
        raise Refused(RefusalCode.INVALID_FIELD, "gender", "neither m nor f")
    for field, longest in MAX_LENGTHS.items():
        check_text(field, getattr(profile, field), longest)
    for number, value in profile.custom.items():
        if not 1 <= number <= CUSTOM_FIELDS:
            raise Refused(RefusalCode.INVALID_FIELD, "custom", f"there are {CUSTOM_FIELDS}")
        check_text(f"custom{number}", value, MAX_CUSTOM)


class Contact(msgspec.Struct, frozen=True, kw_only=True):
    """A number that an account keeps, with values by merge field name."""

    contact_id: int
    account_id: int
    list_id: int | None
    mobile: str
    """Digits of the international number."""
    fields: dict[str, str]
    created_ms: int
    changed_ms: int
    deleted: bool


class ContactFilter(msgspec.Struct, frozen=True, kw_only=True):
    """What to search for; what is not given does not restrict the search."""

    account_id: int
    list_id: int | None = None
    """0 searches for contacts of no list."""
    mobile: str = ""
    deleted: bool = False
    """Either contacts that are there or deleted ones."""
    field_ids: tuple[int, ...] | None = None
    """Contacts with one of these fields; with none of them where it is empty."""
    field_value: str = ""
    """What one of the fields must hold, exactly."""


class ContactList(msgspec.Struct, frozen=True, kw_only=True):
    """A list of contacts; `parent_id` is None on the first level."""

    list_id: int
    account_id: int
    parent_id: int | None
    name: str


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """A group or a tag, of which contacts can be members."""

    list_id: int
    account_id: int
    kind: ListKind = ListKind.GROUP
    name: str
    description: str = ""


class MergeField(msgspec.Struct, frozen=True, kw_only=True):
    """A field of an account's contacts."""

    field_id: int
    account_id: int
    name: str


class ImportJob(msgspec.Struct, frozen=True, kw_only=True):
    """An import as it is stored."""

    import_id: int
    account_id: int
    key: str
    list_id: int | None
    name: str
    clean: bool
    drop_duplicates: bool
    cleaned: bool = False
    total: int = 0
    processed: int = 0
    rows_digest: str = ""
    rows_done: int = 0


class OnClash(StrEnum):
    """What happens to a contact with the address, or else the number, of a new one."""

    KEEP = "keep"
    """Both are there."""
    UPDATE = "update"
    """It takes what the new one knows."""
    REPLACE = "replace"
    """It is deleted, and the new one is there."""


class ProfiledContact(msgspec.Struct, frozen=True, kw_only=True):
    """A contact with its profile and groups."""

    contact_id: int
    mobile: str
    profile: ContactProfile
    group_ids: tuple[int, ...]
