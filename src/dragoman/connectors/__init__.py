"""The carriers: how each type of carrier in the configuration becomes a connector."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from dragoman.config import Settings
from dragoman.connectors.http.build import build_http_carrier
from dragoman.connectors.mm7.build import build_mm7_carrier
from dragoman.connectors.phones.build import build_phones_carrier
from dragoman.connectors.phones.carrier import PhonesCarrier
from dragoman.connectors.smpp.build import build_smpp_carrier
from dragoman.core.delivery.model.ports import CarrierEvents, Connector
from dragoman.core.delivery.resources import LinkResources, Resources
from dragoman.kit.clock import Clock

__all__ = ["CONNECTORS", "LINKED", "Build", "Resources", "connect_carriers", "phones_of"]

BuildLinked = Callable[[Any, CarrierEvents, Clock, LinkResources], Connector]
Build = Callable[[Any, CarrierEvents, Clock, Resources], Connector]
"""Takes the carrier's table, of the type that the name stands for."""

LINKED: Final = MappingProxyType[str, BuildLinked](
    {
        "smpp": lambda carrier, sink, clock, resources: build_smpp_carrier(
            carrier, sink, clock, resources.may_send
        ),
        "mm7": lambda carrier, sink, clock, resources: build_mm7_carrier(
            carrier, sink, clock, resources.attachments, resources.may_send
        ),
        "http": lambda carrier, sink, clock, resources: build_http_carrier(
            carrier, sink, clock, resources.unreported, resources.may_send
        ),
    }
)
"""One line for each type of carrier that we call: who has its links sends for everybody."""
CONNECTORS: Final = MappingProxyType[str, Build]({**LINKED, "phones": build_phones_carrier})
"""Every type; phones call us, and belong to accounts."""


def connect_carriers(
    settings: Settings, sink: CarrierEvents, clock: Clock, resources: Resources
) -> dict[str, Connector]:
    """The connectors of the configured carriers, by name; none is started."""
    return {
        carrier.name: CONNECTORS[carrier.type](carrier, sink, clock, resources)
        for carrier in settings.carriers
    }


class _Phones(Mapping[str, PhonesCarrier]):
    def __init__(self, connectors: Mapping[str, Connector]) -> None:
        self._connectors = connectors

    def __getitem__(self, name: str) -> PhonesCarrier:
        connector = self._connectors[name]
        if not isinstance(connector, PhonesCarrier):
            raise KeyError(name)
        return connector

    def __iter__(self) -> Iterator[str]:
        return (
            name
            for name, connector in self._connectors.items()
            if isinstance(connector, PhonesCarrier)
        )

    def __len__(self) -> int:
        return sum(1 for _ in self)


def phones_of(connectors: Mapping[str, Connector]) -> Mapping[str, PhonesCarrier]:
    """The carriers that are phones, by name; of those that there are at the time."""
    return _Phones(connectors)
