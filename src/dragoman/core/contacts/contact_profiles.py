"""Contacts with a profile: address, name, birth date; created one by one or in bulk.

They are contacts without a list; `contacts` and this module find what the other stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.contacts.model.contacts import (
    ContactFilter,
    ContactProfile,
    ListKind,
    OnClash,
    ProfiledContact,
    check_profile,
)
from dragoman.core.contacts.sql import contact_profiles, contacts
from dragoman.core.contacts.sql.contact_profiles import NewProfiled, ProfiledPage
from dragoman.core.contacts.sql.contacts import missing_contact
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.texts import is_storable
from dragoman.kit.clock import Clock
from dragoman.kit.ids import IdSource
from dragoman.storage.engine import Storage

MAX_CONTACTS_AT_ONCE: Final = 5_000
"""The limit of contacts in one request; bounds how long other writes wait."""
MAX_GROUPS_OF_CONTACT: Final = 100


class ContactDraft(msgspec.Struct, frozen=True, kw_only=True):
    """A contact to create; an empty `mobile` means no number."""

    mobile: str = ""
    """Digits of the international number."""
    profile: ContactProfile
    group_ids: tuple[int, ...] = ()


class ContactProfiles:
    """Keeps the profiles of contacts."""

    def __init__(self, *, storage: Storage, ids: IdSource, clock: Clock) -> None:
        self._storage = storage
        self._ids = ids
        self._clock = clock

    async def create(
        self, account: Account, draft: ContactDraft, kind: ListKind = ListKind.GROUP
    ) -> int:
        """Stores a contact in groups or tags (`kind`); returns its identifier, raises `Refused`."""
        [contact_id] = await self._store(account, [draft], kind=kind)
        return contact_id

    async def create_all(
        self,
        account: Account,
        drafts: Sequence[ContactDraft],
        *,
        on_clash: OnClash = OnClash.REPLACE,
        keep_groups: bool = False,
    ) -> int:
        """Stores all contacts or none; returns their number, raises `Refused`.

        A contact without a list that has the address, or else the number, of a new one conflicts
        with it, as does an earlier one of `drafts`.
        """
        if len(drafts) > MAX_CONTACTS_AT_ONCE:
            raise Refused(RefusalCode.INVALID_FIELD, "contacts", f"at most {MAX_CONTACTS_AT_ONCE}")
        return len(await self._store(account, drafts, on_clash=on_clash, keep_groups=keep_groups))

    async def contact(self, account: Account, contact_id: int) -> ProfiledContact:
        """One of the account's contacts; raises `Refused`."""
        found = await self._load(account, [contact_id])
        if not found:
            raise missing_contact(contact_id)
        return found[0]

    async def contacts(self, account: Account, contact_ids: Sequence[int]) -> list[ProfiledContact]:
        """Some of the account's contacts, oldest first; raises `Refused` for an unknown one."""
        found = await self._load(account, list(dict.fromkeys(contact_ids)))
        known = {contact.contact_id for contact in found}
        for contact_id in contact_ids:
            if contact_id not in known:
                raise missing_contact(contact_id)
        return found

    async def with_number(self, account: Account, mobile: str) -> list[int]:
        """The account's contacts with a number, oldest first."""
        wanted = ContactFilter(account_id=account.account_id, mobile=mobile)
        page = await self._storage.read(
            lambda c: contacts.search(c, wanted, 0, MAX_CONTACTS_AT_ONCE)
        )
        return [contact.contact_id for contact in page.contacts]

    async def with_email(self, account: Account, email: str) -> list[int]:
        """The account's contacts with an address, ignoring case, oldest first."""
        if not email or not is_storable(email):
            return []
        return await self._storage.read(
            lambda c: contact_profiles.find_by_email(c, account.account_id, email)
        )

    async def page(self, account: Account, offset: int, limit: int) -> ProfiledPage:
        """A page of all the account's contacts, oldest first."""
        return await self._storage.read(
            lambda c: contact_profiles.load_page(c, account.account_id, offset, limit)
        )

    async def _load(self, account: Account, contact_ids: Sequence[int]) -> list[ProfiledContact]:
        return await self._storage.read(
            lambda c: contact_profiles.load(c, account.account_id, contact_ids)
        )

    async def _store(
        self,
        account: Account,
        drafts: Sequence[ContactDraft],
        *,
        kind: ListKind = ListKind.GROUP,
        on_clash: OnClash = OnClash.KEEP,
        keep_groups: bool = False,
    ) -> range:
        for draft in drafts:
            check_draft(draft)
        identifiers = self._ids.take(len(drafts)) if drafts else range(0)
        batch = contact_profiles.ProfiledBatch(
            account_id=account.account_id,
            contacts=tuple(
                NewProfiled(
                    contact_id=contact_id,
                    mobile=draft.mobile,
                    profile=draft.profile,
                    group_ids=draft.group_ids,
                )
                for contact_id, draft in zip(identifiers, drafts, strict=True)
            ),
            kind=kind,
            on_clash=on_clash,
            keep_groups=keep_groups,
            at_ms=self._clock.now_ms(),
        )
        await self._storage.writer.write(contact_profiles.store, batch)
        return identifiers


def check_draft(draft: ContactDraft) -> None:
    """Raises `Refused` for a contact with neither address nor number."""
    check_profile(draft.profile)
    if not draft.mobile and not draft.profile.email:
        raise Refused(RefusalCode.MISSING_FIELD, "email", "needs an e-mail address or a number")
    if len(draft.group_ids) > MAX_GROUPS_OF_CONTACT:
        raise Refused(RefusalCode.INVALID_FIELD, "groups", f"at most {MAX_GROUPS_OF_CONTACT}")
