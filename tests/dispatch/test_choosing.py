"""Routes that choose a carrier for each message: shares, cost, limits, and what waits moves on."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from tests.passing_time import MovableClock, until

from dragoman.config.tables import RouteTable
from dragoman.core.billing.model.costs import Cost, CostList
from dragoman.core.delivery import backlog as backlog_module
from dragoman.core.delivery import choosing as choosing_module
from dragoman.core.delivery import quality as quality_module
from dragoman.core.delivery.model.quotas import Quota
from dragoman.core.delivery.quality import MIN_RESULTS, TESTS
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.routing import Preference
from dragoman.core.messages.sql import changes
from dragoman.protocols.smpp.constants import MessageState
from dragoman.testkit.simulator import Behaviour

S = State


async def send(harness: Any, account: Any, count: int, *, first: int = 4520000000) -> None:
    """Sends once every carrier is up: only those take part."""
    await until(lambda: all(carrier.up for carrier in harness.carriers.values()))
    for number in range(first, first + count):
        await harness.submit(account, str(number))


async def until_balance(harness: Any, account: Any, expected: tuple[int, int, int]) -> None:
    """Waits until so many credits are available, held and spent."""

    async def reached() -> bool:
        return bool(await harness.balance(account) == expected)

    await until(reached)


async def carriers_of(harness: Any, account: Any) -> Counter[str | None]:
    return Counter(message.carrier for message in await harness.outbox(account))


@pytest.mark.parametrize(
    ("weights", "expected"), [((70, 30), (70, 30)), ((1, 1), (50, 50)), ((1, 0), (100, 0))]
)
async def test_weights_are_the_shares_of_messages(
    make_harness: Any, make_simulator: Any, weights: Any, expected: Any
) -> None:
    one, two = await make_simulator(), await make_simulator()
    route = RouteTable(
        name="shared", carriers=("one", "two"), choose=Preference.WEIGHTS, weights=weights
    )
    harness = await make_harness(carriers={"one": one.port, "two": two.port}, routes=[route])
    account = await harness.account(credits=100)
    await send(harness, account, 100)
    await harness.until_states(account, S.DELIVERED, count=100)
    assert (one.taken, two.taken) == expected
    assert await harness.balance(account) == (0, 0, 100)


async def test_least_cost_takes_the_cheapest_by_the_longest_prefix(
    make_harness: Any, make_simulator: Any
) -> None:
    one, two = await make_simulator(), await make_simulator()
    route = RouteTable(name="cheap", carriers=("one", "two"), choose=Preference.LEAST_COST)
    harness = await make_harness(carriers={"one": one.port, "two": two.port}, routes=[route])
    harness.selection.costs.replace(
        {
            "one": CostList([Cost("45", 20_000), Cost("46", 20_000)]),
            "two": CostList([Cost("45", 30_000), Cost("4520", 10_000), Cost("46", 30_000)]),
        }
    )
    account = await harness.account(credits=30)
    await send(harness, account, 10, first=4520000000)  # two is cheaper
    await send(harness, account, 8, first=4530000000)  # one
    await send(harness, account, 7, first=46700000000)  # one
    await send(harness, account, 5, first=33600000000)  # nobody has a price: the order decides
    await harness.until_states(account, S.DELIVERED, count=30)
    assert (one.taken, two.taken) == (20, 10)


async def test_what_waits_for_a_carrier_that_goes_down_moves_to_the_next(
    make_harness: Any, make_simulator: Any
) -> None:
    slow, quick = await make_simulator(), await make_simulator()
    slow.answers.shut()
    route = RouteTable(
        name="shared", carriers=("slow", "quick"), choose=Preference.WEIGHTS, weights=(1, 1)
    )
    harness = await make_harness(
        carriers={"slow": slow.port, "quick": quick.port}, routes=[route], window=5
    )
    account = await harness.account(credits=40)
    await send(harness, account, 40)
    await until_balance(harness, account, (0, 20, 20))
    assert quick.taken == 20
    assert harness.dispatcher.waiting("shared") == 15  # 5 are at the slow one
    harness.dispatcher.hold("slow", True)
    await until(lambda: quick.taken == 35)
    slow.answers.open()
    await harness.until_states(account, S.DELIVERED, count=40)
    assert await carriers_of(harness, account) == {"slow": 5, "quick": 35}
    assert await harness.balance(account) == (0, 0, 40)


async def test_messages_of_a_lost_link_go_to_the_next_carrier(
    make_harness: Any, make_simulator: Any
) -> None:
    first, second = await make_simulator(), await make_simulator()
    route = RouteTable(name="cheap", carriers=("first", "second"), choose=Preference.LEAST_COST)
    harness = await make_harness(
        carriers={"first": first.port, "second": second.port}, routes=[route], window=5
    )
    harness.selection.costs.replace(
        {"first": CostList([Cost("45", 1)]), "second": CostList([Cost("45", 2)])}
    )
    first.answers.shut()
    account = await harness.account(credits=30)
    await send(harness, account, 30)
    await until(lambda: harness.dispatcher.waiting("cheap") == 25)
    await first.stop()
    await harness.until_states(account, S.DELIVERED, count=30)
    assert second.taken == 30
    assert await harness.balance(account) == (0, 0, 30)


async def test_a_carrier_gets_no_more_parts_than_its_limit_of_the_day(
    make_harness: Any, make_simulator: Any
) -> None:
    one, two = await make_simulator(), await make_simulator()
    harness = await make_harness(
        carriers={"one": one.port, "two": two.port},
        routes=[RouteTable(name="default", carriers=("one", "two"))],
        prepare=lambda it: it.selection.quotas.replace(
            [Quota(carrier="one", country="238", parts_per_day=4)]
        ),
    )
    account = await harness.account(credits=20)
    await send(harness, account, 10)
    await send(harness, account, 6, first=46700000000)
    await harness.until_states(account, S.DELIVERED, count=16)
    assert (one.taken, two.taken) == (10, 6)
    assert harness.selection.quotas.left("one", "238") == 0


async def test_a_recipient_stays_with_its_carrier(make_harness: Any, make_simulator: Any) -> None:
    one, two = await make_simulator(), await make_simulator()
    route = RouteTable(
        name="talk",
        carriers=("one", "two"),
        choose=Preference.WEIGHTS,
        weights=(1, 1),
        sticky_s=3600,
    )
    harness = await make_harness(carriers={"one": one.port, "two": two.port}, routes=[route])
    account = await harness.account(credits=20)
    for _ in range(5):
        await send(harness, account, 2)
    await harness.until_states(account, S.DELIVERED, count=10)
    by_recipient: dict[str, set[str | None]] = {}
    for message in await harness.outbox(account):
        by_recipient.setdefault(message.recipient, set()).add(message.carrier)
    assert {len(carriers) for carriers in by_recipient.values()} == {1}
    assert (one.taken, two.taken) == (5, 5)
    harness.dispatcher.hold("one", True)
    await send(harness, account, 2)
    await harness.until_states(account, S.DELIVERED, count=12)
    assert (one.taken, two.taken) == (5, 7)


async def test_what_waits_in_a_line_survives_a_crash(
    make_harness: Any, make_simulator: Any
) -> None:
    one, two = await make_simulator(), await make_simulator()
    one.answers.shut()
    two.answers.shut()
    carriers = {"one": one.port, "two": two.port}
    route = RouteTable(name="shared", carriers=("one", "two"), weights=(1, 1))
    first = await make_harness(carriers=carriers, routes=[route], window=2)
    account = await first.account(credits=30)
    await send(first, account, 20)
    await until(lambda: first.dispatcher.waiting("shared") == 16)
    await first.crash()
    one.answers.open()
    two.answers.open()
    second = await make_harness(carriers=carriers, routes=[route], window=2)
    await second.until_states(account, S.DELIVERED, count=20)
    assert await second.balance(account) == (10, 0, 20)
    doubled = [message.possible_duplicate for message in await second.outbox(account)]
    assert sum(doubled) == 4  # those that were at the carriers
    assert one.taken + two.taken == 24


async def test_a_cancelled_message_gives_its_place_of_the_day_back(
    make_harness: Any, make_simulator: Any
) -> None:
    one = await make_simulator()
    one.answers.shut()
    harness = await make_harness(
        carriers={"one": one.port},
        window=1,
        prepare=lambda it: it.selection.quotas.replace([Quota(carrier="one", parts_per_day=3)]),
    )
    account = await harness.account(credits=9)
    await send(harness, account, 3)
    await until(lambda: harness.selection.quotas.left("one", "238") == 0)
    waiting = (await harness.outbox(account))[-1]
    await harness.batches.cancel(account, waiting.batch_id)
    await send(harness, account, 1, first=4530000000)
    one.answers.open()
    await harness.until_states(account, S.DELIVERED, S.DELIVERED, S.CANCELLED, S.DELIVERED)
    assert one.taken == 3


async def test_what_waits_again_for_a_carrier_does_not_count_against_itself(
    make_harness: Any, make_simulator: Any
) -> None:
    one = await make_simulator()
    one.answers.shut()
    harness = await make_harness(
        carriers={"one": one.port},
        window=1,
        prepare=lambda it: it.selection.quotas.replace([Quota(carrier="one", parts_per_day=4)]),
    )
    account = await harness.account(credits=9)
    await send(harness, account, 4)
    await until(lambda: harness.selection.quotas.left("one", "238") == 0)
    harness.dispatcher.hold("one", True)
    await until(lambda: harness.dispatcher.waiting("default") == 0)
    assert harness.selection.quotas.left("one", "238") == 3
    harness.dispatcher.hold("one", False)
    one.answers.open()
    await harness.until_states(account, S.DELIVERED, count=4)


async def test_what_expires_at_its_carriers_door_gives_its_place_of_the_day_back(
    make_harness: Any, make_simulator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bug: it counted on that day and on every day after it."""
    one, clock = await make_simulator(), MovableClock()
    harness = await make_harness(
        carriers={"one": one.port},
        clock=clock,
        prepare=lambda it: it.selection.quotas.replace([Quota(carrier="one", parts_per_day=4)]),
    )
    account = await harness.account(credits=9)
    await until(lambda: harness.carriers["one"].up)
    submit, marks = harness.storage.writer.submit, list[Any]()

    def withhold(operation: Any, *arguments: Any, **more: Any) -> None:
        if operation is changes.mark_sending:
            marks.append((operation, *arguments))
        else:
            submit(operation, *arguments, **more)

    with monkeypatch.context() as slow:
        slow.setattr(harness.storage.writer, "submit", withhold)
        await harness.submit(account, validity_s=60)
        await until(lambda: marks)
        assert harness.selection.quotas.left("one", "238") == 3
        clock.advance(61)
        await harness.deadlines.check()
    for mark in marks:
        submit(*mark)
    await until(lambda: harness.dispatcher.in_flight() == {"one": 0})
    await harness.until_states(account, S.EXPIRED)
    assert harness.selection.quotas.left("one", "238") == 4
    assert not one.taken


async def test_what_moves_to_another_route_gives_its_place_of_the_day_back(
    make_harness: Any, make_simulator: Any
) -> None:
    one, two = await make_simulator(), await make_simulator()
    one.answers.shut()
    routes = [
        RouteTable(
            name="default",
            carriers=("one",),
            prefixes=("45",),
            fallback="other",
            fallback_after_s=0,
        ),
        RouteTable(name="other", carriers=("two",)),
    ]
    harness = await make_harness(
        carriers={"one": one.port, "two": two.port},
        routes=routes,
        window=1,
        prepare=lambda it: it.selection.quotas.replace([Quota(carrier="one", parts_per_day=4)]),
    )
    account = await harness.account(credits=9)
    await send(harness, account, 4)
    await until(lambda: harness.selection.quotas.left("one", "238") == 0)
    harness.dispatcher.hold("one", True)
    await harness.rerouting.check()
    await until(lambda: two.taken == 3)
    one.answers.open()
    await harness.until_states(account, S.DELIVERED, count=4)
    assert harness.selection.quotas.left("one", "238") == 3


async def results(harness: Any, account: Any, count: int) -> None:
    """Waits until the carriers' reports about all messages have come."""

    async def reported() -> bool:
        states = await harness.states(account)
        return len(states) == count and all(state >= S.DELIVERED for state in states)

    await until(reported)


async def test_carrier_below_the_floor_is_left_out_tested_and_comes_back(
    make_harness: Any, make_simulator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = await make_simulator(), await make_simulator()
    bad.default = Behaviour(state=MessageState.UNDELIVERABLE)
    route = RouteTable(
        name="shared", carriers=("bad", "good"), weights=(1, 1), min_delivery_rate=0.5
    )
    harness = await make_harness(carriers={"bad": bad.port, "good": good.port}, routes=[route])
    account = await harness.account(credits=200)
    await send(harness, account, 2 * MIN_RESULTS)
    await results(harness, account, 2 * MIN_RESULTS)
    assert (bad.taken, good.taken) == (MIN_RESULTS, MIN_RESULTS)
    await send(harness, account, 30, first=4530000000)
    await results(harness, account, 70)
    assert (bad.taken, good.taken) == (MIN_RESULTS, MIN_RESULTS + 30)
    assert harness.selection.quality.is_left_out("bad", "238")
    bad.default = Behaviour()
    monkeypatch.setattr(quality_module, "TEST_EVERY_S", 0)  # each message may be a test
    for number in range(TESTS):
        await send(harness, account, 1, first=4540000000 + number)
        await results(harness, account, 71 + number)
    assert bad.taken == MIN_RESULTS + TESTS
    await send(harness, account, 10, first=4550000000)
    await results(harness, account, 80 + TESTS)
    assert not harness.selection.quality.is_left_out("bad", "238")
    assert bad.taken == MIN_RESULTS + TESTS + 5


async def test_quality_takes_the_carrier_that_delivers_more(
    make_harness: Any, make_simulator: Any
) -> None:
    bad, good = await make_simulator(), await make_simulator()
    bad.default = Behaviour(state=MessageState.UNDELIVERABLE)
    route = RouteTable(name="best", carriers=("bad", "good"), choose=Preference.QUALITY)
    harness = await make_harness(carriers={"bad": bad.port, "good": good.port}, routes=[route])
    account = await harness.account(credits=200)
    await send(harness, account, MIN_RESULTS)  # nothing is known: the order decides
    await results(harness, account, MIN_RESULTS)
    await send(harness, account, 30, first=4530000000)
    await results(harness, account, MIN_RESULTS + 30)
    assert (bad.taken, good.taken) == (MIN_RESULTS, 30)


async def test_what_is_above_a_limit_keeps_nobody_from_their_carrier(
    make_harness: Any, make_simulator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thousands above the limit of one country wait in their rows; other countries go on."""
    monkeypatch.setattr(choosing_module, "MAX_NOBODYS", 3)
    monkeypatch.setattr(choosing_module, "MAX_WAITING", 5)
    monkeypatch.setattr(backlog_module, "READ_LATER_S", 0.05)
    one = await make_simulator()
    harness = await make_harness(
        carriers={"one": one.port},
        prepare=lambda it: it.selection.quotas.replace(
            [Quota(carrier="one", country="238", parts_per_day=2)]
        ),
    )
    account = await harness.account(credits=40)
    await send(harness, account, 20)
    await send(harness, account, 5, first=46700000000)
    await until_balance(harness, account, (15, 18, 7))
    assert one.taken == 7
    # All of them are in memory for as long as they are read again, and left once more.
    await until(lambda: len(harness.live) <= 10)
    harness.selection.quotas.replace([Quota(carrier="one", country="238", parts_per_day=20)])
    await harness.until_states(account, S.DELIVERED, count=25)
    assert one.taken == 25
    assert await harness.balance(account) == (15, 0, 25)


async def test_carriers_that_are_all_down_leave_everything_in_its_order(
    make_harness: Any, make_simulator: Any
) -> None:
    one, two = await make_simulator(), await make_simulator()
    one.answers.shut()
    two.answers.shut()
    route = RouteTable(name="shared", carriers=("one", "two"), weights=(1, 1))
    harness = await make_harness(
        carriers={"one": one.port, "two": two.port}, routes=[route], window=1
    )
    account = await harness.account(credits=20)
    await send(harness, account, 10)
    await until(lambda: harness.dispatcher.waiting("shared") == 8)
    for name in ("one", "two"):
        harness.dispatcher.hold(name, True)
    await until(lambda: harness.queue.depth("shared") == 8)
    assert harness.dispatcher.waiting("shared") == 0
    one.answers.open()
    two.answers.open()
    for name in ("one", "two"):
        harness.dispatcher.hold(name, False)
    await harness.until_states(account, S.DELIVERED, count=10)
    for simulator in (one, two):
        numbers = [submit.pdu.destination_addr for submit in simulator.submits]
        assert numbers == sorted(numbers)


async def test_answer_to_a_text_goes_back_over_its_carrier(
    make_harness: Any, make_simulator: Any
) -> None:
    one, two = await make_simulator(), await make_simulator()
    route = RouteTable(name="talk", carriers=("one", "two"), sticky_s=3600)
    harness = await make_harness(
        carriers={"one": one.port, "two": two.port},
        routes=[route],
        numbers={"4511112222": "acme"},
    )
    account = await harness.account(credits=20)
    await send(harness, account, 1)
    await harness.until_states(account, S.DELIVERED)
    await two.send_text("4520000000", "4511112222", "Hello?")
    await until(lambda: harness.selection.last("4520000000", 60) == "two")
    await send(harness, account, 2)
    await harness.until_states(account, S.DELIVERED, count=3)
    assert (one.taken, two.taken) == (2, 1)
