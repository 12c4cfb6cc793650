"""Callbacks through the real client to a real server: in order, kept, retried, isolated."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from aiohttp import web
from tests.passing_time import PATIENCE_S, MovableClock
from tests.unit.callbacks.telling import STATES, assert_in_order, render

from dragoman.core.callbacks import worker as worker_module
from dragoman.core.callbacks.sql.callbacks import CallbackState
from dragoman.core.messages.model.callbacks import CallbackCall, CallbackFacts
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.model.errors import StorageUnavailable
from dragoman.storage.writer import Operation


async def test_all_is_told_once_and_in_order_per_message(
    make_teller: Any, make_customer: Any
) -> None:
    teller, customer = await make_teller(), await make_customer()
    await asyncio.gather(*(teller.tell(customer.origin, n, *STATES) for n in range(30)))
    await teller.until_ended()
    assert_in_order(customer, 30)
    assert len(customer.told) == 90
    assert teller.metrics.callbacks["delivered"] == 90
    row = (await teller.rows())[0]
    assert (row["attempts"], row["answer_status"], row["answer"]) == (1, 200, "ok")
    assert teller.worker.depth() == 0


async def test_failures_keep_the_order_of_their_message_only(
    make_teller: Any, make_customer: Any
) -> None:
    teller, customer = await make_teller(), await make_customer()
    left = {3: 2, 4: 1}

    def answer(message: int, state: int) -> int:
        if left.get(message):
            left[message] -= 1
            return 500
        return 200

    customer.answer = answer
    await asyncio.gather(*(teller.tell(customer.origin, n, *STATES) for n in range(6)))
    await teller.until_ended()
    assert_in_order(customer, 6)
    assert len(customer.told) == 18 + 3


DAY_S = 86_400.0


async def test_a_retry_keeps_its_wait_when_the_clock_is_set_back(
    make_teller: Any, make_customer: Any, until: Any
) -> None:
    """Bug: a callback to be tried again in 30 s waited a day and 30 s."""
    teller, customer = await make_teller(first_s=30.0, longest_s=30.0), await make_customer()
    answers = iter([500])
    customer.answer = lambda message, state: next(answers, 200)
    await teller.tell(customer.origin, 1, State.SENT)

    async def planned() -> bool:
        (row,) = await teller.rows()
        return bool(row["attempts"])

    await until(planned)
    teller.clock.jump(-DAY_S)

    async def moved() -> bool:
        (row,) = await teller.rows()
        return bool(row["next_attempt_ms"] < teller.clock.now_ms() + 60_000)

    await until(moved)
    assert len(customer.told) == 1
    teller.clock.advance(40)
    await teller.until_ended()
    assert len(customer.accepted) == 1


async def test_a_retry_does_not_wait_for_a_clock_that_was_set_back_over_a_restart(
    make_teller: Any, make_customer: Any, until: Any
) -> None:
    teller, customer = await make_teller(first_s=30.0, longest_s=30.0), await make_customer()
    answers = iter([500])
    customer.answer = lambda message, state: next(answers, 200)
    await teller.tell(customer.origin, 1, State.SENT)

    async def planned() -> bool:
        (row,) = await teller.rows()
        return bool(row["attempts"])

    await until(planned)
    await teller.stop()
    clock = MovableClock()
    clock.jump(-DAY_S)
    again = await make_teller(first_s=30.0, longest_s=30.0, clock=clock)
    await again.until_ended()
    assert len(customer.accepted) == 1


async def test_what_is_stored_and_not_announced_yet_is_told_once(
    make_teller: Any, make_customer: Any, until: Any
) -> None:
    """Bug: it was read from its row beside one that came again, and told anew when announced."""
    teller, customer = await make_teller(first_s=30.0, longest_s=30.0), await make_customer()
    answers = iter([500])
    customer.answer = lambda message, state: next(answers, 200)
    await teller.tell(customer.origin, 0, State.SENT)
    await until(lambda: len(customer.told) == 1)
    for n in (1, 2):
        await teller.tell(customer.origin, n, State.SENT, announce=False)
    teller.clock.advance(60)
    await until(lambda: len(customer.accepted) == 1)  # its row has been read back meanwhile
    assert customer.accepted == [(0, State.SENT.value)]
    for new in teller.stored[1:]:
        teller.worker.announce(new)
    await teller.until_ended()
    assert_in_order(customer, 3, (State.SENT,))
    assert len(customer.told) == 4


async def test_an_origin_that_is_down_gets_everything_after_recovery(
    make_teller: Any, make_customer: Any, until: Any
) -> None:
    teller, customer, other = await make_teller(), await make_customer(), await make_customer()
    await customer.stop()
    for n in range(10):
        await teller.tell(customer.origin, n, *STATES)
        await teller.tell(other.origin, n, *STATES)
    await until(lambda: not (len(other.accepted) < 30))
    assert_in_order(other, 10)
    assert customer.accepted == []
    await customer.start()
    await teller.until_ended()
    assert_in_order(customer, 10)


async def test_a_slow_origin_does_not_slow_another(
    make_teller: Any, make_customer: Any, until: Any
) -> None:
    teller, slow, quick = (
        await make_teller(per_lane=2),
        await make_customer(),
        await make_customer(),
    )

    may_answer = asyncio.Event()

    async def late(*_: int) -> int:
        await may_answer.wait()
        return 200

    slow.answer = lambda message, state: late()
    for n in range(20):
        await teller.tell(slow.origin, n, State.DELIVERED)
    await until(lambda: len(slow.told) == 2)
    for n in range(20):
        await teller.tell(quick.origin, n, State.DELIVERED)
    await until(lambda: not (len(quick.accepted) < 20))
    assert slow.accepted == []
    may_answer.set()
    await teller.until_ended()
    assert_in_order(slow, 20, (State.DELIVERED,))


async def test_a_restart_resumes_what_was_waiting(make_teller: Any, make_customer: Any) -> None:
    first, customer = await make_teller(), await make_customer()
    customer.answer = lambda message, state: 503
    for n in range(5):
        await first.tell(customer.origin, n, *STATES)
    await asyncio.sleep(0.1)
    await first.stop()
    customer.answer = lambda message, state: 200
    second = await make_teller()
    assert second.worker.depth() == 15
    await second.until_ended()
    assert_in_order(customer, 5)


async def test_410_and_refused_urls_are_given_up_at_once(
    make_teller: Any, make_customer: Any
) -> None:
    teller, customer = await make_teller(), await make_customer()
    customer.answer = lambda message, state: 410
    await teller.tell(customer.origin, 1, State.SENT)
    await teller.tell("http://10.0.0.1", 2, State.SENT)
    await teller.until_ended()
    rows = await teller.rows()
    assert [row["state"] for row in rows] == [CallbackState.GIVEN_UP] * 2
    assert [row["attempts"] for row in rows] == [1, 1]
    assert [row["answer_status"] for row in rows] == [410, None]
    assert "not a public address" in rows[1]["answer"]
    assert customer.told == [(1, 30)]


async def test_after_a_callback_is_given_up_the_next_of_its_message_goes(
    make_teller: Any, make_customer: Any
) -> None:
    teller, customer = await make_teller(), await make_customer()
    customer.answer = lambda message, state: 410 if state == State.SENT else 200
    await teller.tell(customer.origin, 0, *STATES)
    await teller.until_ended()
    assert customer.told == [(0, state.value) for state in STATES]


async def test_one_too_old_is_given_up(make_teller: Any, make_customer: Any, until: Any) -> None:
    teller, customer = await make_teller(give_up_after_s=60.0), await make_customer()
    customer.answer = lambda message, state: 500
    await teller.tell(customer.origin, 1, State.SENT)
    await until(lambda: len(customer.told) >= 2)
    teller.clock.advance(60)
    await teller.until_ended()
    (row,) = await teller.rows()
    assert row["state"] == CallbackState.GIVEN_UP
    assert row["attempts"] >= 2


async def test_429_leaves_the_whole_origin_alone_for_as_long_as_it_asks(
    make_teller: Any, make_customer: Any, until: Any
) -> None:
    teller, customer = await make_teller(per_lane=1), await make_customer()
    customer.answer = lambda message, state: web.Response(status=429, headers={"Retry-After": "40"})
    await teller.tell(customer.origin, 0, State.SENT)
    await until(lambda: teller.metrics.callbacks["retry"] == 1)
    customer.answer = lambda message, state: 200
    for n in range(1, 4):
        await teller.tell(customer.origin, n, State.SENT)
    teller.clock.advance(20)
    await asyncio.sleep(0.1)
    assert len(customer.told) == 1
    teller.clock.advance(20)
    await teller.until_ended()
    assert len(customer.told) == 5
    assert_in_order(customer, 4, (State.SENT,))


async def test_nothing_is_told_twice_while_its_attempt_is_being_stored(
    make_teller: Any, make_customer: Any, until: Any
) -> None:
    teller, customer = await make_teller(), await make_customer()
    disk = threading.Event()
    wait = Operation(lambda connection, items: [disk.wait(PATIENCE_S)], "wait")

    def answer(message: int, state: int) -> int:
        if state == State.SENT:  # from here on nothing reaches the disk
            teller.storage.writer.write(wait, None)
        return 200

    customer.answer = answer
    await asyncio.gather(*(teller.tell(customer.origin, 0, state) for state in STATES))
    await until(lambda: teller.metrics.callbacks["delivered"] == 1)
    await asyncio.sleep(0.1)
    assert customer.told == [(0, State.SENT)]
    disk.set()
    await teller.until_ended()
    assert customer.told == [(0, state.value) for state in STATES]


async def test_failures_of_one_moment_make_one_pause(
    make_teller: Any, make_customer: Any, until: Any
) -> None:
    """Bug: every call that failed doubled the pause, so one hiccup silenced an origin for long."""
    teller, customer = await make_teller(per_lane=8), await make_customer()
    await customer.stop()
    for n in range(8):
        await teller.tell(customer.origin, n, State.SENT, announce=False)
    for new in teller.stored:
        teller.worker.announce(new)
    lane = teller.worker._lane(1, customer.origin)
    await until(lambda: not (teller.metrics.callbacks["retry"] < 8))
    assert lane.failures <= 2
    await customer.start()
    await teller.until_ended()


async def test_one_that_cannot_be_rendered_does_not_stop_its_origin(
    make_teller: Any, make_customer: Any, until: Any
) -> None:
    """Bug: the callback of a dialect that is not enabled ended the work of its whole origin."""
    teller, customer = await make_teller(per_lane=1), await make_customer()
    await teller.tell(customer.origin, 99, State.SENT, dialect="gone")
    left = [500]  # one that must go through the rows
    customer.answer = lambda message, state: left.pop() if left else 200
    for n in range(3):
        await teller.tell(customer.origin, n, *STATES)
    await until(lambda: not (len(customer.accepted) < 9))
    assert_in_order(customer, 3)

    async def one_left() -> bool:
        states = [row["state"] for row in await teller.rows()]
        return states.count(CallbackState.PENDING) == 1

    await until(one_left)
    assert teller.worker._lane(1, customer.origin).failures == 0


async def test_a_recount_does_not_forget_what_was_announced_meanwhile(
    make_teller: Any, make_customer: Any, until: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bug: the count replaced what had been announced while it ran; a row waited for a restart."""
    teller, customer = await make_teller(first_s=0.3, longest_s=0.3), await make_customer()
    customer.answer = lambda message, state: 500 if message == 0 else 200
    counting, counted = asyncio.Event(), asyncio.Event()
    read = teller.storage.read

    async def slow_read(query: Any) -> Any:
        result = await read(query)
        if isinstance(result, int) and not counting.is_set():
            counting.set()
            await counted.wait()
            return 0  # as of before the new one was stored, and the old one gone
        return result

    monkeypatch.setattr(teller.storage, "read", slow_read)
    await teller.tell(customer.origin, 0, State.SENT)
    async with asyncio.timeout(PATIENCE_S):
        await counting.wait()
    await teller.tell(customer.origin, 1, State.SENT)
    counted.set()
    customer.answer = lambda message, state: 200
    await until(lambda: any(message == 1 for message, _ in customer.accepted))


async def test_one_call_that_hangs_does_not_hold_up_what_waits_in_rows(
    make_teller: Any, make_customer: Any, until: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "MAX_IN_MEMORY", 3)
    monkeypatch.setattr(worker_module, "PAGE", 5)
    teller, customer = await make_teller(per_lane=2), await make_customer()
    may_answer = asyncio.Event()

    async def late() -> int:
        await may_answer.wait()
        return 200

    customer.answer = lambda message, state: 200 if message else late()
    for n in range(20):
        await teller.tell(customer.origin, n, *STATES)
    await until(lambda: len(customer.accepted) == 3 * 19)
    assert customer.told.count((0, STATES[0].value)) == 1
    may_answer.set()
    await teller.until_ended()
    assert_in_order(customer, 20)
    assert len(customer.told) == 60


async def test_more_than_memory_holds_goes_through_rows(
    make_teller: Any, make_customer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "MAX_IN_MEMORY", 3)
    monkeypatch.setattr(worker_module, "PAGE", 5)
    teller, customer = await make_teller(per_lane=2), await make_customer()

    async def slowly(*_: int) -> int:
        await asyncio.sleep(0.002)
        return 200

    customer.answer = lambda message, state: slowly()
    await asyncio.gather(*(teller.tell(customer.origin, n, *STATES) for n in range(20)))
    await teller.until_ended()
    assert_in_order(customer, 20)
    assert len(customer.told) == 60


async def test_nothing_is_told_again_by_a_writer_that_stores_no_more(
    make_teller: Any, make_customer: Any, monkeypatch: pytest.MonkeyPatch, until: Any
) -> None:
    """Bug: rows of a partition that was lost said that it waits, and it was told ever again."""
    monkeypatch.setattr(worker_module, "MAX_IN_MEMORY", 3)
    teller, customer = await make_teller(per_lane=2), await make_customer()

    def answer(message: int, state: int) -> int:
        teller.storage.writer.give_up("another node owns the partition")
        return 200

    for message in range(8):
        await teller.tell(customer.origin, message, State.SENT, announce=False)
    customer.answer = answer
    for new in teller.stored:
        teller.worker.announce(new)
    await until(lambda: len(customer.told) >= 8)
    await asyncio.sleep(0.3)
    assert sorted(customer.told) == [(message, State.SENT) for message in range(8)]


async def test_requests_that_wait_for_the_database_are_made_in_order_and_again(
    make_teller: Any, make_customer: Any
) -> None:
    """SMSGateway24's look up the short ID of a text."""
    failures = iter([StorageUnavailable("away"), None, StorageUnavailable("away")])

    async def looked_up(url: str, facts: CallbackFacts) -> CallbackCall:
        await asyncio.sleep(0)
        if failure := next(failures, None):
            raise failure
        return render(url, facts)

    teller, customer = await make_teller(renderers={"test": looked_up}), await make_customer()
    await asyncio.gather(*(teller.tell(customer.origin, n, *STATES) for n in range(5)))
    await teller.until_ended()
    assert_in_order(customer, 5)
    assert len(customer.told) == 15
