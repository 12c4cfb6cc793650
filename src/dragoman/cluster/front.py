"""The front of a node: every call is read by some partition, and answered by its caller's.

A call is opened by a partition of this process, whichever. Where that finds that its caller belongs
to another one, it raises `Elsewhere` before it has done anything, and the call is given to that
partition: in this process, or over HTTP to the node that owns it. While a partition changes hands,
its calls are held for a moment.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import structlog

from dragoman.cluster.pages import OWN as OWN_PAGES
from dragoman.cluster.peers import (
    API,
    CLIENT,
    HOPS,
    NO_API,
    NODE,
    NOT_HERE,
    PARTITION,
    SECRET,
    NotHere,
    Peers,
    Unreachable,
    own_headers,
    part_head,
    read_lines,
    without_ours,
)
from dragoman.cluster.tunnels import Adopts, Arriving, Claim
from dragoman.core.placement.model.views import Overview
from dragoman.kit.elsewhere import AT_HOME
from dragoman.web.client_address import ClientAddressReader
from dragoman.web.known_heads import LEARNED
from dragoman.web.operations import Dialect
from dragoman.web.requests import Request
from dragoman.web.responses import TEXT, Response, Send, Stream
from dragoman.web.router import AsgiApp, Call, DialectApp, HandOver, Receive, Scope

if TYPE_CHECKING:
    from dragoman.cluster.development import Development

WEB: Final = b"web"
ADMIN: Final = b"admin"
INNER: Final = b"inner"
MAX_HOPS: Final = 3
HOLD_S: Final = 15.0
"""How long a call waits for its partition to be taken over."""
OPERATORS_HOLD_S: Final = 5.0
"""How long an operator waits for a partition: what is amiss must be seen meanwhile."""
LOOK_AGAIN_S: Final = 0.1
MAX_SAID: Final = 1_000
"""Callers, by address and partition, that are known to have been handed over."""

_NOBODY: Final = Response(503, b"no node has the partition at the moment\n", TEXT)

log = structlog.get_logger(__name__)

Apps = Callable[[], Mapping[int, DialectApp]]


class Place:
    """A partition as this process serves it."""

    def __init__(self, partition: int, epoch: int, front: Front) -> None:
        self.partition = partition
        self.epoch = epoch
        self._front = front
        self.is_open = True
        """Whether it takes calls; one that was opened before it closed goes elsewhere."""
        self._closed = asyncio.Event()
        self.apps: dict[bytes, DialectApp] = {}
        """What serves each of its APIs."""
        self.binds: Adopts | None = None
        """What serves customers' binds."""
        self._under_way = 0
        self._idle = asyncio.Event()
        self._idle.set()

    def app(self, api: bytes) -> DialectApp | None:
        """What serves one of its APIs."""
        return self.apps.get(api)

    def serve(self, api: bytes, dialect: Dialect, body_timeout_s: float) -> DialectApp:
        """An application of one more API of the partition."""
        hand_over = self.hand_over_of(api)
        app = DialectApp([dialect], _nothing, body_timeout_s=body_timeout_s, hand_over=hand_over)
        app.call_type = self.counted(api)
        return app

    def close(self) -> None:
        """Takes no more calls, and ends the streams that it answered with."""
        self.is_open = False
        self._closed.set()

    async def idle(self) -> None:
        """Returns once none of its calls is under way."""
        await self._idle.wait()

    def _begin(self) -> None:
        self._under_way += 1
        self._idle.clear()

    def _end(self) -> None:
        self._under_way -= 1
        if not self._under_way:
            self._idle.set()

    def hand_over_of(self, api: bytes) -> HandOver:
        """What its application calls for a caller of another partition.

        Meanwhile the call is none of its own: it may wait for that partition for longer than this
        one takes to close.
        """

        async def hand_over(request: Request, partition: int) -> Response | None:
            self._end()
            try:
                return await self._front.hand_over(api, request, partition)
            finally:
                self._begin()

        return hand_over

    def counted(self, api: bytes) -> type[Call]:
        """Calls that are counted while they are under way."""
        place = self

        class CountedCall(Call):
            __slots__ = ()

            async def answer(self, body: bytes) -> Response:
                if not place.is_open:
                    self.request.body = body
                    elsewhere = place._front.hand_over(api, self.request, place.partition)
                    return await asyncio.create_task(elsewhere) or _NOBODY
                place._begin()
                try:
                    response = await super().answer(body)
                    if isinstance(response, Stream):
                        response.pieces = _until(place._closed, response.pieces)
                    return response
                finally:
                    place._end()

        return CountedCall


async def _until(
    closed: asyncio.Event, pieces: AsyncGenerator[bytes, None]
) -> AsyncGenerator[bytes, None]:
    """The pieces of a stream until its partition is closed: then its client asks the next owner."""
    closing = asyncio.ensure_future(closed.wait())
    coming: asyncio.Future[bytes | None] | None = None
    try:
        while True:
            coming = asyncio.ensure_future(anext(pieces, None))
            await asyncio.wait({coming, closing}, return_when=asyncio.FIRST_COMPLETED)
            if not coming.done() or (piece := coming.result()) is None:
                return
            yield piece
    finally:
        closing.cancel()
        if coming is not None and not coming.done():
            coming.cancel()
            await asyncio.gather(coming, return_exceptions=True)
        await pieces.aclose()


class Front:
    """The partitions of this process and the ways to the others."""

    def __init__(self, peers: Peers, own_address: str) -> None:
        self._peers = peers
        self._own = own_address
        self.places: dict[int, Place] = {}
        """Those that take calls."""
        self.overview = Overview(nodes=(), partitions=(), carriers=())
        self.outdated = asyncio.Event()
        """Set where the overview was wrong."""

    def claim_of(self, partition: int) -> Claim:
        """Who owns a partition, and since which claim."""
        claim = self.overview.partitions[partition]
        return claim.node, claim.epoch

    def address_of(self, partition: int) -> str | None:
        """Where the owner of a partition is reached; None where it has none but this node."""
        address = self.overview.address_of(partition)
        return None if address == self._own else address

    async def hand_over(
        self, api: bytes, request: Request, partition: int, hold_s: float | None = None
    ) -> Response | None:
        """The answer of the partition that a call belongs to; None where nobody gives one."""
        hops = _read_hops(request.header(HOPS)) + 1
        if hops > MAX_HOPS:
            log.error("call_without_a_place", partition=partition)
            return None
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + (HOLD_S if hold_s is None else hold_s)
        while True:
            place = self.places.get(partition)
            app = place.app(api) if place is not None else None
            if app is not None:
                return await _open_again(app, request, hops)
            address = self.address_of(partition)
            if address is not None:
                try:
                    return await self._peers.send(address, partition, api, request, hops)
                except NotHere:
                    self.outdated.set()
                except Unreachable as error:
                    if error.sent:
                        return None  # it may have been done: asking again could do it twice
                    self.outdated.set()
            if loop.time() > give_up_at:
                return None
            await asyncio.sleep(LOOK_AGAIN_S)


class Everybody:
    """All partitions of the cluster, as an operator's question comes to one of them."""

    def __init__(self, front: Front, partition: int, partitions: int) -> None:
        self._front = front
        self.partition = partition
        self.partitions = partitions

    async def ask(self, request: Request, partition: int) -> Response | None:
        """What a partition answers to an operation; None where nobody owns it at the moment."""
        before = AT_HOME.set(False)
        try:
            return await self._front.hand_over(ADMIN, request, partition, OPERATORS_HOLD_S)
        finally:
            AT_HOME.reset(before)


async def _open_again(app: DialectApp, request: Request, hops: int) -> Response | None:
    call = app.open(
        {
            "method": request.method,
            "path": request.path,
            "raw_path": request.raw_path,
            "query_string": request.query_string,
            "headers": [
                *(header for header in request.headers if header[0] != HOPS),
                (HOPS, b"%d" % hops),
            ],
            "client": (request.client, 0),
        }
    )
    if call is None:
        return None
    call.request.client = request.client
    return call.response or await call.answer(request.body)


def _read_hops(value: bytes) -> int:
    return int(value) if value.isdigit() and len(value) < 3 else 0


class FrontApp(DialectApp):
    """What the server of a node serves: each call is opened by one of its partitions.

    A node without a partition relays calls to one that has some.
    """

    def __init__(
        self,
        front: Front,
        api: bytes,
        fallback: AsgiApp,
        *,
        body_timeout_s: float,
        development: Development | None = None,
    ) -> None:
        super().__init__((), fallback, body_timeout_s=body_timeout_s)
        self._front = front
        self._api = api
        self._development = development

    def open(self, scope: Mapping[str, Any]) -> Call | None:
        if scope["path"] in OWN_PAGES:
            return None
        if self._development is not None and self._development.is_own(scope["path"]):
            return self._development.relay(self, scope)
        app = next((place.app(self._api) for place in self._front.places.values()), None)
        if app is not None:
            return app.open(scope)
        return _RelayedCall(self, self._front, self._api, scope)

    def open_known(self, data: bytes, peer: tuple[str, int] | None) -> tuple[Call, bytes] | None:
        """Leaves it to the partition that would open the call."""
        app = next((place.app(self._api) for place in self._front.places.values()), None)
        return None if app is None else app.open_known(data, peer)

    def learn_head(self, data: bytes, call: Call) -> None:
        """Leaves it to the partition that opened the call."""
        if call.app is not self:
            call.app.learn_head(data, call)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers what goes through ASGI: the pages around the dialects."""
        own = scope["type"] != "http" or scope["path"] in OWN_PAGES
        place = next(iter(self._front.places.values()), None)
        app = place.app(self._api) if place is not None and not own else None
        await (app or self.fallback)(scope, receive, send)


_RELAYED_BYTES: Final = 16 << 20


class _RelayedCall(Call):
    """A call to a node that has no partition itself."""

    __slots__ = ("_api", "_front")

    def __init__(self, app: DialectApp, front: Front, api: bytes, scope: Mapping[str, Any]) -> None:
        request = Request(
            scope["method"],
            scope["path"],
            dialect=NO_API,
            query_string=scope["query_string"],
            headers=scope["headers"],
            client=ClientAddressReader().read(scope),
            raw_path=scope.get("raw_path") or b"",
        )
        super().__init__(app, request)
        self._front = front
        self._api = api
        self.body_limit_bytes = _RELAYED_BYTES if request.method not in ("GET", "HEAD") else None

    async def answer(self, body: bytes) -> Response:
        self.request.body = body
        for partition in range(len(self._front.overview.partitions)):
            if self._front.overview.address_of(partition) is not None:
                answer = await self._front.hand_over(self._api, self.request, partition)
                return answer or _NOBODY
        return _NOBODY


class _Said(NamedTuple):
    """What another node says of a call."""

    partition: int
    api: bytes
    client: str


class PeerApp(DialectApp):
    """What other nodes call: their callers' calls, for the partitions that this node owns."""

    def __init__(
        self, front: Front, secret: str, node: Iterable[Dialect], *, body_timeout_s: float
    ) -> None:
        """`node` has the calls that are for the node itself."""
        super().__init__((), _nothing, body_timeout_s=body_timeout_s)
        self._node = DialectApp(node, _nothing, body_timeout_s=body_timeout_s)
        self._front = front
        self._secret = secret.encode()
        self._said: dict[bytes, _Said] = {}
        """By the lines in which nodes say it, the secret among them."""

    def open(self, scope: Mapping[str, Any]) -> Call | None:
        said = own_headers(scope["headers"])
        if not self._secret or not hmac.compare_digest(said.get(SECRET, b""), self._secret):
            return self._at_once(scope, Response(403, b"not a node of this cluster\n", TEXT))
        partition = said.get(PARTITION, b"")
        place = self._front.places.get(int(partition)) if partition.isdigit() else None
        api = said.get(API, WEB)
        app = self._node if api == NODE else place.app(api) if place is not None else None
        if app is None:
            return self._at_once(scope, Response(NOT_HERE, b"", TEXT))
        client = said.get(CLIENT, b"").decode("latin-1")
        call = app.open({**scope, "headers": without_ours(scope["headers"]), "client": (client, 0)})
        if call is None:
            return self._at_once(scope, Response(404, b"", TEXT))
        call.request.client = client
        return call

    def arriving(self) -> Arriving:
        """What reads the beginning of a connection that is carried here."""
        return Arriving(self._secret, self._find_binds)

    def _find_binds(self, partition: int) -> Adopts | None:
        place = self._front.places.get(partition)
        return place.binds if place is not None else None

    def open_known(self, data: bytes, peer: tuple[str, int] | None) -> tuple[Call, bytes] | None:
        """Leaves it to the partition, where what the node says of the call was said before."""
        parts = part_head(data)
        said = self._said.get(parts[0]) if parts is not None else None
        if parts is None or said is None:
            return None
        place = self._front.places.get(said.partition)
        app = place.app(said.api) if place is not None else None
        opened = app.open_known(parts[1], None) if app is not None else None
        if opened is not None:
            opened[0].request.client = said.client
        return opened

    def learn_head(self, data: bytes, call: Call) -> None:
        """Remembers what a node says of a call; its head is the partition's to remember."""
        parts = part_head(data) if call.request.method == LEARNED else None
        if call.app is self or parts is None:
            return
        said = read_lines(parts[0])
        if len(self._said) >= MAX_SAID:
            self._said.clear()
        self._said[parts[0]] = _Said(
            int(said[PARTITION]), said.get(API, WEB), said[CLIENT].decode("latin-1")
        )
        call.app.learn_head(parts[1], call)

    def _at_once(self, scope: Mapping[str, Any], response: Response) -> Call:
        call = Call(self, Request(scope["method"], scope["path"], dialect=NO_API))
        call.response = response
        call.drain_bytes = _RELAYED_BYTES
        return call


async def _nothing(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 404, "headers": []})
    await send({"type": "http.response.body", "body": b""})
