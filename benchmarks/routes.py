"""R: what finding a route, a price and a carrier costs a message, without anything around it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from dragoman.core.billing.model.costs import Cost, CostList, Costs
from dragoman.core.billing.model.pricing import Price, PriceList
from dragoman.core.delivery.quality import Quality
from dragoman.core.delivery.quotas import Quotas
from dragoman.core.delivery.selection import Destination, Selection
from dragoman.core.delivery.sender_rules import SenderRules
from dragoman.core.messages.model.conditions import Conditions
from dragoman.core.messages.model.routing import Preference, Route, Router
from dragoman.core.model.phone_numbers import MOBILE_COUNTRY_CODES
from dragoman.kit.clock import SystemClock

RULES = 500
PRICES = 100_000
COUNTRIES = 500
NUMBERS = 10_000
REPEATS = 5
UP = ("one", "two", "three")
COUNTRY_CODES = tuple(MOBILE_COUNTRY_CODES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One step, the best of several repeats."""

    step: str
    us: float
    """Microseconds a message."""


def run() -> list[Figure]:
    """Measures each step over numbers all over the world."""
    random = Random(16)
    numbers = [_number(random) for _ in range(NUMBERS)]
    plain = Router([Route(name="all", carriers=("one",))])
    simple = Router([_simple(random, index) for index in range(RULES)])
    rules = Router([_rule(random, index) for index in range(RULES)])
    query = rules.query("acme", at_ms=0, sender="Shop", message_type="", tag="", alphabet="gsm7")
    customers = PriceList(Price(prefix=p) for p in _prefixes(random, COUNTRIES))
    selection = Selection(
        costs=Costs({name: _costs(random) for name in ("one", "two", "three")}),
        quality=Quality(SystemClock()),
        quotas=Quotas(SystemClock()),
        senders=SenderRules(),
        clock=SystemClock(),
    )
    route = Route(name="cheap", carriers=("one", "two", "three"), preference=Preference.LEAST_COST)
    chooser = selection.of(route)
    assert chooser is not None
    shares = selection.of(
        Route(
            name="shared",
            carriers=("one", "two", "three"),
            preference=Preference.WEIGHTS,
            weights=(5, 3, 2),
        )
    )
    assert shares is not None

    def to(number: str) -> Destination:
        return Destination(digits=number, country="238", parts=1)

    return [
        _figure("the only route", numbers, lambda n: plain.choose("acme", n)),
        _figure(f"{RULES} routes by prefix", numbers, lambda n: simple.choose("acme", n)),
        _figure(
            f"{RULES} routes with conditions",
            numbers,
            lambda n: rules.choose("acme", n, query=query.to(n, 1)),
        ),
        _figure(f"{COUNTRIES} prices for customers", numbers, customers.price_of),
        _figure(
            f"least cost of 3 carriers, {PRICES:,} prices",
            numbers,
            lambda n: chooser.choose(1, to(n), UP),
        ),
        _figure("weights of 3 carriers", numbers, lambda n: shares.choose(1, to(n), UP)),
        _figure(
            "route with conditions, price, least cost",
            numbers,
            lambda n: (
                rules.choose("acme", n, query=query.to(n, 1)),
                customers.price_of(n),
                chooser.choose(1, to(n), UP),
            ),
        ),
    ]


def _figure(step: str, numbers: list[str], work: Callable[[str], Any]) -> Figure:
    best = float("inf")
    for _ in range(REPEATS):
        began = time.process_time()
        for number in numbers:
            work(number)
        best = min(best, time.process_time() - began)
    return Figure(step=step, us=best / len(numbers) * 1e6)


def _number(random: Random) -> str:
    code = random.choice(COUNTRY_CODES)
    return code + "".join(random.choices("0123456789", k=11 - len(code)))


def _prefixes(random: Random, count: int) -> list[str]:
    found = {""}
    while len(found) < count:
        found.add(_number(random)[: random.randrange(2, 8)])
    return list(found)


def _costs(random: Random) -> CostList:
    return CostList(
        Cost(prefix, random.randrange(1, 100_000)) for prefix in _prefixes(random, PRICES // 3)
    )


def _simple(random: Random, index: int) -> Route:
    """A route by prefix, of all numbers, or of an account."""
    prefixes = (_number(random)[: random.randrange(2, 6)],) if index else ()
    accounts = (f"account-{index}",) if index % 10 == 9 else ()
    return Route(name=f"r{index}", carriers=("one",), prefixes=prefixes, accounts=accounts)


def _rule(random: Random, index: int) -> Route:
    """A route that asks for something, of a kind that takes turns."""
    mcc = random.choice(tuple(MOBILE_COUNTRY_CODES.values()))
    asked = (
        Conditions(countries=frozenset({mcc})),
        Conditions(countries=frozenset({mcc}), senders=frozenset({f"Sender{index}"})),
        Conditions(senders=frozenset({f"Sender{index}"})),
        Conditions(tags=frozenset({f"tag{index}"})),
        Conditions(message_types=frozenset({f"T{index}"}), parts=(2, 9)),
        Conditions(countries=frozenset({mcc}), alphabets=frozenset({"ucs2"})),
    )
    conditions = asked[index % len(asked)] if index else None
    return Route(name=f"r{index}", carriers=("one",), conditions=conditions)
