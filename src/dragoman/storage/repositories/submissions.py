"""Accepting: batches, their messages and the credits held for them, in one transaction."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import Connection, update

from dragoman.domain.lifecycle import BatchState
from dragoman.kit import ids
from dragoman.storage.bulk import BulkInsert
from dragoman.storage.records import NewBatch, StoredMessage, row_of
from dragoman.storage.repositories import wallets
from dragoman.storage.repositories.statistics import Counters
from dragoman.storage.tables import batches, messages
from dragoman.storage.writer import Operation

_INSERT_BATCHES = BulkInsert(batches)
_INSERT_MESSAGES = BulkInsert(messages)


def _accept(connection: Connection, items: list[NewBatch]) -> list[Exception | None]:
    refusals: list[Exception | None] = list(
        wallets.reserve(connection, [(new.batch.batch_id, new.reservation) for new in items])
    )
    accepted = [new for new, refusal in zip(items, refusals, strict=True) if refusal is None]
    _INSERT_BATCHES.run(connection, [row_of(new.batch) for new in accepted])
    _insert_messages(connection, [message for new in accepted for message in new.messages])
    return refusals


def _insert_messages(connection: Connection, new: list[StoredMessage]) -> None:
    counters = Counters()
    for message in new:
        at_ms = ids.time_of(message.message_id)
        account_id, parts = message.account_id, message.parts
        counters.add(account_id, at_ms, "outbox", "sum", "sum", 1, parts)
        counters.add(account_id, at_ms, "outbox", "mcc:status", f"{message.mcc}:queued", 1, parts)
    _INSERT_MESSAGES.run(connection, [row_of(message) for message in new])
    counters.write(connection)


class Expansion(NamedTuple):
    """The next recipients of a batch become messages."""

    batch_id: int
    messages: tuple[StoredMessage, ...]
    expanded: int
    """Recipients of the batch that are messages after this."""
    finished: bool


def _expand(connection: Connection, items: list[Expansion]) -> list[Exception | None]:
    for item in items:
        _insert_messages(connection, list(item.messages))
        changes: dict[str, Any] = {"state": BatchState.RUNNING.value, "expanded": item.expanded}
        if item.finished:
            changes["waiting_recipients"] = None
        connection.execute(
            update(batches).where(batches.c.batch_id == item.batch_id).values(**changes)
        )
    return [None] * len(items)


accept = Operation(_accept)
expand = Operation(_expand)
