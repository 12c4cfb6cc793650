"""Charges are stored with their messages, move with them, and are given back once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from dragoman.core.billing.sql.tables import ledger_entries, wallets
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.premium import REFUNDABLE, Charge, Premium, PremiumState
from dragoman.core.messages.model.records import BatchOptions
from dragoman.core.messages.sql import changes, premium
from dragoman.core.messages.sql.tables import batches, messages, premium_messages
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.reporting.model.outbox import OutboxFilter
from dragoman.core.reporting.sql import outbox
from dragoman.core.submission.sql import refunds, submissions
from dragoman.core.writer_process import start_writer
from dragoman.storage.engine import Storage
from dragoman.storage.work import Operation

P, S = PremiumState, State
TICKET = Premium(price=500, content_type=9, charity=True, invoice_text="Færge", revenue_text="b")


def priced(price: int = 500) -> BatchOptions:
    return BatchOptions(premium=Premium(price=price, content_type=9))


async def states(rows: Any) -> list[PremiumState]:
    return [PremiumState(row["state"]) for row in await rows.all(premium_messages)]


async def walk(rows: Any, account: Any, new: Any, *steps: tuple[State, PremiumState]) -> None:
    before = S.QUEUED
    for after, charge in steps:
        change = rows.change(account, new, new.messages[0], before, after, premium_state=charge)
        await rows.write(changes.record, change)
        before = after


async def captured(rows: Any, account: Any, **more: Any) -> Any:
    """A delivered premium message."""
    new = await rows.accepted(account, options=priced(), **more)
    await walk(rows, account, new, (S.SENT, P.SMS_FORWARDED), (S.DELIVERED, P.TRANSACTION_CAPTURED))
    return new


def refund_of(rows: Any, new: Any, **more: Any) -> refunds.Refund:
    return refunds.Refund(
        **{
            "message_id": new.messages[0].message_id,
            "account_id": new.batch.account_id,
            "at_ms": rows.clock.now_ms(),
            **more,
        }
    )


async def test_charge_is_stored_with_every_message_of_its_batch(rows: Any) -> None:
    account = await rows.account()
    await rows.accepted(account, ["4533333333"])
    new = await rows.accepted(
        account, ["4511111111", "4522222222"], options=BatchOptions(premium=TICKET)
    )
    assert await rows.all(premium_messages) == [
        {
            "message_id": message.message_id,
            "account_id": account.account_id,
            "state": P.TRANSACTION_FORWARDED,
            "price": 500,
            "content_type": 9,
            "charity": True,
            "invoice_text": "Færge",
            "revenue_text": "b",
            "refunded_ms": None,
            "notice_batch_id": None,
        }
        for message in new.messages
    ]


async def test_batch_that_is_refused_leaves_no_charge(rows: Any) -> None:
    account = await rows.account(credits=1)
    with pytest.raises(Refused):
        await rows.accepted(account, ["4511111111", "4522222222"], options=priced())
    assert await rows.all(premium_messages) == []


async def test_expanded_messages_bring_their_charges(rows: Any) -> None:
    account = await rows.account()
    new = await rows.accepted(account, ["4511111111"], options=priced(), waiting=True)
    assert await rows.all(premium_messages) == []
    made = rows.messages(new.batch, ["4511111111"])
    item = submissions.Expansion(new.batch.batch_id, made, 0, True, priced().premium)
    assert await rows.write(submissions.expand, item)
    assert not await rows.write(submissions.expand, item)
    assert await states(rows) == [P.TRANSACTION_FORWARDED]


async def test_two_steps_of_one_group_leave_the_farther_one(rows: Any) -> None:
    account = await rows.account()
    new = await rows.accepted(account, options=priced())
    message = new.messages[0]
    sent = rows.change(account, new, message, S.QUEUED, S.SENT, premium_state=P.SMS_FORWARDED)
    delivered = rows.change(
        account, new, message, S.SENT, S.DELIVERED, premium_state=P.TRANSACTION_CAPTURED
    )
    await asyncio.gather(*(rows.write(changes.record, one) for one in (delivered, sent)))
    assert await states(rows) == [P.TRANSACTION_CAPTURED]


@pytest.mark.parametrize("late", [P.SMS_FORWARDED, P.SMS_REJECTED, P.TRANSACTION_FAILED])
async def test_charge_that_has_ended_is_not_moved_by_a_late_step(
    rows: Any, late: PremiumState
) -> None:
    account = await rows.account()
    new = await captured(rows, account)
    change = rows.change(account, new, new.messages[0], S.SENT, S.UNDELIVERED, premium_state=late)
    await rows.write(changes.record, change)
    assert await states(rows) == [P.TRANSACTION_CAPTURED]


async def test_charges_are_read_for_those_messages_that_have_one(rows: Any) -> None:
    account = await rows.account()
    plain = await rows.accepted(account)
    new = await captured(rows, account)
    ids = [plain.messages[0].message_id, new.messages[0].message_id]
    found = await rows.storage.read(lambda c: premium.find_charges(c, ids))
    assert found == {
        ids[1]: Charge(message_id=ids[1], state=P.TRANSACTION_CAPTURED, price=500, content_type=9)
    }


async def test_messages_are_found_by_what_their_recipients_pay(rows: Any) -> None:
    account = await rows.account()
    stored = [await rows.accepted(account)]
    stored += [await rows.accepted(account, options=priced(price)) for price in (500, 900)]

    async def found(comparison: str, price: int) -> list[int]:
        wanted = OutboxFilter(
            account_id=account.account_id, premium_price=price, price_comparison=comparison
        )
        page = await rows.storage.read(lambda c: outbox.search(c, wanted, 0, 10))
        assert page.total == len(page.messages)
        ids = [view.message_id for view in reversed(page.messages)]
        return [n for n, new in enumerate(stored) if new.messages[0].message_id in ids]

    assert await found("=", 0) == [0]
    assert await found("=", 500) == [1]
    assert await found(">", 0) == [1, 2]
    assert await found("<", 900) == [0, 1]
    assert await found("<", 500) == [0]
    assert await found(">", 2**53) == []


async def test_refund_is_recorded_once_even_within_one_group(rows: Any) -> None:
    account = await rows.account()
    new = await captured(rows, account)
    item = refund_of(rows, new)
    results = await asyncio.gather(
        *(rows.write(refunds.refund, item) for _ in range(3)), return_exceptions=True
    )
    assert results[0] is None
    assert [(one.code, one.detail) for one in results[1:]] == [
        (RefusalCode.NOT_REFUNDABLE, refunds.ALREADY_REFUNDED)
    ] * 2
    (row,) = await rows.all(premium_messages)
    assert (row["state"], row["refunded_ms"]) == (P.TRANSACTION_REFUNDED, rows.clock.now_ms())


async def test_only_a_captured_charge_is_refunded(rows: Any) -> None:
    account = await rows.account()
    numbers = [f"45111111{state.value}" for state in P]
    new = await rows.accepted(account, numbers, options=priced())

    def put(connection: Any, items: list[tuple[int, PremiumState]]) -> list[None]:
        for message_id, state in items:
            of_message = premium_messages.c.message_id == message_id
            connection.execute(
                premium_messages.update().where(of_message).values(state=state.value)
            )
        return [None] * len(items)

    for message, state in zip(new.messages, P, strict=True):
        await rows.write(Operation(put), (message.message_id, state))
    refused = []
    for message, state in zip(new.messages, P, strict=True):
        try:
            await rows.write(refunds.refund, refund_of(rows, new, message_id=message.message_id))
        except Refused:
            refused.append(state)
    assert refused == [state for state in P if state not in REFUNDABLE]
    expected = [P.TRANSACTION_REFUNDED if state in REFUNDABLE else state for state in P]
    assert await states(rows) == expected


@pytest.mark.parametrize("whose", ["another account", "no premium message", "nothing"])
async def test_refund_of_something_else_is_refused(rows: Any, whose: str) -> None:
    account = await rows.account()
    new = await captured(rows, account)
    plain = await rows.accepted(account)
    item = {
        "another account": refund_of(rows, new, account_id=account.account_id + 1),
        "no premium message": refund_of(rows, plain),
        "nothing": refund_of(rows, new, message_id=1),
    }[whose]
    with pytest.raises(Refused):
        await rows.write(refunds.refund, item)
    assert await states(rows) == [P.TRANSACTION_CAPTURED]


async def test_notice_is_accepted_with_its_refund(rows: Any) -> None:
    account = await rows.account(credits=2)
    new = await captured(rows, account)
    notice = rows.batch(account, text="Sorry")
    await rows.write(refunds.refund, refund_of(rows, new, notice=notice))
    (row,) = await rows.all(premium_messages)
    assert row["notice_batch_id"] == notice.batch.batch_id
    assert [one["message_id"] for one in await rows.all(messages)] == [
        new.messages[0].message_id,
        notice.messages[0].message_id,
    ]


@pytest.mark.parametrize("why", ["no credit", "refunded before"])
async def test_notice_and_refund_are_refused_together(rows: Any, why: str) -> None:
    account = await rows.account(credits=1 if why == "no credit" else 5)
    new = await captured(rows, account)
    if why == "refunded before":
        await rows.write(refunds.refund, refund_of(rows, new))
    tables = (batches, messages, premium_messages, ledger_entries, wallets)
    before = [await rows.all(table) for table in tables]
    with pytest.raises(Refused):
        await rows.write(refunds.refund, refund_of(rows, new, notice=rows.batch(account)))
    assert [await rows.all(table) for table in tables] == before


@pytest.mark.process
async def test_charges_and_refunds_cross_to_the_process_that_writes(
    sqlite_url: str, make_rows: Any
) -> None:
    storage = Storage(sqlite_url, writer=start_writer())
    storage.start()
    try:
        rows = make_rows(storage)
        account = await rows.account(credits=2)
        new = await captured(rows, account)
        item = refund_of(rows, new, notice=rows.batch(account))
        await rows.write(refunds.refund, item)
        with pytest.raises(Refused, match=refunds.ALREADY_REFUNDED):
            await rows.write(refunds.refund, item)
        assert await states(rows) == [P.TRANSACTION_REFUNDED]
        assert len(await rows.all(messages)) == 2
    finally:
        await storage.stop()
