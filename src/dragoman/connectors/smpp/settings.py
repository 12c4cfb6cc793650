"""What an operator sets for one SMPP carrier."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from dragoman.connectors.smpp.profiles import Profile
from dragoman.core.messages.model.premium import BillingTerms
from dragoman.kit.backoff import Backoff
from dragoman.protocols.smpp.session import SessionSettings


class BindMode(StrEnum):
    """Which way messages pass over a link."""

    TRANSCEIVER = "trx"
    TRANSMITTER = "tx"
    RECEIVER = "rx"


class TlsSettings(msgspec.Struct, frozen=True, kw_only=True):
    """TLS towards the SMSC; its certificate is verified unless `verify` is switched off."""

    verify: bool = True
    ca_file: str | None = None
    """PEM file with the authorities to trust; the system's where it is not given."""
    server_name: str | None = None
    """Name the certificate must have; the host's where it is not given."""
    certificate_file: str | None = None
    """PEM file with our own certificate and key, where the SMSC asks for one."""


class CarrierSettings(msgspec.Struct, frozen=True, kw_only=True):
    """One SMSC account; every link uses all of it."""

    name: str
    host: str
    port: int = 2775
    system_id: str
    password: str
    system_type: str = ""
    addr_ton: int = 0
    addr_npi: int = 0
    address_range: str = ""
    bind: BindMode = BindMode.TRANSCEIVER
    links: int = 1
    receiver_links: int = 0
    """Further links bound as receivers, for an SMSC that does not know transceivers."""
    rate_per_s: float | None = None
    """Submits a second over all links together; None for no limit of ours."""
    session: SessionSettings = SessionSettings()
    connect_timeout_s: float = 10.0
    reconnect: Backoff = Backoff(first_s=1.0, factor=2.0, longest_s=60.0, jitter=0.5)
    unacknowledged: int = 1000
    """Receipts and texts of one link waiting to be stored; more are told to come again."""
    tls: TlsSettings | None = None
    profile: Profile = Profile()
    billing: BillingTerms = BillingTerms()
    """How the SMSC is told what recipients of premium messages pay."""
