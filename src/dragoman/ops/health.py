"""The pages around the dialects: health, metrics, and the documentation of each API."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Protocol

import msgspec
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from dragoman import __version__
from dragoman.core.delivery.running import Measured
from dragoman.ops.prometheus import GatewayCollector
from dragoman.web.client_address import ClientAddressReader
from dragoman.web.docs_page import docs_routes
from dragoman.web.operations import Dialect

LOOPBACK = frozenset({"127.0.0.1", "::1"})


class Health(Protocol):
    """What the health pages report."""

    @property
    def failure(self) -> str:
        """Which worker died and why; empty while all are alive."""
        ...

    async def check(self) -> None:
        """Looks whether messages can be stored, for `problems`."""
        ...

    def problems(self) -> list[str]:
        """Why messages are not accepted, for people; empty when they are."""
        ...

    def warnings(self) -> list[str]:
        """What needs attention although messages are accepted."""
        ...


def build_pages(
    *,
    health: Health,
    measured: Measured,
    dialects: Iterable[Dialect],
    addresses: ClientAddressReader,
    public_metrics: bool,
    front: str = "/docs",
    demo: str = "",
) -> Starlette:
    """The application for every path that no dialect owns; `/` leads to `front`.

    `demo` is where a development gateway tells what its demo account signs in with.
    """
    registry = CollectorRegistry()
    registry.register(GatewayCollector(measured))

    async def front_page(_request: Request) -> Response:
        return RedirectResponse(front, 302)

    async def live(_request: Request) -> Response:
        if health.failure:  # it is shutting down; a supervisor may start another
            return PlainTextResponse(f"{health.failure}\n", 503)
        return PlainTextResponse("live\n")

    async def ready(_request: Request) -> Response:
        await health.check()
        problems = health.problems()
        report = {"ready": not problems, "problems": problems, "warnings": health.warnings()}
        body = msgspec.json.encode(report)
        return Response(body, 503 if problems else 200, media_type="application/json")

    async def metrics(request: Request) -> Response:
        if not public_metrics and addresses.read(request.scope) not in LOOPBACK:
            return PlainTextResponse("metrics are for this machine only\n", 403)
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return Starlette(
        routes=[
            _page("/", front_page),
            _page("/health/live", live),
            _page("/health/ready", ready),
            _page("/metrics", metrics),
            *docs_routes(
                tuple(dialects),
                version=__version__,
                console=front.startswith("/console"),
                demo=demo,
            ),
        ]
    )


def _page(path: str, view: Callable[[Request], Awaitable[Response]]) -> Route:
    return Route(path, view, methods=["GET"])
