"""Lists of contacts: a tree per account, kept acyclic by the transactions."""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import UNSET, UnsetType
from sqlalchemy import Connection, select, update

from dragoman.core.contacts.model.contacts import ContactList, ListKind
from dragoman.core.contacts.sql.contact_blocks import delete_some_of_list
from dragoman.core.contacts.sql.tables import contact_lists
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.storage.rows import given, insert_rows, read_all, read_one
from dragoman.storage.work import one_by_one

MAX_LISTS: Final = 10_000
"""Lists an account may have; bounds the answer that lists them all."""


class ListChange(msgspec.Struct, frozen=True, kw_only=True):
    """New values for a list; unset ones are unchanged."""

    list_id: int
    account_id: int
    name: str | UnsetType = UNSET
    parent_id: int | UnsetType | None = UNSET


class ListDeletion(msgspec.Struct, frozen=True, kw_only=True):
    """A step of deleting a list: at most `limit` contacts, and with the last, the list."""

    list_id: int
    account_id: int
    at_ms: int
    limit: int


_LISTS = select(contact_lists).where(
    contact_lists.c.kind == ListKind.LIST, contact_lists.c.deleted_ms.is_(None)
)
"""Groups and tags are none of the lists here."""


def load(connection: Connection, account_id: int) -> list[ContactList]:
    """The account's lists, in the order of creation."""
    mine = _LISTS.where(contact_lists.c.account_id == account_id)
    return read_all(connection, mine.order_by(contact_lists.c.list_id), ContactList)


def find(connection: Connection, account_id: int, list_id: int) -> ContactList | None:
    """One of the account's lists."""
    mine = _LISTS.where(contact_lists.c.account_id == account_id)
    return read_one(connection, mine.where(contact_lists.c.list_id == list_id), ContactList)


def add_list(connection: Connection, item: ContactList) -> None:
    """Stores a list; raises `Refused`."""
    parents = _parents(connection, item.account_id)
    if item.parent_id is not None and item.parent_id not in parents:
        raise missing_list(item.parent_id)
    if len(parents) >= MAX_LISTS:
        raise Refused(RefusalCode.INVALID_FIELD, "list", f"at most {MAX_LISTS} lists")
    insert_rows(connection, contact_lists, [item])


create = one_by_one("create_contact_lists")(add_list)


@one_by_one("change_contact_lists")
def change(connection: Connection, item: ListChange) -> None:
    parents = _parents(connection, item.account_id)
    values = given(item, "name", "parent_id")
    parent_id = values.get("parent_id")
    for list_id in (item.list_id, parent_id):
        if list_id is not None and list_id not in parents:
            raise missing_list(list_id)
    if _is_within(parents, parent_id, item.list_id):
        raise Refused(RefusalCode.INVALID_FIELD, "parent", "a list cannot be within itself")
    if values:
        changed = update(contact_lists).where(contact_lists.c.list_id == item.list_id)
        connection.execute(changed.values(**values))


@one_by_one("delete_contact_lists")
def remove(connection: Connection, item: ListDeletion) -> bool:
    """True for each list that is now deleted; False if contacts are left."""
    found = find(connection, item.account_id, item.list_id)
    if found is None:
        raise missing_list(item.list_id)
    gone = delete_some_of_list(connection, item.account_id, item.list_id, item.at_ms, item.limit)
    if gone < item.limit:
        _drop(connection, found, item.at_ms)
    return gone < item.limit


def _drop(connection: Connection, dropped: ContactList, at_ms: int) -> None:
    """Marks a list as deleted; its sublists move up one level."""
    table = contact_lists.c
    within = (table.account_id == dropped.account_id, table.parent_id == dropped.list_id)
    connection.execute(update(contact_lists).where(*within).values(parent_id=dropped.parent_id))
    gone = update(contact_lists).where(table.list_id == dropped.list_id)
    connection.execute(gone.values(deleted_ms=at_ms))


def missing_list(list_id: int) -> Refused:
    """The refusal of an unknown list."""
    return Refused(RefusalCode.NOT_FOUND, str(list_id), "list")


def check_list(connection: Connection, account_id: int, list_id: int | None) -> None:
    """Raises `Refused` unless the list is None or one of the account's."""
    if list_id is not None and find(connection, account_id, list_id) is None:
        raise missing_list(list_id)


def _parents(connection: Connection, account_id: int) -> dict[int, int | None]:
    return {found.list_id: found.parent_id for found in load(connection, account_id)}


def _is_within(parents: dict[int, int | None], list_id: int | None, outer: int) -> bool:
    """Whether a list is `outer` or below it; the existing tree has no cycles."""
    while list_id is not None:
        if list_id == outer:
            return True
        list_id = parents.get(list_id)
    return False
