"""Which carriers may take a message, in which order: routes by prefix, account and conditions.

The route is chosen when a message is made, the carrier on it at the moment of sending. Whatever
the number of routes, finding one costs a few look-ups: routes are filed by account, then by prefix,
then by the first value that they ask for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, tzinfo
from enum import StrEnum

import msgspec

from dragoman.core.messages.model.conditions import Conditions, Networks, RouteQuery
from dragoman.core.messages.model.route_table import RouteTable
from dragoman.protocols.gsm.segmentation import PLAIN, Repertoire, in_common


class Preference(StrEnum):
    """Which of a route's carriers takes a message, among those that can."""

    ORDER = "order"
    """The first in the order of the route."""
    WEIGHTS = "weights"
    """Each its share."""
    LEAST_COST = "least_cost"
    """The cheapest by the carriers' price lists."""
    QUALITY = "quality"
    """The one with the best delivery rate of the last hour, then the shortest time."""


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """Carriers for some messages; what is empty asks for nothing."""

    name: str
    carriers: tuple[str, ...]
    """First choice first; the next takes over while those before it are down."""
    prefixes: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    """User names."""
    multimedia: bool = False
    """Whether its carriers take multimedia messages, and only those."""
    named_only: bool = False
    """Whether it takes only messages that name one of its carriers' devices."""
    repertoire: Repertoire = PLAIN
    """What all of its carriers take."""
    conditions: Conditions | None = None
    priority: int = 0
    """A higher one comes first, whatever the others ask for."""
    preference: Preference = Preference.ORDER
    weights: tuple[int, ...] = ()
    """By carrier, with `Preference.WEIGHTS`."""
    sticky_s: float = 0.0
    """How long a recipient stays with the carrier of the last message; 0 for not at all."""
    min_delivery_rate: float = 0.0
    """A carrier that delivers less is left out, and tested from time to time."""
    fallback: str = ""
    """The route that takes over what waits when no carrier of this one can send."""
    fallback_after_s: float = 30.0

    @property
    def chooses(self) -> bool:
        """Whether its carriers are chosen by more than their order."""
        return (
            self.preference is not Preference.ORDER
            or self.sticky_s > 0
            or self.min_delivery_rate > 0
        )


class RouteReason(StrEnum):
    """Why a message takes its route."""

    DEVICE = "device"
    """The customer named a device."""
    MESSAGE_TYPE = "message_type"
    """Its message type has a route of its own."""
    ACCOUNT = "account"
    """The route is for the account."""
    PREFIX = "prefix"
    """The number begins as the route says."""
    CONDITIONS = "conditions"
    """The route asks for what the message is."""
    FALLBACK = "fallback"
    """No carrier of its own route could send."""
    ANY = "any"
    """The route takes every number."""
    CHANGED = "changed"
    """The routes were configured differently when it was accepted."""
    NONE = "none"
    """No route was chosen: it was not to be sent."""


class RouteChoice(msgspec.Struct, frozen=True, kw_only=True):
    """A route, and why it was chosen."""

    route: Route
    reason: RouteReason
    prefix: str = ""
    """The longest of the route's prefixes that the number begins with."""


class Router:
    """Finds the route of a message: by priority, the account's own, the longest prefix, conditions.

    Of routes alike in these, the one with more conditions comes first, then the one written first.
    """

    def __init__(
        self,
        routes: Iterable[Route],
        *,
        networks: Networks | None = None,
        zone: tzinfo = UTC,
    ) -> None:
        self.routes: dict[str, Route] = {}
        """By name; the same object for good, with other routes after `replace`."""
        self.version = 0
        """How often the routes were replaced."""
        self.replace(routes, networks=networks, zone=zone)

    def replace(
        self, routes: Iterable[Route], *, networks: Networks | None = None, zone: tzinfo = UTC
    ) -> None:
        """Takes other routes from here on."""
        self.version += 1
        new = {route.name: route for route in routes}
        self.routes.clear()
        self.routes.update(new)
        self.networks = networks
        self.zone = zone
        self.is_plain = all(route.repertoire == PLAIN for route in new.values())
        """Whether no carrier takes anything but the GSM alphabet in 7 bits."""
        usable = [route for route in new.values() if not route.named_only]
        self.is_conditional = any(route.conditions is not None for route in usable)
        """Whether any route asks for more than number and account."""
        self.uses_tags = any(r.conditions.tags for r in usable if r.conditions is not None)
        """Whether any asks for a tag."""
        self._by_priority = any(route.priority for route in usable)
        self._general: dict[bool, RouteTable[Route]] = {}
        self._by_account: dict[tuple[str, bool], RouteTable[Route]] = {}
        for multimedia in (False, True):
            those = [route for route in usable if route.multimedia is multimedia]
            general = [route for route in those if not route.accounts]
            self._general[multimedia] = RouteTable(general)
            for account in dict.fromkeys(name for route in those for name in route.accounts):
                own = [route for route in those if account in route.accounts]
                self._by_account[account, multimedia] = RouteTable(own)
        texts = [route for route in usable if not route.multimedia]
        self.digits = max((len(p) for route in usable for p in route.prefixes), default=0)
        """How many first digits of a number decide, where no route asks for more than a number."""
        self._only = texts[0] if len(texts) == 1 and _takes_all(texts[0]) else None

    def to_device(self, carrier: str) -> Route | None:
        """The route to the devices of a carrier."""
        route = self.routes.get(name_of_device_route(carrier))
        return route if route is not None and route.named_only else None

    def choose(
        self,
        username: str,
        digits: str,
        *,
        multimedia: bool = False,
        query: RouteQuery | None = None,
    ) -> Route | None:
        """The route for a number sent to by an account; None if no route matches.

        `query` has what else is known of the message; the unknown may be anything.
        """
        if self._only is not None and not multimedia:
            return self._only
        if query is None and self.is_conditional:
            query = self.query(username, digits, multimedia=multimedia)
        if self._by_priority:
            return next(self._search(username, digits, multimedia, query), None)
        own = self._by_account.get((username, multimedia))
        if own is not None and (route := own.find(digits, query)) is not None:
            return route
        return self._general[multimedia].find(digits, query)

    def query(self, username: str, digits: str = "", **known: object) -> RouteQuery:
        """A message to look a route up for, in the time zone and with the networks of the routes.

        `known` are the further arguments of `RouteQuery`.
        """
        return RouteQuery(username, digits, zone=self.zone, networks=self.networks, **known)  # type: ignore[arg-type]

    def repertoire(
        self, username: str, numbers: Iterable[str], query: RouteQuery | None = None
    ) -> Repertoire:
        """What all carriers take that an account's text to some numbers, or to any, may go to."""
        routes = [
            route for number in numbers for route in self._possible(username, number, query)
        ] or [
            route
            for route in self.routes.values()
            if not (route.multimedia or route.named_only)
            and (not route.accounts or username in route.accounts)
        ]
        taken = dict.fromkeys(route.repertoire for route in routes)
        return in_common(taken or (PLAIN,))

    def explain(
        self,
        username: str,
        digits: str,
        *,
        multimedia: bool = False,
        query: RouteQuery | None = None,
    ) -> RouteChoice | None:
        """The result of `choose`, and why."""
        route = self.choose(username, digits, multimedia=multimedia, query=query)
        if route is None:
            return None
        prefix = max((p for p in route.prefixes if digits.startswith(p)), key=len, default="")
        reason = RouteReason.PREFIX if prefix else RouteReason.ANY
        if route.conditions is not None:
            reason = RouteReason.CONDITIONS
        if username in route.accounts:
            reason = RouteReason.ACCOUNT
        return RouteChoice(route=route, reason=reason, prefix=prefix)

    def after(self, route: Route) -> tuple[str, ...]:
        """The routes that take over from a route, one after the other."""
        names: list[str] = []
        while route.fallback and route.fallback not in names and route.fallback in self.routes:
            names.append(route.fallback)
            route = self.routes[route.fallback]
        return tuple(names)

    def matching(self, username: str, digits: str, query: RouteQuery) -> Iterator[Route]:
        """Every route for a text that matches, the first choice first."""
        return self._search(username, digits, False, query)

    def _possible(self, username: str, digits: str, query: RouteQuery | None) -> Iterator[Route]:
        """The routes that a message may take once its text is cut, the likeliest first."""
        if query is not None:
            query = query.to(digits, 0)
        elif self.is_conditional:
            query = self.query(username, digits)
        for route in self._search(username, digits, False, query):
            yield route
            if route.conditions is None or not route.conditions.is_about_text:
                return

    def _search(
        self, username: str, digits: str, multimedia: bool, query: RouteQuery | None
    ) -> Iterator[Route]:
        """Every route that matches, the first choice first."""
        own = self._by_account.get((username, multimedia))
        found = list(own.find_all(digits, query)) if own is not None else []
        found += self._general[multimedia].find_all(digits, query)
        yield from sorted(found, key=_priority_first)


def name_of_device_route(carrier: str) -> str:
    """The name of the route to a carrier's devices, which no operator can use."""
    return f"@{carrier}"


def _priority_first(route: Route) -> int:
    return -route.priority


def _takes_all(route: Route) -> bool:
    return not (route.prefixes or route.accounts or route.conditions)
