"""Calls between nodes: HTTP over connections that are kept, with the secret of the cluster.

A call is handed over whole: method, target, headers and body as they came, besides which partition
it is for and from which address it came. The answer is relayed as it is, piece by piece where it is
a stream.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncGenerator, Iterable
from typing import Final, cast

import httptools

from dragoman.web.operations import Dialect
from dragoman.web.refusals import Refusal
from dragoman.web.requests import Request
from dragoman.web.responses import TEXT, Header, Response, Stream

SECRET: Final = b"x-dragoman-cluster"
PARTITION: Final = b"x-dragoman-partition"
CLIENT: Final = b"x-dragoman-client"
API: Final = b"x-dragoman-api"
HOPS: Final = b"x-dragoman-hops"
NODE: Final = b"node"
"""The API of what is asked of a node itself."""
NOT_HERE: Final = 421
"""Misdirected Request (RFC 9110 s. 15.5.20): this node does not own the partition; nothing was
done."""
CONNECT_TIMEOUT_S: Final = 2.0
ANSWER_TIMEOUT_S: Final = 60.0
KEPT_S: Final = 30.0
"""An idle connection that is older is not used again: the other side closes it soon."""
MAX_CONNECTIONS: Final = 256
"""To one node; further calls wait."""
PIECES: Final = 16
"""Pieces of a stream that wait to be relayed."""

_HOP_BY_HOP: Final = frozenset(
    {
        b"connection",
        b"content-length",
        b"expect",
        b"keep-alive",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        b"x-forwarded-for",
    }
)
_OF_THE_SERVER: Final = frozenset({b"connection", b"content-length", b"date", b"transfer-encoding"})


def _refuse(_request: Request, refusal: Refusal) -> Response:
    return Response(refusal.status, f"{refusal.reason}\n".encode(), TEXT)


NO_API: Final = Dialect(
    name="cluster", title="", description="", prefixes=(), operations=(), refuse=_refuse
)
"""Of calls that are relayed as they are."""


class NotHere(Exception):
    """The node does not own the partition; nothing was done."""


class Unreachable(Exception):
    """The node did not answer; `sent` says whether it may have done what it was asked."""

    def __init__(self, *, sent: bool) -> None:
        super().__init__("the call may have been made" if sent else "nothing was sent")
        self.sent = sent


def own_headers(headers: Iterable[Header]) -> dict[bytes, bytes]:
    """What another node says of a call, by the names above."""
    names = (SECRET, PARTITION, CLIENT, API, HOPS)
    return {name: value for name, value in headers if name in names}


def without_ours(headers: Iterable[Header]) -> list[Header]:
    """The headers as the customer sent them."""
    names = (SECRET, PARTITION, CLIENT, API)
    return [header for header in headers if header[0] not in names]


class Peers:
    """The connections to the other nodes."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()
        self._idle: defaultdict[str, list[_Connection]] = defaultdict(list)
        self._room: defaultdict[str, asyncio.Semaphore] = defaultdict(
            lambda: asyncio.Semaphore(MAX_CONNECTIONS)
        )

    async def send(
        self,
        address: str,
        partition: int,
        api: bytes,
        request: Request,
        hops: int,
        *,
        within_s: float = ANSWER_TIMEOUT_S,
    ) -> Response:
        """The owner's answer to a call; raises `NotHere`, `Unreachable`."""
        head = [
            b"%b %b HTTP/1.1\r\n" % (request.method.encode(), _target(request)),
            *(
                b"%b: %b\r\n" % header
                for header in request.headers
                if header[0] not in _HOP_BY_HOP and header[0] != HOPS
            ),
            b"%b: %b\r\n" % (SECRET, self._secret),
            b"%b: %d\r\n%b: %b\r\n%b: %d\r\n" % (PARTITION, partition, API, api, HOPS, hops),
            b"%b: %b\r\n" % (CLIENT, request.client.encode()),
        ]
        if not request.header(b"host"):  # a question of ours, not a caller's
            head.append(b"host: %b\r\n" % address.encode())
        if request.body or request.method not in ("GET", "HEAD", "OPTIONS"):
            head.append(b"content-length: %d\r\n" % len(request.body))
        data = b"".join((*head, b"\r\n", request.body))
        async with self._room[address]:
            connection = await self._connection(address)
            response = await connection.ask(data, within_s, is_head=request.method == "HEAD")
        if response.status == NOT_HERE:
            raise NotHere
        return response

    async def _connection(self, address: str) -> _Connection:
        loop = asyncio.get_running_loop()
        idle = self._idle[address]
        while idle:
            connection = idle.pop()
            if connection.is_open and loop.time() - connection.idle_since < KEPT_S:
                return connection
            connection.close()
        host, _, port = address.rpartition(":")
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                _, made = await loop.create_connection(
                    lambda: _Connection(idle), host.strip("[]"), int(port)
                )
        except (OSError, TimeoutError) as error:
            raise Unreachable(sent=False) from error
        return made

    def close(self) -> None:
        """Closes what is idle."""
        for idle in self._idle.values():
            for connection in idle:
                connection.close()
            idle.clear()


def _target(request: Request) -> bytes:
    path = request.raw_path or request.path.encode()
    return b"%b?%b" % (path, request.query_string) if request.query_string else path


class _Connection(asyncio.Protocol):
    """One connection to a node; one call at a time. Goes back to `pool` after each."""

    def __init__(self, pool: list[_Connection]) -> None:
        self._pool = pool
        self._transport: asyncio.Transport | None = None
        self.idle_since = 0.0
        self._answer: asyncio.Future[Response] | None = None
        self._is_head = False
        self._reset()

    def _reset(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._headers: list[Header] = []
        self._body: list[bytes] = []
        self._pieces: asyncio.Queue[bytes | None] | None = None
        self._whole = False

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    async def ask(self, data: bytes, within_s: float, *, is_head: bool) -> Response:
        """Sends a request; its answer, whose pieces may still be coming."""
        assert self._transport is not None
        self._reset()
        self._is_head = is_head
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(data)
        try:
            async with asyncio.timeout(within_s):
                return await self._answer
        except TimeoutError:
            self._transport.abort()
            raise Unreachable(sent=True) from None
        except asyncio.CancelledError:
            self._transport.abort()
            raise

    # Callbacks of the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by its class

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            if self._transport is not None:
                self._transport.abort()

    def connection_lost(self, _error: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(Unreachable(sent=True))
        if self._pieces is not None and not self._whole:
            self._pieces.put_nowait(None)

    # Callbacks of the parser

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        chunked = any(name == b"transfer-encoding" for name, _ in self._headers)
        if self._is_head:
            self._settle(b"")
            self.close()  # the parser would wait for the body
        elif chunked:
            self._pieces = asyncio.Queue()
            self._give(
                Stream(
                    self._relay(),
                    self._content_type(),
                    self._extra(),
                    self._parser.get_status_code(),
                )
            )

    def on_body(self, body: bytes) -> None:
        if self._pieces is None:
            self._body.append(body)
            return
        self._pieces.put_nowait(body)
        if self._pieces.qsize() > PIECES and self._transport is not None:
            self._transport.pause_reading()

    def on_message_complete(self) -> None:
        self._whole = True
        if self._pieces is not None:
            self._pieces.put_nowait(None)
        else:
            self._settle(b"".join(self._body))
        self._rest()

    def _settle(self, body: bytes) -> None:
        self._give(
            Response(self._parser.get_status_code(), body, self._content_type(), self._extra())
        )

    def _give(self, response: Response) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(response)

    def _rest(self) -> None:
        if self.is_open and self._parser.should_keep_alive() and not self._is_head:
            self.idle_since = asyncio.get_running_loop().time()
            self._pool.append(self)
        else:
            self.close()

    def _content_type(self) -> bytes:
        return next((value for name, value in self._headers if name == b"content-type"), b"")

    def _extra(self) -> list[Header]:
        return [
            header
            for header in self._headers
            if header[0] not in _OF_THE_SERVER and header[0] != b"content-type"
        ]

    async def _relay(self) -> AsyncGenerator[bytes, None]:
        pieces = self._pieces
        assert pieces is not None
        try:
            while (piece := await pieces.get()) is not None:
                yield piece
                if self._transport is not None and pieces.qsize() <= PIECES // 2:
                    with contextlib.suppress(RuntimeError):
                        self._transport.resume_reading()
            if not self._whole:
                raise Unreachable(sent=True)
        finally:
            if not self._whole and self._transport is not None:
                self._transport.abort()
