"""Loads everything that is stored about a message."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Column, ColumnElement, Connection, select

from dragoman.core.billing.sql.tables import ledger_entries, wallets
from dragoman.core.callbacks.sql.callbacks import CallbackState, load_whole, read_columns
from dragoman.core.devices.model.devices import StoredAssignment
from dragoman.core.devices.sql.assignments import find_of_message
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.records import StoredBatch, StoredMessage, StoredPart
from dragoman.core.messages.sql import pending
from dragoman.core.messages.sql.events import MessageEvent
from dragoman.core.messages.sql.tables import (
    callback_attempts,
    callbacks,
    message_events,
    messages,
    receipt_keys,
)
from dragoman.core.model.phone_numbers import REMOVED
from dragoman.kit.ids import first_at, time_of
from dragoman.protocols.gsm.udh import Concatenation, parse_udh
from dragoman.storage.rows import Value, columns_of, read_all

SERIES_MS = 10 * 60 * 1000
"""How far from each other the parts of a text may have been submitted."""
MAX_NEAR = 500
"""Messages to a recipient among which the other parts are looked for."""
LEDGER_SLACK_MS = 5_000
"""How far a ledger entry may lie from the time of what caused it: it waits for its group."""
_REFUNDED = frozenset({State.REJECTED, State.CANCELLED, State.EXPIRED})


class CallbackRow(msgspec.Struct, frozen=True, kw_only=True):
    """A callback, and its number of attempts."""

    callback_id: int
    url: str
    payload: str
    state: CallbackState
    attempts: int
    next_attempt_ms: int
    answered_ms: int | None
    answer_status: int | None
    answer: str | None


class CallbackTry(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt that was followed by another."""

    callback_id: int
    number: int
    answered_ms: int
    answer_status: int | None
    answer: str


class LedgerRow(msgspec.Struct, frozen=True, kw_only=True):
    """A movement of credits for the batch of a message."""

    entry_id: int
    wallet_id: int
    wallet_kind: str
    account_id: int
    kind: str
    debit: str
    credit: str
    amount: int


class TimelineRows(msgspec.Struct, frozen=True, kw_only=True):
    """The rows of a message."""

    message: StoredMessage
    batch: StoredBatch
    parts: tuple[StoredPart, ...]
    carrier_ids: tuple[tuple[str, int, str], ...]
    """(carrier, part, id as the carrier gave it)."""
    assignments: tuple[StoredAssignment, ...]
    events: tuple[MessageEvent, ...]
    callbacks: tuple[CallbackRow, ...]
    tries: tuple[CallbackTry, ...]
    ledger: tuple[LedgerRow, ...]
    siblings: tuple[Sibling, ...] = ()
    """The parts of the text that it is one of, itself among them, by number."""


class Sibling(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a text that its customer cut itself."""

    number: int
    message: StoredMessage
    batch: StoredBatch


def load(connection: Connection, message_id: int) -> TimelineRows | None:
    """The rows of a message, of any account."""
    found = pending.load_messages(connection, [message_id])
    if not found:
        return None
    message = found[0]
    batch = pending.load_batches(connection, [message.batch_id])[message.batch_id]
    calls = _callbacks(connection, message_id)
    repeated = [call.callback_id for call in calls if call.attempts > 1]
    return TimelineRows(
        message=message,
        batch=batch,
        parts=tuple(pending.load_parts(connection, [message_id])),
        carrier_ids=_carrier_ids(connection, message_id),
        assignments=tuple(find_of_message(connection, message_id)),
        events=_rows_of(connection, message_events.c.message_id, [message_id], MessageEvent),
        callbacks=calls,
        tries=_rows_of(connection, callback_attempts.c.callback_id, repeated, CallbackTry),
        ledger=_ledger(connection, message, batch),
        siblings=_siblings(connection, message, batch),
    )


def _callbacks(connection: Connection, message_id: int) -> tuple[CallbackRow, ...]:
    query = (
        select(*read_columns(CallbackRow))
        .where(callbacks.c.message_id == message_id)
        .order_by(callbacks.c.callback_id)
    )
    rows = read_all(connection, query, CallbackRow)
    whole = load_whole(connection, [row.callback_id for row in rows])
    return tuple(
        msgspec.structs.replace(row, url=url, payload=payload)
        for row in rows
        for _, url, payload in (whole[row.callback_id],)
    )


def _siblings(
    connection: Connection, message: StoredMessage, batch: StoredBatch
) -> tuple[Sibling, ...]:
    """The nearest message in time for each number of a text in parts."""
    place = _place(batch)
    if place is None or place.total < 2 or message.recipient == REMOVED:
        return ()
    near = first_at(time_of(message.message_id) - SERIES_MS)
    until = first_at(time_of(message.message_id) + SERIES_MS)
    query = (
        select(messages)
        .where(
            messages.c.account_id == message.account_id,
            messages.c.recipient == message.recipient,
            messages.c.message_id.between(near, until),
        )
        .limit(MAX_NEAR)
    )
    others = read_all(connection, query, StoredMessage)
    loaded = pending.load_batches(connection, {one.batch_id for one in others})
    nearest = {place.number: Sibling(number=place.number, message=message, batch=batch)}
    others.sort(key=lambda one: abs(one.message_id - message.message_id))
    for one in others:
        its = _place(loaded[one.batch_id])
        if (
            its is not None
            and (its.reference, its.total) == (place.reference, place.total)
            and loaded[one.batch_id].sender == batch.sender
        ):
            nearest.setdefault(
                its.number, Sibling(number=its.number, message=one, batch=loaded[one.batch_id])
            )
    return tuple(nearest[number] for number in sorted(nearest))


def _place(batch: StoredBatch) -> Concatenation | None:
    header = parse_udh(bytes.fromhex(batch.options.udh)) if batch.options.udh else None
    return header.concatenation if header is not None else None


def _carrier_ids(connection: Connection, message_id: int) -> tuple[tuple[str, int, str], ...]:
    query = (
        select(receipt_keys.c.carrier, receipt_keys.c.part, receipt_keys.c.key)
        .where(receipt_keys.c.message_id == message_id)
        .order_by(receipt_keys.c.part, receipt_keys.c.carrier, receipt_keys.c.key)
    )
    # Behind `~` is another spelling of an id that has a row as it came, too.
    return tuple(
        (row.carrier, row.part, row.key)
        for row in connection.execute(query)
        if not row.key.startswith("~")
    )


def _rows_of(
    connection: Connection, column: Column[int], wanted: Sequence[int], kind: type[Value]
) -> tuple[Value, ...]:
    """The rows with one of these identifiers in a column, in the order of their keys."""
    if not wanted:
        return ()
    table = column.table
    query = select(*(table.c[name] for name in kind.__struct_fields__)).where(column.in_(wanted))
    return tuple(read_all(connection, query.order_by(*table.primary_key), kind))


def _ledger(
    connection: Connection, message: StoredMessage, batch: StoredBatch
) -> tuple[LedgerRow, ...]:
    """The credit movements for a message: its reservation and its settlement.

    Entries are found by wallet and time, as an index by batch would cost every message: entries and
    messages have identifiers from one clock.
    """
    wallet_ids = [payment.wallet_id for payment in batch.options.payments]
    if not wallet_ids:
        wallet_ids = list(pending.wallet_of(connection, [batch.account_id]).values())
    found: list[LedgerRow] = []
    for wallet_id in wallet_ids:
        mine = (
            ledger_entries.c.wallet_id == wallet_id,
            ledger_entries.c.batch_id == batch.batch_id,
        )
        found += _reservation(connection, message, batch, mine)
        found += _settlement(connection, message, batch, mine)
    return tuple(sorted(found, key=lambda entry: entry.entry_id))


_Conditions = tuple[ColumnElement[bool], ...]


def _reservation(
    connection: Connection, message: StoredMessage, batch: StoredBatch, mine: _Conditions
) -> list[LedgerRow]:
    """Credits of an audience are held as messages are created, others on acceptance."""
    if batch.options.audience:
        around_ms = time_of(message.message_id)
        low, high = first_at(around_ms - LEDGER_SLACK_MS), first_at(around_ms + LEDGER_SLACK_MS)
        nearest: Any = ledger_entries.c.entry_id.desc()
    else:
        low, high = batch.batch_id, first_at(time_of(batch.batch_id) + LEDGER_SLACK_MS)
        nearest = ledger_entries.c.entry_id
    entries = ledger_entries.c
    held = (entries.entry_id.between(low, high), entries.kind == "reserve")
    return _entries(connection, (*mine, *held), nearest, 1)


def _settlement(
    connection: Connection, message: StoredMessage, batch: StoredBatch, mine: _Conditions
) -> list[LedgerRow]:
    """The entry of the group in which the message was accepted, or ended before that."""
    at_ms = message.sent_ms or message.final_ms
    if at_ms is None:
        return []
    back = message.sent_ms is None and message.state in _REFUNDED
    low = max(batch.batch_id, first_at(at_ms - LEDGER_SLACK_MS))
    moved = (
        ledger_entries.c.entry_id.between(low, first_at(at_ms + LEDGER_SLACK_MS)),
        ledger_entries.c.kind != "reserve",
    )
    near = _entries(connection, (*mine, *moved), ledger_entries.c.entry_id.desc(), 1_000)
    kind = "refund" if back else "commit"
    fitting = [entry for entry in near if entry.kind == kind] or near
    # A group has one entry for all of a batch, made with the first of its changes.
    before = [entry for entry in fitting if time_of(entry.entry_id) <= at_ms]
    return before[:1] or fitting[-1:]


def _entries(
    connection: Connection, conditions: _Conditions, order: Any, limit: int
) -> list[LedgerRow]:
    query = (
        select(
            *columns_of(ledger_entries, LedgerRow),
            wallets.c.kind.label("wallet_kind"),
            wallets.c.account_id,
        )
        .join(wallets, wallets.c.wallet_id == ledger_entries.c.wallet_id)
        .where(*conditions)
        .order_by(order)
        .limit(limit)
    )
    return read_all(connection, query, LedgerRow)
