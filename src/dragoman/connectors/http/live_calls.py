"""What providers call, of those carriers that there are at the time of a call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from dragoman.connectors.http.callbacks import build_callbacks
from dragoman.connectors.http.carrier import HttpCarrier
from dragoman.core.delivery.model.ports import Connector
from dragoman.web.operations import Dialect
from dragoman.web.requests import Request
from dragoman.web.responses import Response


def build_calls_of(connectors: Mapping[str, Connector]) -> Dialect:
    """The calls of carriers by name, which may change."""
    built = build_callbacks(())
    (nobody,) = built.operations

    async def receive(request: Request) -> Response:
        carrier = connectors.get(request.path_params["carrier"])
        if not isinstance(carrier, HttpCarrier):
            return await nobody.handler(request)
        return await carrier.calls.receive(request)

    return replace(built, operations=(replace(nobody, handler=receive),))
