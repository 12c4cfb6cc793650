"""Searches of messages that somebody keeps under a name.

They hold no number: one would outlive the deletion of what is known of it.
"""

from __future__ import annotations

from typing import Final

from dragoman.core.accounts.model.people import Principal
from dragoman.core.accounts.sql import saved_searches as stored
from dragoman.core.accounts.sql.saved_searches import SavedSearch, SearchEnd
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.texts import is_storable
from dragoman.core.model.use_case import use_case
from dragoman.kit.ids import IdSource
from dragoman.storage.engine import Storage

MAX_NAME: Final = 40
MAX_QUERY: Final = 1_000


@use_case(kw_only=True)
class SavedSearches:
    """Keeps, lists and removes them."""

    storage: Storage
    ids: IdSource

    async def of(self, who: Principal) -> list[SavedSearch]:
        """What somebody keeps, by name."""
        account_id, person_id = who.account.account_id, who.person_id
        return await self.storage.read(lambda c: stored.load(c, account_id, person_id))

    async def save(self, who: Principal, name: str, query: str) -> None:
        """Keeps a search, in place of one of the same name; raises `Refused`."""
        name = name.strip()
        if not 0 < len(name) <= MAX_NAME or not name.isprintable() or not is_storable(name):
            detail = f"1 to {MAX_NAME} printable characters"
            raise Refused(RefusalCode.INVALID_FIELD, "name", detail)
        if not 0 < len(query) <= MAX_QUERY or not is_storable(query):
            raise Refused(RefusalCode.INVALID_FIELD, "query", f"1 to {MAX_QUERY} characters")
        search = SavedSearch(
            search_id=self.ids.next(),
            account_id=who.account.account_id,
            person_id=who.person_id,
            name=name,
            query=query,
        )
        await self.storage.writer.write(stored.save, search)

    async def remove(self, who: Principal, search_id: int) -> None:
        """Keeps a search no longer; does nothing where there is none."""
        end = SearchEnd(
            search_id=search_id, account_id=who.account.account_id, person_id=who.person_id
        )
        await self.storage.writer.write(stored.remove, end)
