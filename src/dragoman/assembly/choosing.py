"""What decides which carrier a message takes: routes, prices, quality, quotas, senders."""

from __future__ import annotations

from typing import NamedTuple
from zoneinfo import ZoneInfo

from dragoman.config import Settings
from dragoman.config.route_files import load_costs, load_networks
from dragoman.core.billing.model.costs import Costs
from dragoman.core.delivery.price_lists import PriceLists
from dragoman.core.delivery.quality import Quality
from dragoman.core.delivery.quotas import Quotas
from dragoman.core.delivery.selection import Selection
from dragoman.core.delivery.sender_rules import SenderRules
from dragoman.core.messages.model.routing import Router
from dragoman.kit.clock import Clock
from dragoman.storage.engine import Storage


class Choice(NamedTuple):
    """What choosing consists of."""

    router: Router
    costs: Costs
    price_lists: PriceLists
    quality: Quality
    quotas: Quotas
    sender_rules: SenderRules
    selection: Selection


def build_choice(
    *, settings: Settings, storage: Storage, clock: Clock, reads_files: bool
) -> Choice:
    """Builds them; without `reads_files` the price lists of files are not read."""
    router = Router(
        settings.routes_for_router(),
        networks=load_networks(settings),
        zone=ZoneInfo(settings.routing.time_zone),
    )
    costs = Costs()
    price_lists = PriceLists(
        storage=storage,
        clock=clock,
        costs=costs,
        in_files=frozenset(table.carrier for table in settings.price_lists),
        files=load_costs(settings) if reads_files else {},
    )
    quality = Quality(clock)
    quotas = Quotas(clock, settings.quotas_of_carriers())
    sender_rules = SenderRules(
        settings.rules_for_senders(), enforced=settings.routing.enforce_sender_rules
    )
    selection = Selection(
        costs=costs,
        quality=quality,
        quotas=quotas,
        senders=sender_rules,
        clock=clock,
    )
    return Choice(router, costs, price_lists, quality, quotas, sender_rules, selection)
