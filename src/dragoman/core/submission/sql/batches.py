"""Whole batches: their progress, and stopping them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec
from sqlalchemy import Connection, case, func, select, union, update

from dragoman.core.billing.model.reservations import Settlement
from dragoman.core.billing.sql import wallets
from dragoman.core.billing.sql.tables import ledger_entries
from dragoman.core.messages.model.lifecycle import BatchState, State
from dragoman.core.messages.model.records import BatchOptions
from dragoman.core.messages.sql import pending
from dragoman.core.messages.sql.changes import COUNTER_OF_STATE, UNSENT
from dragoman.core.messages.sql.tables import batches, messages
from dragoman.core.submission.model.progress import BatchProgress
from dragoman.kit.ids import first_at, time_of
from dragoman.storage.rows import columns_of, count, is_any, is_one_of, read_all, read_one
from dragoman.storage.work import one_by_one


class Stop(msgspec.Struct, frozen=True, kw_only=True):
    """Stops a batch none of whose messages were given to a carrier."""

    batch_id: int
    entry_ids: tuple[int, ...]
    """For the ledger: one for each wallet that may have paid."""


class Cancellation(msgspec.Struct, frozen=True, kw_only=True):
    """Stops a batch that has not been expanded."""

    batch_id: int
    settlement: Settlement


_SLACK_MS = 60_000
"""How much later than what they are held for credits are entered: both identifiers are drawn by one
step, which a machine that stands still can take apart."""

_ONLY_STATE = (
    select(messages.c.state)
    .where(messages.c.batch_id == batches.c.batch_id)
    .limit(1)
    .correlate(batches)
    .scalar_subquery()
)


class _Row(BatchProgress, frozen=True, kw_only=True):
    """A stored batch."""

    only_state: State | None
    """That of the message of a batch of one, which keeps no counters."""


_EXPANDING = batches.c.waiting_recipients.is_not(None).label("expanding")
_PROGRESS = select(
    *columns_of(batches, BatchProgress),
    _EXPANDING,
    case((batches.c.recipients == 1, _ONLY_STATE)).label("only_state"),
)


def find(connection: Connection, account_id: int, batch_id: int) -> BatchProgress | None:
    """The progress of one of the account's batches."""
    mine = _PROGRESS.where(batches.c.account_id == account_id)
    row = read_one(connection, mine.where(batches.c.batch_id == batch_id), _Row)
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
    return [_progress(row) for row in read_all(connection, query, _Row)]


def find_newest_by_reference(
    connection: Connection, account_id: int, dialect: str, reference: str, recipient: str
) -> int | None:
    """The newest message to a recipient with the customer's reference."""
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


def find_waiting(
    connection: Connection,
    account_id: int,
    dialect: str,
    senders: Collection[str],
    recipient: str,
    limit: int,
) -> list[int]:
    """The batches from one of these senders to one recipient of which nothing has been sent."""
    ours = (
        batches.c.account_id == account_id,
        batches.c.dialect == dialect,
        batches.c.sender.in_(senders),
        batches.c.recipients == 1,
    )
    due_later = select(batches.c.batch_id).where(
        *ours, batches.c.waiting_recipients == recipient.encode()
    )
    queued = (
        select(batches.c.batch_id)
        .join(messages, messages.c.batch_id == batches.c.batch_id)
        .where(
            *ours,
            messages.c.account_id == account_id,
            messages.c.recipient == recipient,
            messages.c.state == State.QUEUED.value,
        )
    )
    return list(connection.execute(union(due_later, queued).limit(limit)).scalars())


@one_by_one("cancel_batches")
def cancel(connection: Connection, item: Cancellation) -> bool:
    """True for each batch that was stopped; False if it had begun."""
    cancelled = update(batches).where(
        batches.c.batch_id == item.batch_id,
        batches.c.state == BatchState.QUEUED.value,
        batches.c.expanded == 0,
    )
    values = {"state": BatchState.CANCELLED.value, "waiting_recipients": None, "unsent": 0}
    stopped = connection.execute(cancelled.values(failed=batches.c.recipients, **values)).rowcount
    if stopped and item.settlement.amount:
        wallets.settle(connection, [(item.batch_id, item.settlement)])
    return bool(stopped)


@one_by_one("stop_batches")
def stop(connection: Connection, item: Stop) -> bool:
    """True for each batch that was stopped; False if a carrier was given any of it.

    Its messages stay queued in their rows, and the caller ends them. What was held for recipients
    that are not messages yet is refunded.
    """
    of_batch = messages.c.batch_id == item.batch_id
    was_given = (messages.c.state != State.REJECTED.value) | messages.c.carrier.is_not(None)
    if is_any(connection, of_batch, messages.c.state != State.QUEUED.value, was_given):
        return False
    queued = count(connection, of_batch, messages.c.state == State.QUEUED.value)
    unexpanded = batches.c.unsent - queued
    stopped = connection.execute(
        update(batches)
        .where(
            batches.c.batch_id == item.batch_id,
            batches.c.state.in_((BatchState.QUEUED.value, BatchState.RUNNING.value)),
        )
        .values(
            state=BatchState.CANCELLED.value,
            waiting_recipients=None,
            failed=batches.c.failed + unexpanded,
            unsent=queued,
        )
    ).rowcount
    if not stopped:
        return False
    priced = select(func.coalesce(func.sum(messages.c.credits), 0)).where(of_batch)
    credits = connection.execute(priced).scalar_one()
    options = msgspec.json.decode(
        connection.execute(
            select(batches.c.options).where(batches.c.batch_id == item.batch_id)
        ).scalar_one(),
        type=BatchOptions,
    )
    per_credit = {payment.wallet_id: payment.per_credit for payment in options.payments}
    held = held_by_each(connection, [item.batch_id])[item.batch_id]
    for entry_id, (wallet_id, amount) in zip(item.entry_ids, held.items(), strict=False):
        surplus = amount - credits * per_credit.get(wallet_id, 1)
        if surplus:
            refund = Settlement(wallet_id=wallet_id, entry_id=entry_id, amount=surplus, refund=True)
            wallets.settle(connection, [(item.batch_id, refund)])
    return True


def held_by_each(connection: Connection, batch_ids: Sequence[int]) -> dict[int, dict[int, int]]:
    """The credits reserved for each batch, by wallet."""
    query = select(batches.c.batch_id, batches.c.account_id, batches.c.options).where(
        is_one_of(connection.dialect.name, batches.c.batch_id, batch_ids)
    )
    held: dict[int, dict[int, int]] = {batch_id: {} for batch_id in batch_ids}
    for row in connection.execute(query).all():
        held[row.batch_id] = _held(connection, row.batch_id, row.account_id, row.options)
    return held


def _held(
    connection: Connection, batch_id: int, account_id: int, stored_options: str
) -> dict[int, int]:
    """The credits reserved for a batch.

    Entries are found by wallet and time, as an index by batch would cost every message. Credits of
    an audience are held as messages are created, others on acceptance.
    """
    options = msgspec.json.decode(stored_options, type=BatchOptions)
    wallet_ids = [payment.wallet_id for payment in options.payments]
    if not wallet_ids:
        wallet_ids = list(pending.wallet_of(connection, [account_id]).values())
    last = batch_id
    if options.audience:
        newest = select(func.max(messages.c.message_id)).where(messages.c.batch_id == batch_id)
        last = connection.execute(newest).scalar() or batch_id
    entries = ledger_entries.c
    query = (
        select(entries.wallet_id, func.sum(entries.amount).label("amount"))
        .where(
            entries.wallet_id.in_(wallet_ids),
            entries.entry_id.between(batch_id, first_at(time_of(last) + _SLACK_MS)),
            entries.kind == "reserve",
            entries.batch_id == batch_id,
        )
        .group_by(entries.wallet_id)
    )
    return {row.wallet_id: int(row.amount) for row in connection.execute(query)}


def _progress(row: _Row) -> BatchProgress:
    counters = [row.unsent, row.buffered, row.received, row.failed]
    state = row.state
    if row.only_state is not None:
        counters = [0, 0, 0, 0]
        counters[COUNTER_OF_STATE[row.only_state]] = 1
    if state is BatchState.RUNNING and not counters[UNSENT] and not row.expanding:
        state = BatchState.DONE
    values = {name: getattr(row, name) for name in BatchProgress.__struct_fields__}
    values |= zip(("unsent", "buffered", "received", "failed"), counters, strict=True)
    return BatchProgress(**{**values, "state": state})
