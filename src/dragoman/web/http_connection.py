"""One HTTP/1.1 connection to a customer's server: a request out, a bounded answer in.

The parser is httptools, the server's own. What a peer sends is limited in every direction; an
answer beyond the limits closes the connection and never fills the memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, cast

import httptools

from dragoman.web.known_answers import Fetched, KnownAnswers

__all__ = ["ConnectionBroke", "Fetched", "HttpConnection", "NotHttp"]

HEAD_LIMIT_BYTES: Final = 32 * 1024
HEADER_LINE_LIMIT_BYTES: Final = 4096
HEADERS_LIMIT: Final = 64

_KEPT_HEADERS: Final = frozenset({b"retry-after", b"content-type"})
_FRAMING_HEADERS: Final = frozenset({b"content-length", b"transfer-encoding"})
_FIRST_FINAL_STATUS: Final = 200


class NotHttp(Exception):
    """The peer does not speak HTTP, or exceeds the limits."""


class ConnectionBroke(Exception):
    """The connection ended before the answer was complete; `began` says whether it had begun."""

    def __init__(self, began: bool) -> None:
        super().__init__(began)
        self.began = began


Answered = Callable[[Fetched | NotHttp | ConnectionBroke], None]


class HttpConnection(asyncio.Protocol):
    """The client side of one connection; one request at a time."""

    __slots__ = (
        "_answered",
        "_began",
        "_body",
        "_body_bytes",
        "_body_limit_bytes",
        "_ends_with_connection",
        "_framed",
        "_head_bytes",
        "_header_count",
        "_headers",
        "_in_body",
        "_known",
        "_parser",
        "_result",
        "_reusable",
        "_status",
        "_transport",
        "idle_since",
    )
    _began: bool
    _body_bytes: int

    def __init__(self, body_limit_bytes: int, known: KnownAnswers) -> None:
        self._body_limit_bytes = body_limit_bytes
        self._known = known
        self._answered: Answered | None = None
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self.idle_since = 0.0
        self._forget()

    @property
    def usable(self) -> bool:
        """Whether another request can be sent."""
        return self._transport is not None and not self._transport.is_closing()

    def send(self, request: bytes, answered: Answered) -> None:
        """Sends a request; `answered` gets its answer once, and never after `close`."""
        if self._transport is None:
            answered(ConnectionBroke(began=False))
            return
        if self._began:  # what a known answer leaves behind is as it was
            self._forget()
        self._answered = answered
        self._transport.write(request)

    def close(self) -> None:
        """Ends the connection at once, and with it the request."""
        self._answered = None
        if self._transport is not None:
            self._transport.abort()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclass of asyncio.Transport.
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        answered = self._answered
        if answered is None:
            self.close()  # not requested
            return
        if not self._began and (known := self._known.read(data)) is not None:
            self._answered = None
            answered(known)
            return
        self._began = True
        if not self._in_body:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
            if not self._in_body and self._head_bytes > HEAD_LIMIT_BYTES:
                raise NotHttp
        except (httptools.HttpParserError, httptools.HttpParserUpgrade, NotHttp):
            self._end(self._result or NotHttp(), reusable=False)
        else:
            # Only now: the parser must be done before the next request is sent.
            if self._result is not None:
                if self._reusable and self._head_bytes == len(data):
                    self._known.learn(data, self._result)
                self._end(self._result, self._reusable)

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        if self._ends_with_connection and error is None:
            self._finish(reusable=False)
        self._end(self._result or ConnectionBroke(self._began), reusable=False)

    # httptools callbacks

    def on_message_begin(self) -> None:
        self._reusable = False  # a second answer to one request belongs to none
        self._began = True  # also behind an answer that only precedes it

    def on_header(self, name: bytes, value: bytes) -> None:
        self._header_count += 1
        if self._header_count > HEADERS_LIMIT or len(name) + len(value) > HEADER_LINE_LIMIT_BYTES:
            raise NotHttp
        name = name.lower()
        if name in _FRAMING_HEADERS:
            self._framed = True
        elif name in _KEPT_HEADERS:
            self._headers[name.decode("latin-1")] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self._status = self._parser.get_status_code()
        if self._status >= _FIRST_FINAL_STATUS:
            self._in_body = True
            self._ends_with_connection = not self._framed

    def on_body(self, data: bytes) -> None:
        if not self._body_bytes and len(data) <= self._body_limit_bytes:
            self._body, self._body_bytes = data, len(data)  # nearly always the whole body
            return
        self._body += data[: self._body_limit_bytes - self._body_bytes]
        self._body_bytes += len(data)
        if self._body_bytes > self._body_limit_bytes:
            self._finish(reusable=False)

    def on_message_complete(self) -> None:
        if self._status >= _FIRST_FINAL_STATUS:
            self._finish(reusable=self._parser.should_keep_alive())
        else:
            self._forget()  # 1xx responses only precede the answer

    def _forget(self) -> None:
        self._status = 0
        self._headers: dict[str, str] = {}
        self._header_count = 0
        self._head_bytes = 0
        self._body = b""
        self._body_bytes = 0
        self._began = False
        self._framed = False
        self._in_body = False
        self._ends_with_connection = False
        self._result: Fetched | None = None
        self._reusable = False

    def _finish(self, *, reusable: bool) -> None:
        if self._result is None:
            self._result = Fetched(self._status, self._headers, self._body)
            self._reusable = reusable

    def _end(self, result: Fetched | NotHttp | ConnectionBroke, reusable: bool) -> None:
        answered = self._answered
        if reusable:
            self._answered = None
        else:
            self.close()
        if answered is not None:
            answered(result)
