"""Callbacks in rows: what is due, in which order."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from dragoman.core.callbacks.sql import callback_lists, callbacks, webhooks
from dragoman.core.callbacks.sql.callbacks import Attempt, CallbackState
from dragoman.core.messages.model.callbacks import CallbackFacts
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.premium import Premium
from dragoman.core.messages.model.records import BatchOptions, NewCallback
from dragoman.core.messages.sql import changes
from dragoman.core.reporting.sql import outbox
from dragoman.core.retention.sql import forgetting
from dragoman.storage.work import Operation


@pytest.fixture
async def tell(rows: Any) -> Any:
    """Stores callbacks of a new message; `due` are their times from now, in ms."""
    account = await rows.account()

    async def store(*due: int, origin: str = "http://a", of: Any = account) -> list[int]:
        new = await rows.accepted(of)
        message = new.messages[0]
        made = []
        states = (State.QUEUED, State.SENDING, State.SENT, State.UNKNOWN, State.DELIVERED)
        for step, offset in enumerate(due):
            callback = NewCallback(
                callback_id=rows.ids.next(),
                account_id=of.account_id,
                message_id=message.message_id,
                dialect="test",
                origin=origin,
                url=f"{origin}/x",
                payload="{}",
                due_ms=rows.clock.now_ms() + offset,
            )
            made.append(callback.callback_id)
            change = rows.change(
                of, new, message, states[step + 1], states[step + 2], callback=callback
            )
            await rows.write(changes.record, change)
        return made

    store.account_id = account.account_id  # type: ignore[attr-defined]
    return store


async def due(
    rows: Any,
    tell: Any,
    origin: str = "http://a",
    limit: int = 100,
    newest: int = 1 << 62,
    message_id: int | None = None,
) -> list[int]:
    now_ms = rows.clock.now_ms()
    found = await rows.storage.read(
        lambda c: callbacks.load_due(c, tell.account_id, origin, now_ms, limit, newest, message_id)
    )
    return [callback.callback_id for callback in found]


def attempt(callback_id: int, state: CallbackState, **more: Any) -> Attempt:
    fields = {
        "callback_id": callback_id,
        "state": state,
        "attempts": 1,
        "next_attempt_ms": 0,
        "answered_ms": 5,
        "answer_status": 200,
        "answer": "ok",
    }
    return Attempt(**{**fields, **more})


async def test_a_message_whose_first_callback_is_not_due_waits_as_a_whole(
    rows: Any, tell: Any
) -> None:
    first = await tell(0, 0)
    await tell(1000, 0)
    later = await tell(-5)
    assert await due(rows, tell) == [*first, *later]
    await tell(0, origin="http://b")
    assert await due(rows, tell) == [*first, *later]


async def test_messages_that_wait_do_not_hide_those_that_are_due(rows: Any, tell: Any) -> None:
    """Bug: callbacks behind one that failed filled the page, and nothing else was found."""
    for _ in range(3):
        await tell(10_000, -100)
    fine = await tell(0)
    assert await due(rows, tell, limit=2) == fine


async def test_attempts_move_callbacks_on(rows: Any, tell: Any) -> None:
    first, second = await tell(0, 0)
    in_future = rows.clock.now_ms() + 50
    retry = attempt(
        first, CallbackState.PENDING, next_attempt_ms=in_future, answer_status=None, answer="gone"
    )
    await rows.write(callbacks.record, retry)
    assert await due(rows, tell) == []
    assert await rows.storage.read(callbacks.count_pending) == {(tell.account_id, "http://a"): 2}
    rows.clock.advance(0.05)
    assert await due(rows, tell) == [first, second]
    await rows.write(callbacks.record, attempt(first, CallbackState.DELIVERED, attempts=2))
    assert await due(rows, tell) == [second]
    await rows.write(callbacks.record, attempt(second, CallbackState.GIVEN_UP, answer="no"))
    assert await due(rows, tell) == []
    assert await rows.storage.read(callbacks.count_pending) == {}
    message_id = (await rows.all(callbacks.callbacks))[0]["message_id"]
    assert await rows.storage.read(lambda c: outbox.last_callback_answer(c, message_id)) == "no"


async def test_an_accounts_callbacks_to_an_origin_are_found_and_released_alone(
    rows: Any, tell: Any
) -> None:
    other = await rows.account("other")
    mine = [*await tell(10_000), *await tell(20_000)]
    await tell(30_000, of=other)
    await tell(40_000, origin="http://b")
    ours, others = (tell.account_id, "http://a"), (other.account_id, "http://a")
    counted = await rows.storage.read(callbacks.count_pending)
    assert counted == {ours: 2, others: 1, (tell.account_id, "http://b"): 1}
    assert await rows.storage.read(lambda c: callbacks.count_lane(c, *ours)) == 2
    assert await due(rows, tell) == []
    await rows.write(callbacks.release, callbacks.Release(*ours, rows.clock.now_ms()))
    assert await due(rows, tell) == mine
    assert await due(rows, tell, origin="http://b") == []
    second = (await rows.all(callbacks.callbacks))[1]["message_id"]
    assert await due(rows, tell, message_id=second) == mine[1:]
    waiting = [row["next_attempt_ms"] for row in await rows.all(callbacks.callbacks)]
    assert sorted(waiting)[2:] == [rows.clock.now_ms() + 30_000, rows.clock.now_ms() + 40_000]


async def test_old_callbacks_to_an_origin_are_given_up_a_page_at_a_time(
    rows: Any, tell: Any
) -> None:
    other = await rows.account("other")
    old = [*await tell(0, 0), *await tell(0)]
    await tell(0, of=other)
    rows.clock.advance(60)
    young = await tell(0)
    now_ms = rows.clock.now_ms()
    expiry = callbacks.Expiry(tell.account_id, "http://a", young[0], now_ms, 2)
    assert [await rows.write(callbacks.expire, expiry) for _ in range(3)] == [2, 1, 0]
    assert await due(rows, tell) == young
    stored = {row["callback_id"]: row for row in await rows.all(callbacks.callbacks)}
    assert {stored[one]["state"] for one in old} == {CallbackState.GIVEN_UP}
    assert sum(row["state"] == CallbackState.PENDING for row in stored.values()) == 2


FACTS = {
    "usual": {},
    "all": {"failure": "absent", "detail": 'err:"6b', "sent": False},
    "late": {"at_ms": 1_577_836_800_123},
}


@pytest.mark.parametrize("more", FACTS.values(), ids=FACTS)
async def test_facts_are_read_back_as_they_were(rows: Any, more: Any) -> None:
    """Their row leaves out what those of the message and its batch say."""
    account = await rows.account()
    premium = Premium(price=100, content_type=1, charity=False, invoice_text="", revenue_text="")
    url = "http://a/report?number=4511111111"
    options = BatchOptions(callback_url=url, return_data='a"b', premium=premium)
    new = await rows.accepted(account, options=options, message={"parts": 3, "price": 7})
    message = new.messages[0]
    whole = {
        "message_id": message.message_id,
        "batch_id": message.batch_id,
        "state": State.DELIVERED,
        "at_ms": rows.clock.now_ms(),
        "recipient": "4511111111",
        "sender": "Dragoman",
        "return_data": 'a"b',
        "mcc": "238",
        "parts": 3,
        "price": 7,
        "premium_price": 100,
        **more,
    }
    made = NewCallback(
        callback_id=rows.ids.next(),
        account_id=account.account_id,
        message_id=message.message_id,
        dialect=new.batch.dialect,
        origin="http://a",
        url=url,
        payload=CallbackFacts(**whole),
        due_ms=rows.clock.now_ms(),
    )
    await rows.write(webhooks.call, (made,))
    (row,) = await rows.all(callbacks.callbacks)
    assert "4511111111" not in row["payload"] + row["url"]
    assert row["dialect"] == ""
    now_ms = rows.clock.now_ms()
    found = await rows.storage.read(
        lambda c: callbacks.load_due(c, account.account_id, "http://a", now_ms, 9, 1 << 62)
    )
    assert found == [made]
    details = await rows.storage.read(lambda c: callback_lists.find_callback(c, made.callback_id))
    assert details.callback.dialect == new.batch.dialect
    assert msgspec.json.decode(details.payload, type=CallbackFacts) == made.payload

    def forget(connection: Any, items: list[int]) -> list[None]:
        return [forgetting.numbers_of_messages(connection, items)]

    await rows.write(Operation(forget, "forget"), message.message_id)
    [due] = await rows.storage.read(
        lambda c: callbacks.load_due(c, account.account_id, "http://a", now_ms, 9, 1 << 62)
    )
    # It is still to be made, to the URL and with the number that it had.
    assert (due.url, due.dialect) == (made.url, made.dialect)
    assert msgspec.json.decode(due.payload, type=CallbackFacts) == made.payload


async def test_facts_that_an_earlier_version_wrote_whole_are_read(rows: Any, tell: Any) -> None:
    (stored,) = await tell(0)
    facts = CallbackFacts(
        message_id=6, batch_id=5, state=State.SENT, at_ms=7, recipient="45", sender="x"
    )
    whole = msgspec.json.encode(facts).decode()
    table = callbacks.callbacks

    def age(connection: Any) -> None:
        connection.execute(table.update().values(payload=whole))

    await rows.write(Operation(lambda c, items: [age(c) for _ in items], "age"), None)
    found = await rows.storage.read(lambda c: callbacks.load_whole(c, [stored]))
    assert found == {stored: ("test", "http://a/x", whole)}


async def test_a_call_answered_at_once_has_its_time_and_status(rows: Any, tell: Any) -> None:
    """Its row leaves both out; a retry before it does not, and making it again keeps them."""
    first, second = await tell(0, 0)
    now_ms = rows.clock.now_ms()
    plain = {"next_attempt_ms": now_ms, "answered_ms": now_ms}
    failed = attempt(second, CallbackState.PENDING, answer_status=500, answered_ms=now_ms - 9)
    await rows.write(callbacks.record, failed)
    await rows.write(callbacks.record, attempt(first, CallbackState.DELIVERED, **plain))
    good = attempt(second, CallbackState.DELIVERED, attempts=2, **plain)
    await rows.write(callbacks.record, good)
    stored = await rows.all(callbacks.callbacks)
    assert [row["answered_ms"] for row in stored] == [None, None]

    async def calls() -> list[Any]:
        found = [
            await rows.storage.read(lambda c, one=one: callback_lists.find_callback(c, one))
            for one in (first, second)
        ]
        views = [(one.callback.answered_ms, one.callback.answer_status) for one in found]
        return [*views, *([call.answer_status for call in one.calls] for one in found)]

    assert await calls() == [(now_ms, 200), (now_ms, 200), [200], [500, 200]]
    rows.clock.advance(1)
    again = callback_lists.Replay(tell.account_id, (first, second), rows.clock.now_ms())
    assert await rows.write(callback_lists.replay, again) == 2
    assert await calls() == [(now_ms, 200), (now_ms, 200), [200], [500, 200]]
