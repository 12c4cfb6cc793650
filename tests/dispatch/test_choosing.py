"""Routes that choose a carrier for each message: shares, cost, limits, and what waits moves on."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from tests.passing_time import until

from dragoman.config.tables import RouteTable
from dragoman.core.billing.model.costs import Cost, CostList
from dragoman.core.delivery.model.quotas import Quota
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.routing import Preference

S = State


async def send(harness: Any, account: Any, count: int, *, first: int = 4520000000) -> None:
    """Sends once every carrier is up: only those take part."""
    await until(lambda: all(carrier.up for carrier in harness.carriers.values()))
    for number in range(first, first + count):
        await harness.submit(account, str(number))


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
    await until(lambda: quick.taken == 20)
    assert harness.dispatcher.waiting("shared") == 15  # 5 are at the slow one
    assert await harness.balance(account) == (0, 20, 20)
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
