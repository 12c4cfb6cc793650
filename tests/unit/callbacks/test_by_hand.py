"""What people do about callbacks: making them again, pausing a host, trying a URL."""

from __future__ import annotations

from typing import Any

import pytest

from dragoman.core.callbacks.callback_lists import CallbackLists
from dragoman.core.callbacks.model.callback_lists import CallbackFilter
from dragoman.core.messages.model.callbacks import CallbackFacts
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.model.errors import Refused

FACTS = CallbackFacts(
    message_id=7, batch_id=7, state=State.DELIVERED, at_ms=0, recipient="45", sender="x"
)


def lists_of(teller: Any) -> CallbackLists:
    lists = CallbackLists(storage=teller.storage, clock=teller.clock)
    lists.replayed.subscribe(teller.worker.replayed)
    lists.paused.subscribe(teller.worker.pause)
    lists.unpaused.subscribe(teller.worker.unpause)
    return lists


async def test_callbacks_that_ended_are_made_again(make_teller: Any, make_customer: Any) -> None:
    teller, customer = await make_teller(), await make_customer()
    for message in range(3):
        await teller.tell(customer.origin, message, State.DELIVERED)
    await teller.until_ended()
    lists = lists_of(teller)
    ids = tuple(new.callback_id for new in teller.stored)
    assert await lists.replay((1,), ids[:2]) == 2
    assert await lists.replay((2,), ids) == 0  # of another account
    await teller.until_ended()
    assert sorted(customer.accepted) == [(0, 40), (0, 40), (1, 40), (1, 40), (2, 40)]
    details = await lists.find((1,), ids[0])
    assert [call.answer_status for call in details.calls] == [200, 200]
    assert details.callback.attempts == 2
    assert teller.worker.depth() == 0


async def test_what_was_given_up_is_made_again_for_a_whole_host(
    make_teller: Any, make_customer: Any
) -> None:
    teller, customer = await make_teller(), await make_customer()
    customer.answer = lambda message, state: 410 if message < 2 else 200
    for message in range(3):
        await teller.tell(customer.origin, message, State.DELIVERED)
    await teller.until_ended()
    customer.answer = lambda message, state: 200
    lists = lists_of(teller)
    assert await lists.replay_host(1, customer.origin) == 2
    await teller.until_ended()
    assert sorted(customer.accepted) == [(0, 40), (1, 40), (2, 40)]
    assert await lists.replay_host(1, customer.origin) == 0


async def test_callback_made_again_by_a_gateway_that_died_is_called_by_the_next(
    make_teller: Any, make_customer: Any
) -> None:
    teller, customer = await make_teller(), await make_customer()
    await teller.tell(customer.origin, 1, State.DELIVERED)
    await teller.until_ended()
    deaf = CallbackLists(storage=teller.storage, clock=teller.clock)  # no worker hears of it
    assert await deaf.replay((1,), (teller.stored[0].callback_id,)) == 1
    await teller.stop()
    another = await make_teller()
    await another.until_ended()
    assert customer.accepted == [(1, 40), (1, 40)]


async def test_paused_host_is_not_called_until_it_is_resumed(
    make_teller: Any, make_customer: Any
) -> None:
    teller, customer = await make_teller(), await make_customer()
    free = await make_customer()
    lists = lists_of(teller)
    await lists.pause(1, customer.origin)
    await teller.tell(customer.origin, 1, State.DELIVERED)
    await teller.tell(customer.origin, 1, State.DELIVERED, account_id=2)
    await teller.tell(free.origin, 2, State.DELIVERED)
    await teller.until_ended(2)  # others go on
    await teller.until(lambda: _told(free, 1))
    assert teller.worker.retry_now(1, customer.origin) == []
    (host,) = teller.worker.hosts()
    assert (host.account_id, host.origin, host.waiting) == (1, customer.origin, 1)
    assert (host.is_paused, host.next_try_ms, host.since_ms is not None) == (True, None, True)
    await teller.stop()
    another = await make_teller()  # it is still paused
    await another.tell(free.origin, 3, State.DELIVERED)
    await another.until(lambda: _told(free, 2))
    assert len(customer.told) == 1
    await lists_of(another).unpause(1, customer.origin)
    await another.until_ended()
    assert len(customer.told) == 2
    assert another.worker.hosts() == ()


async def _told(customer: Any, number: int) -> bool:
    return len(customer.told) == number


async def test_host_that_fails_is_shown_with_its_next_try(
    make_teller: Any, make_customer: Any
) -> None:
    teller, customer = await make_teller(), await make_customer()
    customer.answer = lambda message, state: 503
    await teller.tell(customer.origin, 1, State.DELIVERED)

    async def fails() -> bool:
        return any(host.reason for host in teller.worker.hosts())

    await teller.until(fails)
    (host,) = teller.worker.hosts()
    assert host.reason == "it answered 503"
    assert host.next_try_ms is not None
    assert host.next_try_ms >= teller.clock.now_ms() - 1_000
    customer.answer = lambda message, state: 200
    await teller.until_ended()


async def test_url_is_tried_once_and_nothing_is_stored(
    make_teller: Any, make_customer: Any
) -> None:
    teller, customer = await make_teller(), await make_customer()

    async def test(dialect: str, url: str) -> Any:
        return await teller.calls.test(dialect, url, FACTS)

    tested = await test("test", customer.origin)
    assert (tested.status, tested.answer) == (200, "ok")
    customer.answer = lambda message, state: 500
    assert (await test("test", customer.origin)).status == 500
    tested = await test("test", "http://10.0.0.1/")
    assert tested.status is None  # a private network
    with pytest.raises(Refused):
        await test("gone", customer.origin)
    assert await teller.rows() == []
    assert len(customer.told) == 2


async def test_lists_go_by_key(make_teller: Any, make_customer: Any) -> None:
    teller, customer = await make_teller(), await make_customer()
    for message in range(5):
        await teller.tell(customer.origin, message, State.DELIVERED)
    await teller.until_ended()
    lists = lists_of(teller)
    wanted = CallbackFilter(account_ids=(1,), origin=customer.origin, state=1)
    found: list[int] = []
    before: int | None = None
    while True:
        page = await lists.page(wanted, before, 2)
        found += [one.callback_id for one in page.callbacks]
        if (before := page.before) is None:
            break
    assert found == [new.callback_id for new in reversed(teller.stored)]
