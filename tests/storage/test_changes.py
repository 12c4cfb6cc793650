"""State changes and all that is stored with them, in one transaction."""

from __future__ import annotations

import asyncio
from typing import Any

from dragoman.core.billing.sql import wallets
from dragoman.core.billing.sql.tables import ledger_entries
from dragoman.core.messages.model.lifecycle import BatchState, State
from dragoman.core.messages.model.records import NewCallback, ParkedReceipt, PartReport, StoredPart
from dragoman.core.messages.sql import changes, pending, statistics
from dragoman.core.messages.sql.changes import drop_parked
from dragoman.core.messages.sql.tables import (
    batches,
    callbacks,
    hourly_statistics,
    messages,
    parked_receipts,
    parts,
    receipt_keys,
)
from dragoman.core.model.errors import FailureCode
from dragoman.core.submission.sql import batches as batch_repository

S = State


def callback_of(rows: Any, message: Any) -> NewCallback:
    return NewCallback(
        callback_id=rows.ids.next(),
        account_id=message.account_id,
        message_id=message.message_id,
        dialect="test",
        origin="http://customer",
        url="http://customer/x",
        payload="{}",
        due_ms=rows.clock.now_ms(),
    )


async def counted(rows: Any) -> dict[str, tuple[int, int]]:
    """(messages, parts) by what the statistics say of states."""
    return {
        row["value"]: (row["count"], row["parts"])
        for row in await rows.all(hourly_statistics)
        if row["dimension"] == "mcc:status" and row["count"]
    }


async def test_sent_and_delivered_of_one_message_in_one_group_leave_one_truth(rows: Any) -> None:
    account = await rows.account(credits=10)
    new = await rows.accepted(account, ["4511111111", "4522222222"])
    message = new.messages[0]
    sent = rows.change(
        account, new, message, S.SENDING, S.SENT,
        attempts=1, receipt_keys=(("ABC", 1), ("~abc", 1)),
    )  # fmt: skip
    rows.clock.advance(5)
    callback = callback_of(rows, message)
    delivered = rows.change(
        account, new, message, S.SENT, S.DELIVERED, attempts=1, callback=callback
    )
    await asyncio.gather(rows.write(changes.record, sent), rows.write(changes.record, delivered))
    row = (await rows.all(messages))[0]
    assert (row["state"], row["carrier"], row["attempts"]) == (S.DELIVERED, "smsc", 1)
    assert (row["sent_ms"], row["final_ms"]) == (sent.at_ms, delivered.at_ms)
    batch = (await rows.all(batches))[0]
    assert [batch[n] for n in ("unsent", "buffered", "received", "failed")] == [1, 0, 1, 0]
    keys = {
        (k["carrier"], k["key"]): (k["message_id"], k["part"]) for k in await rows.all(receipt_keys)
    }
    assert keys == {
        ("smsc", "ABC"): (message.message_id, 1),
        ("smsc", "~abc"): (message.message_id, 1),
    }
    assert [c["callback_id"] for c in await rows.all(callbacks)] == [callback.callback_id]
    assert await counted(rows) == {"238:queued": (1, 1), "238:delivered": (1, 1)}
    balance = await rows.storage.read(lambda c: wallets.balance(c, account.wallet_id))
    assert (balance.available, balance.held, balance.spent) == (8, 1, 1)
    assert [e["kind"] for e in await rows.all(ledger_entries)] == ["top_up", "reserve", "commit"]


async def test_a_change_repeated_after_an_outage_does_not_undo_later_ones(rows: Any) -> None:
    """Bug: `sent`, written late, overwrote `unknown`, and in one group even `delivered`."""
    account = await rows.account()
    first, second = [await rows.accepted(account, ["4511111111", "4522222222"]) for _ in "12"]
    sent = rows.change(account, first, first.messages[0], S.SENDING, S.SENT)
    unknown = rows.change(account, first, first.messages[0], S.SENT, S.UNKNOWN)
    await rows.write(changes.record, unknown)
    await rows.write(changes.record, sent)
    sent = rows.change(account, second, second.messages[0], S.SENDING, S.SENT)
    delivered = rows.change(account, second, second.messages[0], S.SENT, S.DELIVERED)
    await asyncio.gather(*(rows.write(changes.record, change) for change in (delivered, sent)))
    states = {row["message_id"]: row["state"] for row in await rows.all(messages)}
    assert states[first.messages[0].message_id] == S.UNKNOWN
    assert states[second.messages[0].message_id] == S.DELIVERED
    for batch in await rows.all(batches):
        assert (batch["unsent"], batch["buffered"]) == (1, 0)


def test_a_group_with_delivered_before_sent_keeps_delivered_and_the_time_of_sending() -> None:
    """Bug: the last change of a group won, whatever it said."""
    from dragoman.core.messages.model.records import StateChange

    def change(before: State, after: State, at_ms: int) -> StateChange:
        return StateChange(
            message_id=1, batch_id=1, account_id=1, mcc="238", parts=1, before=before,
            after=after, at_ms=at_ms, counted_in_batch=False, carrier="smsc",
        )  # fmt: skip

    group = [change(S.SENT, S.DELIVERED, 20), change(S.SENDING, S.SENT, 10)]
    (row,) = changes._message_rows(group)
    assert (row[1], row[7], row[8]) == (S.DELIVERED, 10, 20)


async def test_an_end_is_never_left_by_a_doubled_report(rows: Any) -> None:
    account = await rows.account()
    new = await rows.accepted(account)
    await rows.move(account, new, S.SENDING, S.SENT, S.DELIVERED)
    wrong = rows.change(account, new, new.messages[0], S.SENT, S.UNDELIVERED)
    await rows.write(changes.record, wrong)
    assert (await rows.all(messages))[0]["state"] == S.DELIVERED


async def test_a_late_report_clears_the_failure_and_moves_the_end(rows: Any) -> None:
    account = await rows.account()
    new = await rows.accepted(account)
    message = new.messages[0]
    await rows.move(account, new, S.SENDING, S.SENT)
    await rows.write(
        changes.record,
        rows.change(account, new, message, S.SENT, S.UNKNOWN, failure=FailureCode.NO_REPORT),
    )
    assert (await rows.all(messages))[0]["failure"] == "no_report"
    rows.clock.advance(60)
    await rows.write(changes.record, rows.change(account, new, message, S.UNKNOWN, S.DELIVERED))
    row = (await rows.all(messages))[0]
    assert (row["failure"], row["final_ms"]) == (None, rows.clock.now_ms())


async def test_parts_are_merged_from_ids_and_reports(rows: Any) -> None:
    account = await rows.account()
    new = await rows.accepted(account, message={"parts": 2, "credits": 2})
    message_id = new.messages[0].message_id
    given = [
        StoredPart(message_id=message_id, number=n, carrier_message_id=f"id{n}") for n in (1, 2)
    ]
    told = StoredPart(
        message_id=message_id, number=2, state=S.DELIVERED, error="000", reported_ms=7
    )
    sent = rows.change(account, new, new.messages[0], S.SENDING, S.SENT, part_rows=tuple(given))
    await asyncio.gather(
        rows.write(changes.record, sent),
        rows.write(changes.report_parts, PartReport(part=told)),
        rows.write(changes.report_parts, PartReport(part=None)),
    )
    stored = await rows.all(parts)
    assert [(p["number"], p["carrier_message_id"], p["state"], p["error"]) for p in stored] == [
        (1, "id1", None, None),
        (2, "id2", S.DELIVERED, "000"),
    ]
    loaded = await rows.storage.read(lambda c: pending.load_parts(c, [message_id]))
    assert [part.state for part in loaded] == [None, S.DELIVERED]


async def test_a_carrier_that_uses_an_id_again_means_the_newer_message(rows: Any) -> None:
    account = await rows.account()
    first, second = await rows.accepted(account), await rows.accepted(account)
    for new in (first, second):
        change = rows.change(
            account, new, new.messages[0], S.SENDING, S.SENT, receipt_keys=(("7", 1),)
        )
        await rows.write(changes.record, change)
    found = await rows.storage.read(
        lambda c: pending.find_receipt_keys(c, [("smsc", "7"), ("other", "7"), ("smsc", "8")])
    )
    assert found == {("smsc", "7"): (second.messages[0].message_id, 1)}


async def test_mark_sending_and_take_back_touch_only_their_states(rows: Any) -> None:
    account = await rows.account()
    new = await rows.accepted(account, [f"451111111{n}" for n in range(3)])
    ids = [message.message_id for message in new.messages]
    await rows.move(account, new, S.SENDING, S.SENT)
    await rows.write(changes.mark_sending, ids)
    assert [row["state"] for row in await rows.all(messages)] == [S.SENT, S.SENDING, S.SENDING]
    await rows.write(changes.take_back, ids)
    assert [row["state"] for row in await rows.all(messages)] == [S.SENT, S.QUEUED, S.QUEUED]


async def test_statistics_count_parts_in_the_hour_of_acceptance(rows: Any) -> None:
    account = await rows.account()
    new = await rows.accepted(account, message={"parts": 3})
    rows.clock.advance(2 * 3600)
    await rows.move(account, new, S.SENDING, S.SENT, S.UNDELIVERED)
    assert await counted(rows) == {"238:undelivered": (1, 3)}
    stored = await rows.all(hourly_statistics)
    hours = {row["hour_ms"] for row in stored}
    assert len(hours) == 1
    assert hours.pop() % statistics.HOUR_MS == 0
    total = [row for row in stored if row["dimension"] == "sum"]
    assert [(row["count"], row["parts"]) for row in total] == [(1, 3)]


async def test_parked_receipts_are_kept_whole_and_dropped_by_age(rows: Any) -> None:
    ids = []
    for _ in range(2):
        parked = ParkedReceipt(
            receipt_id=rows.ids.next(), carrier="smsc", carrier_message_id="1F", keys="1F\n~1f",
            recipient="4511111111", state=2, error="000", raw="id:1F",
        )  # fmt: skip
        ids.append(parked.receipt_id)
        await rows.write(changes.park, parked)
        rows.clock.advance(60)
    loaded = await rows.storage.read(lambda c: pending.load_parked_receipts(c, 0))
    assert [one.recipient for one in loaded] == ["4511111111"] * 2
    await rows.write(drop_parked, ids[1])
    assert [row["receipt_id"] for row in await rows.all(parked_receipts)] == ids[1:]
    await rows.write(changes.drop_matched, ids[0])
    assert [row["receipt_id"] for row in await rows.all(parked_receipts)] == ids[1:]
    await rows.write(changes.drop_matched, ids[1])
    assert await rows.all(parked_receipts) == []


async def test_a_batch_of_one_keeps_no_counters_and_still_tells_its_progress(rows: Any) -> None:
    account = await rows.account()
    new = await rows.accepted(account)

    async def progress() -> tuple[BatchState, list[int]]:
        found = await rows.storage.read(
            lambda c: batch_repository.find(c, account.account_id, new.batch.batch_id)
        )
        return found.state, [found.unsent, found.buffered, found.received, found.failed]

    assert await progress() == (BatchState.RUNNING, [1, 0, 0, 0])
    await rows.move(account, new, S.SENDING, S.SENT)
    assert await progress() == (BatchState.DONE, [0, 1, 0, 0])
    await rows.move(account, new, S.SENT, S.DELIVERED)
    assert await progress() == (BatchState.DONE, [0, 0, 1, 0])
