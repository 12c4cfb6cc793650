"""What a message would do, told before it is sent, by the code that routes and chooses."""

from __future__ import annotations

from typing import Any

import pytest

from dragoman.config.tables import PriceTable, RouteTable
from dragoman.core.billing.model.costs import Cost, CostList
from dragoman.core.delivery.model.quotas import Quota
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.routing import Preference
from dragoman.core.model.errors import RefusalCode, Refused


async def test_explanation_names_the_rule_the_carriers_and_what_they_cost(
    make_harness: Any, make_simulator: Any, until: Any
) -> None:
    one, two = await make_simulator(), await make_simulator()
    harness = await make_harness(
        carriers={"one": one.port, "two": two.port},
        routes=[
            RouteTable(name="rest", carriers=("one",)),
            RouteTable(
                name="danish-codes",
                carriers=("one", "two"),
                countries=("DK",),
                tags=("otp",),
                choose=Preference.LEAST_COST,
            ),
            RouteTable(name="danish", carriers=("one",), prefixes=("45",)),
        ],
        prices=[PriceTable(prefix="45", credits=2, price="0.05")],
        prepare=lambda it: it.selection.quotas.replace([Quota(carrier="two", parts_per_day=9)]),
    )
    harness.selection.costs.replace(
        {"one": CostList([Cost("45", 30_000)]), "two": CostList([Cost("45", 20_000)])}
    )
    account = await harness.account()
    await until(lambda: all(carrier.up for carrier in harness.carriers.values()))
    explain = harness.route_explanations.explain

    found = explain(account, "+45 20 00 00 00", text="æøå " * 50, tag="otp")
    assert (found.country, found.mcc, found.parts, found.alphabet) == ("Denmark", "238", 2, "gsm7")
    assert (found.route, found.reason) == ("danish-codes", "conditions")
    assert found.conditions == ("countries = DK", "tags = otp")
    assert found.others == ("danish", "rest")
    assert (found.price, found.credits) == ("0.10", 4)
    assert [
        (c.name, c.chosen, c.obstacle, c.cost, c.margin, c.left_today) for c in found.carriers
    ] == [
        ("one", False, "", "0.03", "0.04", None),
        ("two", True, "", "0.02", "0.06", 9),
    ]
    harness.dispatcher.hold("two", True)
    found = explain(account, "4520000000", tag="otp")
    assert [(c.name, c.chosen, c.obstacle) for c in found.carriers] == [
        ("one", True, ""),
        ("two", False, "held"),
    ]
    found = explain(account, "4520000000")
    assert (found.route, found.reason, found.prefix) == ("danish", "prefix", "45")
    assert await harness.states(account) == []
    await harness.submit(account, "4520000000", tag="otp")
    await harness.until_states(account, State.DELIVERED)
    assert one.taken == 1


async def test_explanation_moves_no_turn(make_harness: Any, simulator: Any) -> None:
    harness = await make_harness(
        carriers={"one": simulator.port, "two": simulator.port},
        routes=[RouteTable(name="both", carriers=("one", "two"), weights=(1, 1))],
    )
    account = await harness.account()
    for _ in range(2):
        for _ in range(3):
            harness.route_explanations.explain(account, "4520000000")
        await harness.submit(account)
    await harness.until_states(account, State.DELIVERED, count=2)
    carriers = [message.carrier for message in await harness.outbox(account)]
    assert sorted(carriers) == ["one", "two"]


async def test_explanation_says_what_is_refused(make_harness: Any) -> None:
    harness = await make_harness(start=False, carriers={})
    account = await harness.account()
    found = harness.route_explanations.explain(account, "4520000000")
    assert (found.route, found.refusal) == ("", "no_route")
    for to, more, code in (
        ("12", {}, RefusalCode.INVALID_RECIPIENT),
        ("4520000000", {"message_type": "XX"}, RefusalCode.INVALID_FIELD),
    ):
        with pytest.raises(Refused) as raised:
            harness.route_explanations.explain(account, to, **more)
        assert raised.value.code is code
