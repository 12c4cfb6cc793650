"""State changes of messages, with everything that belongs to them, in one transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, delete

from dragoman.core.billing.model.reservations import Settlement
from dragoman.core.billing.sql import wallets
from dragoman.core.messages.model.callbacks import render_facts
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.premium import PremiumState
from dragoman.core.messages.model.records import (
    NewCallback,
    ParkedReceipt,
    PartReport,
    StateChange,
    StoredPart,
    row_of,
)
from dragoman.core.messages.sql import premium
from dragoman.core.messages.sql.outcome_counts import Outcome, count_outcome, detail_of
from dragoman.core.messages.sql.statistics import (
    IDS_PER_HOUR,
    QUEUED,
    Counters,
    hour_of,
    start_of_hour,
)
from dragoman.core.messages.sql.tables import (
    batches,
    callbacks,
    messages,
    parked_receipts,
    parts,
    receipt_keys,
)
from dragoman.storage.bulk import BulkInsert, BulkUpdate
from dragoman.storage.work import Operation, together

_UPDATE_MESSAGES = BulkUpdate(
    messages,
    (
        "message_id",
        "state",
        "carrier",
        "failure",
        "detail",
        "attempts",
        "possible_duplicate",
        "sent_ms",
        "final_ms",
    ),
    {
        "state": "{new}",
        "carrier": "coalesce({new}, {old})",
        "failure": "{new}",
        "detail": "{new}",
        "attempts": "{new}",
        "possible_duplicate": "{new}",
        "sent_ms": "coalesce({new}, {old})",
        "final_ms": "coalesce({new}, {old})",
    },
    # A change retried after an outage may come after later changes.
    where=f"t.state < {State.DELIVERED.value} AND t.state < v.column2",
)
_MARK_SENDING = BulkUpdate(
    messages,
    ("message_id",),
    {"state": str(State.SENDING.value)},
    where=f"t.state = {State.QUEUED.value}",
)
_TAKE_BACK = BulkUpdate(
    messages,
    ("message_id",),
    {"state": str(State.QUEUED.value)},
    where=f"t.state = {State.SENDING.value}",
)
_MOVE = BulkUpdate(
    messages,
    ("message_id", "route"),
    {"route": "{new}"},
    where=f"t.state <= {State.SENDING.value}",
)
_COUNT = BulkUpdate(
    batches,
    ("batch_id", "unsent", "buffered", "received", "failed"),
    dict.fromkeys(("unsent", "buffered", "received", "failed"), "{old} + {new}"),
)
_INSERT_KEYS = BulkInsert(
    receipt_keys,
    suffix=(
        "ON CONFLICT (carrier, key) DO UPDATE SET"
        " message_id = excluded.message_id, part = excluded.part"
    ),
)
_WRITE_PARTS = BulkInsert(
    parts,
    suffix=(
        "ON CONFLICT (message_id, number) DO UPDATE SET"
        " carrier_message_id = coalesce(excluded.carrier_message_id, parts.carrier_message_id),"
        " state = coalesce(excluded.state, parts.state),"
        " error = coalesce(excluded.error, parts.error),"
        " reported_ms = coalesce(excluded.reported_ms, parts.reported_ms)"
    ),
)
_INSERT_CALLBACKS = BulkInsert(callbacks)
_INSERT_PARKED = BulkInsert(parked_receipts)
_DROPPED_AT_ONCE = 500

_SENT, _UNKNOWN = int(State.SENT), int(State.UNKNOWN)
UNSENT, BUFFERED, RECEIVED, FAILED = range(4)

COUNTER_OF_STATE = {
    State.SCHEDULED: UNSENT,
    State.QUEUED: UNSENT,
    State.SENDING: UNSENT,
    State.SENT: BUFFERED,
    State.UNKNOWN: FAILED,
    State.DELIVERED: RECEIVED,
    State.UNDELIVERED: FAILED,
    State.EXPIRED: FAILED,
    State.REJECTED: FAILED,
    State.CANCELLED: FAILED,
}
"""Which of a batch's counters a message in a state is counted in."""

STATISTICS_NAMES = {
    **dict.fromkeys((State.SCHEDULED, State.QUEUED, State.SENDING), QUEUED),
    **{state: state.name.lower() for state in State if state >= State.SENT},
}
"""What a state is called in the statistics."""


def _record(connection: Connection, items: list[StateChange]) -> list[Exception | None]:
    _UPDATE_MESSAGES.run(connection, _message_rows(items))
    _count_in_batches(connection, items)
    _count_in_statistics(connection, items)
    keys: dict[tuple[str | None, str], tuple[int, int]] = {}
    part_rows: list[StoredPart] = []
    settlements: list[tuple[int, Settlement]] = []
    moves: list[tuple[int, PremiumState]] = []
    called: list[NewCallback] = []
    events: list[NewCallback] = []
    for change in items:
        for key, part in change.receipt_keys:
            keys[change.carrier, key] = (change.message_id, part)
        if change.part_rows:
            part_rows += change.part_rows
        if change.settlement is not None:
            settlements.append((change.batch_id, change.settlement))
        if change.premium_state is not None:
            moves.append((change.message_id, change.premium_state))
        if change.callback is not None:
            called.append(change.callback)
        if change.events:
            events += change.events
    _INSERT_KEYS.run(connection, [(*key, *target) for key, target in keys.items()])
    _write_parts(connection, part_rows)
    wallets.settle(connection, settlements)
    premium.move(connection, moves)
    insert_callbacks(connection, called + events)
    return [None] * len(items)


def insert_callbacks(connection: Connection, new: list[NewCallback]) -> None:
    """Inserts callbacks."""
    _INSERT_CALLBACKS.run(connection, [_callback_row(callback) for callback in new])


def _message_rows(items: list[StateChange]) -> list[tuple[Any, ...]]:
    """One row per message: a group often has both `sent` and its receipt."""
    rows: dict[int, tuple[Any, ...]] = {}
    for change in items:
        after = int(change.after)
        sent_ms = change.at_ms if after == _SENT else None
        final_ms = change.at_ms if after >= _UNKNOWN else None
        carrier = change.carrier
        earlier = rows.get(change.message_id)
        if earlier is not None:
            sent_ms, carrier = sent_ms or earlier[7], carrier or earlier[2]
            if earlier[1] > after:
                kept = (*earlier[:2], carrier, *earlier[3:7], sent_ms, earlier[8])
                rows[change.message_id] = kept
                continue
        rows[change.message_id] = (
            change.message_id,
            after,
            carrier,
            str(change.failure) or None,
            change.detail or None,
            change.attempts,
            change.possible_duplicate,
            sent_ms,
            final_ms,
        )
    return list(rows.values())


def _count_in_batches(connection: Connection, items: list[StateChange]) -> None:
    counts: dict[int, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for change in items:
        if change.counted_in_batch:
            before, after = COUNTER_OF_STATE[change.before], COUNTER_OF_STATE[change.after]
            if before != after:
                counters = counts[change.batch_id]
                counters[before] -= 1
                counters[after] += 1
    _COUNT.run(connection, [(batch_id, *counters) for batch_id, counters in counts.items()])


def _count_in_statistics(connection: Connection, items: list[StateChange]) -> None:
    """Counts changes in the hours of their messages; equal ones together."""
    alike: dict[tuple[int, int, str, str, State, State, str], list[int]] = {}
    counters = Counters()
    for change in items:
        if change.refunded_credits or change.refunded_price:
            counters.charged(
                change.account_id,
                hour_of(change.message_id),
                change.mcc,
                -change.refunded_credits,
                -change.refunded_price,
            )
        key = (
            change.account_id,
            change.message_id // IDS_PER_HOUR,
            change.mcc,
            change.route,
            change.before,
            change.after,
            detail_of(change),
        )
        counted = alike.get(key)
        if counted is None:
            alike[key] = [1, change.parts]
        else:
            counted[0] += 1
            counted[1] += change.parts
    for (account_id, hour, mcc, route, before, after, detail), (count, parts_) in alike.items():
        names = STATISTICS_NAMES[before], STATISTICS_NAMES[after]
        if names[0] == names[1]:
            continue
        outcome = Outcome(account_id, start_of_hour(hour), mcc, route, *names, detail)
        counters.moved(*outcome[:3], outcome.before, outcome.after, count, parts_)
        count_outcome(counters, outcome, count, parts_)
    counters.write(connection)


def _write_parts(connection: Connection, rows: Iterable[StoredPart]) -> None:
    merged: dict[tuple[int, int], StoredPart] = {}
    for row in rows:
        key = (row.message_id, row.number)
        earlier = merged.get(key)
        merged[key] = row if earlier is None else _newer(earlier, row)
    _WRITE_PARTS.run(connection, [row_of(row) for row in merged.values()])


def _newer(earlier: StoredPart, later: StoredPart) -> StoredPart:
    return StoredPart(
        message_id=later.message_id,
        number=later.number,
        carrier_message_id=later.carrier_message_id or earlier.carrier_message_id,
        state=earlier.state if later.state is None else later.state,
        error=earlier.error if later.error is None else later.error,
        reported_ms=later.reported_ms or earlier.reported_ms,
    )


def _callback_row(new: NewCallback) -> tuple[Any, ...]:
    """The row of a callback; one about a message leaves out what the rows of that say."""
    payload, url, dialect = new.payload, new.url, new.dialect
    if not isinstance(payload, str):
        payload, url, dialect = render_facts(payload, new.callback_id), "", ""
    # fmt: off
    return (
        new.callback_id, new.account_id, new.message_id, dialect, new.origin, url,
        payload, 0, new.attempts, new.due_ms, None, None, None,
    )
    # fmt: on


@together("mark_sending", overtakes=True)
def mark_sending(connection: Connection, items: list[list[int]]) -> None:
    _MARK_SENDING.run(connection, [(message_id,) for ids_ in items for message_id in ids_])


@together("take_back")
def take_back(connection: Connection, items: list[list[int]]) -> None:
    """Requeues messages marked as sending that were never sent; only an orderly stop can tell."""
    _TAKE_BACK.run(connection, [(message_id,) for ids_ in items for message_id in ids_])


@together("move_messages")
def move(connection: Connection, items: list[list[tuple[int, str]]]) -> None:
    """Gives waiting messages other routes: pairs of identifier and route."""
    _MOVE.run(connection, [tuple(row) for rows in items for row in rows])


@together("report_parts")
def report_parts(connection: Connection, items: list[PartReport]) -> None:
    _write_parts(connection, (item.part for item in items if item.part is not None))


@together("park_receipts")
def park(connection: Connection, items: list[ParkedReceipt]) -> None:
    _INSERT_PARKED.run(connection, [row_of(item) for item in items])


@together("drop_matched_receipts")
def drop_matched(connection: Connection, items: list[int]) -> None:
    """Deletes parked receipts by their identifiers."""
    for start in range(0, len(items), _DROPPED_AT_ONCE):
        matched = parked_receipts.c.receipt_id.in_(items[start : start + _DROPPED_AT_ONCE])
        connection.execute(delete(parked_receipts).where(matched))


@together("drop_parked_receipts")
def drop_parked(connection: Connection, items: list[int]) -> None:
    """Deletes parked receipts with an identifier below one."""
    connection.execute(delete(parked_receipts).where(parked_receipts.c.receipt_id < max(items)))


record = Operation(_record, "record_changes", StateChange)
