"""The carriers: how each type of carrier in the configuration becomes a connector."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Final

from dragoman.config.tables import Carrier
from dragoman.connectors.phones.build import build_phones_carrier
from dragoman.connectors.resources import Resources
from dragoman.connectors.smpp.build import build_smpp_carrier
from dragoman.domain.ports import CarrierEvents, Connector
from dragoman.kit.clock import Clock

__all__ = ["CONNECTORS", "Build", "Resources"]

Build = Callable[[Carrier, CarrierEvents, Clock, Resources], Connector]


def _build_smpp(carrier: Carrier, sink: CarrierEvents, clock: Clock, _: Resources) -> Connector:
    return build_smpp_carrier(carrier, sink, clock)


CONNECTORS: Final = MappingProxyType[str, Build](
    {"phones": build_phones_carrier, "smpp": _build_smpp}
)
"""One line for each type of carrier."""
