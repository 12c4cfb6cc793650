"""Loads stored messages into memory: after a restart, or for a late receipt."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from dragoman.core.messages.live import LiveBatch, LiveMessage, LiveMessages
from dragoman.core.messages.model.records import StoredMessage, StoredPart
from dragoman.core.messages.sql import pending
from dragoman.storage.engine import Storage


class Loaded(NamedTuple):
    """Messages that were loaded."""

    stored: list[StoredMessage]
    """As they were read."""
    fresh: list[LiveMessage]
    """Those that were not live before."""
    live: list[LiveMessage]
    """All of them that are live now."""


class MessageLoader:
    """Makes live messages of stored ones; each message has at most one live object.

    A row may be outdated by the time it is read: a message that was live meanwhile, and is no
    longer, must not return in its earlier state. So rows are read under watch.
    """

    def __init__(self, storage: Storage, live: LiveMessages) -> None:
        self._storage = storage
        self._live = live
        self._batches: dict[int, LiveBatch] = {}

    async def by_ids(self, message_ids: Sequence[int]) -> list[LiveMessage]:
        """Loads the messages with these identifiers; returns those that are live now."""
        return (await self.read(lambda c: pending.load_messages(c, message_ids))).live

    async def by_keys(self, wanted: Sequence[tuple[str, str]]) -> list[LiveMessage]:
        """Loads the messages of these (carrier, key) pairs."""
        found = await self._storage.read(lambda c: pending.find_receipt_keys(c, wanted))
        message_ids = {message_id for message_id, _ in found.values()}
        messages: dict[int, LiveMessage] = {}
        while absent := message_ids - messages.keys():
            # One that was forgotten during the reading is read again; its row is final by then.
            read = await self.read(lambda c, ids=absent: pending.load_messages(c, ids))  # type: ignore[misc]
            messages.update((message.message_id, message) for message in read.live)
            message_ids &= {message.message_id for message in read.stored} | messages.keys()
            if not read.live:
                await asyncio.sleep(0.001)  # they are withheld while their batch is being stopped
        for (carrier, key), (message_id, part) in found.items():
            if message_id in messages:
                self._live.add_key(carrier, key, messages[message_id], part)
        return list(messages.values())

    async def live_of_batch(self, batch_id: int) -> list[LiveMessage]:
        """The messages of a batch that are live; loads none."""
        message_ids = await self._storage.read(lambda c: pending.ids_of_batch(c, batch_id))
        some = map(self._live.get, message_ids)
        return [message for message in some if message is not None]

    async def read(self, query: Callable[[Any], list[StoredMessage]]) -> Loaded:
        """Reads rows and loads their messages, unless they are live already."""
        fresh = []
        with self._live.watch() as forgotten:
            stored = await self._storage.read(query)
            absent = [message for message in stored if self._live.get(message.message_id) is None]
            parts = await self._parts([m.message_id for m in absent if m.parts > 1])
            batches = await self._load_batches({message.batch_id for message in absent})
            for message in absent:
                message_id = message.message_id
                if (
                    self._live.get(message_id) is None
                    and message_id not in forgotten
                    and not self._live.is_withheld(message.batch_id)
                ):
                    live = LiveMessage(
                        message, batches[message.batch_id], parts.get(message_id, ())
                    )
                    self._live.add(live)
                    fresh.append(live)
        all_live = (self._live.get(message.message_id) for message in stored)
        return Loaded(stored, fresh, [live for live in all_live if live is not None])

    async def _parts(self, message_ids: list[int]) -> dict[int, list[StoredPart]]:
        if not message_ids:
            return {}
        by_message: dict[int, list[StoredPart]] = {}
        for part in await self._storage.read(lambda c: pending.load_parts(c, message_ids)):
            by_message.setdefault(part.message_id, []).append(part)
        return by_message

    async def _load_batches(self, batch_ids: set[int]) -> dict[int, LiveBatch]:
        # Messages of a large batch are loaded page by page: the last page's batches are cached.
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
