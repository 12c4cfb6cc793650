"""Builds a carrier of phones from its table in the configuration."""

from __future__ import annotations

from dragoman.config.tables import PhonesTable
from dragoman.connectors.phones.carrier import PhonesCarrier
from dragoman.core.delivery.model.ports import CarrierEvents
from dragoman.core.delivery.resources import Resources
from dragoman.kit.clock import Clock


def build_phones_carrier(
    carrier: PhonesTable, sink: CarrierEvents, clock: Clock, resources: Resources
) -> PhonesCarrier:
    """Builds the connector; its phones call it."""
    return PhonesCarrier(
        carrier,
        sink,
        devices=resources.devices,
        rows=resources.assignments,
        ids=resources.ids,
        clock=clock,
    )
