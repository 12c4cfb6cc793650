"""Explains the route of a message that is not sent: by the code that routes and chooses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import field

import msgspec

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.billing.model.costs import COSTS_PER_PRICE_UNIT, render_cost
from dragoman.core.billing.model.message_types import MessageType
from dragoman.core.billing.model.pricing import Price, render_price
from dragoman.core.delivery.model.explanations import CarrierPreview, RouteExplanation
from dragoman.core.delivery.model.ports import Connector
from dragoman.core.delivery.model.sender_rules import SenderRule
from dragoman.core.delivery.selection import (
    Destination,
    Obstacle,
    RouteSelection,
    Selection,
    destination_of,
)
from dragoman.core.messages.live import segment
from dragoman.core.messages.model.conditions import Conditions, RouteQuery
from dragoman.core.messages.model.messages import Format
from dragoman.core.messages.model.routing import Route, RouteChoice, Router, RouteReason
from dragoman.core.model.countries import country_name, region_of_mcc
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.phone_numbers import normalise
from dragoman.core.model.use_case import use_case
from dragoman.core.submission.message_maker import MessageMaker

_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@use_case(kw_only=True)
class RouteExplanations:
    """Explains routes; sends and stores nothing."""

    router: Router
    maker: MessageMaker
    selection: Selection
    connectors: Mapping[str, Connector]
    is_held: Callable[[str], bool]
    message_types: Mapping[str, MessageType] = field(default_factory=dict)

    def explain(
        self,
        account: Account,
        to: str,
        *,
        sender: str = "",
        text: str = "",
        tag: str = "",
        message_type: str = "",
        at_ms: int | None = None,
    ) -> RouteExplanation:
        """What a text to a number would do; raises `Refused` for what is no number or type."""
        digits = normalise(to)
        kind = self.message_types.get(message_type)
        if message_type and kind is None:
            raise Refused(RefusalCode.INVALID_FIELD, message_type[:32], "no such message type")
        router = self.router
        query = router.query(
            account.username,
            digits,
            at_ms=self.selection.now_ms() if at_ms is None else at_ms,
            sender=sender or account.default_sender,
            message_type=message_type,
            tag=tag,
        )
        repertoire = router.repertoire(account.username, [digits], query)
        cut = segment(text or "x", Format.AUTO, b"", repertoire=repertoire)
        query.alphabet, query.parts = cut.alphabet.value, cut.count
        query.to(digits, cut.count)
        choice = self._choose(account, digits, query, kind)
        price = self.maker.price_of(digits, kind.credits if kind is not None else 0)
        explanation = RouteExplanation(
            recipient=digits,
            account=account.username,
            country=country_name(query.country),
            mcc=query.country,
            network=query.network,
            alphabet=cut.alphabet.value,
            parts=cut.count,
            credits=price.credits * cut.count,
            price=render_price(price.price * cut.count),
            refusal=self._refusal(account, digits, choice),
        )
        if choice is None:
            return explanation
        route = choice.route
        asked = route.conditions
        return msgspec.structs.replace(
            explanation,
            route=route.name,
            reason=choice.reason.value,
            prefix=choice.prefix,
            conditions=tuple(_describe(asked)) if asked is not None else (),
            preference=route.preference.value,
            carriers=self._carriers(
                route, destination_of(digits, cut.count, query.sender or ""), price
            ),
            others=tuple(
                other.name
                for other in router.matching(account.username, digits, query)
                if other is not route
            ),
        )

    def _choose(
        self, account: Account, digits: str, query: RouteQuery, kind: MessageType | None
    ) -> RouteChoice | None:
        fixed = self.router.routes.get(kind.route) if kind is not None else None
        if fixed is not None:
            return RouteChoice(route=fixed, reason=RouteReason.MESSAGE_TYPE)
        return self.router.explain(account.username, digits, query=query)

    def _refusal(self, account: Account, digits: str, choice: RouteChoice | None) -> str:
        if not account.prefixes.allow(digits):
            return RefusalCode.RECIPIENT_NOT_ALLOWED.value
        return RefusalCode.NO_ROUTE.value if choice is None else ""

    def _carriers(
        self, route: Route, destination: Destination, price: Price
    ) -> tuple[CarrierPreview, ...]:
        selection = RouteSelection(self.selection, route)
        running = self.selection.running(route.name) or selection
        available = [name for name in route.carriers if not self._available(name)]
        chosen = running.preview(destination, available)
        return tuple(
            self._preview(running, name, destination, price, is_chosen=name == chosen)
            for name in route.carriers
        )

    def _preview(
        self,
        running: RouteSelection,
        name: str,
        destination: Destination,
        price: Price,
        *,
        is_chosen: bool,
    ) -> CarrierPreview:
        selection = self.selection
        cost = selection.costs.cost_of(name, destination.digits, selection.now_ms())
        margin = ""
        if cost is not None:
            left = price.price * COSTS_PER_PRICE_UNIT - cost
            margin = render_cost(left * destination.parts)
        figures = selection.quality.figures(name, destination.country)
        rule = selection.senders.rule(name, destination.country, destination.sender)
        return CarrierPreview(
            name=name,
            chosen=is_chosen,
            obstacle=(self._available(name) or running.obstacle(name, destination)).value,
            cost=render_cost(cost) if cost is not None else "",
            margin=margin,
            sender=selection.senders.sender_for(name, destination.country, destination.sender),
            sender_rule=_describe_rule(rule, enforced=selection.senders.is_enforced),
            delivery_rate=figures.delivery_rate,
            delivered_after_s=None
            if figures.delivery_rate is None
            else round(figures.elapsed_ms / 1000, 1),
            left_today=selection.quotas.left(name, destination.country),
        )

    def _available(self, carrier: str) -> Obstacle:
        if self.is_held(carrier):
            return Obstacle.HELD
        connector = self.connectors.get(carrier)
        return Obstacle.NONE if connector is not None and connector.up else Obstacle.DOWN


def describe_conditions(route: Route) -> Iterator[str]:
    """Everything a route asks for as its settings say it."""
    if route.accounts:
        yield f"accounts = {', '.join(route.accounts)}"
    if route.prefixes:
        yield f"prefixes = {', '.join(route.prefixes)}"
    if route.conditions is not None:
        yield from _describe(route.conditions)


def _describe_rule(rule: SenderRule | None, *, enforced: bool) -> str:
    """What a rule does to a sender, why, and who says so."""
    if rule is None:
        return ""
    parts = [f"names are {rule.treatment.value} in {rule.region}"]
    if rule.note:
        parts.append(rule.note)
    if not enforced:
        parts.append("not enforced")
    return ": ".join(parts[:2]) + "".join(f"; {part}" for part in parts[2:])


def _describe(conditions: Conditions) -> Iterator[str]:
    """The conditions of a route as its settings say them."""
    for name, values in (
        ("countries", sorted(map(region_of_mcc, conditions.countries))),
        ("networks", sorted(conditions.networks)),
        ("senders", sorted(conditions.senders)),
        ("message_types", sorted(conditions.message_types)),
        ("tags", sorted(conditions.tags)),
        ("alphabets", sorted(conditions.alphabets)),
    ):
        if values:
            yield f"{name} = {', '.join(values)}"
    fewest, most = conditions.parts
    if fewest > 1:
        yield f"min_parts = {fewest}"
    if most < 255:
        yield f"max_parts = {most}"
    if conditions.hours:
        yield f"hours = {', '.join(str(span) for span in conditions.hours)}"
    if len(conditions.days) < len(_WEEKDAYS):
        yield f"days = {', '.join(_WEEKDAYS[day] for day in sorted(conditions.days))}"
