"""Which carriers may take a message, in which order: routes by prefix and account.

The route is chosen when a message is accepted, the carrier on it at the moment of sending.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

import msgspec

from dragoman.protocols.gsm.segmentation import PLAIN, Repertoire, in_common


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """An ordered list of carriers for some numbers and accounts; empty means all."""

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
    """Finds the route of a message: the account's own first, then the longest prefix."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self.routes = {route.name: route for route in routes}
        self.is_plain = all(route.repertoire == PLAIN for route in self.routes.values())
        """Whether no carrier takes anything but the GSM alphabet in 7 bits."""
        self._by_account: dict[str, list[Route]] = {}
        self._general: list[Route] = []
        for route in self.routes.values():
            if route.named_only:
                continue
            for account in route.accounts:
                self._by_account.setdefault(account, []).append(route)
            if not route.accounts:
                self._general.append(route)

    def to_device(self, carrier: str) -> Route | None:
        """The route to the devices of a carrier."""
        route = self.routes.get(name_of_device_route(carrier))
        return route if route is not None and route.named_only else None

    def choose(self, username: str, digits: str, *, multimedia: bool = False) -> Route | None:
        """The route for a number sent to by an account; None if no route matches."""
        own = self._by_account.get(username)
        if own is not None and (route := _longest_prefix(own, digits, multimedia)) is not None:
            return route
        return _longest_prefix(self._general, digits, multimedia)

    def repertoire(self, username: str, numbers: Iterable[str]) -> Repertoire:
        """What all carriers take that an account's text to some numbers, or to any, may go to."""
        routes = [self.choose(username, number) for number in numbers] or [
            route
            for route in self.routes.values()
            if not (route.multimedia or route.named_only)
            and (not route.accounts or username in route.accounts)
        ]
        taken = dict.fromkeys(route.repertoire for route in routes if route is not None)
        return in_common(taken or (PLAIN,))

    def explain(
        self, username: str, digits: str, *, multimedia: bool = False
    ) -> RouteChoice | None:
        """The result of `choose`, and why."""
        route = self.choose(username, digits, multimedia=multimedia)
        if route is None:
            return None
        prefix = max((p for p in route.prefixes if digits.startswith(p)), key=len, default="")
        reason = RouteReason.PREFIX if prefix else RouteReason.ANY
        if username in route.accounts:
            reason = RouteReason.ACCOUNT
        return RouteChoice(route=route, reason=reason, prefix=prefix)


def name_of_device_route(carrier: str) -> str:
    """The name of the route to a carrier's devices, which no operator can use."""
    return f"@{carrier}"


def _longest_prefix(routes: list[Route], digits: str, multimedia: bool) -> Route | None:
    best, best_length = None, -1
    for route in routes:
        if route.multimedia is not multimedia:
            continue
        if not route.prefixes:
            length = 0
        else:
            length = max(
                (len(prefix) for prefix in route.prefixes if digits.startswith(prefix)),
                default=-1,
            )
        if length > best_length:
            best, best_length = route, length
    return best
