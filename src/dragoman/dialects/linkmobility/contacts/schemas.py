"""What the calls on lists, contacts, imports and merge fields take and answer (LINK v2 s. 04-07).

Programs send back what they were answered, so fields of an answer that cannot be set are taken and
have no effect.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from dragoman.dialects.linkmobility.schemas import Credentials, Flag, Number, Paging, Text
from dragoman.web.operations import doc


class ListBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A list of contacts to create or change (LINK v2 s. 04)."""

    parent: Annotated[Number, doc("The list that holds it; 0 for none.")] = None
    name: Annotated[Text, doc("Up to 100 characters.")] = None
    id: Annotated[Any, doc("No effect.")] = None
    contacts: Annotated[Any, doc("No effect.")] = None


class ContactBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A contact to create or change (LINK v2 s. 05)."""

    listid: Annotated[Number, doc("The list that holds it; 0 for none.")] = None
    mobile: Annotated[Text, doc("With `+` and country code.")] = None
    fields: Annotated[Any, doc("A map of values by the names, or the keys, of merge fields.")] = (
        None
    )
    id: Annotated[Any, doc("No effect.")] = None
    created: Annotated[Any, doc("No effect.")] = None
    changed: Annotated[Any, doc("No effect.")] = None
    deleted: Annotated[Any, doc("No effect.")] = None


class ContactQuery(Credentials, frozen=True, kw_only=True):
    """The filters of contacts (LINK v2 s. 05)."""

    listid: Annotated[str, doc("0 for contacts of no list.")] = ""
    mobile: Annotated[str, doc("The whole number.")] = ""
    deleted: Annotated[str, doc("1 for deleted contacts instead of active ones.")] = ""
    field_key: Annotated[str, doc("Name or key of a merge field.")] = ""
    field_value: Annotated[str, doc("The whole value of the merge field.")] = ""


class ImportBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An import to open (LINK v2 s. 06)."""

    listid: Annotated[Number, doc("An existing list; 0 makes a new one.")] = None
    name: Annotated[Text, doc("The name of the new list.")] = None
    clean: Annotated[Flag, doc("1 deletes what is in the list before the first rows.")] = None
    duplicate: Annotated[Flag, doc("1 keeps one contact of a number.")] = None


class RowsBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Rows to import (LINK v2 s. 06); not read further before their turn comes."""

    keys: Annotated[list[str], doc("`Mobile`, and the names or keys of merge fields.")] = []
    values: Annotated[list[msgspec.Raw], doc("Rows: lists with a value for each key.")] = []


class XmlRowsBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Rows as XML writes them: each is a `values` with an `item` for each key.

    Programs also write one `keys` and one `values` around elements for the keys and the rows.
    """

    keys: list[Any] = []
    values: list[Any] = []


class FieldBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A merge field to create or rename (LINK v2 s. 07)."""

    name: Annotated[Text, doc("Up to 50 characters.")] = None
    id: Annotated[Any, doc("No effect.")] = None
    key: Annotated[Any, doc("No effect.")] = None


class Deleted(msgspec.Struct, frozen=True, kw_only=True):
    """What is gone."""

    message: str
    status: int


class ListItem(msgspec.Struct, frozen=True, kw_only=True):
    """A list; a `parent` of 0 is none."""

    id: str
    parent: str
    name: str


class Lists(msgspec.Struct, frozen=True, kw_only=True):
    """All lists."""

    list: tuple[ListItem, ...]
    status: int


class ContactHead(msgspec.Struct, frozen=True, kw_only=True):
    """What every answer says of a contact first."""

    id: str
    listid: str
    mobile: str
    created: str
    changed: str


class ContactItem(ContactHead, frozen=True, kw_only=True):
    """A contact; a `listid` of 0 is none."""

    fields: dict[str, str]


class ListDetails(ListItem, frozen=True, kw_only=True):
    """A list and its contacts."""

    contacts: tuple[ContactItem, ...]


class ListAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The answer about one list."""

    list: ListDetails
    status: int


class FoundContact(ContactHead, frozen=True, kw_only=True):
    """A contact as a search shows it."""

    deleted: bool
    fields: dict[str, str]


class ContactStats(msgspec.Struct, frozen=True, kw_only=True):
    """How many contacts a search found."""

    total: str


class ContactsPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the contacts that a search found."""

    contacts: tuple[FoundContact, ...]
    paging: Paging
    stats: ContactStats
    status: int


class ContactAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The answer about one contact."""

    contact: ContactItem
    status: int


class ImportState(msgspec.Struct, frozen=True, kw_only=True):
    """How far an import is; a `listid` of 0 is a list that the first rows will make."""

    hash: str
    created: str
    listid: int
    name: str
    clean: int
    total: int
    processed: int


class ImportAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The answer about an import."""

    import_: ImportState = msgspec.field(name="import")
    status: int


class RowsState(msgspec.Struct, frozen=True, kw_only=True):
    """How far an import is after rows came; here the manual shows `duplicate` too."""

    hash: str
    created: str
    listid: int
    name: str
    clean: int
    duplicate: int
    total: int
    processed: int


class RowErrors(msgspec.Struct, frozen=True, kw_only=True):
    """Rows that have the same fault: their values by index, counted from 0."""

    message: str
    count: int
    errors: dict[str, str]


class RowsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to rows of an import."""

    import_: RowsState = msgspec.field(name="import")
    errors: tuple[RowErrors, ...]
    status: int


class FieldItem(msgspec.Struct, frozen=True, kw_only=True):
    """A merge field."""

    id: str
    name: str
    key: str


class Fields(msgspec.Struct, frozen=True, kw_only=True):
    """All merge fields."""

    field: tuple[FieldItem, ...]
    status: int


class FieldAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The answer about one merge field."""

    field: FieldItem
    status: int
