"""Batches over several routes: a dead or slow carrier holds up only what is for it alone."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from tests.passing_time import MovableClock, until

from dragoman.config.tables import RouteTable
from dragoman.core.delivery import backlog as backlog_module
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.messages import Submission
from dragoman.core.messages.model.routing import Route
from dragoman.core.model.errors import FailureCode, Refused
from dragoman.core.submission import batches as batches_module
from dragoman.core.submission.admission import AT_ONCE
from dragoman.core.submission.pacing import Pacing
from dragoman.work_queue.port import Lane

MAX_QUEUED = 40
CHUNK = 10
ROUTES = (
    RouteTable(name="dead", carriers=("dead",), prefixes=("46",)),
    RouteTable(name="dk", carriers=("smsc",), prefixes=("45", "47")),
)
HELD = 70
"""More batches than were once held in all."""


@pytest.fixture
def small_queues(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog_module, "MAX_QUEUED", MAX_QUEUED)
    monkeypatch.setattr(batches_module, "CHUNK", CHUNK)
    monkeypatch.setattr(batches_module, "STALLED_S", 0.1)


@pytest.fixture
async def harness(make_harness: Any, simulator: Any, small_queues: None) -> Any:
    """A gateway with small queues, one carrier that is up and one that is down."""
    return await make_harness(
        carriers={"dead": 1, "smsc": simulator.port}, routes=ROUTES, inline_recipients=5
    )


def swedish(count: int) -> list[str]:
    return [f"46{70_000_000 + n}" for n in range(count)]


def danish(count: int) -> list[str]:
    return [f"45{20_000_000 + n}" for n in range(count)]


async def until_delivered(harness: Any, account: Any, recipients: Sequence[str]) -> None:
    """Waits until these recipients, and no others, have got their messages."""

    async def delivered() -> bool:
        sent = [m for m in await harness.outbox(account) if m.state is State.DELIVERED]
        return sorted(message.recipient for message in sent) == sorted(recipients)

    await until(delivered)


async def test_a_dead_carrier_holds_up_no_recipients_of_other_routes(harness: Any) -> None:
    """Bug: a chunk waited for room on all its routes, so a batch ended behind a dead one."""
    account = await harness.account()
    mixed = [number for pair in zip(swedish(100), danish(100), strict=True) for number in pair]
    await harness.submit(account, *mixed)
    await until_delivered(harness, account, danish(100))


async def test_recipients_behind_many_of_a_dead_carrier_are_reached(harness: Any) -> None:
    account = await harness.account()
    await harness.submit(account, *swedish(300), *danish(30))
    await until_delivered(harness, account, danish(30))
    assert len(harness.live) <= MAX_QUEUED * backlog_module.BULK_SHARE + CHUNK


async def test_batches_of_one_account_that_are_held_hold_up_no_other_account(harness: Any) -> None:
    """Bug: one account's 64 batches for a dead carrier were all that was taken up."""
    stuck, free = await harness.account("stuck"), await harness.account("free")
    for _ in range(HELD):
        await harness.submit(stuck, *swedish(CHUNK))
    await harness.submit(free, *danish(30))
    await until_delivered(harness, free, danish(30))


async def test_batches_that_are_held_hold_up_no_other_of_their_account(harness: Any) -> None:
    account = await harness.account()
    for _ in range(HELD):
        await harness.submit(account, *swedish(CHUNK))
    await harness.submit(account, *danish(30))
    await until_delivered(harness, account, danish(30))


async def test_what_waited_in_rows_goes_once_its_carrier_is_up(
    harness: Any, make_harness: Any, simulator: Any
) -> None:
    account = await harness.account(credits=400)
    await harness.submit(account, *swedish(150), *danish(30))
    await until_delivered(harness, account, danish(30))
    await harness.stop()
    again = await make_harness(
        carriers={"dead": simulator.port, "smsc": simulator.port}, routes=ROUTES
    )
    await until_delivered(again, account, swedish(150) + danish(30))
    assert len(simulator.submits) == 180
    assert await again.balance(account) == (220, 0, 180)


async def test_what_waited_for_a_held_carrier_goes_once_it_is_enabled(
    make_harness: Any, simulator: Any, small_queues: None
) -> None:
    """All of it but what was refused meanwhile."""
    harness = await make_harness(
        carriers={"dead": simulator.port, "smsc": simulator.port}, routes=ROUTES
    )
    harness.dispatcher.hold("dead", True)
    account = await harness.account(credits=400)
    await harness.submit(account, *swedish(150), *danish(30))
    await until_delivered(harness, account, danish(30))
    refuser = swedish(150)[-1]
    await harness.opt_outs.add(account, refuser)
    harness.dispatcher.hold("dead", False)
    await until_delivered(harness, account, swedish(149) + danish(30))
    (refused,) = [m for m in await harness.outbox(account) if m.recipient == refuser]
    assert (refused.state, refused.failure) == (State.REJECTED, FailureCode.OPTED_OUT)
    assert len(simulator.submits) == 179
    assert await harness.balance(account) == (221, 0, 179)


@pytest.mark.parametrize(
    ("recipients_before", "chunks"),
    [
        pytest.param(0, [10, 10, 10], id="nobody-waits"),
        pytest.param(1, [4, 4, 4, 4, 4, 4, 4, 2], id="somebody-waits"),
        pytest.param(6, [6, 10, 10, 10], id="another-batch"),
    ],
)
async def test_chunks_are_small_while_somebody_waits(
    harness: Any, monkeypatch: pytest.MonkeyPatch, recipients_before: int, chunks: list[int]
) -> None:
    """What is accepted meanwhile is stored behind each of them."""
    stored: list[int] = []
    monkeypatch.setattr(Pacing, "took", lambda self, batch_id, count: stored.append(count))
    monkeypatch.setattr(batches_module, "SMALL_CHUNK", 4)
    monkeypatch.setattr(batches_module, "AWAITED_S", 600.0)
    account = await harness.account()
    before, batch = danish(30 + recipients_before)[30:], danish(30)
    if before:
        await harness.submit(account, *before)
        await until_delivered(harness, account, before)
    await harness.submit(account, *batch)
    await until_delivered(harness, account, before + batch)
    assert stored == chunks


async def test_accounts_share_a_route_that_is_behind(make_harness: Any, small_queues: None) -> None:
    """A campaign in the queue and in rows leaves other accounts their share of both."""
    harness = await make_harness(
        carriers={"dead": 1, "smsc": 1}, routes=ROUTES, inline_recipients=5
    )
    first, second = await harness.account("first"), await harness.account("second")
    await harness.submit(first, *danish(200), *swedish(1))

    async def all_expanded() -> bool:
        return len(await harness.states(first)) == 201

    await until(all_expanded)
    await harness.submit(second, *danish(30))
    await until(lambda: harness.queue.shares("dk", second.account_id)[0] >= CHUNK)
    taken = harness.queue.consume("dk", lambda: 0).take(10)
    assert [work.account_id for work in taken].count(second.account_id) == 5
    assert {work.lane for work in taken} == {Lane.BULK}


async def until_stuck(harness: Any, account: Any) -> int:
    """Waits until all that are left are known to stand still; how many became messages."""
    expansions = harness.services.batches._running
    await until(lambda: any(expansion.ahead == {"dead"} for expansion in expansions))
    return len(await harness.outbox(account))


async def test_recipients_of_routes_that_all_stand_still_stay_in_the_row_of_their_batch(
    harness: Any,
) -> None:
    """Bug: all became rows for a dead carrier, while other routes had traffic."""
    account = await harness.account()
    await harness.submit(account, *swedish(100))
    begun = await until_stuck(harness, account)
    assert begun < 100
    for _ in range(3):
        assert not await harness.services.batches._step()
    assert len(await harness.outbox(account)) == begun


async def test_recipients_that_stand_still_go_by_another_route_once_there_is_one(
    harness: Any,
) -> None:
    account = await harness.account()
    await harness.submit(account, *swedish(100))
    begun = await until_stuck(harness, account)
    harness.services.router.replace(
        [
            Route(name="dead", carriers=("dead",), prefixes=("48",)),
            Route(name="dk", carriers=("smsc",), prefixes=("46",)),
        ]
    )
    await until_delivered(harness, account, swedish(100)[begun:])


async def test_recipients_that_stand_still_expire_in_time(
    make_harness: Any, small_queues: None
) -> None:
    clock = MovableClock()
    harness = await make_harness(
        carriers={"dead": 1}, routes=ROUTES[:1], inline_recipients=5, clock=clock
    )
    account = await harness.account()
    await harness.submit(account, *swedish(100), validity_s=60)
    await until_stuck(harness, account)
    clock.advance(61)

    async def have_expired() -> bool:
        clock.advance(60)  # rows are looked at once a minute
        await harness.services.deadlines.check()
        return await harness.states(account) == [State.EXPIRED] * 100

    await until(have_expired)


async def test_an_account_with_many_batches_does_not_keep_another_from_beginning(
    make_harness: Any,
) -> None:
    """Bug: eight batches that ran at once could all be one account's."""
    harness = await make_harness(carriers={"smsc": 1}, start=False, inline_recipients=5)
    many, one = await harness.account("many"), await harness.account("one")
    for _ in range(2 * batches_module.MAX_RUNNING):
        await harness.submit(many, *danish(CHUNK))
    await harness.submit(one, *danish(CHUNK))
    for _ in range(2):
        await harness.batches._take_up_due()
    running = [expansion.account.username for expansion in harness.batches._running]
    assert running == ["many"] * batches_module.MAX_RUNNING_OF_ACCOUNT + ["one"]


async def test_a_batch_that_was_due_does_not_wait_when_the_clock_is_set_back(
    make_harness: Any, simulator: Any, small_queues: None
) -> None:
    clock, carriers = MovableClock(), {"dead": 1, "smsc": simulator.port}
    harness = await make_harness(carriers=carriers, routes=ROUTES, inline_recipients=5, clock=clock)
    account = await harness.account()
    async with harness.services.batches._turn:  # nothing is taken up meanwhile
        await harness.submit(account, *danish(9))
        clock.jump(-86_400)
    await until_delivered(harness, account, danish(9))
    in_an_hour = clock.now_ms() + 3_600_000  # the clock has shown that before
    await harness.submit(account, "4533333333", due_ms=in_an_hour)
    await harness.submit(account, *danish(18)[9:])
    await until_delivered(harness, account, danish(18))


async def test_a_scheduled_batch_keeps_its_time_when_the_clock_is_set_back_twice(
    make_harness: Any, simulator: Any, small_queues: None
) -> None:
    clock, carriers = MovableClock(), {"dead": 1, "smsc": simulator.port}
    harness = await make_harness(carriers=carriers, routes=ROUTES, inline_recipients=5, clock=clock)
    account = await harness.account()
    steps = harness.services.batches._overdue
    clock.jump(86_400)
    clock.jump(-86_400)
    for number in range(1, 3):
        clock.jump(-86_400)
        await until(lambda number=number: len(steps) == number)
        await harness.submit(account, "4533333333", due_ms=clock.now_ms() + 3_600_000)
    await harness.submit(account, *danish(9))
    await until_delivered(harness, account, danish(9))


async def test_others_have_their_turn_while_a_long_list_is_checked(make_harness: Any) -> None:
    """Bug: 50,000 numbers of one request stood in the way of all others for a quarter second."""
    harness = await make_harness(carriers={"smsc": 1}, start=False)
    account = await harness.account()
    many = danish(20 * AT_ONCE)

    async def decide(*recipients: str) -> tuple[Any, int]:
        """The decision about a request, and how often others had their turn meanwhile."""
        request = Submission(
            dialect="test",
            recipients=recipients,
            text="hello",
            sender="Dragoman",
            allow_any_sender=True,
        )
        deciding = asyncio.ensure_future(harness.submission.decide(account, request))
        turns = 0
        while not deciding.done():
            await asyncio.sleep(0)
            turns += 1
        return await deciding, turns

    _, turns_of_few = await decide(*many[:AT_ONCE])
    decision, turns = await decide(*many, *many[:AT_ONCE])
    assert turns >= turns_of_few + 40  # the numbers, then their tariffs
    assert decision.new.batch.recipients == len(many)
    with pytest.raises(Refused):
        await decide(*many, "+45")
