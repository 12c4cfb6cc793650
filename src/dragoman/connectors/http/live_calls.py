"""What providers call, of those carriers that there are at the time of a call."""

from __future__ import annotations

from collections.abc import Mapping

from dragoman.connectors.http.callbacks import CarrierCalls, build_callbacks
from dragoman.connectors.http.carrier import HttpCarrier
from dragoman.core.delivery.model.ports import Connector, behind
from dragoman.web.operations import Dialect


def build_calls_of(connectors: Mapping[str, Connector]) -> Dialect:
    """The calls of carriers by name, which may change."""

    def find(name: str) -> CarrierCalls | None:
        carrier = behind(connectors.get(name))
        return carrier.calls if isinstance(carrier, HttpCarrier) else None

    return build_callbacks(find)
