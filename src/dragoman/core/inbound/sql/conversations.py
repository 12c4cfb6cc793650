"""Who wrote to an account, and what of it was read."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from sqlalchemy import Connection, update

from dragoman.core.inbound.model.inbound import StoredInbound
from dragoman.core.inbound.sql.tables import conversations
from dragoman.storage.bulk import BulkInsert
from dragoman.storage.work import one_by_one

_NOTE = BulkInsert(
    conversations,
    suffix="ON CONFLICT (account_id, number) DO UPDATE SET last_id ="
    " CASE WHEN excluded.last_id > conversations.last_id"
    " THEN excluded.last_id ELSE conversations.last_id END",
)


class ReadMark(msgspec.Struct, frozen=True, kw_only=True):
    """Up to which text somebody read what a number wrote; 0 for nothing."""

    account_id: int
    number: str
    read_id: int


def note_texts(connection: Connection, texts: Iterable[StoredInbound]) -> None:
    """Notes who wrote last, in the transaction that stores their texts."""
    newest: dict[tuple[int, str], int] = {}
    for text in texts:
        if text.account_id is not None and text.sender:
            newest[text.account_id, text.sender] = text.inbound_id
    _NOTE.run(connection, [(*key, last_id, 0) for key, last_id in newest.items()])


@one_by_one("mark_conversations")
def mark(connection: Connection, item: ReadMark) -> bool:
    """False for a number that never wrote."""
    table = conversations.c
    marked = update(conversations).where(
        table.account_id == item.account_id, table.number == item.number
    )
    return bool(connection.execute(marked.values(read_id=item.read_id)).rowcount)
