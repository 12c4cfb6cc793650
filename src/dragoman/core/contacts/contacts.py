"""Address books: lists, contacts, and the merge fields of an account.

A contact is in one list or in none. Deleted lists and contacts stay in the database; only a search
for deleted contacts returns them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from msgspec import UNSET, UnsetType

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.contacts.model.contacts import Contact, ContactFilter, ContactList, MergeField
from dragoman.core.contacts.sql import contact_blocks, contact_lists, contacts, merge_fields
from dragoman.core.contacts.sql.contact_lists import missing_list
from dragoman.core.contacts.sql.contacts import ContactPage, missing_contact
from dragoman.core.model.errors import RefusalCode, Refused, existing
from dragoman.core.model.texts import check_text, is_storable
from dragoman.kit.clock import Clock
from dragoman.kit.ids import IdSource
from dragoman.storage.engine import Storage

MAX_LIST_NAME: Final = 100
MAX_FIELD_NAME: Final = 50
MAX_FIELD_VALUE: Final = 1_000
"""Characters."""
DELETED_AT_ONCE: Final = 2_000
"""Contacts of a list that one step of its deletion takes; bounds how long others wait."""

_DELIMITERS: Final = frozenset("[]")
"""What stands around the name of a field in a text."""


class Contacts:
    """Keeps the address books of accounts, each isolated from the others.

    Numbers are digits of the international number (`core/model/numbering_plans.py`).
    """

    def __init__(self, *, storage: Storage, ids: IdSource, clock: Clock) -> None:
        self._storage = storage
        self._ids = ids
        self._clock = clock

    # Lists

    async def lists(self, account: Account) -> list[ContactList]:
        """The account's lists, in the order of creation."""
        return await self._storage.read(lambda c: contact_lists.load(c, account.account_id))

    async def list_of(self, account: Account, list_id: int) -> ContactList:
        """One of the account's lists; raises `Refused`."""
        found = await self._storage.read(
            lambda c: contact_lists.find(c, account.account_id, list_id)
        )
        return existing(found, missing_list(list_id))

    async def create_list(
        self, account: Account, name: str, parent_id: int | None = None
    ) -> ContactList:
        """Creates a list, at the top level or in another; raises `Refused`."""
        check_list_name(name)
        new = ContactList(
            list_id=await self._storage.short_ids.next(),
            account_id=account.account_id,
            parent_id=parent_id,
            name=name,
        )
        await self._storage.writer.write(contact_lists.create, new)
        return new

    async def change_list(
        self,
        account: Account,
        list_id: int,
        *,
        name: str | UnsetType = UNSET,
        parent_id: int | UnsetType | None = UNSET,
    ) -> ContactList:
        """Renames or moves a list; raises `Refused`, also for a move into itself."""
        if name is not UNSET:
            check_list_name(name)
        change = contact_lists.ListChange(
            list_id=list_id, account_id=account.account_id, name=name, parent_id=parent_id
        )
        await self._storage.writer.write(contact_lists.change, change)
        return await self.list_of(account, list_id)

    async def delete_list(self, account: Account, list_id: int) -> None:
        """Deletes a list and its contacts; its sublists move up one level. Raises `Refused`.

        Large lists are deleted in steps: after a crash a shorter list is left, to be deleted again.
        """
        deletion = contact_lists.ListDeletion(
            list_id=list_id,
            account_id=account.account_id,
            at_ms=self._clock.now_ms(),
            limit=DELETED_AT_ONCE,
        )
        while not await self._storage.writer.write(contact_lists.remove, deletion):
            pass

    # Contacts

    async def contact(self, account: Account, contact_id: int) -> Contact:
        """One of the account's contacts; raises `Refused`."""
        found = await self._storage.read(lambda c: contacts.find(c, account.account_id, contact_id))
        return existing(found, missing_contact(contact_id))

    async def search(self, wanted: ContactFilter, offset: int, limit: int) -> ContactPage:
        """A page of the contacts that match the filter, oldest first."""
        if not is_storable(wanted.field_value) or not is_storable(wanted.mobile):
            return ContactPage(contacts=(), total=0)
        return await self._storage.read(lambda c: contacts.search(c, wanted, offset, limit))

    async def count(self, account: Account, list_id: int) -> int:
        """The number of contacts in a list."""
        return await self._storage.read(
            lambda c: contact_blocks.count(c, account.account_id, list_id)
        )

    async def counts(self, account: Account) -> dict[int, int]:
        """The number of contacts by list; those in no list by 0."""
        return await self._storage.read(
            lambda c: contact_blocks.count_by_list(c, account.account_id)
        )

    async def create_contact(
        self,
        account: Account,
        mobile: str,
        *,
        list_id: int | None = None,
        values: Mapping[str, str] | None = None,
    ) -> Contact:
        """Stores a contact, creating missing merge fields; raises `Refused`."""
        values = dict(values or {})
        check_values(values)
        new = contacts.NewContact(
            contact_id=self._ids.next(),
            account_id=account.account_id,
            list_id=list_id,
            mobile=mobile,
            values=values,
            fresh=self._fresh(values),
            at_ms=self._clock.now_ms(),
        )
        await self._storage.writer.write(contacts.create, new)
        return await self.contact(account, new.contact_id)

    async def change_contact(
        self,
        account: Account,
        contact_id: int,
        *,
        mobile: str | UnsetType = UNSET,
        list_id: int | UnsetType | None = UNSET,
        values: Mapping[str, str] | None = None,
    ) -> Contact:
        """Applies changes to a contact, each field separately; raises `Refused`."""
        values = dict(values or {})
        check_values(values)
        change = contacts.ContactChange(
            contact_id=contact_id,
            account_id=account.account_id,
            list_id=list_id,
            mobile=mobile,
            values=values,
            fresh=self._fresh(values),
            at_ms=self._clock.now_ms(),
        )
        await self._storage.writer.write(contacts.change, change)
        return await self.contact(account, contact_id)

    async def delete_contact(self, account: Account, contact_id: int) -> None:
        """Deletes a contact; raises `Refused`."""
        key = contacts.ContactKey(
            contact_id=contact_id, account_id=account.account_id, at_ms=self._clock.now_ms()
        )
        await self._storage.writer.write(contacts.remove, key)

    # Merge fields

    async def merge_fields(self, account: Account) -> list[MergeField]:
        """The account's merge fields, in the order of creation."""
        return await self._storage.read(lambda c: merge_fields.load(c, account.account_id))

    async def create_merge_field(self, account: Account, name: str) -> MergeField:
        """Creates a merge field; raises `Refused` for a taken or invalid name."""
        check_field_name(name)
        field = MergeField(field_id=self._ids.next(), account_id=account.account_id, name=name)
        await self._storage.writer.write(merge_fields.create, field)
        return field

    async def rename_merge_field(self, account: Account, field_id: int, name: str) -> MergeField:
        """Renames a field for all contacts at once; raises `Refused`."""
        check_field_name(name)
        field = MergeField(field_id=field_id, account_id=account.account_id, name=name)
        await self._storage.writer.write(merge_fields.rename, field)
        return field

    async def delete_merge_field(self, account: Account, field_id: int) -> None:
        """Deletes a field, and with it its values; raises `Refused`."""
        key = merge_fields.FieldKey(account_id=account.account_id, field_id=field_id)
        await self._storage.writer.write(merge_fields.remove, key)

    def _fresh(self, names: Iterable[str]) -> dict[str, int]:
        return {name: self._ids.next() for name in names}


def check_list_name(name: str) -> None:
    """Raises `Refused` for an invalid list name."""
    _check_name(name, MAX_LIST_NAME)


def check_field_name(name: str) -> None:
    """Raises `Refused` for an invalid merge field name."""
    _check_name(name, MAX_FIELD_NAME)
    if not _DELIMITERS.isdisjoint(name):
        raise Refused(RefusalCode.INVALID_FIELD, "name", "it holds a bracket")


def check_values(values: Mapping[str, str]) -> None:
    """Raises `Refused` for values by name that cannot be stored."""
    if len(values) > merge_fields.MAX_FIELDS:
        raise merge_fields.too_many()
    for name, value in values.items():
        check_field_name(name)
        check_text(name, value, MAX_FIELD_VALUE)


def _check_name(name: str, longest: int) -> None:
    if not name.strip():
        raise Refused(RefusalCode.MISSING_FIELD, "name")
    if len(name) > longest:
        raise Refused(RefusalCode.INVALID_FIELD, "name", f"more than {longest} characters")
    if not name.isprintable():
        raise Refused(RefusalCode.INVALID_FIELD, "name", "it holds characters that do not print")
