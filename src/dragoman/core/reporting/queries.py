"""Queries of customers: outcomes, sent and received messages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.accounts.sql import accounts
from dragoman.core.inbound.model.inbound import InboxFilter, InboxPage
from dragoman.core.inbound.sql import inbound
from dragoman.core.messages.model.premium import Charge
from dragoman.core.messages.model.views import MessageView
from dragoman.core.messages.sql import pending, premium
from dragoman.core.model.errors import RefusalCode, Refused, existing
from dragoman.core.model.texts import is_storable
from dragoman.core.reporting.model.outbox import OutboxFilter, OutboxPage
from dragoman.core.reporting.sql import outbox
from dragoman.core.submission.model.progress import BatchProgress
from dragoman.core.submission.recipients import RecipientPage, read_recipients
from dragoman.core.submission.sql import batches
from dragoman.storage.engine import Storage
from dragoman.storage.probe import probe

MAX_ACCOUNTS: Final = 10_000
"""Accounts that one question may be about."""
MAX_WAITING: Final = 1_000
"""Batches that are found at once to be cancelled."""


class Queries:
    """Reads the rows of an account."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    async def message(
        self, account: Account, message_id: int, below: tuple[int, ...] = ()
    ) -> MessageView:
        """One message of the account, or of those `below` it; raises `Refused`."""
        found = await self._storage.read(
            lambda c: outbox.find(c, account.account_id, message_id, below)
        )
        return existing(found, Refused(RefusalCode.NOT_FOUND, str(message_id), "message"))

    async def message_by_reference(
        self, account: Account, dialect: str, reference: str, recipient: str
    ) -> MessageView | None:
        """The newest message to a number with the customer's own reference."""
        message_id = await self._storage.read(
            lambda c: batches.find_newest_by_reference(
                c, account.account_id, dialect, reference, recipient
            )
        )
        return None if message_id is None else await self.message(account, message_id)

    async def batch(self, account: Account, batch_id: int) -> BatchProgress:
        """The progress of a batch; raises `Refused`."""
        found = await self._storage.read(lambda c: batches.find(c, account.account_id, batch_id))
        return existing(found, Refused(RefusalCode.NOT_FOUND, str(batch_id), "batch"))

    async def waiting_batches(
        self, account: Account, dialect: str, sender: str, recipient: str
    ) -> list[int]:
        """The account's batches from a sender to one recipient of which nothing has been sent."""
        digits = sender.removeprefix("00").removeprefix("+")
        spellings = {sender, digits, f"+{digits}"} if digits.isdigit() else {sender}
        if not is_storable(sender):
            return []
        return await self._storage.read(
            lambda c: batches.find_waiting(
                c, account.account_id, dialect, spellings, recipient, MAX_WAITING
            )
        )

    async def batch_page(self, account: Account, offset: int, limit: int) -> list[BatchProgress]:
        """The account's batches, newest first."""
        return await self._storage.read(
            lambda c: batches.find_page(c, account.account_id, offset, limit)
        )

    async def messages_of_batch(
        self, account: Account, batch_id: int, offset: int, limit: int
    ) -> list[MessageView]:
        """A page of the messages of a batch."""
        return await self._storage.read(
            lambda c: outbox.find_of_batch(c, account.account_id, batch_id, offset, limit)
        )

    async def recipients(
        self, account: Account, batch_id: int, after: str, limit: int
    ) -> RecipientPage:
        """The recipients of a batch after a number; raises `Refused`."""
        account_id = account.account_id
        found = await self._storage.read(
            lambda c: read_recipients(c, account_id, batch_id, after, limit)
        )
        return existing(found, Refused(RefusalCode.NOT_FOUND, str(batch_id), "batch"))

    async def outbox(
        self, wanted: OutboxFilter, offset: int, limit: int, enough: int | None = None
    ) -> OutboxPage:
        """A page of sent messages, newest first.

        If more than `enough` follow it, they are not counted.
        """
        if not _can_be_found(wanted):
            return OutboxPage(messages=(), total=0, parts=0)
        return await self._storage.read(lambda c: outbox.search(c, wanted, offset, limit, enough))

    async def charges(self, views: Iterable[MessageView]) -> dict[int, Charge]:
        """The charges of those messages that are premium, by message."""
        charged = [view.message_id for view in views if view.options.premium is not None]
        if not charged:
            return {}
        return await self._storage.read(lambda c: premium.find_charges(c, charged))

    async def inbox(
        self, wanted: InboxFilter, offset: int, limit: int, enough: int | None = None
    ) -> InboxPage:
        """A page of received texts, newest first; `enough` as in `outbox`."""
        if not _can_be_found(wanted):
            return InboxPage(texts=(), total=0)
        return await self._storage.read(lambda c: inbound.search(c, wanted, offset, limit, enough))

    async def accounts_below(self, account: Account) -> tuple[int, ...]:
        """The accounts below one, at any depth; raises `Refused` if there are too many."""
        found = await self._storage.read(
            lambda c: accounts.load_below(c, account, limit=MAX_ACCOUNTS + 1)
        )
        if len(found) > MAX_ACCOUNTS:
            detail = f"more than {MAX_ACCOUNTS} users"
            raise Refused(RefusalCode.INVALID_FIELD, "subusers", detail)
        return tuple(found)

    async def last_callback_answer(self, message_id: int) -> str:
        """The customer's answer to the last callback of a message."""
        return await self._storage.read(lambda c: outbox.last_callback_answer(c, message_id))

    # For operators, who see every account's

    async def owner_of_message(self, message_id: int) -> int | None:
        """The account that a message belongs to; None where there is no such message."""
        found = await self._storage.read(lambda c: pending.load_messages(c, [message_id]))
        return found[0].account_id if found else None

    async def owner_of_batch(self, batch_id: int) -> int | None:
        """The account that a batch belongs to; None where there is no such batch."""
        found = await self._storage.read(lambda c: pending.load_batches(c, [batch_id]))
        return found[batch_id].account_id if found else None

    async def probe(self) -> None:
        """Waits for a commit that stores nothing; raises `StorageUnavailable`."""
        await self._storage.writer.write(probe, None)


def _can_be_found(wanted: OutboxFilter | InboxFilter) -> bool:
    """Whether every text in a filter can have been stored."""
    values = msgspec.structs.astuple(wanted)
    texts = [value for value in values if isinstance(value, str)]
    texts += [text for value in values if isinstance(value, tuple) for text in map(str, value)]
    return all(map(is_storable, texts))
