"""Bringing stored messages back into memory: after a restart, or for a late report."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from dragoman.services.live import LiveBatch, LiveMessage, LiveMessages
from dragoman.storage.engine import Storage
from dragoman.storage.records import StoredMessage, StoredPart
from dragoman.storage.repositories import pending


class Recall:
    """Makes live messages of stored ones; each message has one live object at most."""

    def __init__(self, storage: Storage, live: LiveMessages) -> None:
        self._storage = storage
        self._live = live
        self._batches: dict[int, LiveBatch] = {}

    async def by_keys(self, wanted: Sequence[tuple[str, str]]) -> None:
        """Brings back the messages that these (carrier, key) pairs stand for."""
        found = await self._storage.read(lambda c: pending.find_receipt_keys(c, wanted))
        if not found:
            return
        message_ids = {message_id for message_id, _ in found.values()}
        stored = await self._storage.read(lambda c: pending.load_messages(c, message_ids))
        messages = {message.message_id: message for message in await self.messages(stored)}
        for (carrier, key), (message_id, part) in found.items():
            if message_id in messages:
                self._live.add_key(carrier, key, messages[message_id], part)

    async def messages(self, stored: Collection[StoredMessage]) -> list[LiveMessage]:
        """Brings back messages that were just read, unless they are live already."""
        absent = [message for message in stored if self._live.get(message.message_id) is None]
        parts = await self._parts([m.message_id for m in absent if m.parts > 1])
        batches = await self._load_batches({message.batch_id for message in absent})
        for message in absent:
            if self._live.get(message.message_id) is None:
                self._live.add(
                    LiveMessage(
                        message, batches[message.batch_id], parts.get(message.message_id, ())
                    )
                )
        return [live for m in stored if (live := self._live.get(m.message_id)) is not None]

    async def _parts(self, message_ids: list[int]) -> dict[int, list[StoredPart]]:
        if not message_ids:
            return {}
        by_message: dict[int, list[StoredPart]] = {}
        for part in await self._storage.read(lambda c: pending.load_parts(c, message_ids)):
            by_message.setdefault(part.message_id, []).append(part)
        return by_message

    async def _load_batches(self, batch_ids: set[int]) -> dict[int, LiveBatch]:
        # Messages of one large batch come back page by page: the last page's batches are kept.
        batches = {id_: self._batches[id_] for id_ in batch_ids if id_ in self._batches}
        absent = batch_ids - batches.keys()
        if absent:
            stored = await self._storage.read(lambda c: pending.load_batches(c, absent))
            accounts = {batch.account_id for batch in stored.values()}
            wallets = await self._storage.read(lambda c: pending.wallet_of(c, accounts))
            for batch in stored.values():
                batches[batch.batch_id] = LiveBatch(batch, wallets[batch.account_id])
        self._batches = batches
        return batches
