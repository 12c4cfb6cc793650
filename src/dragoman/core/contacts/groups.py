"""Groups and tags of contacts, and their members: numbers to send to, or contacts.

A contact may be in any number of groups, in addition to a list (`contacts`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Final

from msgspec import UNSET, UnsetType

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.contacts.contacts import DELETED_AT_ONCE, check_list_name
from dragoman.core.contacts.model.contacts import Group, ListKind
from dragoman.core.contacts.sql import groups, memberships
from dragoman.core.contacts.sql.groups import GroupPage, missing_group
from dragoman.core.contacts.sql.memberships import Member
from dragoman.core.model.errors import existing
from dragoman.core.model.texts import check_text, is_storable
from dragoman.kit.clock import Clock
from dragoman.storage.engine import Storage

MAX_DESCRIPTION: Final = 1_000
"""Characters."""
MEMBERS_AT_ONCE: Final = 2_000
"""Members that are read in one step; bounds what walking through a group takes of memory."""


class Groups:
    """Keeps the groups of accounts, each isolated from the others.

    `kind` chooses between groups and tags; calls for one never return the other.
    """

    def __init__(self, *, storage: Storage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock

    async def page(
        self, account: Account, offset: int, limit: int, kind: ListKind = ListKind.GROUP
    ) -> GroupPage:
        """A page of the account's groups, in the order of creation."""
        return await self._storage.read(
            lambda c: groups.load_page(c, account.account_id, kind, offset, limit)
        )

    async def group(self, account: Account, list_id: int, kind: ListKind = ListKind.GROUP) -> Group:
        """One of the account's groups; raises `Refused`."""
        found = await self._storage.read(
            lambda c: groups.find(c, account.account_id, list_id, kind)
        )
        return existing(found, missing_group(list_id))

    async def named(
        self, account: Account, names: Sequence[str], kind: ListKind = ListKind.GROUP
    ) -> list[Group]:
        """The groups with some names; raises `Refused` for the first unknown name."""
        wanted = [name for name in names if is_storable(name)]
        found = await self._storage.read(
            lambda c: groups.find_named(c, account.account_id, kind, wanted)
        )
        known = {group.name for group in found}
        for name in names:
            if name not in known:
                raise missing_group(name)
        return found

    async def create(
        self,
        account: Account,
        name: str,
        description: str = "",
        kind: ListKind = ListKind.GROUP,
    ) -> Group:
        """Creates an empty group; raises `Refused`, also for a taken name."""
        check_list_name(name)
        check_text("description", description, MAX_DESCRIPTION)
        new = Group(
            list_id=await self._storage.short_ids.next(),
            account_id=account.account_id,
            kind=kind,
            name=name,
            description=description,
        )
        await self._storage.writer.write(groups.create, new)
        return new

    async def change(
        self,
        account: Account,
        list_id: int,
        *,
        name: str | UnsetType = UNSET,
        description: str | UnsetType = UNSET,
        kind: ListKind = ListKind.GROUP,
    ) -> None:
        """Applies changes to a group; raises `Refused`."""
        if name is not UNSET:
            check_list_name(name)
        if description is not UNSET:
            check_text("description", description, MAX_DESCRIPTION)
        change = groups.GroupChange(
            list_id=list_id,
            account_id=account.account_id,
            kind=kind,
            name=name,
            description=description,
        )
        await self._storage.writer.write(groups.change, change)

    async def delete(
        self,
        account: Account,
        list_id: int,
        *,
        with_contacts: bool = False,
        kind: ListKind = ListKind.GROUP,
    ) -> None:
        """Deletes a group, and its members only if asked to; raises `Refused`.

        Large groups are deleted in steps: after a crash a smaller group is left, to be deleted
        again.
        """
        deletion = memberships.GroupDeletion(
            list_id=list_id,
            account_id=account.account_id,
            kind=kind,
            with_contacts=with_contacts,
            at_ms=self._clock.now_ms(),
            limit=DELETED_AT_ONCE,
        )
        while not await self._storage.writer.write(memberships.remove_group, deletion):
            pass

    async def add(
        self,
        account: Account,
        list_id: int,
        contact_ids: Sequence[int],
        kind: ListKind = ListKind.GROUP,
    ) -> None:
        """Adds contacts to a group, of which some may be members; raises `Refused`."""
        change = _change(account, list_id, contact_ids, kind)
        await self._storage.writer.write(memberships.add_members, change)

    async def remove(
        self,
        account: Account,
        list_id: int,
        contact_ids: Sequence[int],
        kind: ListKind = ListKind.GROUP,
    ) -> int:
        """Removes contacts from a group; returns how many were members. Raises `Refused`."""
        change = _change(account, list_id, contact_ids, kind)
        return await self._storage.writer.write(memberships.remove_members, change)

    def recipients(
        self, account: Account, list_ids: Sequence[int]
    ) -> AsyncIterator[Sequence[Member]]:
        """Iterates over the numbers of groups in chunks, each number once.

        Each chunk sees the current groups: a number that moves to another contact meanwhile may
        come twice, or not at all.
        """
        return self._walk(account, list_ids, memberships.load_recipients)

    def members(self, account: Account, list_ids: Sequence[int]) -> AsyncIterator[Sequence[Member]]:
        """Iterates over the contacts of groups in chunks, each contact once."""
        return self._walk(account, list_ids, memberships.load_members)

    async def _walk(
        self, account: Account, list_ids: Sequence[int], load: Callable[..., list[Member]]
    ) -> AsyncIterator[Sequence[Member]]:
        order = list(dict.fromkeys(list_ids))
        for at in range(len(order)):
            after = 0
            while True:
                some = await self._storage.read(_step(load, account.account_id, order, at, after))
                if some:
                    yield some
                    after = some[-1].contact_id
                if len(some) < MEMBERS_AT_ONCE:
                    break


def _step(
    load: Callable[..., list[Member]], account_id: int, order: Sequence[int], at: int, after: int
) -> Callable[[Any], list[Member]]:
    return lambda c: load(c, account_id, order, at, after, MEMBERS_AT_ONCE)


def _change(
    account: Account, list_id: int, contact_ids: Sequence[int], kind: ListKind
) -> memberships.MemberChange:
    return memberships.MemberChange(
        list_id=list_id,
        account_id=account.account_id,
        kind=kind,
        contact_ids=tuple(contact_ids),
    )
