"""How the carriers become connectors: the gateway gives it, commands without one have none."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from dragoman.config import Settings
from dragoman.core.delivery.model.ports import CarrierEvents, Connector
from dragoman.core.delivery.resources import Resources
from dragoman.kit.clock import Clock

Connect = Callable[[Settings, CarrierEvents, Clock, Resources], Mapping[str, Connector]]
"""Makes the connectors of the configured carriers."""


def connect_nothing(
    _settings: Settings, _sink: CarrierEvents, _clock: Clock, _resources: Resources
) -> Mapping[str, Connector]:
    """A command without a gateway has no carriers."""
    return {}
