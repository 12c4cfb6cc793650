"""What the configuration says about messages that a carrier never answered."""

from __future__ import annotations

from dragoman.config.settings import Settings
from dragoman.config.tables import SmppTable
from dragoman.core.delivery.delivery import OnUnknown
from dragoman.core.messages.model.routing import Router


def policies_of(settings: Settings) -> dict[str, OnUnknown]:
    """What to do with messages that a carrier never answered, by its name."""
    return {
        # What a phone has given to its radio is never sent again.
        c.name: OnUnknown.HOLD if c.name in settings.carriers_of_phones else OnUnknown(c.on_unknown)
        for c in settings.carriers
    }


def held_routes(settings: Settings, router: Router) -> frozenset[str]:
    """Where a message that may have left must not be sent again; phones know what they have."""
    phones, policies = settings.carriers_of_phones, policies_of(settings)
    return frozenset(
        route.name
        for route in router.routes.values()
        if any(policies[name] is OnUnknown.HOLD for name in route.carriers if name not in phones)
    )


def joining_routes(settings: Settings, router: Router) -> frozenset[str]:
    """Where the parts that a customer cut itself wait for one another.

    Carriers over HTTP and phones take whole texts; carriers that are chosen for each message would
    get parts of one text.
    """
    take_parts = {c.name for c in settings.carriers if isinstance(c, SmppTable)}
    limited = {quota.carrier for quota in settings.quotas_of_carriers()}
    senders = settings.routing.enforce_sender_rules
    return frozenset(
        route.name
        for route in router.routes.values()
        if not route.multimedia
        and (
            not take_parts.issuperset(route.carriers)
            or (
                len(route.carriers) > 1
                and (route.chooses or senders or not limited.isdisjoint(route.carriers))
            )
        )
    )


def kept_routes(settings: Settings, router: Router) -> frozenset[str]:
    """Routes over phones alone."""
    phones = set(settings.carriers_of_phones)
    routes = router.routes.values()
    return frozenset(route.name for route in routes if phones.issuperset(route.carriers))
