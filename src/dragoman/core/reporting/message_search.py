"""Searches for sent messages, page by page and as a whole."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from functools import partial
from typing import Final

import msgspec

from dragoman.core.model.texts import is_storable
from dragoman.core.reporting.model.message_search import (
    ExportedMessage,
    FoundMessages,
    MessageFilter,
)
from dragoman.core.reporting.sql.message_search import export_messages, find_messages
from dragoman.storage.engine import Storage

CHUNK: Final = 2_000
"""Rows of an export that are in memory at a time."""


class MessageSearch:
    """Finds messages of a tree of accounts."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    async def page(
        self, wanted: MessageFilter, before: int | None = None, limit: int = 50
    ) -> FoundMessages:
        """Messages below an identifier, newest first; raises `TookTooLong`."""
        if not _can_be_found(wanted):
            return FoundMessages(messages=())
        return await self._storage.read(lambda c: find_messages(c, wanted, before, limit))

    async def export(
        self, wanted: MessageFilter
    ) -> AsyncGenerator[tuple[ExportedMessage, ...], None]:
        """All of them, newest first, some at a time; some may be none. Raises `TookTooLong`.

        What is accepted meanwhile is not among them.
        """
        before: int | None = None
        while _can_be_found(wanted):
            read = partial(export_messages, wanted=wanted, before=before, limit=CHUNK)
            rows = await self._storage.read(read)
            yield rows.messages
            before = rows.before
            if before is None:
                return


def _can_be_found(wanted: MessageFilter) -> bool:
    """Whether every text in a filter can have been stored."""
    values = msgspec.structs.astuple(wanted)
    texts = [value for value in values if isinstance(value, str)]
    texts += [text for value in values if isinstance(value, tuple) for text in map(str, value)]
    return all(map(is_storable, texts))
