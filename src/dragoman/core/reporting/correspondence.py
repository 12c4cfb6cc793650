"""Correspondence: what an account sent through a dialect and received, as one list."""

from __future__ import annotations

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.model.errors import RefusalCode, Refused, existing
from dragoman.core.model.texts import is_storable
from dragoman.core.reporting.model.correspondence import TextFilter, TextPage, TextView
from dragoman.core.reporting.sql import correspondence
from dragoman.storage.engine import Storage

EMPTY = TextPage(texts=(), total=0)


class Correspondence:
    """Reads the texts of an account."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    async def page(self, wanted: TextFilter, limit: int) -> TextPage:
        """The newest texts, newest first, and the total; raises `Refused`."""
        if not _can_be_found(wanted):
            return EMPTY
        return await self._storage.read(lambda c: correspondence.search(c, wanted, limit))

    async def count(self, wanted: TextFilter) -> int:
        """The number of texts; raises `Refused`."""
        if not _can_be_found(wanted):
            return 0
        return await self._storage.read(lambda c: correspondence.count(c, wanted))

    async def find(self, account: Account, dialect: str, text_id: int) -> TextView:
        """One text; raises `Refused`."""
        found = await self._storage.read(
            lambda c: correspondence.find(c, account.account_id, dialect, text_id)
        )
        return existing(found, Refused(RefusalCode.NOT_FOUND, str(text_id), "no such text"))


def _can_be_found(wanted: TextFilter) -> bool:
    return is_storable(wanted.number) and is_storable(wanted.reference or "")
