"""Groups and tags: what contacts may be in any number of (`memberships` has who is)."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

import msgspec
from msgspec import UNSET, UnsetType
from sqlalchemy import Connection, func, insert, select, update

from dragoman.core.contacts.model.contacts import ListKind
from dragoman.core.contacts.model.groups import Group
from dragoman.core.contacts.sql.tables import contact_lists
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.storage.work import Operation

MAX_GROUPS: Final = 10_000
"""Groups an account may have, and as many tags."""
NAMED_AT_ONCE: Final = 500
"""Identifiers or names in one condition."""


class GroupChange(msgspec.Struct, frozen=True, kw_only=True):
    """New values for a group; what is not set stays."""

    list_id: int
    account_id: int
    kind: ListKind = ListKind.GROUP
    name: str | UnsetType = UNSET
    description: str | UnsetType = UNSET


class GroupPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some of the groups of an account, and how many there are in all."""

    groups: tuple[Group, ...]
    total: int


_VIEW = select(
    contact_lists.c.list_id,
    contact_lists.c.account_id,
    contact_lists.c.kind,
    contact_lists.c.name,
    contact_lists.c.description,
).where(contact_lists.c.deleted_ms.is_(None))


def find(connection: Connection, account_id: int, list_id: int, kind: ListKind) -> Group | None:
    """One of the account's groups, or tags."""
    query = _VIEW.where(contact_lists.c.account_id == account_id, contact_lists.c.kind == kind)
    row = connection.execute(query.where(contact_lists.c.list_id == list_id)).first()
    return None if row is None else _group(row)


def find_named(
    connection: Connection, account_id: int, kind: ListKind, names: Collection[str]
) -> list[Group]:
    """The account's groups of some names, oldest first; names without one are left out."""
    wanted, found = list(names), []
    query = _VIEW.where(contact_lists.c.account_id == account_id, contact_lists.c.kind == kind)
    for start in range(0, len(wanted), NAMED_AT_ONCE):
        some = contact_lists.c.name.in_(wanted[start : start + NAMED_AT_ONCE])
        found += [_group(row) for row in connection.execute(query.where(some))]
    return sorted(found, key=lambda group: group.list_id)


def load_page(
    connection: Connection, account_id: int, kind: ListKind, offset: int, limit: int
) -> GroupPage:
    """A page of the account's groups, in the order of creation."""
    query = (
        _VIEW.where(contact_lists.c.account_id == account_id, contact_lists.c.kind == kind)
        .order_by(contact_lists.c.list_id)
        .offset(offset)
        .limit(limit)
    )
    found = tuple(_group(row) for row in connection.execute(query)) if limit > 0 else ()
    return GroupPage(groups=found, total=_count(connection, account_id, kind))


def _create(connection: Connection, items: list[Group]) -> list[Exception | None]:
    results: list[Exception | None] = []
    for item in items:
        if _is_taken(connection, item.account_id, item.kind, item.name, item.list_id):
            results.append(Refused(RefusalCode.ALREADY_EXISTS, "name"))
        elif _count(connection, item.account_id, item.kind) >= MAX_GROUPS:
            results.append(Refused(RefusalCode.INVALID_FIELD, "group", f"at most {MAX_GROUPS}"))
        else:
            connection.execute(insert(contact_lists), [msgspec.structs.asdict(item)])
            results.append(None)
    return results


create = Operation(_create, "create_groups", Group)


def _change(connection: Connection, items: list[GroupChange]) -> list[Exception | None]:
    results: list[Exception | None] = []
    for item in items:
        before = find(connection, item.account_id, item.list_id, item.kind)
        if before is None:
            results.append(missing_group(item.list_id))
            continue
        name = before.name if item.name is UNSET else item.name
        if _is_taken(connection, item.account_id, before.kind, name, item.list_id):
            results.append(Refused(RefusalCode.ALREADY_EXISTS, "name"))
            continue
        description = before.description if item.description is UNSET else item.description
        connection.execute(
            update(contact_lists)
            .where(contact_lists.c.list_id == item.list_id)
            .values(name=name, description=description)
        )
        results.append(None)
    return results


change = Operation(_change, "change_groups", GroupChange)


def check_groups(
    connection: Connection, account_id: int, list_ids: Collection[int], kind: ListKind
) -> None:
    """Raises `Refused` for the first that is none of the account's groups, or tags."""
    wanted = sorted(set(list_ids))
    known: set[int] = set()
    for start in range(0, len(wanted), NAMED_AT_ONCE):
        query = select(contact_lists.c.list_id).where(
            contact_lists.c.list_id.in_(wanted[start : start + NAMED_AT_ONCE]),
            contact_lists.c.account_id == account_id,
            contact_lists.c.kind == kind,
            contact_lists.c.deleted_ms.is_(None),
        )
        known.update(connection.execute(query).scalars())
    for list_id in wanted:
        if list_id not in known:
            raise missing_group(list_id)


def missing_group(list_id: int | str) -> Refused:
    """The refusal of a group that the account does not have."""
    return Refused(RefusalCode.NOT_FOUND, str(list_id), "group")


def _is_taken(
    connection: Connection, account_id: int, kind: ListKind, name: str, list_id: int
) -> bool:
    if kind is not ListKind.GROUP:
        return False
    return any(
        group.list_id != list_id for group in find_named(connection, account_id, kind, [name])
    )


def _count(connection: Connection, account_id: int, kind: ListKind) -> int:
    query = (
        select(func.count())
        .select_from(contact_lists)
        .where(
            contact_lists.c.account_id == account_id,
            contact_lists.c.kind == kind,
            contact_lists.c.deleted_ms.is_(None),
        )
    )
    return connection.execute(query).scalar_one()


def _group(row: Any) -> Group:
    return Group(**{**row._mapping, "kind": ListKind(row.kind)})
