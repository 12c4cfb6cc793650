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

from dragoman.kit.prompt import Settled
from dragoman.web.known_heads import END, MAX_HEAD_BYTES
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
ROOM_S: Final = 5.0
"""For one of them to be free: a node that stands still frees none, and may be overtaken by then."""
LINE_END: Final = b"\r\n"
PIECES: Final = 16
"""Pieces of a stream that wait to be relayed."""
MAX_ANSWERS: Final = 1_000
"""Heads of answers that are known."""

_NOT_RELAYED: Final = frozenset(
    {
        SECRET,
        PARTITION,
        CLIENT,
        API,
        HOPS,
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
"""Headers of a call that are of its connection alone, or that only nodes may send."""
_CLIENT_LINE: Final = LINE_END + CLIENT
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


def part_head(data: bytes) -> tuple[bytes, bytes] | None:
    """What another node says of a call, line by line, and the call without that.

    None where that does not stand first, as `Peers` of this version write it.
    """
    begin = data.find(LINE_END) + len(LINE_END)
    if not data.startswith(SECRET, begin):
        return None
    end = data.find(LINE_END, data.find(_CLIENT_LINE, begin) + 1) + len(LINE_END)
    if not begin < end < data.find(END):
        return None
    return data[begin:end], data[:begin] + data[end:]


def read_lines(lines: bytes) -> dict[bytes, bytes]:
    """Headers by their names."""
    pairs = (line.partition(b": ") for line in lines.split(LINE_END) if line)
    return {name: value for name, _, value in pairs}


def without_ours(headers: Iterable[Header]) -> list[Header]:
    """The headers as the customer sent them."""
    names = (SECRET, PARTITION, CLIENT, API)
    return [header for header in headers if header[0] not in names]


class Peers:
    """The connections to the other nodes."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()
        self._idle: defaultdict[str, list[_Connection]] = defaultdict(list)
        self._answers = _Answers()
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
        """The owner's answer to a call; raises `NotHere`, `Unreachable`.

        Needs no task of its own where a connection is idle.
        """
        data = self._render(address, partition, api, request, hops)
        room = self._room[address]
        if room.locked():
            await _wait_for(room)
        else:
            await room.acquire()
        try:
            connection = self._idle_one(address)
            if connection is None:
                connection = await asyncio.ensure_future(self._new(address))
            response = await connection.ask(data, within_s, is_head=request.method == "HEAD")
        finally:
            room.release()
        if response.status == NOT_HERE:
            raise NotHere
        return response

    def _render(
        self, address: str, partition: int, api: bytes, request: Request, hops: int
    ) -> bytes:
        """What goes over the wire; what we say of it stands first (`part_head`)."""
        method, body = request.method, request.body
        query = b"?" + request.query_string if request.query_string else b""
        lines = [
            b"%b: %b\r\n" % header for header in request.headers if header[0] not in _NOT_RELAYED
        ]
        if not request.header(b"host"):  # a question of ours, not a caller's
            lines.append(b"host: %b\r\n" % address.encode())
        if body or method not in ("GET", "HEAD", "OPTIONS"):
            lines.append(b"content-length: %d\r\n" % len(body))
        return (
            b"%b %b%b HTTP/1.1\r\n"
            b"x-dragoman-cluster: %b\r\nx-dragoman-partition: %d\r\nx-dragoman-api: %b\r\n"
            b"x-dragoman-client: %b\r\nx-dragoman-hops: %d\r\n%b\r\n%b"
        ) % (
            method.encode(),
            request.raw_path or request.path.encode(),
            query,
            self._secret,
            partition,
            api,
            request.client.encode(),
            hops,
            b"".join(lines),
            body,
        )

    def _idle_one(self, address: str) -> _Connection | None:
        idle, now = self._idle[address], asyncio.get_running_loop().time()
        while idle:
            connection = idle.pop()
            if connection.is_open and now - connection.idle_since < KEPT_S:
                return connection
            connection.close()
        return None

    async def _new(self, address: str) -> _Connection:
        loop, idle = asyncio.get_running_loop(), self._idle[address]
        host, _, port = address.rpartition(":")
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                _, made = await loop.create_connection(
                    lambda: _Connection(idle, self._answers), host.strip("[]"), int(port)
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


async def _wait_for(room: asyncio.Semaphore) -> None:
    """Takes one of the connections to a node; raises `Unreachable`."""
    taking = asyncio.ensure_future(asyncio.wait_for(room.acquire(), ROOM_S))
    try:
        await taking
    except TimeoutError as error:
        raise Unreachable(sent=False) from error
    except asyncio.CancelledError:
        if taking.done() and not taking.cancelled() and taking.exception() is None:
            room.release()
        raise


class _Answers:
    """Answers whose heads were seen before, by these and the length of their bodies.

    The nodes give the same ones again and again, until a second later their date is another.
    """

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[Response, int]] = {}

    def find(self, data: bytes) -> Response | None:
        """The whole answer, where its head is known; None for any other data."""
        end = data.find(END) + len(END)
        known = self._known.get(data[:end])
        if known is None or len(data) - end != known[1]:
            return None
        return known[0].with_body(data[end:])

    def learn(self, data: bytes, response: Response) -> None:
        """Remembers an answer that came whole."""
        head, _, body = data.partition(END)
        if body != response.body or len(head) > MAX_HEAD_BYTES:
            return
        if len(self._known) >= MAX_ANSWERS:
            self._known.clear()
        self._known[head + END] = response.with_body(b""), len(body)


class _Connection(asyncio.Protocol):
    """One connection to a node; one call at a time. Goes back to `pool` after each.

    Whoever waits for an answer goes on from within `data_received`, and may ask again at once: so
    an answer is given only when the parser is done with it. One timer watches all calls.
    """

    def __init__(self, pool: list[_Connection], answers: _Answers) -> None:
        self._pool = pool
        self._answers = answers
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self.idle_since = 0.0
        self._answer: Settled[Response] | None = None
        """What the caller waits for, until it has it."""
        self._deadline = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._is_head = False
        self._reset()

    def _reset(self) -> None:
        self._headers: list[Header] = []
        self._body: list[bytes] = []
        self._pieces: _Pieces | None = None
        self._response: Response | None = None
        self._has_begun = False
        self._is_whole = False
        self._is_kept = False

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    async def ask(self, data: bytes, within_s: float, *, is_head: bool) -> Response:
        """Sends a request; its answer, whose pieces may still be coming. Raises `Unreachable`."""
        assert self._transport is not None
        self._reset()
        self._is_head = is_head
        self._watch(within_s)
        answer = self._answer = Settled()
        self._transport.write(data)
        try:
            return await answer
        except asyncio.CancelledError:
            self._transport.abort()
            raise

    def _watch(self, within_s: float) -> None:
        self._deadline = self._loop.time() + within_s
        if self._timer is not None and self._timer.when() > self._deadline:
            self._timer.cancel()
            self._timer = None
        if self._timer is None:
            self._timer = self._loop.call_at(self._deadline, self._look_at_time)

    def _look_at_time(self) -> None:
        self._timer = None
        if self._answer is None:
            return
        if self._loop.time() < self._deadline:
            self._timer = self._loop.call_at(self._deadline, self._look_at_time)
            return
        if self._transport is not None:
            self._transport.abort()
        self._give(Unreachable(sent=True))

    def _give(self, answer: Response | Unreachable) -> None:
        waiting, self._answer = self._answer, None
        if waiting is not None:
            waiting.settle(answer)

    # Callbacks of the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by its class

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        if self._answer is None and self._pieces is None:
            self._transport.abort()  # nobody has asked
            return
        is_first = not self._has_begun and not self._is_head
        if is_first and (known := self._answers.find(data)) is not None:
            self._rest()
            self._give(known)
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.abort()
            return
        response, self._response = self._response, None
        if self._is_whole:
            self._pieces = None
            if self._is_kept:
                if is_first and response is not None:
                    self._answers.learn(data, response)
                self._rest()
            else:
                self.close()
        if response is not None:
            self._give(response)

    def connection_lost(self, _error: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._pieces is not None:
            self._pieces.end(is_whole=False)
        self._give(Unreachable(sent=True))

    def _rest(self) -> None:
        if self.is_open:
            self.idle_since = self._loop.time()
            self._pool.append(self)

    # Callbacks of the parser

    def on_message_begin(self) -> None:
        self._has_begun = True

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        assert self._transport is not None
        if self._is_head:
            self._is_whole = True  # the parser would wait for the body
            self._response = self._read(b"")
        elif any(name == b"transfer-encoding" for name, _ in self._headers):
            self._pieces = _Pieces(self._transport)
            self._response = Stream(
                self._pieces.relay(),
                self._content_type(),
                self._extra(),
                self._parser.get_status_code(),
            )

    def on_body(self, body: bytes) -> None:
        if self._pieces is None:
            self._body.append(body)
        else:
            self._pieces.take(body)

    def on_message_complete(self) -> None:
        self._is_whole = True
        self._is_kept = self._parser.should_keep_alive() and not self._is_head
        if self._pieces is not None:
            self._pieces.end(is_whole=True)
        else:
            self._response = self._read(b"".join(self._body))

    def _read(self, body: bytes) -> Response:
        return Response(self._parser.get_status_code(), body, self._content_type(), self._extra())

    def _content_type(self) -> bytes:
        return next((value for name, value in self._headers if name == b"content-type"), b"")

    def _extra(self) -> list[Header]:
        return [
            header
            for header in self._headers
            if header[0] not in _OF_THE_SERVER and header[0] != b"content-type"
        ]


class _Pieces:
    """The pieces of a stream, as they arrive; its connection may serve others before the last of
    them is relayed."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._waiting: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._has_ended = False
        self._is_whole = False

    def take(self, piece: bytes) -> None:
        self._waiting.put_nowait(piece)
        if self._waiting.qsize() > PIECES:
            self._transport.pause_reading()

    def end(self, *, is_whole: bool) -> None:
        """There are no more; `is_whole` says whether the stream was to end there."""
        self._has_ended, self._is_whole = True, is_whole
        self._waiting.put_nowait(None)
        self._read_on()  # what comes next is of another call

    async def relay(self) -> AsyncGenerator[bytes, None]:
        try:
            while (piece := await self._waiting.get()) is not None:
                yield piece
                if self._waiting.qsize() <= PIECES // 2 and not self._has_ended:
                    self._read_on()
            if not self._is_whole:
                raise Unreachable(sent=True)
        finally:
            if not self._has_ended:
                self._transport.abort()

    def _read_on(self) -> None:
        with contextlib.suppress(RuntimeError):  # its transport is closing
            self._transport.resume_reading()
