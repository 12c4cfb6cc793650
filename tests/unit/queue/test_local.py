"""The in-process queue: urgent first, accounts in turn, returns before what came later."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.passing_time import PATIENCE_S

from dragoman.work_queue.local import LocalQueue
from dragoman.work_queue.port import Lane, Work


def work(message_id: int, account_id: int = 1, lane: Lane = Lane.SINGLE) -> Work:
    return Work(message_id, account_id, lane.value)


async def queue_of(*works: Work) -> LocalQueue:
    queue = LocalQueue()
    await queue.publish("route", works)
    return queue


def taken(queue: LocalQueue, limit: int = 100) -> list[int]:
    return [one.message_id for one in queue.consume("route", lambda: 0).take(limit)]


async def test_urgent_lanes_go_first() -> None:
    queue = await queue_of(work(1, lane=Lane.BULK), work(2), work(3, lane=Lane.URGENT))
    assert taken(queue) == [3, 2, 1]


async def test_accounts_of_a_lane_take_turns() -> None:
    queue = await queue_of(*(work(n, 1) for n in range(4)), *(work(n, 2) for n in range(10, 12)))
    assert taken(queue) == [0, 10, 1, 11, 2, 3]


async def test_turns_go_on_where_the_last_take_ended() -> None:
    queue = await queue_of(*(work(n, 1) for n in range(4)), work(10, 2))
    assert taken(queue, 1) == [0]
    assert taken(queue, 1) == [10]
    assert taken(queue, 9) == [1, 2, 3]


async def test_what_comes_again_goes_before_what_came_later_and_keeps_its_order() -> None:
    """Bug: several that came again went out in reverse."""
    queue = await queue_of(*(work(n) for n in range(6)))
    consumer = queue.consume("route", lambda: 0)
    first = consumer.take(4)
    for one in first:
        consumer.retry(one, 0)
    assert queue.depth("route") == 6
    assert taken(queue) == [0, 1, 2, 3, 4, 5]


async def test_a_delayed_return_comes_after_its_delay() -> None:
    queue = await queue_of(work(1), work(2))
    consumer = queue.consume("route", lambda: 0)
    (first,) = consumer.take(1)
    consumer.retry(first, 0.02)
    assert taken(queue) == [2]
    async with asyncio.timeout(PATIENCE_S):
        await consumer.wait()
    assert taken(queue) == [1]


async def test_wait_returns_only_while_there_is_something() -> None:
    queue = LocalQueue()
    consumer = queue.consume("route", lambda: 0)
    waiting = asyncio.create_task(consumer.wait())
    await asyncio.sleep(0)
    assert not waiting.done()
    await queue.publish("route", [work(1)])
    async with asyncio.timeout(PATIENCE_S):
        await waiting
    consumer.take(1)
    waiting = asyncio.create_task(consumer.wait())
    await asyncio.sleep(0.01)
    assert not waiting.done()
    waiting.cancel()


async def test_claims_are_bounded_by_demand_of_which_those_that_wait_have_their_part() -> None:
    queue = LocalQueue()
    assert not queue.claim("route", Lane.SINGLE)  # nobody consumes
    queue.consume("route", lambda: 2)
    assert [queue.claim("route", Lane.SINGLE) for _ in range(3)] == [True, True, False]
    queue.release("route")
    assert queue.claim("route", Lane.SINGLE)
    queue.release("route")
    await queue.publish("route", [work(1)])
    assert not queue.claim("route", Lane.SINGLE)
    queue.release("route")
    assert queue.claim("route", Lane.SINGLE)
    await queue.publish("route", [work(2), work(3)])
    queue.release("route")
    assert not queue.claim("route", Lane.SINGLE)


async def test_bulk_leaves_places_and_is_not_ahead_of_claims_for_others() -> None:
    queue = await queue_of(*(work(n, lane=Lane.BULK) for n in range(9)), work(9))
    consumer = queue.consume("route", lambda: 4)
    assert [one.message_id for one in consumer.take(4, 2)] == [9, 0]
    assert consumer.take(4, 0) == []
    assert queue.depth("route") == 8
    assert not queue.claim("route", Lane.BULK)
    assert [queue.claim("route", Lane.URGENT) for _ in range(5)] == [True] * 4 + [False]
    for _ in range(4):
        queue.release("route")
    await queue.publish("route", [work(10), work(11, lane=Lane.URGENT)])
    assert [queue.claim("route", Lane.SINGLE) for _ in range(3)] == [True, True, False]
    assert [one.message_id for one in consumer.take(9, 1)] == [11, 10]
    assert [one.message_id for one in consumer.take(9)] == [1, 2, 3, 4, 5, 6, 7, 8]


async def test_whatever_comes_is_told_of() -> None:
    """Bug: a worker that had found nothing to take was not told of a batch."""
    queue = LocalQueue()
    consumer, event = queue.consume("route", lambda: 4), asyncio.Event()
    consumer.tell(event)
    await queue.publish("route", [work(1, lane=Lane.BULK)])
    assert event.is_set()
    event.clear()
    consumer.retry(work(4, lane=Lane.URGENT), 0)
    assert event.is_set()


async def test_subjects_do_not_mix() -> None:
    queue = await queue_of(work(7))
    await queue.publish("other", [work(3), work(4)])
    assert (queue.depth("route"), queue.depth("other"), queue.depth("none")) == (1, 2, 0)
    assert (queue.oldest("route"), queue.oldest("other"), queue.oldest("none")) == (7, 3, None)


async def test_shares_count_the_items_of_an_account_and_the_accounts() -> None:
    queue = await queue_of(work(1), work(2, lane=Lane.BULK), work(3, 2), work(4, 3))
    assert queue.shares("route", 1) == (2, 3)
    assert queue.shares("route", 9) == (0, 4)
    assert queue.shares("none", 9) == (0, 1)
    assert queue.taken("route") == 0
    taken(queue, 3)
    assert queue.taken("route") == 3


@given(
    items=st.lists(st.tuples(st.integers(1, 4), st.sampled_from(Lane)), max_size=60),
    limits=st.lists(st.integers(0, 7), max_size=40),
    retries=st.sets(st.integers(0, 60)),
)
def test_nothing_is_lost_doubled_or_reordered_within_an_account_and_lane(
    items: list[tuple[int, Lane]], limits: list[int], retries: set[int]
) -> None:
    async def run() -> list[Work]:
        queue = await queue_of(*(work(n, *item) for n, item in enumerate(items)))
        consumer = queue.consume("route", lambda: 0)
        done: list[Work] = []
        again = set(retries)
        for limit in [*limits, 1000, 1000]:
            got = consumer.take(limit)
            assert len(got) <= limit
            back = [one for one in got if one.message_id in again]
            again -= {one.message_id for one in back}
            done += [one for one in got if one not in back]
            for one in back:
                consumer.retry(one, 0)
        assert queue.depth("route") == 0
        return done

    done = asyncio.run(run())
    assert sorted(one.message_id for one in done) == list(range(len(items)))
    if not retries:
        for key in set(items):
            mine = [one.message_id for one in done if (one.account_id, Lane(one.lane)) == key]
            assert mine == sorted(mine)


@pytest.mark.parametrize("order", [(3, 1, 2), (1, 2, 3), (3, 2, 1)])
async def test_returns_are_sorted_whatever_order_they_come_in(order: tuple[int, ...]) -> None:
    queue = await queue_of(*(work(n) for n in range(1, 6)))
    consumer = queue.consume("route", lambda: 0)
    by_id = {one.message_id: one for one in consumer.take(3)}
    for message_id in order:
        consumer.retry(by_id[message_id], 0)
    assert taken(queue) == [1, 2, 3, 4, 5]
