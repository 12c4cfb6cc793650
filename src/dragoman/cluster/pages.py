"""The pages of a node itself: whether it lives, whether it is ready, and its metrics.

`/metrics` tells those of the whole cluster, which the node asks the others for; with `?node`, and
to other nodes, its own alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

import msgspec
import structlog
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from dragoman.cluster.metrics import Family, measure, measure_cluster, render
from dragoman.cluster.peers import NO_API, NODE, NotHere, Peers, Unreachable
from dragoman.core.delivery.running import Measured
from dragoman.core.placement.model.views import Node, Overview
from dragoman.ops.health import LOOPBACK
from dragoman.web.client_address import ClientAddressReader
from dragoman.web.operations import Dialect, Operation
from dragoman.web.requests import Request
from dragoman.web.responses import TEXT, Response, Send
from dragoman.web.router import Receive, Scope

METRICS: Final = "/metrics"
TOLD: Final = "/node-metrics"
OWN: Final = frozenset({"/health/live", "/health/ready", METRICS})
"""Paths that are about the node, and not for a partition."""
TOLD_WITHIN_S: Final = 3.0

log = structlog.get_logger(__name__)


class NodePages:
    """Answers for a node."""

    def __init__(
        self,
        node: Node,
        peers: Peers,
        *,
        gateways: Callable[[], Mapping[int, Measured]],
        overview: Callable[[], Overview],
        failure: Callable[[], str],
        problems: Callable[[], list[str]],
        addresses: ClientAddressReader,
        public_metrics: bool,
    ) -> None:
        """`failure` says which worker died; `problems` why the node cannot take traffic."""
        self._node = node
        self._peers = peers
        self._gateways = gateways
        self._overview = overview
        self._failure = failure
        self._problems = problems
        self._addresses = addresses
        self._public_metrics = public_metrics

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Answers a request (ASGI 3.0)."""
        response = await self._answer(scope) if scope["type"] == "http" else _NOT_FOUND
        await send(response.start)
        await send(response.finish)

    async def _answer(self, scope: Scope) -> Response:
        path = scope["path"]
        if path == "/health/live":
            return Response(503 if self._failure() else 200, b"live\n", TEXT)
        if path == "/health/ready":
            problems = self._problems()
            report = {"ready": not problems, "problems": problems, "node": self._node.name}
            return Response(503 if problems else 200, msgspec.json.encode(report))
        if path == METRICS:
            if not self._public_metrics and self._addresses.read(scope) not in LOOPBACK:
                return Response(403, b"metrics are for this machine only\n", TEXT)
            told = await self._told(alone=scope["query_string"] in (b"node", b"node="))
            return Response(200, told, CONTENT_TYPE_LATEST.encode())
        return _NOT_FOUND

    async def _told(self, *, alone: bool) -> bytes:
        own = measure(self._gateways())
        if alone:
            return render([own])
        overview = self._overview()
        others = [n for n in overview.nodes if n.name != self._node.name and not n.is_dead]
        told = await asyncio.gather(*map(self._ask, others))
        heard = {node.name: False for node in overview.nodes} | {self._node.name: True}
        heard |= {n.name: one is not None for n, one in zip(others, told, strict=True)}
        of_cluster = measure_cluster(overview, heard)
        return render([own, *(one for one in told if one is not None), of_cluster])

    async def _ask(self, node: Node) -> list[Family] | None:
        """What another node tells of its partitions; None where it does not answer."""
        request = Request("GET", TOLD, dialect=NO_API)
        try:
            async with asyncio.timeout(TOLD_WITHIN_S):
                answer = await self._peers.send(node.address, 0, NODE, request, 1)
                return msgspec.json.decode(answer.body, type=list[Family])
        except (NotHere, Unreachable, TimeoutError, msgspec.DecodeError) as error:
            log.warning("metrics_not_told", node=node.name, reason=type(error).__name__)
            return None

    def dialect(self) -> Dialect:
        """What other nodes ask this one."""

        async def tell(_request: Request) -> Response:
            return Response(200, msgspec.json.encode(measure(self._gateways())))

        told = Operation(methods=("GET",), path=TOLD, handler=tell, summary="The node's metrics")
        return Dialect(
            name="node-metrics",
            title="",
            description="What nodes tell each other.",
            prefixes=(TOLD,),
            operations=(told,),
            refuse=NO_API.refuse,
        )


_NOT_FOUND: Final = Response(404, b"", TEXT)
