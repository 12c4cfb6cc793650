"""Accepting: batches, their messages and the credits held for them, in one transaction."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import Connection, update

from dragoman.domain.lifecycle import BatchState
from dragoman.domain.premium import Premium
from dragoman.storage.bulk import BulkInsert
from dragoman.storage.records import NewBatch, StateChange, StoredMessage, row_of, row_of_batch
from dragoman.storage.repositories import attachments, changes, premium, wallets
from dragoman.storage.repositories.statistics import Counters
from dragoman.storage.tables import batches, messages
from dragoman.storage.work import Operation

_INSERT_BATCHES = BulkInsert(batches)
_INSERT_MESSAGES = BulkInsert(messages)


def _accept(connection: Connection, items: list[NewBatch]) -> list[Exception | None]:
    refusals: list[Exception | None] = list(
        wallets.reserve(connection, [(new.batch.batch_id, new.reservation) for new in items])
    )
    accepted = [new for new, refusal in zip(items, refusals, strict=True) if refusal is None]
    _INSERT_BATCHES.run(connection, [row_of_batch(new.batch) for new in accepted])
    attachments.add(connection, accepted)
    _insert_messages(connection, [message for new in accepted for message in new.messages])
    for new in accepted:
        premium.insert(connection, new.messages, new.batch.options.premium)
    _reject(connection, [change for new in accepted for change in new.rejections])
    return refusals


def _insert_messages(connection: Connection, new: list[StoredMessage]) -> None:
    counters = Counters()
    for message in new:
        counters.accepted(message.account_id, message.message_id, message.mcc, message.parts)
    _INSERT_MESSAGES.run(connection, [row_of(message) for message in new])
    counters.write(connection)


def _reject(connection: Connection, rejections: list[StateChange]) -> None:
    if rejections:
        changes.record.run(connection, rejections)


class Expansion(NamedTuple):
    """The next recipients of a batch become messages."""

    batch_id: int
    messages: tuple[StoredMessage, ...]
    begin: int
    """Recipients of the batch that were messages before."""
    finished: bool
    """Whether these are the last."""
    premium: Premium | None = None
    """What each recipient pays."""
    rejections: tuple[StateChange, ...] = ()
    """Messages among them that end at once."""


def _expand(connection: Connection, items: list[Expansion]) -> list[bool | Exception]:
    """False, and nothing stored, for a batch that was stopped in the meantime."""
    results: list[bool | Exception] = []
    for item in items:
        values: dict[str, Any] = {
            "state": BatchState.RUNNING.value,
            "expanded": item.begin + len(item.messages),
        }
        if item.finished:
            values["waiting_recipients"] = None
        moved = connection.execute(
            update(batches)
            .where(
                batches.c.batch_id == item.batch_id,
                batches.c.expanded == item.begin,
                batches.c.waiting_recipients.is_not(None),
            )
            .values(**values)
        ).rowcount
        if moved:
            _insert_messages(connection, list(item.messages))
            premium.insert(connection, item.messages, item.premium)
            _reject(connection, list(item.rejections))
        results.append(bool(moved))
    return results


accept = Operation(_accept, "accept_batches", NewBatch)
expand = Operation(_expand, "expand_batches", Expansion)
