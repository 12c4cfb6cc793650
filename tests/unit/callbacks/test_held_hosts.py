"""Hosts that fail: held for one account alone, tried often, and well again at once."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any

import pytest
from aiohttp import web
from tests.unit.callbacks.telling import assert_in_order

from dragoman.core.callbacks import lanes as lanes_module
from dragoman.core.callbacks import worker as worker_module
from dragoman.core.callbacks.lanes import AccountCalls, CallbackLane
from dragoman.core.messages.model.lifecycle import State

ONE, OTHER = 1, 2
"""Accounts."""
MANY = 60
DAY_S = 86_400


@pytest.fixture
def real_pauses(make_teller: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses as they are outside tests, for those that move the clock."""
    for module in (worker_module, lanes_module):
        monkeypatch.setattr(module, "FIRST_PAUSE_S", 1.0)
    monkeypatch.setattr(lanes_module, "LONGEST_PAUSE_S", 9.0)


def asks_for(seconds: int) -> Any:
    """Answers 429 and asks for a wait."""
    return lambda *_: web.Response(status=429, headers={"Retry-After": str(seconds)})


async def hang(*_: int) -> int:
    await asyncio.Event().wait()
    return 200


async def test_a_wait_that_one_account_is_asked_for_is_not_anothers(
    make_teller: Any, make_customer: Any, until: Any
) -> None:
    """Bug: a 429 for one account's URL stopped all accounts' callbacks to the host."""
    teller, customer = await make_teller(), await make_customer()
    throttle = asks_for(3_600)
    customer.answer = lambda message, state: throttle() if message == 0 else 200
    await teller.tell(customer.origin, 0, State.SENT, account_id=ONE)
    await until(lambda: teller.worker.held())
    for n in range(1, 6):
        await teller.tell(customer.origin, n, State.SENT, account_id=OTHER)
    await teller.until_ended(OTHER)
    assert len(customer.accepted) == 5


async def test_urls_of_one_account_that_hang_stop_no_other_account_at_their_host(
    make_teller: Any, make_customer: Any, until: Any
) -> None:
    """Bug: hanging calls took every place at a host, and other accounts' calls waited behind."""
    teller, customer = await make_teller(per_lane=16), await make_customer()
    customer.answer = lambda message, state: hang() if message < MANY else 200
    for n in range(MANY):
        await teller.tell(customer.origin, n, State.SENT, account_id=ONE)
    await until(lambda: len(customer.told) == 16)
    for n in range(MANY, MANY + 5):
        await teller.tell(customer.origin, n, State.SENT, account_id=OTHER)
    await teller.until_ended(OTHER)
    assert len(customer.accepted) == 5


async def test_many_hosts_of_one_account_that_hang_leave_places_for_others(
    make_teller: Any, make_customer: Any, until: Any
) -> None:
    """Bug: they took all calls that may be under way."""
    teller, customer = await make_teller(per_lane=4, concurrency=16), await make_customer()
    customer.answer = lambda message, state: hang() if message < MANY else 200
    for n in range(MANY):
        origin = f"http://host{n}.test:{customer.port}"
        await teller.tell(origin, n, State.SENT, account_id=ONE)
    await until(lambda: len(customer.told) == 8)
    for n in range(MANY, MANY + 20):
        origin = f"http://host{n}.test:{customer.port}"
        await teller.tell(origin, n, State.SENT, account_id=OTHER)
    await teller.until_ended(OTHER)
    assert len(customer.told) == 8 + 20


async def test_lanes_that_wait_for_a_place_are_served_in_turn(
    make_teller: Any, make_customer: Any, until: Any
) -> None:
    teller, customer = await make_teller(per_lane=4, concurrency=2), await make_customer()
    hosts = [f"http://host{n}.test:{customer.port}" for n in range(5)]
    for n in range(50):
        account_id = ONE if n % 3 else OTHER
        await teller.tell(hosts[n % 5], n, State.SENT, State.DELIVERED, account_id=account_id)
    await teller.until_ended()
    assert_in_order(customer, 50, (State.SENT, State.DELIVERED))
    assert not teller.worker._short
    await until(lambda: not teller.worker._lanes)
    assert [calls.under_way for calls in teller.worker._calls.values()] in ([], [0], [0, 0])


async def test_a_server_is_left_alone_no_longer_than_is_configured(
    make_teller: Any, make_customer: Any, until: Any
) -> None:
    """Bug: Retry-After was heeded for as long as three days."""
    teller, customer = await make_teller(max_retry_after_s=30.0), await make_customer()
    customer.answer = asks_for(DAY_S)
    await teller.tell(customer.origin, 0, State.SENT)
    await until(lambda: teller.metrics.callbacks["retry"] == 1)
    customer.answer = lambda message, state: 200
    teller.clock.advance(20)
    await asyncio.sleep(0.1)
    assert len(customer.told) == 1
    teller.clock.advance(11)
    await teller.until_ended()


async def test_a_held_host_says_why_and_when_it_is_tried(
    make_teller: Any, make_customer: Any, until: Any
) -> None:
    teller, customer = await make_teller(), await make_customer()
    customer.answer = asks_for(40)
    for n in range(3):
        await teller.tell(customer.origin, n, State.SENT)
    await until(lambda: teller.worker.held())
    await until(lambda: not teller.worker._calling)
    (held,) = teller.worker.held()
    assert (held.account_id, held.origin, held.waiting) == (ONE, customer.origin, 3)
    assert held.reason == "it answered 429"
    assert 30_000 < held.next_try_ms - teller.clock.now_ms() <= 40_000
    customer.answer = lambda message, state: 200
    teller.clock.advance(41)
    await teller.until_ended()
    assert teller.worker.held() == ()


@pytest.mark.usefixtures("real_pauses")
@pytest.mark.parametrize("status", [502, 500])
async def test_a_host_that_was_away_for_hours_gets_all_at_once_when_it_is_back(
    make_teller: Any, make_customer: Any, until: Any, status: int
) -> None:
    """Bug: what had failed meanwhile waited on, for up to an hour each."""
    teller = await make_teller(first_s=DAY_S, longest_s=DAY_S, give_up_after_s=3.0 * DAY_S)
    customer = await make_customer()
    customer.answer = lambda message, state: status
    for n in range(30):
        await teller.tell(customer.origin, n, State.SENT, State.DELIVERED)
    await until(lambda: teller.worker.held())
    for _ in range(8):
        before = len(customer.told)
        teller.clock.advance(10)
        await until(lambda: len(customer.told) > before)  # noqa: B023
    teller.clock.advance(7_200)
    customer.answer = lambda message, state: 200
    await teller.until_ended()
    assert_in_order(customer, 30, (State.SENT, State.DELIVERED))


def test_a_held_host_is_tried_every_ten_seconds_in_its_first_hour_and_then_every_minute() -> None:
    lane, now, tries = CallbackLane(ONE, "http://a", AccountCalls()), 100.0, [100.0]
    while now < 10_000:
        assert lane.is_failing(None, now)
        lane.hold(now, 0, "no answer")
        now = lane.tried_at = lane.paused_until
        tries.append(now)
    waits = [later - earlier for earlier, later in pairwise(tries)]
    assert waits[:4] == [1.0, 2.0, 4.0, 8.0]
    assert max(wait for wait, at in zip(waits, tries, strict=False) if at < 3_700) < 10
    assert {wait for wait, at in zip(waits, tries, strict=False) if at > 3_710} == {60.0}


def test_an_account_with_very_many_held_hosts_tries_each_less_often() -> None:
    calls, now = AccountCalls(), 100.0
    lanes = [CallbackLane(ONE, f"http://host{n}.test", calls) for n in range(2_000)]
    for lane in lanes:
        assert lane.is_failing(None, now)
        lane.hold(now, 0, "no answer")
    last = lanes[-1]
    assert last.paused_until == now + 100
    for lane in lanes[:-1]:
        lane.answered(lane.paused_until)
    assert calls.held == 1
    last.tried_at = last.paused_until
    last.hold(last.tried_at, 0, "no answer")
    assert last.paused_until == last.tried_at + 2
    last.let_go()
    assert calls.held == 0


async def test_server_errors_about_single_callbacks_hold_nothing(
    make_teller: Any, make_customer: Any, until: Any
) -> None:
    teller = await make_teller(first_s=600.0, longest_s=600.0)
    customer = await make_customer()
    customer.answer = lambda message, state: 500 if message % 2 else 200
    for n in range(40):
        await teller.tell(customer.origin, n, State.SENT)
    await until(lambda: len(customer.told) == 40)
    await until(lambda: not teller.worker._calling)
    assert teller.worker.held() == ()
    assert teller.metrics.callbacks == {"delivered": 20, "retry": 20}


async def test_retry_now_tries_a_held_host_without_a_wait(
    make_teller: Any, make_customer: Any, until: Any
) -> None:
    teller, customer = await make_teller(), await make_customer()
    customer.answer = asks_for(60)
    for n in range(3):
        await teller.tell(customer.origin, n, State.SENT)
    await until(lambda: teller.worker.held())
    await until(lambda: not teller.worker._calling)
    before = len(customer.told)
    customer.answer = lambda message, state: 200
    assert teller.worker.retry_now(OTHER) == []
    assert teller.worker.retry_now(ONE, "elsewhere.test") == []
    assert teller.worker.retry_now(ONE, "127.0.0.1", 2) == [(ONE, customer.origin, 3)]
    await teller.until_ended()
    assert customer.told[before] == (2, State.SENT.value)
    assert_in_order(customer, 3, (State.SENT,))


async def test_retry_now_makes_due_what_would_be_tried_later(
    make_teller: Any, make_customer: Any, until: Any
) -> None:
    teller = await make_teller(first_s=600.0, longest_s=600.0)
    customer = await make_customer()
    customer.answer = lambda message, state: 404
    await teller.tell(customer.origin, 0, State.SENT)
    await until(lambda: teller.metrics.callbacks["retry"] == 1)
    customer.answer = lambda message, state: 200
    assert teller.worker.held() == ()
    assert teller.worker.retry_now(None) == [(ONE, customer.origin, 1)]
    await teller.until_ended()


async def test_one_that_cannot_be_rendered_does_not_keep_a_held_host_busy(
    make_teller: Any, make_customer: Any, until: Any
) -> None:
    teller, customer = await make_teller(), await make_customer()
    customer.answer = lambda message, state: 503
    await teller.tell(customer.origin, 0, State.SENT)
    await until(lambda: teller.worker.held())
    await teller.tell(customer.origin, 1, State.SENT, dialect="gone")
    customer.answer = lambda message, state: 200
    await until(lambda: customer.accepted == [(0, State.SENT.value)])


async def test_an_outage_that_went_over_a_restart_ends_as_any_other(
    make_teller: Any, make_customer: Any, until: Any
) -> None:
    first, customer = await make_teller(), await make_customer()
    await customer.stop()
    for n in range(10):
        await first.tell(customer.origin, n, State.SENT, account_id=n % 2 + 1)
    await until(lambda: len(first.worker.held()) == 2)
    await first.stop()
    second = await make_teller()
    assert second.worker.depth() == 10
    await customer.start()
    await second.until_ended()
    assert_in_order(customer, 10, (State.SENT,))


async def test_what_became_too_old_for_a_held_host_is_given_up_without_a_call_each(
    make_teller: Any, make_customer: Any, until: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bug: a host that never came back was owed ever more, as each call gave up one."""
    monkeypatch.setattr(worker_module, "PAGE", 7)
    teller, customer = await make_teller(give_up_after_s=DAY_S), await make_customer()
    customer.answer = lambda message, state: 503
    for n in range(20):
        await teller.tell(customer.origin, n, State.SENT, State.DELIVERED)
    await until(lambda: teller.worker.held())
    teller.clock.advance(DAY_S)
    before = len(customer.told)
    await teller.tell(customer.origin, 99, State.SENT)
    await until(lambda: teller.metrics.callbacks["give_up"] == 40)
    assert len(customer.told) < before + 20
    customer.answer = lambda message, state: 200
    await teller.until_ended()
    assert customer.accepted == [(99, State.SENT.value)]
    assert teller.worker.depth() == 0
