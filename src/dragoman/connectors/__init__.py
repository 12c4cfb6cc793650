"""The carriers: how each type of carrier in the configuration becomes a connector."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Any, Final

from dragoman.connectors.mm7.build import build_mm7_carrier
from dragoman.connectors.smpp.build import build_smpp_carrier
from dragoman.domain.ports import AttachmentSource, CarrierEvents, Connector
from dragoman.kit.clock import Clock

Build = Callable[[Any, CarrierEvents, Clock, AttachmentSource], Connector]
"""Takes the carrier's table, which is of the type that goes with the name."""

CONNECTORS: Final = MappingProxyType[str, Build](
    {
        "smpp": lambda carrier, sink, clock, _: build_smpp_carrier(carrier, sink, clock),
        "mm7": build_mm7_carrier,
    }
)
"""One line for each type of carrier."""
