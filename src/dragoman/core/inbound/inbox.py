"""Received texts as an account fetches them: new ones once, and older ones by time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.inbound.model.inbound import InboxPage, StoredInbound, TextSearch
from dragoman.core.inbound.routing import InboundRouting
from dragoman.core.inbound.sql import received_texts
from dragoman.core.inbound.sql.received_texts import TextFetch
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.use_case import use_case
from dragoman.storage.engine import Storage

MAX_NUMBERS: Final = 100
"""Numbers that one question may name."""


@use_case(kw_only=True)
class Inbox:
    """Reads the texts of an account.

    All texts below the identifier that `stored_before` returns are on disk.
    """

    storage: Storage
    inbound_routing: InboundRouting
    stored_before: Callable[[], int]

    async def fetch_new(
        self, account: Account, numbers: Sequence[str], limit: int
    ) -> list[StoredInbound]:
        """The oldest texts that the account has not fetched yet; marks them as fetched.

        `numbers` are digits, empty for all. Each text is returned to one caller, once, whichever of
        its numbers they name; one that is lost on its way to the caller is not returned again.
        Raises `Refused`.
        """
        await self.check_numbers(account, numbers)
        item = TextFetch(
            account_id=account.account_id,
            numbers=tuple(dict.fromkeys(numbers)),
            before_id=self.stored_before(),
            limit=limit,
        )
        # A question with nothing new, as most are, costs no write.
        while await self.storage.read(lambda c: received_texts.has_new(c, item)):
            identifiers = await self.storage.writer.write(received_texts.fetch, item)
            if identifiers:
                return await self._load(identifiers)
        return []

    async def texts_after(
        self, account: Account, number: str, inbound_id: int, limit: int
    ) -> list[StoredInbound]:
        """The texts to a number after one, oldest first; raises `Refused`."""
        await self.check_numbers(account, [number])
        return await self.storage.read(
            lambda c: received_texts.load_after(c, account.account_id, number, inbound_id, limit)
        )

    async def search(self, account: Account, wanted: TextSearch, page: range) -> InboxPage:
        """A page of texts, newest first; raises `Refused`."""
        await self.check_numbers(account, wanted.numbers)
        return await self.storage.read(
            lambda c: received_texts.search(c, wanted, page.start, len(page))
        )

    async def check_numbers(self, account: Account, numbers: Sequence[str]) -> None:
        """Raises `Refused` for a number on which the account neither receives nor received."""
        if len(numbers) > MAX_NUMBERS:
            raise Refused(RefusalCode.INVALID_FIELD, "number", f"at most {MAX_NUMBERS}")
        for number in numbers:
            known = account.account_id in self.inbound_routing.accounts_on(number)
            if not known and not await self._has_received(account, number):
                raise Refused(RefusalCode.NOT_FOUND, number, "number")

    def keyword_of(self, account: Account, text: StoredInbound) -> str:
        """The keyword of the account at the start of a text; empty if there is none."""
        found = (
            self.inbound_routing.keyword(text.recipient, (text.keyword,)) if text.keyword else None
        )
        return text.keyword if found and found.account_id == account.account_id else ""

    async def _load(self, identifiers: Sequence[int]) -> list[StoredInbound]:
        return await self.storage.read(lambda c: received_texts.load(c, identifiers))

    async def _has_received(self, account: Account, number: str) -> bool:
        return await self.storage.read(
            lambda c: received_texts.has_received(c, account.account_id, number)
        )
