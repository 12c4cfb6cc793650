"""The carriers: how each type of carrier in the configuration becomes a connector."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Final

from dragoman.config.tables import Carrier
from dragoman.connectors.smpp.build import build_smpp_carrier
from dragoman.domain.ports import CarrierEvents, Connector
from dragoman.kit.clock import Clock

Build = Callable[[Carrier, CarrierEvents, Clock], Connector]

CONNECTORS: Final = MappingProxyType[str, Build]({"smpp": build_smpp_carrier})
"""One line for each type of carrier."""
