"""Makes a carrier of phones of its table in the configuration."""

from __future__ import annotations

from dragoman.config.tables import Carrier
from dragoman.connectors.phones.carrier import PhonesCarrier
from dragoman.connectors.phones.settings import Choice, PhonesSettings
from dragoman.connectors.resources import Resources
from dragoman.domain.ports import CarrierEvents
from dragoman.kit.clock import Clock


def build_phones_carrier(
    carrier: Carrier, sink: CarrierEvents, clock: Clock, resources: Resources
) -> PhonesCarrier:
    """Builds the connector; its phones call it."""
    return PhonesCarrier(
        settings_of(carrier),
        sink,
        devices=resources.devices,
        storage=resources.storage,
        ids=resources.ids,
        clock=clock,
    )


def settings_of(carrier: Carrier) -> PhonesSettings:
    """Translates what an operator wrote."""
    phones = carrier.phones
    return PhonesSettings(
        name=carrier.name,
        choice=Choice(phones.choice),
        shared=phones.shared,
        in_flight=phones.in_flight,
        present_s=phones.present_s,
        fetched_life_s=phones.fetched_life_s,
        clock_margin_s=phones.clock_margin_s,
        hold=carrier.on_unknown == "hold",
        processed_life_s=phones.processed_life_s,
    )
