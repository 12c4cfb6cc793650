"""Builds an SMPP carrier from its table in the configuration."""

from __future__ import annotations

import random
from collections.abc import Callable

import msgspec

from dragoman.config.tables import SmppTable
from dragoman.connectors.smpp.carrier import SmppCarrier
from dragoman.connectors.smpp.profiles import PROFILES, Profile
from dragoman.connectors.smpp.settings import BindMode, CarrierSettings, TlsSettings
from dragoman.core.delivery.model.ports import CarrierEvents
from dragoman.core.delivery.resources import always
from dragoman.kit.backoff import Backoff
from dragoman.kit.clock import Clock
from dragoman.protocols.smpp.addresses import AddressProfile, Numbering
from dragoman.protocols.smpp.session_settings import SessionSettings

_BIND_MODES = {
    "transceiver": BindMode.TRANSCEIVER,
    "transmitter": BindMode.TRANSMITTER,
    "receiver": BindMode.RECEIVER,
}


def build_smpp_carrier(
    carrier: SmppTable, sink: CarrierEvents, clock: Clock, may_send: Callable[[], bool] = always
) -> SmppCarrier:
    """Builds the connector, without connecting."""
    return SmppCarrier(
        settings_of(carrier),
        sink,
        clock=clock.monotonic,
        wall_clock_ms=clock.now_ms,
        random=random.random,
        may_send=may_send,
    )


def settings_of(carrier: SmppTable) -> CarrierSettings:
    """Translates the configuration of a carrier."""
    tls = TlsSettings(
        verify=carrier.tls_verify,
        ca_file=carrier.tls_ca_file,
        server_name=carrier.tls_server_name,
        certificate_file=carrier.tls_certificate_file,
    )
    return CarrierSettings(
        name=carrier.name,
        host=carrier.host,
        port=carrier.port,
        system_id=carrier.system_id,
        password=carrier.password,
        system_type=carrier.system_type,
        addr_ton=carrier.addr_ton,
        addr_npi=carrier.addr_npi,
        address_range=carrier.address_range,
        bind=_BIND_MODES[carrier.bind],
        links=carrier.links,
        receiver_links=carrier.receiver_links,
        rate_per_s=carrier.rate_per_s or None,
        session=SessionSettings(
            silent_while_unbinding=False,
            window=carrier.window,
            response_timeout_s=carrier.response_timeout_s,
            bind_timeout_s=carrier.bind_timeout_s,
            enquire_interval_s=carrier.enquire_interval_s,
            enquire_timeout_s=carrier.enquire_timeout_s,
        ),
        connect_timeout_s=carrier.connect_timeout_s,
        reconnect=Backoff(
            first_s=carrier.reconnect_min_s,
            longest_s=max(carrier.reconnect_min_s, carrier.reconnect_max_s),
        ),
        tls=tls if carrier.tls else None,
        profile=_profile(carrier),
        billing=carrier.premium.terms(),
    )


def _profile(carrier: SmppTable) -> Profile:
    profile = msgspec.structs.replace(
        PROFILES[carrier.profile],
        inbound_0_is_ucs2=carrier.inbound_0_is_ucs2,
        inbound_1_is_gsm=carrier.inbound_1_is_gsm,
    )
    if carrier.id_reading is not None:
        profile = msgspec.structs.replace(profile, id_reading=carrier.id_reading)
    source = _numbering(carrier.source_ton, carrier.source_npi)
    recipient = _numbering(carrier.dest_ton, carrier.dest_npi)
    addresses: AddressProfile = profile.addresses
    if source is not None:
        addresses = msgspec.structs.replace(
            addresses, international=source, alphanumeric=source, short_code=source
        )
    if recipient is not None:
        addresses = msgspec.structs.replace(addresses, recipient=recipient)
    return msgspec.structs.replace(profile, addresses=addresses)


def _numbering(ton: int | None, npi: int | None) -> Numbering | None:
    if ton is None and npi is None:
        return None
    return Numbering(ton or 0, npi or 0)
