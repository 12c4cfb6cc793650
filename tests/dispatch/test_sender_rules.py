"""Countries' rules for names as senders: told, and applied where the operator says so."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest

from dragoman.config.tables import RouteTable
from dragoman.core.delivery.model.sender_rules import COUNTRY_RULES, SenderRule, Treatment
from dragoman.core.delivery.sender_rules import SenderRules
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.model.countries import mcc_of_region
from dragoman.core.model.errors import RefusalCode, Refused

S = State
ROUTES = [RouteTable(name="all", carriers=("one", "two"))]
OWN = (
    SenderRule(
        region="US", carrier="two", treatment=Treatment.REPLACED, replacement="+12025550100"
    ),
    SenderRule(region="IT", treatment=Treatment.REGISTERED, registered=frozenset({"Shop"})),
    SenderRule(region="IT", carrier="one", treatment=Treatment.REFUSED),
)

CASES = [
    # carrier, MCC, sender, refused, sender given
    ("one", "310", "Shop", True, "Shop"),
    ("two", "310", "Shop", False, "+12025550100"),
    ("two", "310", "+4512345678", False, "+4512345678"),
    ("one", "310", "12345", False, "12345"),
    ("two", "222", "Shop", False, "Shop"),
    ("two", "222", "Other", True, "Other"),
    ("one", "222", "Shop", True, "Shop"),
    ("one", "460", "Shop", False, "Shop"),  # China: the carrier replaces it
    ("one", "238", "Shop", False, "Shop"),
]


@pytest.mark.parametrize(("carrier", "country", "sender", "refused", "given"), CASES)
def test_the_carriers_own_rule_comes_before_the_country(
    carrier: str, country: str, sender: str, refused: bool, given: str
) -> None:
    rules = SenderRules(OWN, enforced=True)
    assert rules.refuses(carrier, country, sender) is refused
    assert rules.sender_for(carrier, country, sender) == given
    told = SenderRules(OWN)
    assert not told.refuses(carrier, country, sender)
    assert told.sender_for(carrier, country, sender) == sender


def test_every_rule_names_a_country_and_its_source() -> None:
    regions = [rule.region for rule in COUNTRY_RULES]
    assert len(set(regions)) == len(regions)
    for rule in COUNTRY_RULES:
        assert mcc_of_region(rule.region)
        assert rule.note
        assert urlsplit(rule.source).scheme == "https"


async def test_rules_decide_on_carriers_senders_and_refusals(
    make_harness: Any, make_simulator: Any
) -> None:
    one, two = await make_simulator(), await make_simulator()
    harness = await make_harness(
        carriers={"one": one.port, "two": two.port},
        routes=ROUTES,
        prepare=lambda it: it.selection.senders.replace(OWN, enforced=True),
    )
    account = await harness.account(credits=10)
    await harness.submit(account, "12125550100", sender="Shop")
    await harness.submit(account, "393331234567", sender="Shop")
    await harness.submit(account, "12125550100", sender="4512345678")
    await harness.until_states(account, S.DELIVERED, count=3)
    assert [(s.pdu.source_addr, s.pdu.destination_addr) for s in two.submits] == [
        ("12025550100", "12125550100"),
        ("Shop", "393331234567"),
    ]
    assert [s.pdu.source_addr for s in one.submits] == ["4512345678"]
    with pytest.raises(Refused) as raised:
        await harness.submit(account, "393331234567", sender="Other")
    assert raised.value.code is RefusalCode.SENDER_NOT_ALLOWED
    assert await harness.balance(account) == (7, 0, 3)


async def test_message_whose_sender_is_refused_later_ends_and_is_refunded(
    make_harness: Any, simulator: Any
) -> None:
    harness = await make_harness(
        carriers={"one": simulator.port},
        prepare=lambda it: it.selection.senders.replace((), enforced=True),
    )
    account = await harness.account(credits=10)
    harness.dispatcher.hold("one", True)
    await harness.submit(account, "4520000000", sender="Shop")
    rule = SenderRule(region="DK", treatment=Treatment.REFUSED)
    harness.selection.senders.replace((rule,), enforced=True)
    harness.dispatcher.hold("one", False)
    await harness.until_states(account, S.REJECTED)
    assert await harness.balance(account) == (10, 0, 0)


async def test_explanation_tells_the_rule(make_harness: Any) -> None:
    harness = await make_harness(
        start=False,
        carriers={"one": 1, "two": 1},
        routes=ROUTES,
        prepare=lambda it: it.selection.senders.replace(OWN, enforced=False),
    )
    account = await harness.account()
    found = harness.route_explanations.explain(account, "12125550100", sender="Shop")
    assert [(carrier.sender, carrier.sender_rule) for carrier in found.carriers] == [
        ("Shop", "names are refused in US: names are not taken; a number is needed; not enforced"),
        ("Shop", "names are replaced in US: not enforced"),
    ]
