"""The settings of one SMPP carrier; the defaults are in `config/tables.py`."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

from dragoman.connectors.smpp.profiles import Profile
from dragoman.core.messages.model.premium import BillingTerms
from dragoman.kit.backoff import Backoff
from dragoman.protocols.smpp.session_settings import SessionSettings

UNACKNOWLEDGED: Final = 1_000


class BindMode(StrEnum):
    """Which way messages pass over a link."""

    TRANSCEIVER = "trx"
    TRANSMITTER = "tx"
    RECEIVER = "rx"


class TlsSettings(msgspec.Struct, frozen=True, kw_only=True):
    """TLS towards the SMSC; its certificate is verified unless `verify` is switched off."""

    verify: bool
    ca_file: str | None
    """PEM file with the authorities to trust; the system's by default."""
    server_name: str | None
    """Name the certificate must have; the host's by default."""
    certificate_file: str | None
    """PEM file with the client certificate and key, if the SMSC requires one."""


class CarrierSettings(msgspec.Struct, frozen=True, kw_only=True):
    """One SMSC account; every link uses all of it."""

    name: str
    host: str
    port: int
    system_id: str
    password: str
    system_type: str
    addr_ton: int
    addr_npi: int
    address_range: str
    bind: BindMode
    links: int
    receiver_links: int
    """Further links bound as receivers, for an SMSC that does not know transceivers."""
    rate_per_s: float | None
    """Submits per second over all links together; None for no limit."""
    session: SessionSettings
    connect_timeout_s: float
    reconnect: Backoff
    tls: TlsSettings | None
    profile: Profile
    billing: BillingTerms
    """How submits carry what recipients of premium messages pay."""
    unacknowledged: int = UNACKNOWLEDGED
    """Receipts and texts of one link waiting to be stored; more are refused as temporary."""
