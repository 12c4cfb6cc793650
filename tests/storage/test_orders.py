"""An order's name is taken once, with its batch; pages of orders are counted without counting."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from dragoman.core.billing.model.reservations import Settlement
from dragoman.core.billing.sql.tables import ledger_entries
from dragoman.core.messages.model.lifecycle import BatchState, State
from dragoman.core.messages.sql.tables import batches, messages
from dragoman.core.model.errors import FailureCode, RefusalCode, Refused
from dragoman.core.submission.model.orders import OrderView
from dragoman.core.submission.sql import batches as stored_batches
from dragoman.core.submission.sql import orders
from dragoman.core.submission.sql.orders import NewOrder, OrderPage
from dragoman.core.submission.sql.tables import orders as table

MINUTE_MS = 60_000


def order(rows: Any, account: Any, order_id: str, *recipients: str, **more: Any) -> NewOrder:
    new = rows.batch(account, recipients or ("4511111111",), **more)
    return NewOrder(order_id=order_id, message_type="GP", batch=new)


async def place(rows: Any, account: Any, order_id: str, *recipients: str, **more: Any) -> NewOrder:
    new = order(rows, account, order_id, *recipients, **more)
    await rows.write(orders.accept, new)
    return new


async def together(rows: Any, *items: NewOrder) -> list[Any]:
    """Gives orders to the writer at once, as one group."""
    return await asyncio.gather(
        *(rows.write(orders.accept, item) for item in items), return_exceptions=True
    )


async def page(rows: Any, account: Any, *wanted: Any) -> OrderPage:
    return await rows.storage.read(lambda c: orders.load_page(c, account.account_id, *wanted))


def codes(results: Sequence[Any]) -> list[Any]:
    return [one.code if isinstance(one, Refused) else one for one in results]


async def test_order_is_stored_with_its_batch(rows: Any) -> None:
    account = await rows.account()
    new = await place(rows, account, "first", "4511111111", "4522222222")
    assert await rows.all(table) == [
        {
            "account_id": account.account_id,
            "number": 1,
            "batch_id": new.batch.batch.batch_id,
            "order_id": "first",
            "message_type": "GP",
        }
    ]
    assert [row["recipient"] for row in await rows.all(messages)] == ["4511111111", "4522222222"]


async def test_name_is_taken_once(rows: Any) -> None:
    account, other = await rows.account(credits=10), await rows.account("other")
    await place(rows, account, "x")
    with pytest.raises(Refused) as refused:
        await place(rows, account, "x")
    assert (refused.value.code, refused.value.subject) == (RefusalCode.ALREADY_EXISTS, "x")
    await place(rows, other, "x")
    await place(rows, account, "X")
    assert len(await rows.all(batches)) == 3
    assert [
        row["amount"] for row in await rows.all(ledger_entries) if row["kind"] == "reserve"
    ] == [
        1,
        1,
        1,
    ]


async def test_name_is_taken_once_where_several_come_together(rows: Any) -> None:
    account, other = await rows.account(credits=10), await rows.account("other")
    taken = RefusalCode.ALREADY_EXISTS
    results = await together(
        rows,
        order(rows, account, "x"),
        order(rows, account, "x"),
        order(rows, other, "x"),
        order(rows, account, "y"),
        order(rows, account, "x"),
    )
    assert codes(results) == [None, taken, None, None, taken]
    assert len(await rows.all(messages)) == 3


async def test_name_stays_free_where_its_order_is_refused(rows: Any) -> None:
    account = await rows.account(credits=1)
    results = await together(
        rows,
        order(rows, account, "x", "4511111111", "4522222222"),
        order(rows, account, "x"),
        order(rows, account, "x"),
    )
    assert codes(results) == [
        RefusalCode.INSUFFICIENT_CREDIT,
        None,
        RefusalCode.ALREADY_EXISTS,
    ]
    assert [row["number"] for row in await rows.all(table)] == [1]
    assert len(await rows.all(batches)) == 1


async def test_numbers_have_no_gap(rows: Any) -> None:
    account, other = await rows.account(credits=3), await rows.account("other")
    await place(rows, account, "a")
    await together(
        rows,
        order(rows, other, "b"),
        order(rows, account, "a"),
        order(rows, account, "c"),
        order(rows, account, "d", "4511111111", "4522222222"),
        order(rows, account, "e"),
        order(rows, other, "f"),
    )
    numbered = {
        (row["account_id"], row["number"]): row["order_id"] for row in await rows.all(table)
    }
    assert numbered == {
        (account.account_id, 1): "a",
        (account.account_id, 2): "c",
        (account.account_id, 3): "e",
        (other.account_id, 1): "b",
        (other.account_id, 2): "f",
    }


async def test_page_is_a_stretch_of_time_with_the_newest_first(rows: Any) -> None:
    account, other = await rows.account(), await rows.account("other")
    begin = rows.clock.now_ms()
    for name in "abcdefg":
        await place(rows, account, name)
        await place(rows, other, name)
        rows.clock.advance(60)
    end = rows.clock.now_ms()

    async def found(*wanted: Any) -> tuple[str, int]:
        some, total = await page(rows, account, *wanted)
        return "".join(one.order_id for one in some), total

    assert await found(begin, None, 0, 10) == ("gfedcba", 7)
    assert await found(begin, end, 0, 3) == ("gfe", 7)
    assert await found(begin, end, 3, 3) == ("dcb", 7)
    assert await found(begin, end, 6, 3) == ("a", 7)
    assert await found(begin, end, 9, 3) == ("", 7)
    both = (begin + 2 * MINUTE_MS, begin + 4 * MINUTE_MS)
    assert await found(*both, 0, 10) == ("edc", 3)
    assert await found(both[0] + 1, both[1] - 1, 0, 10) == ("d", 1)
    assert await found(both[0] + 1, both[0] + 2, 0, 10) == ("", 0)
    assert await found(end, None, 0, 10) == ("", 0)
    assert await found(0, begin - 1, 0, 10) == ("", 0)
    assert await found(both[1], both[0], 0, 10) == ("", 0)


async def test_listed_order_says_what_it_was(rows: Any) -> None:
    account = await rows.account()
    due_ms = rows.clock.now_ms() + MINUTE_MS
    new = await place(rows, account, "x", "4511111111", "4522222222", due_ms=due_ms, waiting=True)
    ((listed,), _) = await page(rows, account, 0, None, 0, 10)
    assert listed == OrderView(
        order_id="x",
        batch_id=new.batch.batch.batch_id,
        message_type="GP",
        sender="Dragoman",
        due_ms=due_ms,
        recipients=2,
    )
    assert listed.created_ms == rows.clock.now_ms()


async def test_order_is_found_with_what_waits_and_what_is_a_message(rows: Any) -> None:
    account, other = await rows.account(), await rows.account("other")
    await place(rows, account, "waits", "4511111111", "4522222222", waiting=True)
    sent = await place(rows, account, "sent")
    await rows.move(account, sent.batch, State.QUEUED, State.SENT, State.DELIVERED)

    async def find(owner: Any, name: str) -> Any:
        return await rows.storage.read(lambda c: orders.find(c, owner.account_id, name))

    waits = await find(account, "waits")
    assert (waits.waiting, waits.expanded, waits.messages) == (b"4511111111,4522222222", 0, ())
    assert waits.state is BatchState.QUEUED
    (message,) = (await find(account, "sent")).messages
    assert message == ("4511111111", State.DELIVERED, FailureCode.NONE, rows.clock.now_ms())
    assert await find(other, "sent") is None
    assert await find(account, "unknown") is None


async def test_scheduled_orders_are_those_that_are_due_later(rows: Any) -> None:
    account, other = await rows.account(), await rows.account("other")
    now_ms = rows.clock.now_ms()
    later = {"due_ms": now_ms + MINUTE_MS, "waiting": True}
    first = await place(rows, account, "later", **later)
    await place(rows, account, "now")
    await place(rows, account, "due", due_ms=now_ms, waiting=True)
    await place(rows, other, "theirs", **later)
    await rows.accepted(account, **later)
    stopped = await place(rows, account, "stopped", **later)
    await rows.write(stored_batches.cancel, cancellation(rows, account, stopped))
    found = await rows.storage.read(lambda c: orders.load_scheduled(c, account.account_id, now_ms))
    assert found == [first.batch.batch.batch_id]


def cancellation(rows: Any, account: Any, new: NewOrder) -> stored_batches.Cancellation:
    return stored_batches.Cancellation(
        batch_id=new.batch.batch.batch_id,
        settlement=Settlement(
            wallet_id=account.wallet_id,
            entry_id=rows.ids.next(),
            amount=new.batch.reservation.amount,
            refund=True,
        ),
    )


async def test_history_of_a_recipient_has_messages_of_orders_only(rows: Any) -> None:
    account, other = await rows.account(), await rows.account("other")
    begin = rows.clock.now_ms()
    for name in "abc":
        await place(rows, account, name, "4511111111", "4522222222")
        rows.clock.advance(60)
    await rows.accepted(account, ("4511111111",))
    await place(rows, other, "x", "4511111111")

    async def found(number: str, *wanted: Any) -> tuple[str, int]:
        some, total = await rows.storage.read(
            lambda c: orders.load_page_of_recipient(c, account.account_id, number, *wanted)
        )
        assert {one.message.recipient for one in some} <= {number}
        return "".join(one.order.order_id for one in some), total

    assert await found("4511111111", begin, None, 0, 10) == ("cba", 3)
    assert await found("4511111111", begin, None, 1, 1) == ("b", 3)
    assert await found("4511111111", begin, None, 3, 1) == ("", 3)
    assert await found("4511111111", begin + 1, begin + MINUTE_MS, 0, 10) == ("b", 1)
    assert await found("4533333333", begin, None, 0, 10) == ("", 0)


async def test_every_page_of_many_is_right(rows: Any) -> None:
    account = await rows.account()
    names = [f"o{number}" for number in range(230)]
    for start in range(0, 230, 100):
        some = names[start : start + 100]
        await together(rows, *(order(rows, account, name) for name in some))
    listed: list[str] = []
    for offset in range(0, 240, 17):
        some_orders, total = await page(rows, account, 0, None, offset, 17)
        assert total == 230
        listed += [one.order_id for one in some_orders]
    assert listed == names[::-1]
