"""A response as ASGI messages, or as bytes for the wire.

The body of a `Stream` comes in pieces, as they become known.
"""

import http
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, MutableMapping
from functools import lru_cache
from typing import Any, Final

Header = tuple[bytes, bytes]
Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]

JSON: Final = b"application/json"
XML: Final = b"text/xml; charset=utf-8"
TEXT: Final = b"text/plain; charset=utf-8"
HTML: Final = b"text/html; charset=utf-8"
EVENTS: Final = b"text/event-stream"

NO_CONTENT: Final = 204

_OWN_TYPES: Final = frozenset({JSON, XML, TEXT, HTML, EVENTS})
_NOT_IN_NAME: Final = re.compile(rb"[^!#$%&'*+.^_`|~0-9A-Za-z-]")  # RFC 9110 s. 5.6.2
_NOT_IN_VALUE: Final = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_PHRASES: Final = {status.value: status.phrase.encode() for status in http.HTTPStatus}
_STATUS_LINES: Final = {
    status: b"HTTP/1.1 %d %b\r\n" % (status, _PHRASES.get(status, b"")) for status in range(600)
}


@lru_cache(maxsize=1_000)
def _line_of(header: Header) -> bytes:
    """The line of a header; ValueError for invalid characters."""
    name, value = header
    if _NOT_IN_NAME.search(name) or _NOT_IN_VALUE.search(value):
        raise ValueError(f"a character that may not stand in header {name!r}")
    return b"%b: %b\r\n" % (name.lower(), value)


@lru_cache(maxsize=1_000)
def _lines_of(headers: tuple[Header, ...]) -> tuple[bytes, bool]:
    """The lines of headers, and whether they close the connection; ValueError as above."""
    closes = any(name.lower() == b"connection" and b"close" in v.lower() for name, v in headers)
    return b"".join(map(_line_of, headers)), closes


class Response:
    """A status, a body and its headers; immutable by agreement, so constants may be shared.

    Raises ValueError for a header with invalid characters.
    """

    __slots__ = ("body", "content_type", "extra", "status")

    streams = False

    def __init__(
        self,
        status: int,
        body: bytes = b"",
        content_type: bytes = JSON,
        headers: Iterable[Header] = (),
    ) -> None:
        self.status = status
        self.body = body if status != NO_CONTENT else b""
        self.content_type = content_type
        self.extra = tuple(headers) if headers else ()
        if self.extra:
            _lines_of(self.extra)
        if content_type not in _OWN_TYPES:
            _line_of((b"content-type", content_type))

    @property
    def headers(self) -> list[Header]:
        """Every header of this answer, those that describe its body first."""
        if self.status == NO_CONTENT:
            return list(self.extra)
        length = b"%d" % len(self.body)
        return [(b"content-type", self.content_type), (b"content-length", length), *self.extra]

    @property
    def closes(self) -> bool:
        """Whether this answer is the last one on its connection."""
        return bool(self.extra) and _lines_of(self.extra)[1]

    @property
    def start(self) -> Message:
        """The first ASGI message."""
        return {"type": "http.response.start", "status": self.status, "headers": self.headers}

    @property
    def finish(self) -> Message:
        """The last ASGI message."""
        return {"type": "http.response.body", "body": self.body}

    def render(self, lines: bytes = b"", *, last: bool = False, with_body: bool = True) -> bytes:
        """Writes the answer out for HTTP/1.1, the server's own header lines first.

        `last` says that the connection closes behind it.
        """
        extra, closes = _lines_of(self.extra) if self.extra else (b"", False)
        if last and not closes:
            extra += b"connection: close\r\n"
        if self.status == NO_CONTENT:
            return b"%b%b%b\r\n" % (_STATUS_LINES[NO_CONTENT], lines, extra)
        return b"%b%bcontent-type: %b\r\ncontent-length: %d\r\n%b\r\n%b" % (
            _STATUS_LINES[self.status],
            lines,
            self.content_type,
            len(self.body),
            extra,
            self.body if with_body else b"",
        )

    def with_headers(self, *headers: Header) -> "Response":
        """Returns this answer with more headers behind its own."""
        response = Response.__new__(Response)
        response.status = self.status
        response.body = self.body
        response.content_type = self.content_type
        response.extra = extra = self.extra + headers
        _lines_of(extra)
        return response

    def with_body(self, body: bytes) -> "Response":
        """Returns this answer with another body."""
        response = Response.__new__(Response)
        response.status = self.status
        response.body = body
        response.content_type = self.content_type
        response.extra = self.extra
        return response


class Stream(Response):
    """An answer that stays open: each piece goes out at once, until `pieces` end.

    `pieces` is closed whatever ends the answer: the client disconnects or does not read, the
    server stops, or the pieces end. The next piece is requested only once the client has read most
    of the last, so their producer must bound its queue.
    """

    __slots__ = ("pieces",)

    streams = True

    def __init__(
        self,
        pieces: AsyncGenerator[bytes, None],
        content_type: bytes = EVENTS,
        headers: Iterable[Header] = (),
        status: int = 200,
    ) -> None:
        super().__init__(status, b"", content_type, headers)
        self.pieces = pieces

    @property
    def headers(self) -> list[Header]:
        """Every header of this answer; without a length, which is unknown."""
        return [(b"content-type", self.content_type), *self.extra]

    def render_head(self, lines: bytes = b"", *, last: bool, chunked: bool) -> bytes:
        """Writes the head out for HTTP/1.1, the server's own header lines first."""
        extra = b"".join(map(_line_of, self.headers))
        if chunked:
            extra += b"transfer-encoding: chunked\r\n"
        if last and not self.closes:
            extra += b"connection: close\r\n"
        return b"%b%b%b\r\n" % (_STATUS_LINES[self.status], lines, extra)

    def with_headers(self, *headers: Header) -> "Stream":
        """Returns the same stream with more headers behind its own."""
        return Stream(self.pieces, self.content_type, (*self.extra, *headers), self.status)
