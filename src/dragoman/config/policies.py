"""What the configuration says about messages that a carrier never answered."""

from __future__ import annotations

from dragoman.config.settings import Settings
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


def kept_routes(settings: Settings, router: Router) -> frozenset[str]:
    """Routes over phones alone."""
    phones = set(settings.carriers_of_phones)
    routes = router.routes.values()
    return frozenset(route.name for route in routes if phones.issuperset(route.carriers))
