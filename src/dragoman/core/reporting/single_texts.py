"""Texts as APIs show them whose programs send one by one and follow each by its identifier."""

from __future__ import annotations

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.model.errors import RefusalCode, Refused, existing
from dragoman.core.model.texts import is_storable
from dragoman.core.reporting.model.single_texts import SingleFilter, SingleText
from dragoman.core.reporting.sql import single_texts
from dragoman.storage.engine import Storage


class SingleTexts:
    """Searches and finds; what was forgotten is not found."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    async def search(self, wanted: SingleFilter, limit: int) -> list[SingleText]:
        """The newest texts that fit, sent and received ones as one list; raises `Refused`."""
        if not is_storable(wanted.recipient + wanted.sender):
            return []
        return await self._storage.read(lambda c: single_texts.search(c, wanted, limit))

    async def find(self, account: Account, dialect: str, text_id: int) -> SingleText:
        """One text; raises `Refused`."""
        account_id = account.account_id
        found = await self._storage.read(
            lambda c: single_texts.find(c, account_id, dialect, text_id)
        )
        return existing(found, Refused(RefusalCode.NOT_FOUND, str(text_id), "no such text"))

    async def last_sender(
        self, account: Account, dialect: str, recipient: str, return_data: str
    ) -> str | None:
        """The sender by which a number last had a text with some return data."""
        account_id = account.account_id
        return await self._storage.read(
            lambda c: single_texts.last_sender(c, account_id, dialect, recipient, return_data)
        )
