"""The APIs that phones call, one for each protocol."""

from __future__ import annotations

from collections.abc import Mapping

from dragoman.connectors.phones.carrier import PhonesCarrier
from dragoman.connectors.phones.cht import ChtGateway
from dragoman.connectors.phones.intake import Intake
from dragoman.connectors.phones.smsgate.routes import SmsGate
from dragoman.container import Services
from dragoman.core.delivery.model.ports import Connector
from dragoman.web.operations import Dialect


def build_phone_apis(services: Services, carriers: Mapping[str, PhonesCarrier]) -> list[Dialect]:
    """The APIs of all phone protocols, over the carriers of type `phones`."""
    settings = services.settings.devices
    intake = Intake(services.devices, carriers, services.clock)
    smsgate = SmsGate(
        accounts=services.accounts,
        devices=services.devices,
        webhooks=services.webhooks,
        registration=services.device_registration,
        carriers=carriers,
        intake=intake,
        clock=services.clock,
        metrics=services.metrics,
        public_url=settings.public_url,
        ping_interval_s=settings.ping_interval_s,
        settings=services.phone_settings,
    )
    cht = ChtGateway(
        devices=services.devices, carriers=carriers, intake=intake, metrics=services.metrics
    )
    return [smsgate.dialect(), cht.dialect()]


def phones_of(connectors: Mapping[str, Connector]) -> dict[str, PhonesCarrier]:
    """The carriers that are phones, by name."""
    return {
        name: connector
        for name, connector in connectors.items()
        if isinstance(connector, PhonesCarrier)
    }
