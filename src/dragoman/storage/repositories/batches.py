"""Batches as a whole: how far they are, and stopping them."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Connection, case, select, update

from dragoman.domain.lifecycle import BatchState, State
from dragoman.storage.records import Settlement
from dragoman.storage.repositories import wallets
from dragoman.storage.repositories.changes import COUNTER_OF_STATE, UNSENT
from dragoman.storage.tables import batches, ledger_entries, messages
from dragoman.storage.work import Operation


class BatchProgress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a batch is, and what a listing shows of it."""

    batch_id: int
    account_id: int
    sender: str
    text: str
    format: str
    protocol: str
    due_ms: int
    state: BatchState
    recipients: int
    unsent: int
    buffered: int
    received: int
    failed: int


class Cancellation(msgspec.Struct, frozen=True, kw_only=True):
    """Stops a batch whose recipients are not messages yet."""

    batch_id: int
    settlement: Settlement


_ONLY_STATE = (
    select(messages.c.state)
    .where(messages.c.batch_id == batches.c.batch_id)
    .limit(1)
    .correlate(batches)
    .scalar_subquery()
)
_PROGRESS = select(
    batches.c.batch_id,
    batches.c.account_id,
    batches.c.sender,
    batches.c.text,
    batches.c.format,
    batches.c.protocol,
    batches.c.due_ms,
    batches.c.state,
    batches.c.recipients,
    batches.c.expanded,
    batches.c.unsent,
    batches.c.buffered,
    batches.c.received,
    batches.c.failed,
    case((batches.c.recipients == 1, _ONLY_STATE)).label("only_state"),
)
"""`only_state` is the state of the message of a batch of one, which keeps no counters."""


def find(connection: Connection, account_id: int, batch_id: int) -> BatchProgress | None:
    """How far one of the account's batches is."""
    row = connection.execute(
        _PROGRESS.where(batches.c.batch_id == batch_id, batches.c.account_id == account_id)
    ).first()
    return None if row is None else _progress(row)


def find_page(
    connection: Connection, account_id: int, offset: int, limit: int
) -> list[BatchProgress]:
    """The account's batches, newest first."""
    query = (
        _PROGRESS.where(batches.c.account_id == account_id)
        .order_by(batches.c.batch_id.desc())
        .offset(offset)
        .limit(limit)
    )
    return [_progress(row) for row in connection.execute(query)]


def find_newest_by_reference(
    connection: Connection, account_id: int, dialect: str, reference: str, recipient: str
) -> int | None:
    """The newest message to a recipient that the customer gave this reference."""
    return connection.execute(
        select(messages.c.message_id)
        .join(batches, batches.c.batch_id == messages.c.batch_id)
        .where(
            batches.c.account_id == account_id,
            batches.c.reference == reference,
            batches.c.dialect == dialect,
            messages.c.recipient == recipient,
        )
        .order_by(messages.c.message_id.desc())
        .limit(1)
    ).scalar()


def unexpanded(connection: Connection, batch_id: int) -> bool:
    """Whether none of a batch's recipients is a message yet."""
    return (
        connection.execute(
            select(batches.c.batch_id).where(
                batches.c.batch_id == batch_id,
                batches.c.state == BatchState.QUEUED.value,
                batches.c.expanded == 0,
            )
        ).first()
        is not None
    )


def _cancel(connection: Connection, items: list[Cancellation]) -> list[bool | Exception]:
    """True for each batch that was stopped; False where it had begun to run."""
    results: list[bool | Exception] = []
    for item in items:
        stopped = connection.execute(
            update(batches)
            .where(
                batches.c.batch_id == item.batch_id,
                batches.c.state == BatchState.QUEUED.value,
                batches.c.expanded == 0,
            )
            .values(
                state=BatchState.CANCELLED.value,
                waiting_recipients=None,
                failed=batches.c.recipients,
                unsent=0,
            )
        ).rowcount
        if stopped:
            wallets.settle(connection, [(item.batch_id, item.settlement)])
        results.append(bool(stopped))
    return results


cancel = Operation(_cancel, "cancel_batches", Cancellation)


def held_by(connection: Connection, batch_id: int) -> dict[int, int]:
    """The credits that were reserved for a batch, by wallet."""
    query = select(ledger_entries.c.wallet_id, ledger_entries.c.amount).where(
        ledger_entries.c.batch_id == batch_id, ledger_entries.c.kind == "reserve"
    )
    return {row.wallet_id: row.amount for row in connection.execute(query)}


def _progress(row: Any) -> BatchProgress:
    counters = [row.unsent, row.buffered, row.received, row.failed]
    state = BatchState(row.state)
    if row.only_state is not None:
        counters = [0, 0, 0, 0]
        counters[COUNTER_OF_STATE[State(row.only_state)]] = 1
    if state is BatchState.RUNNING and not counters[UNSENT]:
        state = BatchState.DONE
    return BatchProgress(
        batch_id=row.batch_id,
        account_id=row.account_id,
        sender=row.sender,
        text=row.text,
        format=row.format,
        protocol=row.protocol,
        due_ms=row.due_ms,
        state=state,
        recipients=row.recipients,
        unsent=counters[0],
        buffered=counters[1],
        received=counters[2],
        failed=counters[3],
    )
