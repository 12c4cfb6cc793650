"""One HTTP/1.1 connection to a customer's server: a request out, a bounded answer in.

The parser is httptools, the server's own. What a peer sends is limited in every direction; an
answer beyond the limits costs the connection, never our memory.
"""

from __future__ import annotations

import asyncio
from typing import Final, cast

import httptools
import msgspec

HEAD_LIMIT_BYTES: Final = 32 * 1024
HEADER_LINE_LIMIT_BYTES: Final = 4096
HEADERS_LIMIT: Final = 64

_KEPT_HEADERS: Final = frozenset({b"retry-after", b"content-type"})
_FIRST_FINAL_STATUS: Final = 200


class Answer(msgspec.Struct, frozen=True, gc=False):
    """A final answer, cut at the limit, and whether the connection can be used again."""

    status: int
    headers: dict[str, str]
    body: bytes
    reusable: bool


class NotHttp(Exception):
    """The peer does not speak HTTP, or more of it than we take."""


class ConnectionBroke(Exception):
    """The peer went away before its answer was whole; `heard` tells whether it had begun."""

    def __init__(self, heard: bool) -> None:
        super().__init__(heard)
        self.heard = heard


class HttpConnection(asyncio.Protocol):
    """A client's side of one connection; asks one thing at a time."""

    def __init__(self, body_limit_bytes: int) -> None:
        self._body_limit_bytes = body_limit_bytes
        self._waiting: asyncio.Future[Answer] | None = None
        self._transport: asyncio.Transport | None = None
        self.idle_since = 0.0
        self._begin()

    @property
    def usable(self) -> bool:
        """Whether another request can be sent."""
        return self._transport is not None and not self._transport.is_closing()

    async def exchange(self, request: bytes) -> Answer:
        """Sends a request and returns its answer; raises `NotHttp` or `ConnectionBroke`."""
        if self._transport is None:
            raise ConnectionBroke(heard=False)
        self._begin()
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        try:
            return await self._waiting
        finally:
            self._waiting = None

    def close(self) -> None:
        """Ends the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclass of asyncio.Transport.
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self._waiting is None or self._waiting.done():
            self.close()  # nobody asked for this
            return
        self._heard = True
        if not self._in_body:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
            if not self._in_body and self._head_bytes > HEAD_LIMIT_BYTES:
                raise NotHttp
        except (httptools.HttpParserError, httptools.HttpParserUpgrade, NotHttp):
            self._fail(NotHttp())

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        if self._ends_with_connection and error is None:
            self._finish(reusable=False)
        else:
            self._fail(ConnectionBroke(self._heard))

    # httptools callbacks

    def on_header(self, name: bytes, value: bytes) -> None:
        self._header_count += 1
        if self._header_count > HEADERS_LIMIT or len(name) + len(value) > HEADER_LINE_LIMIT_BYTES:
            raise NotHttp
        name = name.lower()
        if name in _KEPT_HEADERS:
            self._headers[name.decode("latin-1")] = value.decode("latin-1")
        elif name in {b"content-length", b"transfer-encoding"}:
            self._framed = True

    def on_headers_complete(self) -> None:
        self._status = self._parser.get_status_code()
        if self._status >= _FIRST_FINAL_STATUS:
            self._in_body = True
            self._ends_with_connection = not self._framed

    def on_body(self, data: bytes) -> None:
        room = self._body_limit_bytes - self._body_bytes
        self._body.append(data[:room])
        self._body_bytes += len(data)
        if self._body_bytes > self._body_limit_bytes:
            self._finish(reusable=False)
            self.close()

    def on_message_complete(self) -> None:
        if self._status >= _FIRST_FINAL_STATUS:
            self._finish(reusable=self._parser.should_keep_alive())
        else:
            self._forget()  # 100 and its kind only announce an answer

    def _begin(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._forget()

    def _forget(self) -> None:
        self._status = 0
        self._headers: dict[str, str] = {}
        self._header_count = 0
        self._head_bytes = 0
        self._body: list[bytes] = []
        self._body_bytes = 0
        self._heard = False
        self._framed = False
        self._in_body = False
        self._ends_with_connection = False

    def _finish(self, *, reusable: bool) -> None:
        if self._waiting is not None and not self._waiting.done():
            body = b"".join(self._body)
            self._waiting.set_result(Answer(self._status, self._headers, body, reusable))

    def _fail(self, error: Exception) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(error)
        self.close()
