"""What the operations on contacts answer."""

from __future__ import annotations

import msgspec


class ListView(msgspec.Struct, frozen=True, kw_only=True):
    """A list of contacts."""

    list_id: int
    name: str
    parent_id: int | None
    contacts: int


class Lists(msgspec.Struct, frozen=True, kw_only=True):
    """The lists of an account, and its merge fields."""

    account: str
    lists: tuple[ListView, ...]
    without_list: int
    """Contacts of no list."""
    fields: tuple[str, ...]


class ContactView(msgspec.Struct, frozen=True, kw_only=True):
    """A contact."""

    contact_id: int
    list_id: int | None
    mobile: str
    fields: dict[str, str]


class ContactPageView(msgspec.Struct, frozen=True, kw_only=True):
    """Some contacts, oldest first, and how many there are."""

    contacts: tuple[ContactView, ...]
    total: int


class ImportBegun(msgspec.Struct, frozen=True, kw_only=True):
    """An import that rows can be added to for a day."""

    key: str


class RefusedRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row that was left out."""

    index: int
    """In its group, from 0."""
    fault: str
    field: str
    value: str


class RowsAdded(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a group of rows."""

    list_id: int | None
    processed: int
    """Rows of all groups so far."""
    refused: tuple[RefusedRow, ...]


class Removed(msgspec.Struct, frozen=True, kw_only=True):
    """What was deleted."""

    removed: str
