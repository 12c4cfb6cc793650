"""Who is in groups and tags; and the end of a group, which is that of its members first."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, delete, or_, select, update

from dragoman.core.contacts.model.contacts import ListKind
from dragoman.core.contacts.sql.contact_blocks import Tally
from dragoman.core.contacts.sql.contacts import missing_contact
from dragoman.core.contacts.sql.groups import NAMED_AT_ONCE, find, missing_group
from dragoman.core.contacts.sql.tables import contact_lists, contacts, memberships
from dragoman.core.model.errors import Refused
from dragoman.storage.bulk import BulkInsert
from dragoman.storage.work import Operation

_JOIN = BulkInsert(memberships, suffix="ON CONFLICT (list_id, contact_id) DO NOTHING")


class MemberChange(msgspec.Struct, frozen=True, kw_only=True):
    """Some contacts that are to be in a group, or not to be."""

    list_id: int
    account_id: int
    kind: ListKind = ListKind.GROUP
    contact_ids: tuple[int, ...]


class GroupDeletion(msgspec.Struct, frozen=True, kw_only=True):
    """One step of deleting a group: at most `limit` of its members, and with the last, the group.

    `with_contacts` deletes the members themselves too.
    """

    list_id: int
    account_id: int
    kind: ListKind = ListKind.GROUP
    with_contacts: bool
    at_ms: int
    limit: int


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A contact of some groups; an empty `mobile` is no number."""

    contact_id: int
    mobile: str


def load_groups_of(
    connection: Connection, contact_ids: Sequence[int], kind: ListKind
) -> dict[int, tuple[int, ...]]:
    """The groups of each contact that is in one, oldest first; all of one account."""
    found: dict[int, list[int]] = {}
    for start in range(0, len(contact_ids), NAMED_AT_ONCE):
        query = (
            select(memberships.c.contact_id, memberships.c.list_id)
            .join(contact_lists, contact_lists.c.list_id == memberships.c.list_id)
            .where(
                memberships.c.contact_id.in_(contact_ids[start : start + NAMED_AT_ONCE]),
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
    """The next members of the group `list_ids[at]` behind a contact, who have a number.

    A number comes once in all the groups: not with a member whose number an earlier group has, or
    an earlier contact of this one. Each look for it takes a step over an index.
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
    """The next members of the group `list_ids[at]` behind a contact, who are in none before it."""
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
    return [Member(**row._mapping) for row in connection.execute(query)]


def _add(connection: Connection, items: list[MemberChange]) -> list[Exception | None]:
    results: list[Exception | None] = []
    for item in items:
        try:
            _check_group(connection, item)
            check_contacts(connection, item.account_id, item.contact_ids)
        except Refused as refused:
            results.append(refused)
            continue
        join(connection, [(item.list_id, contact_id) for contact_id in item.contact_ids])
        results.append(None)
    return results


add_members = Operation(_add, "add_group_members", MemberChange)


def _remove(connection: Connection, items: list[MemberChange]) -> list[int | Exception]:
    """How many of each item's contacts were in the group."""
    results: list[int | Exception] = []
    for item in items:
        try:
            _check_group(connection, item)
        except Refused as refused:
            results.append(refused)
            continue
        results.append(leave(connection, item.list_id, item.contact_ids))
    return results


remove_members = Operation(_remove, "remove_group_members", MemberChange)


def _delete(connection: Connection, items: list[GroupDeletion]) -> list[bool | Exception]:
    """True for each group that is deleted now; False where members are left for another step."""
    results: list[bool | Exception] = []
    for item in items:
        if find(connection, item.account_id, item.list_id, item.kind) is None:
            results.append(missing_group(item.list_id))
            continue
        some = _first_members(connection, item)
        if item.with_contacts:
            _delete_contacts(connection, item, some)
        if some:
            leave(connection, item.list_id, some)
        done = len(some) < item.limit
        if done:
            connection.execute(
                update(contact_lists)
                .where(contact_lists.c.list_id == item.list_id)
                .values(deleted_ms=item.at_ms)
            )
        results.append(done)
    return results


remove_group = Operation(_delete, "delete_groups", GroupDeletion)


def join(connection: Connection, pairs: Sequence[tuple[int, int]]) -> None:
    """Stores that contacts are in groups: pairs of group and contact, of which some may be."""
    _JOIN.run(connection, pairs)


def leave(connection: Connection, list_id: int, contact_ids: Sequence[int]) -> int:
    """Takes contacts out of a group; how many were in it."""
    gone = 0
    for start in range(0, len(contact_ids), NAMED_AT_ONCE):
        some = memberships.c.contact_id.in_(contact_ids[start : start + NAMED_AT_ONCE])
        gone += connection.execute(
            delete(memberships).where(memberships.c.list_id == list_id, some)
        ).rowcount
    return gone


def leave_all(connection: Connection, contact_ids: Sequence[int], kind: ListKind) -> None:
    """Takes contacts out of all their groups, or off all their tags."""
    groups = select(contact_lists.c.list_id).where(contact_lists.c.kind == kind)
    for start in range(0, len(contact_ids), NAMED_AT_ONCE):
        some = memberships.c.contact_id.in_(contact_ids[start : start + NAMED_AT_ONCE])
        connection.execute(delete(memberships).where(some, memberships.c.list_id.in_(groups)))


def check_contacts(connection: Connection, account_id: int, contact_ids: Collection[int]) -> None:
    """Raises `Refused` for the first that is no contact of the account."""
    wanted = sorted(set(contact_ids))
    known: set[int] = set()
    for start in range(0, len(wanted), NAMED_AT_ONCE):
        query = select(contacts.c.contact_id).where(
            contacts.c.contact_id.in_(wanted[start : start + NAMED_AT_ONCE]),
            contacts.c.account_id == account_id,
            contacts.c.deleted_ms.is_(None),
        )
        known.update(connection.execute(query).scalars())
    for contact_id in wanted:
        if contact_id not in known:
            raise missing_contact(contact_id)


def _check_group(connection: Connection, item: MemberChange) -> None:
    if find(connection, item.account_id, item.list_id, item.kind) is None:
        raise missing_group(item.list_id)


def _first_members(connection: Connection, item: GroupDeletion) -> list[int]:
    query = (
        select(memberships.c.contact_id)
        .where(memberships.c.list_id == item.list_id)
        .order_by(memberships.c.contact_id)
        .limit(item.limit)
    )
    return list(connection.execute(query).scalars())


def _delete_contacts(connection: Connection, item: GroupDeletion, some: Sequence[int]) -> None:
    """Marks contacts as deleted, and counts that in the lists that they are in."""
    tally = Tally()
    for start in range(0, len(some), NAMED_AT_ONCE):
        these = and_(
            contacts.c.contact_id.in_(some[start : start + NAMED_AT_ONCE]),
            contacts.c.account_id == item.account_id,
            contacts.c.deleted_ms.is_(None),
        )
        found = select(contacts.c.list_id, contacts.c.contact_id).where(these)
        for list_id, contact_id in connection.execute(found):
            tally.add(item.account_id, list_id, (contact_id,), -1, 1)
        connection.execute(
            update(contacts).where(these).values(deleted_ms=item.at_ms, changed_ms=item.at_ms)
        )
    tally.write(connection)
