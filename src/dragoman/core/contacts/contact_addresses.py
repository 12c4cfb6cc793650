"""The address book of mailing lists: e-mail addresses of contacts, and members of groups."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from dragoman.core.contacts.model.contacts import ListKind
from dragoman.core.contacts.sql import contact_profiles, groups, memberships
from dragoman.core.contacts.sql.groups import missing_group
from dragoman.core.contacts.sql.memberships import Member
from dragoman.storage.engine import Storage

MEMBERS_AT_ONCE: Final = 2_000


class ContactAddresses:
    """Looks up the contacts of `contact_profiles` and `groups`."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    async def addresses(self, account: int, contact_ids: Sequence[int]) -> dict[int, str]:
        """The addresses of an account's contacts, without those that have none."""
        found = await self._storage.read(lambda c: contact_profiles.load(c, account, contact_ids))
        return {one.contact_id: one.profile.email for one in found if one.profile.email}

    async def members(self, account: int, group_id: int) -> Sequence[int]:
        """The contacts in a group; raises `Refused` for an unknown group."""
        read = self._storage.read
        if await read(lambda c: groups.find(c, account, group_id, ListKind.GROUP)) is None:
            raise missing_group(group_id)
        found: list[int] = []
        size = MEMBERS_AT_ONCE
        while size == MEMBERS_AT_ONCE:
            after = found[-1] if found else 0
            some = await read(_next_members(account, group_id, after))
            found += [member.contact_id for member in some]
            size = len(some)
        return found


def _next_members(account: int, group_id: int, after: int) -> Callable[[Any], list[Member]]:
    return lambda c: memberships.load_members(c, account, [group_id], 0, after, MEMBERS_AT_ONCE)
