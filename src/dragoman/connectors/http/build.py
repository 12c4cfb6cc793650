"""Builds an HTTP carrier from its table in the configuration and its preset."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from ipaddress import ip_network
from typing import Final

import msgspec

from dragoman import __version__
from dragoman.config.http import Preset
from dragoman.config.tables import HttpTable
from dragoman.connectors.http.answers import AnswerReader, expression
from dragoman.connectors.http.callbacks import CarrierCalls, callback_url
from dragoman.connectors.http.carrier import Compiled, HttpCarrier
from dragoman.connectors.http.lookup import LookupReader
from dragoman.connectors.http.presets import PRESETS, merge
from dragoman.connectors.http.reports import InboundReader, StatusReader
from dragoman.connectors.http.requests import RequestRenderer
from dragoman.connectors.http.session import Session
from dragoman.connectors.http.signatures import build_check
from dragoman.connectors.http.templates import Compiler
from dragoman.core.delivery.model.ports import CarrierEvents, UnreportedSource
from dragoman.core.delivery.resources import always
from dragoman.kit.clock import Clock
from dragoman.web.outgoing import GuardedClient, tls_of
from dragoman.web.requests import Request

ANSWER_LIMIT_BYTES: Final = 64 * 1024
CONNECT_TIMEOUT_S: Final = 10.0
CONNECT_SHARE: Final = 0.75
"""Of the whole time: who cannot connect is told so before the time is over."""
IDLE_S: Final = 2.0
"""Connections that were not used for longer are not used again: many servers close them at 5 s."""
_ANYWHERE: Final = (ip_network("0.0.0.0/0"), ip_network("::/0"))
"""The operator configures the provider, which may well be on a private network."""


def build_http_carrier(
    carrier: HttpTable,
    sink: CarrierEvents,
    clock: Clock,
    unreported: UnreportedSource,
    may_send: Callable[[], bool] = always,
) -> HttpCarrier:
    """Builds the connector, without connecting; raises ValueError for a table that is none."""
    compiled = compile_carrier(carrier, PRESETS[carrier.preset])
    client = _client(carrier)
    return HttpCarrier(
        carrier,
        sink,
        compiled=compiled,
        calls=CarrierCalls(
            carrier,
            sink,
            status=compiled.status,
            inbound=compiled.inbound,
            signature=compiled.signature,
            client=client,
        ),
        client=client,
        unreported=unreported,
        clock=clock.monotonic,
        wall_clock_ms=clock.now_ms,
        random=random.random,
        may_send=may_send,
    )


def compile_carrier(carrier: HttpTable, preset: Preset) -> Compiled:
    """What a table and its preset say; raises ValueError where they say what cannot be."""
    login = merge(preset.login, carrier.login)
    poll = merge(preset.poll, carrier.poll)
    session_pattern = expression(login.pattern)
    later = frozenset(session_pattern.groupindex) if session_pattern is not None else frozenset()
    compiler = Compiler(known_values(carrier, preset), later)
    status = merge(preset.status, carrier.status)
    inbound = merge(preset.inbound, carrier.inbound)
    base_url = compiler.text(carrier.base_url or preset.base_url)[0]
    lookup = LookupReader(merge(preset.lookup, carrier.lookup), base_url, compiler)
    public_url = carrier.public_url.rstrip("/")
    return Compiled(
        request=RequestRenderer(merge(preset.request, carrier.request), base_url, compiler),
        answers=AnswerReader(
            merge(preset.answer, carrier.answer), preset.refusals | carrier.refusals
        ),
        status=StatusReader(status, carrier.name),
        inbound=InboundReader(
            msgspec.structs.replace(inbound, destination=compiler.text(inbound.destination)[0]),
            carrier.name,
        ),
        signature=build_check(
            merge(preset.signature, carrier.signature),
            compiler,
            partial(_url_of, public_url),
            verify=carrier.verify_signatures and bool(carrier.public_url),
        ),
        callback_url=callback_url(carrier, status.append),
        session=None
        if session_pattern is None
        else Session(RequestRenderer(login.request, base_url, compiler), session_pattern),
        poll=RequestRenderer(poll.request, base_url, compiler) if poll.every_s else None,
        poll_status=StatusReader(poll.status, carrier.name),
        poll_every_s=poll.every_s,
        poll_at_a_time=poll.at_a_time,
        poll_messages=poll.messages or 1,
        lookup=lookup if lookup.exists else None,
    )


def known_values(carrier: HttpTable, preset: Preset) -> dict[str, str]:
    """What the gaps of a preset are filled with before any message is known."""
    return {
        **dict.fromkeys([*preset.credentials, *preset.optional], ""),
        **preset.defaults,
        **carrier.credentials,
        "callback_url": callback_url(carrier).partition("?")[0],
    }


def _url_of(public_url: str, request: Request) -> str:
    """The URL of a call, as the provider knows it."""
    query = request.query_string.decode("latin-1")
    return f"{public_url}{request.path}{f'?{query}' if query else ''}"


def _client(carrier: HttpTable) -> GuardedClient:
    return GuardedClient(
        version=__version__,
        allow=_ANYWHERE,
        ports=(range(1, 65536),),
        timeout_s=carrier.timeout_s,
        answer_limit_bytes=ANSWER_LIMIT_BYTES,
        connections=carrier.window,
        connections_per_host=carrier.window,
        idle_s=IDLE_S,
        connect_timeout_s=min(CONNECT_TIMEOUT_S, CONNECT_SHARE * carrier.timeout_s),
        tls=tls_of(carrier.tls_ca_file, carrier.tls_certificate_file),
    )
