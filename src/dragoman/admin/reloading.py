"""Takes a changed configuration while the gateway runs: carriers, routes, prices.

Everything is read and checked first: a file with a mistake changes nothing. Then all of it counts
at once, between two messages. Carriers that did not change keep their links; those that changed or
are gone finish what they have and unbind. What waits on a route that is gone is routed again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Final
from zoneinfo import ZoneInfo

import structlog

from dragoman.assembly.membership import Membership
from dragoman.config import ConfigError, Settings
from dragoman.config.differences import differences, kept_until_restart
from dragoman.config.policies import held_routes, joining_routes, kept_routes, policies_of
from dragoman.config.route_files import load_costs, load_networks
from dragoman.config.tables import CarrierTable, PhonesTable
from dragoman.connectors import CONNECTORS
from dragoman.connectors.phones.carrier import PhonesCarrier
from dragoman.container import Services
from dragoman.core.billing.model.costs import CostList, compare_costs
from dragoman.core.delivery.model.ports import Connector, Custodian, StandsFor
from dragoman.core.delivery.running import Reloaded
from dragoman.core.messages.model.conditions import Networks
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.kit.supervisor import Supervisor

DRAIN_S: Final = 10.0
"""How long a carrier that changed or is gone may finish what it has."""
KEPT_PAGE: Final = 500
"""Messages that a carrier kept and that are loaded at a time."""

Load = Callable[[], Settings]
Connect = Callable[[CarrierTable], Connector]

log = structlog.get_logger(__name__)


def connect_carrier(
    services: Services, table: CarrierTable, member: Membership | None = None
) -> Connector:
    """The connector of a carrier that comes, or changes, while the gateway runs."""
    build = CONNECTORS[table.type] if member is None else member.connect_carrier
    return build(table, services.dispatcher, services.clock, services.resources)


async def resume_kept(services: Services, name: str, connector: Custodian) -> None:
    """Leaves with a carrier the messages that it has from an earlier run, or its earlier life."""
    wanted = await connector.kept()
    for start in range(0, len(wanted), KEPT_PAGE):
        messages = await services.loader.by_ids(wanted[start : start + KEPT_PAGE])
        await services.backlog.series.rejoin(messages, wanted)
        connector.resume(services.dispatcher.resume(name, messages))


class Reloading:
    """Reads the configuration again, and takes it."""

    def __init__(
        self,
        services: Services,
        *,
        load: Load | None,
        connect: Connect,
        supervisor: Supervisor,
    ) -> None:
        """`load` reads and checks the configuration; None where there is no file to read."""
        self._services = services
        self._settings = services.settings
        self._load = load
        self._connect = connect
        self._supervisor = supervisor
        self._busy = asyncio.Lock()

    async def reload(self, *, check: bool) -> Reloaded:
        """What changed, taken unless it is only to be checked; raises `Refused`."""
        if self._load is None:
            detail = "this gateway has no configuration file"
            raise Refused(RefusalCode.NOT_SUPPORTED, "reload", detail)
        async with self._busy:
            old = self._settings
            try:
                new = await asyncio.to_thread(self._load)
                costs = await asyncio.to_thread(load_costs, new)
                networks = await asyncio.to_thread(load_networks, new)
                changed = self._changed_carriers(old, new)
                connectors = {} if check else {c.name: self._connect(c) for c in changed}
            except (ConfigError, OSError, ValueError) as error:
                raise Refused(RefusalCode.INVALID_FIELD, "configuration", str(error)) from None
            listed = await asyncio.to_thread(self._price_lists, costs)
            lines = (*differences(old, new), *listed)
            kept = kept_until_restart(old, new)
            if check:
                return Reloaded(changes=lines, at_restart=kept)
            moved = await self._take(old, new, costs, networks, connectors)
            log.info("reloaded", changes=len(lines), moved=moved)
            return Reloaded(changes=lines, at_restart=kept, applied=True, moved=moved)

    def _price_lists(self, costs: Mapping[str, CostList]) -> tuple[str, ...]:
        """What the lists in files change."""
        before = self._services.price_lists.files
        return tuple(
            f"price list {carrier}: {changes.summary}"
            for carrier, prices in costs.items()
            if (changes := compare_costs(before.get(carrier, ()), prices))
        )

    def _changed_carriers(self, old: Settings, new: Settings) -> tuple[CarrierTable, ...]:
        """Those to be built anew; raises ValueError for what cannot be taken."""
        before = {carrier.name: carrier for carrier in old.carriers}
        after = {carrier.name: carrier for carrier in new.carriers}
        changed = [name for name in before | after if before.get(name) != after.get(name)]
        for name in changed:
            was, will_be = before.get(name), after.get(name)
            if was and will_be and isinstance(was, PhonesTable) != isinstance(will_be, PhonesTable):
                raise ValueError(f"carriers.{name}: phones and other carriers need different names")
        current = self._services.connectors
        return tuple(
            after[name]
            for name in changed
            if name in after
            # Phones that stay take their new settings in place: they have messages.
            and not (name in before and isinstance(after[name], PhonesTable))
            # Whoever has the links of such a carrier changes them.
            and not isinstance(current.get(name), StandsFor)
        )

    async def _take(
        self,
        old: Settings,
        new: Settings,
        costs: Mapping[str, CostList],
        networks: Networks | None,
        connectors: Mapping[str, Connector],
    ) -> int:
        """Takes a configuration; returns the number of messages that changed their route."""
        services, router = self._services, self._services.router
        quotas = services.selection.quotas
        sent = await quotas.read_sent(services.storage) if new.quotas != old.quotas else None
        self._retune(new)
        stopped = self._swap(new, connectors)
        gone = router.routes.keys() - {route.name for route in new.routes_for_router()}
        router.replace(
            new.routes_for_router(), networks=networks, zone=ZoneInfo(new.routing.time_zone)
        )
        services.message_maker.prices.replace(new.prices_for_price_list())
        services.price_lists.take_files(costs)
        quotas.replace(new.quotas_of_carriers())
        services.selection.senders.replace(
            new.rules_for_senders(), enforced=new.routing.enforce_sender_rules
        )
        if sent is not None:
            quotas.count(sent)
        # What a carrier that goes never answered is handled as it always was.
        services.delivery.take_policies(policies_of(old) | policies_of(new))
        services.premium.take_billing(new.billing_of_carriers())
        services.backlog.take_routes(held_routes(new, router), kept_routes(new, router))
        services.backlog.series.take_routes(joining_routes(new, router))
        services.dispatcher.reconfigure(services.connectors, router.routes.values())
        self._settings = new
        # From here on everything is decided by the new configuration.
        await self._start(connectors[name] for name in connectors.keys() - stopped.keys())
        for connector in stopped.values():
            self._supervisor.let_end(connector)
        ends = map(_end, stopped.values())
        for end in await asyncio.gather(*ends, return_exceptions=True):
            if isinstance(end, Exception):
                log.error("carrier_not_stopped", reason=type(end).__name__)
        services.delivery.take_policies(policies_of(new))
        for name in stopped.keys() - connectors.keys():
            services.connectors.pop(name, None)
            services.dispatcher.forget(name)
        # A carrier that changed binds once the old links are gone: many allow no more of them.
        await self._start(connectors[name] for name in connectors.keys() & stopped.keys())
        moved = 0
        for route in sorted(gone):
            moved += await services.rerouting.move_all(route)
        return moved

    async def _start(self, connectors: Iterable[Connector]) -> None:
        for connector in connectors:
            if isinstance(connector, Custodian):
                await resume_kept(self._services, connector.name, connector)
            await connector.start(self._supervisor.spawn_for(connector))

    def _retune(self, new: Settings) -> None:
        """Gives phones the settings of their carrier."""
        for table in new.carriers:
            connector = self._services.connectors.get(table.name)
            if isinstance(table, PhonesTable) and isinstance(connector, PhonesCarrier):
                connector.take_settings(table)
        self._services.devices.carriers = new.silence_of_phones()

    def _swap(self, new: Settings, connectors: Mapping[str, Connector]) -> dict[str, Connector]:
        """Puts new connectors in place; returns those that are to be stopped.

        Phones that go can still be reached by their name: they are to report on what they have.
        """
        current = self._services.connectors
        wanted = {carrier.name for carrier in new.carriers}
        stopped = {
            name: connector
            for name, connector in current.items()
            if name not in wanted or name in connectors
        }
        for name in current.keys() - wanted:
            if not isinstance(current[name], PhonesCarrier):
                del current[name]
        current.update(connectors)
        return stopped


async def _end(connector: Connector) -> None:
    """Has a carrier finish what it has, and be no more."""
    if isinstance(connector, PhonesCarrier):
        await connector.leave(DRAIN_S)
    else:
        await connector.stop(DRAIN_S)
