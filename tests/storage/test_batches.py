"""Batches: expansion against cancelling, what is due, what is read back."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from dragoman.core.billing.model.reservations import Settlement
from dragoman.core.billing.sql import wallets
from dragoman.core.callbacks.sql import callbacks
from dragoman.core.identifiers import last_identifier
from dragoman.core.messages.model.lifecycle import BatchState, State
from dragoman.core.messages.sql import pending
from dragoman.core.messages.sql.tables import batches as batch_table
from dragoman.core.messages.sql.tables import messages
from dragoman.core.submission.sql import batches, submissions
from dragoman.work_queue.port import Lane

NUMBERS = [f"45111111{n:02d}" for n in range(10)]


def expansion(rows: Any, new: Any, begin: int, end: int) -> submissions.Expansion:
    made = rows.messages(new.batch, NUMBERS[begin:end])
    return submissions.Expansion(new.batch.batch_id, made, begin, end == len(NUMBERS))


def cancellation(rows: Any, account: Any, new: Any) -> batches.Cancellation:
    settlement = Settlement(
        wallet_id=account.wallet_id, entry_id=rows.ids.next(), amount=len(NUMBERS), refund=True
    )
    return batches.Cancellation(batch_id=new.batch.batch_id, settlement=settlement)


async def balance(rows: Any, account: Any) -> tuple[int, int, int]:
    found = await rows.storage.read(lambda c: wallets.balance(c, account.wallet_id))
    return found.available, found.held, found.spent


async def test_expansion_in_chunks_makes_each_recipient_once(rows: Any) -> None:
    account = await rows.account()
    new = await rows.accepted(account, NUMBERS, waiting=True)
    first = expansion(rows, new, 0, 4)
    assert await rows.write(submissions.expand, first) is True
    assert await rows.write(submissions.expand, first._replace(messages=())) is False
    row = (await rows.all(batch_table))[0]
    assert (row["expanded"], row["state"]) == (4, BatchState.RUNNING)
    assert await rows.write(submissions.expand, expansion(rows, new, 4, 10)) is True
    row = (await rows.all(batch_table))[0]
    assert (row["expanded"], row["waiting_recipients"]) == (10, None)
    assert [m["recipient"] for m in await rows.all(messages)] == NUMBERS


@pytest.mark.parametrize("cancel_first", [True, False])
async def test_of_expanding_and_cancelling_in_one_group_the_first_wins(
    rows: Any, cancel_first: bool
) -> None:
    account = await rows.account(credits=10)
    new = await rows.accepted(account, NUMBERS, waiting=True)
    held = await rows.storage.read(lambda c: batches.held_by_each(c, [new.batch.batch_id]))
    assert held == {new.batch.batch_id: {account.wallet_id: 10}}
    works = [
        (batches.cancel, cancellation(rows, account, new)),
        (submissions.expand, expansion(rows, new, 0, 10)),
    ]
    if not cancel_first:
        works.reverse()
    results = await asyncio.gather(*(rows.write(*work) for work in works))
    assert results == [True, False]
    row = (await rows.all(batch_table))[0]
    if cancel_first:
        assert row["state"] == BatchState.CANCELLED
        assert (row["failed"], row["unsent"], row["waiting_recipients"]) == (10, 0, None)
        assert await rows.all(messages) == []
        assert await balance(rows, account) == (10, 0, 0)
    else:
        assert row["state"] == BatchState.RUNNING
        assert len(await rows.all(messages)) == 10
        assert await balance(rows, account) == (0, 10, 0)


async def test_a_batch_is_cancelled_once(rows: Any) -> None:
    account = await rows.account(credits=10)
    new = await rows.accepted(account, NUMBERS, waiting=True)
    for expected in (True, False):
        assert await rows.write(batches.cancel, cancellation(rows, account, new)) is expected
    assert await balance(rows, account) == (10, 0, 0)


async def test_due_batches_come_oldest_first_without_those_known(rows: Any) -> None:
    account = await rows.account()
    now_ms = rows.clock.now_ms()
    made = [
        await rows.accepted(account, NUMBERS, waiting=True, due_ms=now_ms + offset)
        for offset in (-10, -30, 1, -20)
    ]
    known = [made[1].batch.batch_id]
    due = await rows.storage.read(lambda c: pending.load_due_batches(c, now_ms, known, 10))
    assert [b.batch_id for b in due] == [made[3].batch.batch_id, made[0].batch.batch_id]
    assert due[0].waiting_recipients == ",".join(NUMBERS).encode()
    due = await rows.storage.read(lambda c: pending.load_due_batches(c, now_ms, [], 1))
    assert [b.batch_id for b in due] == known
    others = await rows.accepted(await rows.account("other"), NUMBERS, waiting=True, due_ms=now_ms)
    without = [account.account_id]
    due = await rows.storage.read(lambda c: pending.load_due_batches(c, now_ms, [], 9, without))
    assert [b.batch_id for b in due] == [others.batch.batch_id]


async def test_pages_and_references_are_the_accounts_own(rows: Any) -> None:
    one, other = await rows.account("one"), await rows.account("other")
    made = [await rows.accepted(one, reference="order-1") for _ in range(3)]
    foreign = await rows.accepted(other, reference="order-1")
    page = await rows.storage.read(lambda c: batches.find_page(c, one.account_id, 1, 5))
    assert [b.batch_id for b in page] == [made[1].batch.batch_id, made[0].batch.batch_id]
    account_id, batch_id = one.account_id, foreign.batch.batch_id
    assert await rows.storage.read(lambda c: batches.find(c, account_id, batch_id)) is None

    async def newest(account: Any, dialect: str, reference: str, recipient: str) -> int | None:
        return await rows.storage.read(
            lambda c: batches.find_newest_by_reference(
                c, account.account_id, dialect, reference, recipient
            )
        )

    assert await newest(one, "test", "order-1", "4511111111") == made[2].messages[0].message_id
    assert await newest(other, "test", "order-1", "4511111111") == foreign.messages[0].message_id
    assert await newest(one, "other", "order-1", "4511111111") is None
    assert await newest(one, "test", "order-1", "4522222222") is None


async def test_unsent_messages_are_read_by_account_lane_and_identifier(rows: Any) -> None:
    account, other = await rows.account(), await rows.account("other")
    foreign = await rows.accepted(other)
    bulk = await rows.accepted(account, NUMBERS[:3], lane=Lane.BULK.value)
    single = await rows.accepted(account, NUMBERS[:2])
    elsewhere = await rows.accepted(account, message={"route": "other"})
    await rows.move(account, bulk, State.QUEUED, State.SENT)
    await rows.move(account, single, State.QUEUED, State.SENDING)

    async def unsent(route: str, lane: Lane, after: int = 0, limit: int = 10) -> list[int]:
        found = await rows.storage.read(
            lambda c: pending.load_unsent(c, route, lane.value, account.account_id, after, limit)
        )
        return [message.message_id for message in found]

    bulk_ids = [message.message_id for message in bulk.messages]
    single_ids = [message.message_id for message in single.messages]
    assert await unsent("default", Lane.BULK) == bulk_ids[1:]
    assert await unsent("default", Lane.BULK, limit=1) == bulk_ids[1:2]
    assert await unsent("default", Lane.BULK, after=bulk_ids[1]) == bulk_ids[2:]
    assert await unsent("default", Lane.SINGLE) == single_ids
    assert await unsent("default", Lane.URGENT) == []
    assert await unsent("other", Lane.SINGLE) == [elsewhere.messages[0].message_id]
    routes = await rows.storage.read(pending.routes_with_unsent)
    mine, others = account.account_id, foreign.batch.account_id
    assert sorted(routes) == [("default", mine), ("default", others), ("other", mine)]


async def test_unreported_messages_are_those_sent_long_enough_ago(rows: Any) -> None:
    """Bug: the age counted from acceptance, so one that had waited was given up at once."""
    account = await rows.account()
    old, late, waiting = [await rows.accepted(account) for _ in range(3)]
    await rows.move(account, old, State.QUEUED, State.SENT)
    cutoff = rows.clock.now_ms()
    rows.clock.advance(60)
    await rows.move(account, late, State.QUEUED, State.SENT)
    last = rows.ids.next()

    def query(connection: Any) -> tuple[list[int], int | None]:
        found = pending.load_unreported(connection, 0, last, cutoff, 10)
        after = old.messages[0].message_id
        return [m.message_id for m in found], pending.first_unreported(connection, after, last)

    assert await rows.storage.read(query) == (
        [old.messages[0].message_id],
        late.messages[0].message_id,
    )
    await rows.move(account, late, State.SENT, State.DELIVERED)
    assert (await rows.storage.read(query))[1] == waiting.messages[0].message_id


async def test_the_last_identifier_is_the_highest_of_all_tables(rows: Any) -> None:
    assert await rows.storage.read(last_identifier) == 0
    account = await rows.account(credits=3)
    await rows.accepted(account)
    highest = await rows.storage.read(last_identifier)
    assert highest == rows.ids.last


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (lambda c: pending.routes_with_unsent(c), "ix_messages_unsent"),
        (lambda c: pending.load_unsent(c, "default", 1, 7, 0, 10), "ix_messages_unsent"),
        (lambda c: pending.load_expired(c, 0, 10), "ix_messages_unsent"),
        (lambda c: pending.find_receipt_keys(c, [("a", "b"), ("a", "c")]), "PRIMARY KEY"),
        (lambda c: pending.load_due_batches(c, 0, [1], 10), "ix_batches_due_ms"),
        (lambda c: callbacks.find_due(c, 1, "http://a", 0, 10, 9), "ix_callbacks_pending"),
        (lambda c: callbacks.count_lane(c, 1, "http://a"), "ix_callbacks_pending"),
        (lambda c: callbacks.count_pending(c), "ix_callbacks_pending"),
        (lambda c: last_identifier(c), "PRIMARY KEY (wallet_id=?)"),
    ],
    ids=[
        "routes_with_unsent",
        "load_unsent",
        "load_expired",
        "find_receipt_keys",
        "due_batches",
        "due_callbacks",
        "callbacks_of_lane",
        "callbacks_by_lane",
        "last_entry_of_ledger",
    ],
)
async def test_queries_of_the_hot_paths_use_their_index(
    sqlite_url: str, open_storage: Any, monkeypatch: Any, query: Any, index: str
) -> None:
    """Bug: bound states hid the index of unsent messages, and pairs that of receipt keys."""
    from sqlalchemy import event

    for module in (pending, callbacks):  # else nothing is asked of an empty table
        monkeypatch.setattr(module, "are_empty", lambda *_: False)

    storage = open_storage(sqlite_url)
    statements: list[tuple[str, Any]] = []

    def note(_c: Any, _k: Any, statement: str, parameters: Any, _x: Any, _m: Any) -> None:
        statements.append((statement, parameters))

    event.listen(storage._read_engine, "before_cursor_execute", note)
    await storage.read(query)
    event.remove(storage._read_engine, "before_cursor_execute", note)
    assert statements
    for statement, parameters in statements:
        plan = await storage.read(
            lambda c, s=statement, p=parameters: c.exec_driver_sql(
                f"EXPLAIN QUERY PLAN {s}", p
            ).all()
        )
        details = " ".join(row[3] for row in plan)
        assert index in details, details
