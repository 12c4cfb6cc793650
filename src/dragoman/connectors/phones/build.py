"""Makes a carrier of phones of its table in the configuration."""

from __future__ import annotations

from dragoman.config.tables import PhonesTable
from dragoman.connectors.phones.carrier import PhonesCarrier
from dragoman.connectors.phones.settings import Choice, PhonesSettings
from dragoman.core.delivery.model.ports import CarrierEvents
from dragoman.core.delivery.resources import Resources
from dragoman.kit.clock import Clock


def build_phones_carrier(
    carrier: PhonesTable, sink: CarrierEvents, clock: Clock, resources: Resources
) -> PhonesCarrier:
    """Builds the connector; its phones call it."""
    return PhonesCarrier(
        settings_of(carrier),
        sink,
        devices=resources.devices,
        rows=resources.assignments,
        ids=resources.ids,
        clock=clock,
    )


def settings_of(carrier: PhonesTable) -> PhonesSettings:
    """Translates what an operator wrote."""
    return PhonesSettings(
        name=carrier.name,
        choice=Choice(carrier.choice),
        shared=carrier.shared,
        in_flight=carrier.in_flight,
        present_s=carrier.present_s,
        fetched_life_s=carrier.fetched_life_s,
        clock_margin_s=carrier.clock_margin_s,
        hold=carrier.on_unknown == "hold",
        processed_life_s=carrier.processed_life_s,
    )
