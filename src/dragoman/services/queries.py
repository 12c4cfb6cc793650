"""Questions customers ask: what became of it, what was sent, what was received."""

from __future__ import annotations

import msgspec

from dragoman.domain.accounts import Account
from dragoman.domain.errors import RefusalCode, Refused
from dragoman.domain.texts import is_storable
from dragoman.services.recipients import RecipientPage, read_recipients
from dragoman.storage.engine import Storage
from dragoman.storage.repositories import batches, inbound, outbox
from dragoman.storage.repositories.batches import BatchProgress
from dragoman.storage.repositories.inbound import InboxFilter, InboxPage
from dragoman.storage.repositories.outbox import MessageView, OutboxFilter, OutboxPage


class Queries:
    """Reads for an account, which never sees another's rows."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    async def message(self, account: Account, message_id: int) -> MessageView:
        """One message; raises `Refused`."""
        found = await self._storage.read(lambda c: outbox.find(c, account.account_id, message_id))
        if found is None:
            raise Refused(RefusalCode.NOT_FOUND, str(message_id), "message")
        return found

    async def message_by_reference(
        self, account: Account, dialect: str, reference: str, recipient: str
    ) -> MessageView | None:
        """The newest message the customer sent to a number under a reference of its own."""
        message_id = await self._storage.read(
            lambda c: batches.find_newest_by_reference(
                c, account.account_id, dialect, reference, recipient
            )
        )
        return None if message_id is None else await self.message(account, message_id)

    async def batch(self, account: Account, batch_id: int) -> BatchProgress:
        """How far a batch is; raises `Refused`."""
        found = await self._storage.read(lambda c: batches.find(c, account.account_id, batch_id))
        if found is None:
            raise Refused(RefusalCode.NOT_FOUND, str(batch_id), "batch")
        return found

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
        """Whom a batch is for, beyond a number; raises `Refused`."""
        account_id = account.account_id
        found = await self._storage.read(
            lambda c: read_recipients(c, account_id, batch_id, after, limit)
        )
        if found is None:
            raise Refused(RefusalCode.NOT_FOUND, str(batch_id), "batch")
        return found

    async def outbox(self, wanted: OutboxFilter, offset: int, limit: int) -> OutboxPage:
        """A page of what was sent, newest first."""
        if not _can_be_found(wanted):
            return OutboxPage(messages=(), total=0, parts=0)
        return await self._storage.read(lambda c: outbox.search(c, wanted, offset, limit))

    async def inbox(self, wanted: InboxFilter, offset: int, limit: int) -> InboxPage:
        """A page of what was received, newest first."""
        if not _can_be_found(wanted):
            return InboxPage(texts=(), total=0)
        return await self._storage.read(lambda c: inbound.search(c, wanted, offset, limit))

    async def last_callback_answer(self, message_id: int) -> str:
        """What the customer's server said to the last callback of a message."""
        return await self._storage.read(lambda c: outbox.last_callback_answer(c, message_id))


def _can_be_found(wanted: OutboxFilter | InboxFilter) -> bool:
    """Whether a filter asks only for text that can have been stored."""
    texts = (value for value in msgspec.structs.astuple(wanted) if isinstance(value, str))
    return all(is_storable(text) for text in texts)
