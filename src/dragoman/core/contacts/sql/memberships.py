"""Members of groups and tags, and the deletion of groups."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, delete, or_, select, update

from dragoman.core.contacts.model.contacts import ListKind
from dragoman.core.contacts.sql.contact_blocks import Tally
from dragoman.core.contacts.sql.contacts import missing_contact
from dragoman.core.contacts.sql.groups import find, missing_group
from dragoman.core.contacts.sql.tables import contact_lists, contacts, memberships
from dragoman.storage.bulk import BulkInsert
from dragoman.storage.rows import first_missing, is_one_of, read_all
from dragoman.storage.work import one_by_one

_JOIN = BulkInsert(memberships, suffix="ON CONFLICT (list_id, contact_id) DO NOTHING")


class MemberChange(msgspec.Struct, frozen=True, kw_only=True):
    """Contacts to add to a group, or to remove from it."""

    list_id: int
    account_id: int
    kind: ListKind = ListKind.GROUP
    contact_ids: tuple[int, ...]


class GroupDeletion(msgspec.Struct, frozen=True, kw_only=True):
    """A step of deleting a group: at most `limit` members, and with the last, the group.

    `with_contacts` also deletes the members themselves.
    """

    list_id: int
    account_id: int
    kind: ListKind = ListKind.GROUP
    with_contacts: bool
    at_ms: int
    limit: int


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A member of some groups; an empty `mobile` means no number."""

    contact_id: int
    mobile: str


def load_groups_of(
    connection: Connection, contact_ids: Sequence[int], kind: ListKind
) -> dict[int, tuple[int, ...]]:
    """The groups of each contact that is in any, oldest first; all of one account."""
    found: dict[int, list[int]] = {}
    query = (
        select(memberships.c.contact_id, memberships.c.list_id)
        .join(contact_lists, contact_lists.c.list_id == memberships.c.list_id)
        .where(
            is_one_of(connection.dialect.name, memberships.c.contact_id, contact_ids),
            contact_lists.c.kind == kind,
            contact_lists.c.deleted_ms.is_(None),
        )
        .order_by(memberships.c.list_id)
    )
    for row in connection.execute(query):
        found.setdefault(row.contact_id, []).append(row.list_id)
    return {contact_id: tuple(groups) for contact_id, groups in found.items()}


def load_recipients(
    connection: Connection,
    account_id: int,
    list_ids: Sequence[int],
    at: int,
    after: int,
    limit: int,
) -> list[Member]:
    """The next members of the group `list_ids[at]` after a contact that have a number.

    A number comes once in all the groups: not if an earlier group has it, or an earlier contact of
    this one. Each check is an index lookup.
    """
    earlier, theirs = contacts.alias("earlier"), memberships.alias("theirs")
    # A number has few contacts, and a group many: a sum is no column of the index of groups.
    their_group: ColumnElement[int] = theirs.c.list_id + 0
    comes_before = or_(
        their_group.in_(list_ids[:at]),
        and_(their_group == list_ids[at], earlier.c.contact_id < contacts.c.contact_id),
    )
    known = (
        select(earlier.c.contact_id)
        .join(theirs, theirs.c.contact_id == earlier.c.contact_id)
        .where(
            earlier.c.account_id == account_id,
            earlier.c.mobile == contacts.c.mobile,
            earlier.c.deleted_ms.is_(None),
            comes_before,
        )
        .exists()
    )
    return _load_members(
        connection, account_id, list_ids[at], after, limit, contacts.c.mobile != "", ~known
    )


def load_members(
    connection: Connection,
    account_id: int,
    list_ids: Sequence[int],
    at: int,
    after: int,
    limit: int,
) -> list[Member]:
    """The next members of the group `list_ids[at]` after a contact, in none before it."""
    theirs = memberships.alias("theirs")
    known = (
        select(theirs.c.list_id)
        .where(theirs.c.contact_id == memberships.c.contact_id, theirs.c.list_id.in_(list_ids[:at]))
        .exists()
    )
    return _load_members(connection, account_id, list_ids[at], after, limit, ~known)


def _load_members(
    connection: Connection,
    account_id: int,
    list_id: int,
    after: int,
    limit: int,
    *conditions: ColumnElement[bool],
) -> list[Member]:
    query = (
        select(memberships.c.contact_id, contacts.c.mobile)
        .join(contacts, contacts.c.contact_id == memberships.c.contact_id)
        .where(
            memberships.c.list_id == list_id,
            memberships.c.contact_id > after,
            contacts.c.account_id == account_id,
            contacts.c.deleted_ms.is_(None),
            *conditions,
        )
        .order_by(memberships.c.contact_id)
        .limit(limit)
    )
    return read_all(connection, query, Member)


@one_by_one("add_group_members")
def add_members(connection: Connection, item: MemberChange) -> None:
    _check_group(connection, item)
    check_contacts(connection, item.account_id, item.contact_ids)
    join(connection, [(item.list_id, contact_id) for contact_id in item.contact_ids])


@one_by_one("remove_group_members")
def remove_members(connection: Connection, item: MemberChange) -> int:
    """How many of each item's contacts were in the group."""
    _check_group(connection, item)
    return leave(connection, item.list_id, item.contact_ids)


@one_by_one("delete_groups")
def remove_group(connection: Connection, item: GroupDeletion) -> bool:
    """True for each group that is now deleted; False if members are left."""
    _check_group(connection, item)
    members = select(memberships.c.contact_id).where(memberships.c.list_id == item.list_id)
    first = members.order_by(memberships.c.contact_id).limit(item.limit)
    some = connection.execute(first).scalars().all()
    if item.with_contacts:
        _delete_contacts(connection, item, some)
    if some:
        leave(connection, item.list_id, some)
    done = len(some) < item.limit
    if done:
        gone = update(contact_lists).where(contact_lists.c.list_id == item.list_id)
        connection.execute(gone.values(deleted_ms=item.at_ms))
    return done


def join(connection: Connection, pairs: Sequence[tuple[int, int]]) -> None:
    """Stores memberships, as pairs of group and contact, of which some may exist."""
    _JOIN.run(connection, pairs)


def leave(connection: Connection, list_id: int, contact_ids: Sequence[int]) -> int:
    """Removes contacts from a group; returns how many were members."""
    some = is_one_of(connection.dialect.name, memberships.c.contact_id, contact_ids)
    gone = delete(memberships).where(memberships.c.list_id == list_id, some)
    return connection.execute(gone).rowcount


def leave_all(connection: Connection, contact_ids: Sequence[int], kind: ListKind) -> None:
    """Removes contacts from all their groups, or from all their tags."""
    groups = select(contact_lists.c.list_id).where(contact_lists.c.kind == kind)
    some = is_one_of(connection.dialect.name, memberships.c.contact_id, contact_ids)
    connection.execute(delete(memberships).where(some, memberships.c.list_id.in_(groups)))


def check_contacts(connection: Connection, account_id: int, contact_ids: Collection[int]) -> None:
    """Raises `Refused` for the first unknown contact."""
    mine = (contacts.c.account_id == account_id, contacts.c.deleted_ms.is_(None))
    missing = first_missing(connection, contacts.c.contact_id, contact_ids, *mine)
    if missing is not None:
        raise missing_contact(missing)


def _check_group(connection: Connection, item: MemberChange | GroupDeletion) -> None:
    if find(connection, item.account_id, item.list_id, item.kind) is None:
        raise missing_group(item.list_id)


def _delete_contacts(connection: Connection, item: GroupDeletion, some: Sequence[int]) -> None:
    """Marks contacts as deleted, and updates the counts of their lists."""
    tally = Tally()
    these = (
        is_one_of(connection.dialect.name, contacts.c.contact_id, some),
        contacts.c.account_id == item.account_id,
        contacts.c.deleted_ms.is_(None),
    )
    found = select(contacts.c.list_id, contacts.c.contact_id).where(*these)
    for list_id, contact_id in connection.execute(found):
        tally.add(item.account_id, list_id, (contact_id,), -1, 1)
    gone = update(contacts).where(*these)
    connection.execute(gone.values(deleted_ms=item.at_ms, changed_ms=item.at_ms))
    tally.write(connection)
