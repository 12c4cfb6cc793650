"""What a route of the configuration means."""

from __future__ import annotations

from typing import Final

from dragoman.config.tables import RouteTable
from dragoman.core.messages.model.conditions import EVERY_DAY, Conditions, parse_span
from dragoman.core.messages.model.routing import Preference
from dragoman.core.model.countries import mcc_of_region

WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def preference_of(route: RouteTable) -> Preference:
    """How a route chooses; one with weights chooses by them."""
    weighted = route.weights and route.choose is Preference.ORDER
    return Preference.WEIGHTS if weighted else route.choose


def conditions_of(route: RouteTable) -> Conditions | None:
    """What a route asks for beyond number and account; None for nothing."""
    conditions = Conditions(
        countries=frozenset(filter(None, map(mcc_of_region, route.countries))),
        networks=frozenset(route.networks),
        senders=frozenset(route.senders),
        message_types=frozenset(route.message_types),
        tags=frozenset(route.tags),
        alphabets=frozenset(alphabet.value for alphabet in route.alphabets),
        parts=(route.min_parts, route.max_parts),
        hours=tuple(map(parse_span, route.hours)),
        days=frozenset(map(WEEKDAYS.index, route.days)) or EVERY_DAY,
    )
    return conditions if conditions.weight else None
