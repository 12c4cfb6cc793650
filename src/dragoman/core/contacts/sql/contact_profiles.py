"""Contacts with a profile: storing many at once, and loading them with their groups."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Final

import msgspec
from sqlalchemy import Connection, select, update

from dragoman.core.contacts.model.contacts import (
    ContactFilter,
    ContactProfile,
    ListKind,
    OnClash,
    ProfiledContact,
)
from dragoman.core.contacts.sql import groups, memberships
from dragoman.core.contacts.sql.contact_blocks import Tally
from dragoman.core.contacts.sql.contacts import insert_contacts, search
from dragoman.core.contacts.sql.tables import contact_profiles, contacts
from dragoman.storage.bulk import BulkInsert, BulkUpdate, Row
from dragoman.storage.rows import is_one_of, read_all
from dragoman.storage.work import one_by_one

_WRITE = BulkInsert(
    contact_profiles,
    suffix="ON CONFLICT (contact_id) DO UPDATE SET"
    " email = excluded.email, profile = excluded.profile",
)
_MOVE = BulkUpdate(
    contacts, ("contact_id", "mobile", "changed_ms"), {"mobile": "{new}", "changed_ms": "{new}"}
)


class NewProfiled(msgspec.Struct, frozen=True, kw_only=True):
    """A contact to store; an empty `mobile` means no number."""

    contact_id: int
    mobile: str
    profile: ContactProfile
    group_ids: tuple[int, ...] = ()


class ProfiledBatch(msgspec.Struct, frozen=True, kw_only=True):
    """Contacts to store together or not at all.

    Only contacts without a list conflict with new ones. `keep_groups` keeps the groups of existing
    contacts in a conflict, or transfers them to their replacement.
    """

    account_id: int
    contacts: tuple[NewProfiled, ...]
    kind: ListKind = ListKind.GROUP
    """Whether `group_ids` are groups or tags."""
    on_clash: OnClash = OnClash.KEEP
    keep_groups: bool = False
    at_ms: int


class ProfiledPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some contacts of an account, and the total."""

    contacts: tuple[ProfiledContact, ...]
    total: int


class _Row(msgspec.Struct, frozen=True, kw_only=True):
    """A stored contact."""

    contact_id: int
    list_id: int | None
    mobile: str
    profile: ContactProfile | None


_ROWS: Final = select(
    contacts.c.contact_id, contacts.c.list_id, contacts.c.mobile, contact_profiles.c.profile
)
_IS_THEIRS: Final = contact_profiles.c.contact_id == contacts.c.contact_id


def load_page(connection: Connection, account_id: int, offset: int, limit: int) -> ProfiledPage:
    """A page of all the account's contacts, oldest first."""
    page = search(connection, ContactFilter(account_id=account_id), offset, limit)
    found = load(connection, account_id, [contact.contact_id for contact in page.contacts])
    return ProfiledPage(contacts=tuple(found), total=page.total)


def load(
    connection: Connection, account_id: int, contact_ids: Sequence[int]
) -> list[ProfiledContact]:
    """Those of some contacts that are the account's, in the order of creation."""
    query = _ROWS.outerjoin(contact_profiles, _IS_THEIRS).where(
        is_one_of(connection.dialect.name, contacts.c.contact_id, contact_ids),
        contacts.c.account_id == account_id,
        contacts.c.deleted_ms.is_(None),
    )
    found = read_all(connection, query, _Row)
    group_ids = memberships.load_groups_of(
        connection, [row.contact_id for row in found], ListKind.GROUP
    )
    return [
        ProfiledContact(
            contact_id=row.contact_id,
            mobile=row.mobile,
            profile=row.profile or ContactProfile(),
            group_ids=group_ids.get(row.contact_id, ()),
        )
        for row in sorted(found, key=lambda row: row.contact_id)
    ]


def find_by_email(connection: Connection, account_id: int, email: str) -> list[int]:
    """The account's contacts with an address, ignoring case, oldest first."""
    query = (
        select(contacts.c.contact_id)
        .join(contact_profiles, contact_profiles.c.contact_id == contacts.c.contact_id)
        .where(
            contact_profiles.c.account_id == account_id,
            contact_profiles.c.email == email.casefold(),
            contacts.c.deleted_ms.is_(None),
        )
        .order_by(contacts.c.contact_id)
    )
    return list(connection.execute(query).scalars())


@one_by_one("store_profiled_contacts")
def store(connection: Connection, item: ProfiledBatch) -> int:
    """The number of contacts of each batch."""
    wanted = {list_id for new in item.contacts for list_id in new.group_ids}
    groups.check_groups(connection, item.account_id, wanted, item.kind)
    _Merge(connection, item).run()
    return len(item.contacts)


class _Kept:
    """A contact while a batch is merged."""

    __slots__ = ("contact_id", "group_ids", "is_new", "mobile", "profile")

    def __init__(
        self, contact_id: int, mobile: str, profile: ContactProfile, group_ids: Collection[int]
    ) -> None:
        self.contact_id = contact_id
        self.mobile = mobile
        self.profile = profile
        self.group_ids = set(group_ids)
        self.is_new = False


class _Merge:
    """Merges a batch with the account's contacts in memory, then writes the result."""

    def __init__(self, connection: Connection, batch: ProfiledBatch) -> None:
        self._connection = connection
        self._batch = batch
        self._by_email: dict[str, _Kept] = {}
        self._by_mobile: dict[str, _Kept] = {}
        self._changed: dict[int, _Kept] = {}
        self._dropped: list[int] = []

    def run(self) -> None:
        """Merges and writes; the groups are known to be the account's."""
        if self._batch.on_clash is not OnClash.KEEP:
            self._load_known()
        for new in self._batch.contacts:
            self._take(new)
        self._drop()
        self._write()

    def _load_known(self) -> None:
        """Loads contacts that may conflict with the batch; of several, the oldest does."""
        new = self._batch.contacts
        emails = {contact.profile.email_key for contact in new} - {""}
        mobiles = {contact.mobile for contact in new} - {""}
        rows = [row for row in self._find(emails, mobiles) if row.list_id is None]
        group_ids = memberships.load_groups_of(
            self._connection, [row.contact_id for row in rows], self._batch.kind
        )
        known: dict[int, _Kept] = {}
        for row in sorted(rows, key=lambda row: -row.contact_id):
            if row.contact_id not in known:
                profile, in_groups = row.profile or ContactProfile(), group_ids.get(row.contact_id)
                kept = _Kept(row.contact_id, row.mobile, profile, in_groups or ())
                known[row.contact_id] = kept
            self._register(known[row.contact_id])

    def _find(self, emails: Collection[str], mobiles: Collection[str]) -> Iterator[_Row]:
        """Contacts by address or number, including those in lists."""
        # That a list holds none would tempt a database to walk all contacts of no list.
        account_id, driver = self._batch.account_id, self._connection.dialect.name
        by_email = _ROWS.join(contact_profiles, _IS_THEIRS).where(
            contact_profiles.c.account_id == account_id,
            is_one_of(driver, contact_profiles.c.email, emails),
        )
        by_mobile = _ROWS.outerjoin(contact_profiles, _IS_THEIRS).where(
            contacts.c.account_id == account_id, is_one_of(driver, contacts.c.mobile, mobiles)
        )
        for query, values in ((by_email, emails), (by_mobile, mobiles)):
            if values:
                there = query.where(contacts.c.deleted_ms.is_(None))
                yield from read_all(self._connection, there, _Row)

    def _take(self, new: NewProfiled) -> None:
        clashing = self._by_email.get(new.profile.email_key) or self._by_mobile.get(new.mobile)
        if clashing is not None and self._batch.on_clash is OnClash.UPDATE:
            self._forget(clashing)
            clashing.mobile = new.mobile or clashing.mobile
            clashing.profile = clashing.profile.updated_with(new.profile)
            if not self._batch.keep_groups:
                clashing.group_ids.clear()
            clashing.group_ids.update(new.group_ids)
            self._changed[clashing.contact_id] = clashing
            self._register(clashing)
            return
        kept = _Kept(new.contact_id, new.mobile, new.profile, new.group_ids)
        kept.is_new = True
        if clashing is not None:
            self._forget(clashing)
            if self._batch.keep_groups:
                kept.group_ids |= clashing.group_ids
            if self._changed.pop(clashing.contact_id, None) is None:
                self._dropped.append(clashing.contact_id)
        self._changed[kept.contact_id] = kept
        if self._batch.on_clash is not OnClash.KEEP:
            self._register(kept)

    def _register(self, kept: _Kept) -> None:
        if kept.profile.email_key:
            self._by_email[kept.profile.email_key] = kept
        if kept.mobile:
            self._by_mobile[kept.mobile] = kept

    def _forget(self, kept: _Kept) -> None:
        for known, key in (
            (self._by_email, kept.profile.email_key),
            (self._by_mobile, kept.mobile),
        ):
            if known.get(key) is kept:
                del known[key]

    def _drop(self) -> None:
        dropped = is_one_of(self._connection.dialect.name, contacts.c.contact_id, self._dropped)
        at_ms = self._batch.at_ms
        gone = update(contacts).where(dropped).values(deleted_ms=at_ms, changed_ms=at_ms)
        if self._dropped:
            self._connection.execute(gone)

    def _write(self) -> None:
        account_id, at_ms = self._batch.account_id, self._batch.at_ms
        changed = sorted(self._changed.values(), key=lambda kept: kept.contact_id)
        fresh = [kept for kept in changed if kept.is_new]
        older = [kept for kept in changed if not kept.is_new]
        insert_contacts(
            self._connection,
            [(kept.contact_id, account_id, None, kept.mobile, "{}", at_ms, None) for kept in fresh],
        )
        _MOVE.run(self._connection, [(kept.contact_id, kept.mobile, at_ms) for kept in older])
        _WRITE.run(self._connection, [_row(account_id, kept) for kept in changed])
        memberships.leave_all(
            self._connection, [kept.contact_id for kept in older], self._batch.kind
        )
        memberships.join(
            self._connection,
            [(list_id, kept.contact_id) for kept in changed for list_id in kept.group_ids],
        )
        tally = Tally()
        tally.add(account_id, None, [kept.contact_id for kept in fresh], 1)
        tally.add(account_id, None, sorted(self._dropped), -1, 1)
        tally.write(self._connection)


def _row(account_id: int, kept: _Kept) -> Row:
    profile = msgspec.json.encode(kept.profile).decode()
    return kept.contact_id, account_id, kept.profile.email_key, profile
