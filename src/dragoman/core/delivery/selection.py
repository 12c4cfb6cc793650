"""Which of a route's carriers gets a message, at the moment of sending.

First those that cannot are left out: down, held, at their limit of the day, below the floor of the
route. Of the others the recipient's carrier of last time is taken, where the route is sticky, else
the one that the preference of the route names. The same code explains a choice before sending.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import Final

import msgspec

from dragoman.core.billing.model.costs import Costs
from dragoman.core.delivery.quality import Quality
from dragoman.core.delivery.quotas import Quotas
from dragoman.core.delivery.sender_rules import SenderRules
from dragoman.core.messages.model.routing import Preference, Route
from dragoman.core.model.phone_numbers import mobile_country_code
from dragoman.kit.clock import Clock

MAX_REMEMBERED: Final = 100_000
"""Recipients whose carrier is remembered; those that were quiet longest are forgotten."""


class Obstacle(StrEnum):
    """Why a carrier gets no message of a route now."""

    NONE = ""
    DOWN = "down"
    HELD = "held"
    AT_LIMIT = "at_limit"
    """Its limit of the day is reached."""
    LEFT_OUT = "left_out"
    """It delivers less than the route asks for."""
    SENDER_REFUSED = "sender_refused"
    """Its country takes no such sender over it."""


class Destination(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A message as far as the choice of a carrier depends on it."""

    digits: str
    country: str
    """Mobile country code."""
    parts: int
    sender: str = ""


class Selection:
    """What all routes know of carriers: prices, quality, limits, and who talked to whom."""

    def __init__(
        self,
        *,
        costs: Costs,
        quality: Quality,
        quotas: Quotas,
        senders: SenderRules,
        clock: Clock,
    ) -> None:
        self.costs = costs
        self.quality = quality
        self.quotas = quotas
        self.senders = senders
        self._clock = clock
        self.is_sticky = False
        """Whether any route is."""
        self._running: dict[str, RouteSelection] = {}
        self._last: OrderedDict[int, tuple[str, int]] = OrderedDict()
        """By hash of the recipient: numbers need not be kept for this."""

    def of(self, route: Route) -> RouteSelection | None:
        """The chooser of a route; None where the order alone decides."""
        plain = not route.chooses and not self.senders.is_enforced
        if plain and self.quotas.carriers.isdisjoint(route.carriers):
            return None
        found = self._running[route.name] = RouteSelection(self, route)
        self.is_sticky |= route.sticky_s > 0
        self.quality.is_watched |= (
            route.preference is Preference.QUALITY or route.min_delivery_rate > 0
        )
        return found

    def running(self, route: str) -> RouteSelection | None:
        """The chooser that a route uses; None where the order alone decides."""
        return self._running.get(route)

    def limits_of(self, route: Route) -> tuple[int, ...]:
        """What decides beside the route itself whether it needs a chooser."""
        return (*self.quotas.limits_of(route.carriers), int(self.senders.is_enforced))

    def drop(self, route: str) -> None:
        """Forgets the chooser of a route."""
        self._running.pop(route, None)

    def heard(self, carrier: str, number: str) -> None:
        """A text of a phone arrived over a carrier: an answer to it goes back the same way."""
        if self.is_sticky:
            self.remember(number.removeprefix("+"), carrier)

    def remember(self, digits: str, carrier: str) -> None:
        """Notes that a recipient's conversation goes over a carrier."""
        key = hash(digits)
        self._last[key] = carrier, self._clock.now_ms()
        self._last.move_to_end(key)
        if len(self._last) > MAX_REMEMBERED:
            self._last.popitem(last=False)

    def last(self, digits: str, within_s: float) -> str | None:
        """The carrier of a recipient's conversation, if it is not older than that."""
        carrier, at_ms = self._last.get(hash(digits), (None, 0))
        return carrier if self._clock.now_ms() - at_ms <= within_s * 1000 else None

    def now_ms(self) -> int:
        """The time."""
        return self._clock.now_ms()


class RouteSelection:
    """Chooses among the carriers of one route."""

    def __init__(self, selection: Selection, route: Route) -> None:
        self._all = selection
        self.route = route
        self._rank = _RANKS.get(route.preference)
        weights = route.weights or (1,) * len(route.carriers)
        self._weights = dict(zip(route.carriers, weights, strict=True))
        self._current = dict.fromkeys(route.carriers, 0)
        self._limited = not selection.quotas.carriers.isdisjoint(route.carriers)
        self._asks = self._limited or selection.senders.is_enforced or route.min_delivery_rate > 0
        """Whether a carrier that is available may be unable to take a message."""
        self._is_simple = not self._asks and not route.sticky_s
        """Whether nothing is to be remembered of a choice."""

    def choose(
        self, message_id: int, destination: Destination, available: Sequence[str]
    ) -> str | None:
        """The carrier of a message, which counts as given to it; None if none can take it now.

        `available` are the carriers that are up and not held, in the order of the route.
        """
        if self._is_simple and len(available) > 1 and self._rank is not None:
            return self._rank(self._all, available, destination)
        self.forget(message_id)  # what it was counted for before is no reason against it
        carriers = self._able(destination, available)
        if not carriers:
            return None
        route = self.route
        carrier = self._prefer(carriers, destination, turn=True)
        quality, country = self._all.quality, destination.country
        if route.min_delivery_rate and quality.is_left_out(carrier, country):
            quality.tested(carrier, country)
        if self._limited:
            self._all.quotas.reserve(message_id, carrier, destination.country, destination.parts)
        if route.sticky_s:
            self._all.remember(destination.digits, carrier)
        return carrier

    def forget(self, message_id: int) -> None:
        """A message that was chosen for is not sent so after all."""
        if self._limited:
            self._all.quotas.give_back(message_id)

    def preview(self, destination: Destination, available: Sequence[str]) -> str | None:
        """The carrier that the next such message would get; changes nothing."""
        carriers = self._able(destination, available)
        return self._prefer(carriers, destination, turn=False) if carriers else None

    def _able(self, destination: Destination, available: Sequence[str]) -> Sequence[str]:
        if not self._asks:
            return available
        return [name for name in available if not self.obstacle(name, destination)]

    def refuses(self, destination: Destination) -> bool:
        """Whether no carrier takes a message because of its sender, now or later."""
        senders = self._all.senders
        return senders.is_enforced and all(
            senders.refuses(name, destination.country, destination.sender)
            for name in self.route.carriers
        )

    def obstacle(self, name: str, destination: Destination) -> Obstacle:
        """Why a carrier that is available cannot take a message."""
        if self._limited and not self._all.quotas.allow(
            name, destination.country, destination.parts
        ):
            return Obstacle.AT_LIMIT
        if self._all.senders.refuses(name, destination.country, destination.sender):
            return Obstacle.SENDER_REFUSED
        floor = self.route.min_delivery_rate
        if floor and not self._all.quality.admits(name, destination.country, floor):
            return Obstacle.LEFT_OUT
        return Obstacle.NONE

    def _prefer(self, carriers: Sequence[str], destination: Destination, *, turn: bool) -> str:
        route = self.route
        if route.min_delivery_rate:  # one that is left out and due for a test gets this message
            for name in carriers:
                if self._all.quality.is_left_out(name, destination.country):
                    return name
        if route.sticky_s:
            last = self._all.last(destination.digits, route.sticky_s)
            if last is not None and last in carriers:
                return last
        if route.preference is Preference.WEIGHTS:
            return self._take_turn(carriers) if turn else self._next_turn(carriers)
        if self._rank is None or len(carriers) == 1:
            return carriers[0]
        return self._rank(self._all, carriers, destination)

    def _next_turn(self, carriers: Sequence[str]) -> str:
        return max(carriers, key=lambda name: self._current[name] + self._weights[name])

    def _take_turn(self, carriers: Sequence[str]) -> str:
        """The next by weight: each gains its weight, the richest pays what all have gained.

        So shares are exact over any stretch of messages, and spread evenly over it.
        """
        current, weights = self._current, self._weights
        if len(carriers) == 1:
            return carriers[0]
        total = 0
        for name in carriers:
            current[name] += weights[name]
            total += weights[name]
        chosen = max(carriers, key=current.__getitem__)
        current[chosen] -= total
        return chosen


def _cheapest(selection: Selection, carriers: Sequence[str], destination: Destination) -> str:
    """A carrier without a price for a number comes after all that have one."""
    costs = selection.costs.costs_of(tuple(carriers), destination.digits, selection.now_ms())
    best, least = 0, None
    for index, cost in enumerate(costs):
        if cost is not None and (least is None or cost < least):
            best, least = index, cost
    return carriers[best]


def _best(selection: Selection, carriers: Sequence[str], destination: Destination) -> str:
    rank, country = selection.quality.rank, destination.country
    return min(carriers, key=lambda name: rank(name, country))


_RANKS: Final[Mapping[Preference, Callable[[Selection, Sequence[str], Destination], str]]] = (
    MappingProxyType({Preference.LEAST_COST: _cheapest, Preference.QUALITY: _best})
)


def destination_of(digits: str, parts: int, sender: str) -> Destination:
    """A recipient, and the parts and sender of its message."""
    country = mobile_country_code(digits)
    return Destination(digits=digits, country=country, parts=parts, sender=sender)
