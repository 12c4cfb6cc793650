"""Groups and tags; their members are in `memberships`."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType
from sqlalchemy import ColumnElement, Connection, select, update

from dragoman.core.contacts.model.contacts import Group, ListKind
from dragoman.core.contacts.sql.tables import contact_lists
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.storage.rows import (
    count,
    first_missing,
    given,
    insert_rows,
    is_any,
    is_one_of,
    read_all,
    read_one,
)
from dragoman.storage.work import one_by_one

MAX_GROUPS: Final = 10_000
"""Groups an account may have, and as many tags."""


class GroupChange(msgspec.Struct, frozen=True, kw_only=True):
    """New values for a group; unset ones are unchanged."""

    list_id: int
    account_id: int
    kind: ListKind = ListKind.GROUP
    name: str | UnsetType = UNSET
    description: str | UnsetType = UNSET


class GroupPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some of the groups of an account, and the total."""

    groups: tuple[Group, ...]
    total: int


def find(connection: Connection, account_id: int, list_id: int, kind: ListKind) -> Group | None:
    """One of the account's groups, or tags."""
    mine = _mine(account_id, kind)
    query = select(contact_lists).where(*mine, contact_lists.c.list_id == list_id)
    return read_one(connection, query, Group)


def find_named(
    connection: Connection, account_id: int, kind: ListKind, names: Collection[str]
) -> list[Group]:
    """The account's groups with some names, oldest first; unknown names are left out."""
    named = is_one_of(connection.dialect.name, contact_lists.c.name, names)
    query = select(contact_lists).where(*_mine(account_id, kind), named)
    return read_all(connection, query.order_by(contact_lists.c.list_id), Group)


def load_page(
    connection: Connection, account_id: int, kind: ListKind, offset: int, limit: int
) -> GroupPage:
    """A page of the account's groups, in the order of creation."""
    mine = _mine(account_id, kind)
    query = select(contact_lists).where(*mine).order_by(contact_lists.c.list_id)
    found = read_all(connection, query.offset(offset).limit(limit), Group) if limit > 0 else ()
    return GroupPage(groups=tuple(found), total=count(connection, *mine))


@one_by_one("create_groups")
def create(connection: Connection, item: Group) -> None:
    _check_name(connection, item)
    if count(connection, *_mine(item.account_id, item.kind)) >= MAX_GROUPS:
        raise Refused(RefusalCode.INVALID_FIELD, "group", f"at most {MAX_GROUPS}")
    insert_rows(connection, contact_lists, [item])


@one_by_one("change_groups")
def change(connection: Connection, item: GroupChange) -> None:
    before = find(connection, item.account_id, item.list_id, item.kind)
    if before is None:
        raise missing_group(item.list_id)
    values = given(item, "name", "description")
    _check_name(connection, msgspec.structs.replace(before, **values))
    if values:
        changed = update(contact_lists).where(contact_lists.c.list_id == item.list_id)
        connection.execute(changed.values(**values))


def check_groups(
    connection: Connection, account_id: int, list_ids: Collection[int], kind: ListKind
) -> None:
    """Raises `Refused` for the first that is not one of the account's groups, or tags."""
    mine = _mine(account_id, kind)
    missing = first_missing(connection, contact_lists.c.list_id, list_ids, *mine)
    if missing is not None:
        raise missing_group(missing)


def missing_group(list_id: int | str) -> Refused:
    """The refusal of an unknown group."""
    return Refused(RefusalCode.NOT_FOUND, str(list_id), "group")


def _check_name(connection: Connection, group: Group) -> None:
    """Raises `Refused` if another group has the name; tags may share names."""
    others = (contact_lists.c.name == group.name, contact_lists.c.list_id != group.list_id)
    mine = _mine(group.account_id, group.kind)
    if group.kind is ListKind.GROUP and is_any(connection, *mine, *others):
        raise Refused(RefusalCode.ALREADY_EXISTS, "name")


def _mine(account_id: int, kind: ListKind) -> tuple[ColumnElement[bool], ...]:
    table = contact_lists.c
    return table.account_id == account_id, table.kind == kind, table.deleted_ms.is_(None)
