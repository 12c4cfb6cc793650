"""Builds an MM7 carrier from its table in the configuration."""

from __future__ import annotations

import random
from collections.abc import Callable
from ipaddress import ip_network
from typing import Final

from dragoman import __version__
from dragoman.config.tables import Mm7Table
from dragoman.connectors.mm7.carrier import Mm7Carrier
from dragoman.core.delivery.model.ports import AttachmentSource, CarrierEvents
from dragoman.core.delivery.resources import always
from dragoman.kit.clock import Clock
from dragoman.web.outgoing import GuardedClient, tls_of

ANSWER_LIMIT_BYTES: Final = 64 * 1024
CONNECT_TIMEOUT_S: Final = 10.0
_ANYWHERE: Final = (ip_network("0.0.0.0/0"), ip_network("::/0"))
"""The operator configures the MMSC, which may well be on a private network."""


def build_mm7_carrier(
    carrier: Mm7Table,
    sink: CarrierEvents,
    clock: Clock,
    attachments: AttachmentSource,
    may_send: Callable[[], bool] = always,
) -> Mm7Carrier:
    """Builds the connector, without connecting."""
    client = GuardedClient(
        version=__version__,
        allow=_ANYWHERE,
        ports=(range(1, 65536),),
        timeout_s=carrier.timeout_s,
        answer_limit_bytes=ANSWER_LIMIT_BYTES,
        connections=carrier.window,
        connections_per_host=carrier.window,
        keep_alive=False,
        connect_timeout_s=min(CONNECT_TIMEOUT_S, carrier.timeout_s),
        tls=tls_of(carrier.tls_ca_file, carrier.tls_certificate_file),
    )
    return Mm7Carrier(
        carrier,
        sink,
        client=client,
        attachments=attachments,
        wall_clock_ms=clock.now_ms,
        random=random.random,
        may_send=may_send,
    )
