"""What the calls on contacts, groups and the blacklist take and answer, named as in the manual."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import UNSET, UnsetType

from dragoman.dialects.smsend.schemas import PageQuery, Switch, Value
from dragoman.web.operations import doc

Day = Annotated[Value, doc("ddMMyy, yyyyMMdd, ddMMyyHHmm … or yyyy-MM-dd HH:mm.0")]


class ContactFields(msgspec.Struct, frozen=True, kw_only=True):
    """A contact; it needs an `email` or a `phoneNumber`."""

    email: Value = None
    phoneNumber: Value = None
    name: Value = None
    surname: Value = None
    gender: Value = None
    fax: Value = None
    address: Value = None
    city: Value = None
    province: Value = None
    birthdate: Day = None
    promotiondate: Day = None
    rememberdate: Day = None
    zip: Value = None
    notes: Value = None
    groupIds: list[str | int] | None = None
    custom1: Value = None
    custom2: Value = None
    custom3: Value = None
    custom4: Value = None
    custom5: Value = None
    custom6: Value = None
    custom7: Value = None
    custom8: Value = None
    custom9: Value = None
    custom10: Value = None


class NewContacts(ContactFields, frozen=True, kw_only=True):
    """A contact, or a list of `contacts` that are all stored or none."""

    contacts: list[ContactFields] | None = None
    updateExistingContact: Switch = None
    keepExistingGroupsAndCampaigns: Switch = None


class ContactAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A contact; what the manual does not print is left out where it is not set."""

    email: str | None
    phoneNumber: str | None
    name: str | None
    surname: str | None
    groupIds: list[str]
    gender: str | None
    fax: str | None
    address: str | None
    city: str | None
    province: str | None
    birthdate: str | None
    zip: str | None
    notes: str | UnsetType = UNSET
    promotiondate: str | UnsetType = UNSET
    rememberdate: str | UnsetType = UNSET
    custom1: str | UnsetType = UNSET
    custom2: str | UnsetType = UNSET
    custom3: str | UnsetType = UNSET
    custom4: str | UnsetType = UNSET
    custom5: str | UnsetType = UNSET
    custom6: str | UnsetType = UNSET
    custom7: str | UnsetType = UNSET
    custom8: str | UnsetType = UNSET
    custom9: str | UnsetType = UNSET
    custom10: str | UnsetType = UNSET
    contactId: str | UnsetType = UNSET
    """Only in a list, where it would not be known otherwise."""


class ContactList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of contacts."""

    contacts: list[ContactAnswer]
    pageNumber: int
    pageSize: int
    total: int


class ContactField(msgspec.Struct, frozen=True, kw_only=True):
    """A field of contacts that the user gives a meaning to."""

    name: str
    description: str
    type: str


class ContactFieldList(msgspec.Struct, frozen=True, kw_only=True):
    """All such fields."""

    contactFields: list[ContactField]


class GroupFields(msgspec.Struct, frozen=True, kw_only=True):
    """A group."""

    name: Value = None
    description: Value = None


class GroupAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A group in a list."""

    id_group: str
    group_name: str
    group_description: str


class GroupList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of groups."""

    groups: list[GroupAnswer]
    pageNumber: int
    pageSize: int
    Total: int


class GroupsQuery(PageQuery, frozen=True, kw_only=True, rename="camel"):
    """Which page of the groups is wanted."""

    page_size: Annotated[int, doc("Groups on a page.")] = 5


class DeletionQuery(msgspec.Struct, frozen=True, kw_only=True):
    """What goes with a group."""

    deletecontacts: Annotated[str, doc("`true` deletes its contacts too.")] = "false"


class PhoneNumber(msgspec.Struct, frozen=True, kw_only=True):
    """A number, in the query or in the body."""

    phoneNumber: Value = None


class PhoneNumbers(PhoneNumber, frozen=True, kw_only=True):
    """One number or several."""

    phoneNumbers: list[str | int] | None = None


class BlacklistQuery(msgspec.Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """What is wanted of the blacklist."""

    from_: Annotated[str, doc("yyyy-MM-dd HH:mm:ss")] = ""
    to: Annotated[str, doc("yyyy-MM-dd HH:mm:ss")] = ""
    timezone: Annotated[str, doc("IANA zone of these times.")] = ""
    number: Annotated[str, doc("A number, or a part of it.")] = ""
    origins: Annotated[str, doc("API, WEB, STOPSMS, with commas.")] = ""
    pageNumber: int = 1
    pageSize: int = 10


class BlacklistEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A number that gets no texts."""

    phoneNumber: str
    origin: str
    date: str
    """Since when, as `20140704124747`."""


class Blacklist(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the blacklist."""

    blacklist: list[BlacklistEntry]
    pageNumber: int
    pageSize: int
    total: int
