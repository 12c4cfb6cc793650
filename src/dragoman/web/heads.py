"""HTTP/1.1 heads as real clients send them: bounded in size and time, and repaired if needed."""

import asyncio
import re
from typing import Any, Final
from urllib.parse import quote

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_LIMIT_BYTES: Final = 64 * 1024  # these APIs carry whole messages in their query strings
HEAD_TIMEOUT_S: Final = 20.0

SPACES_IN_REQUEST_LINE: Final = 2

_UPGRADE: Final = re.compile(rb"(?<=\r\n)upgrade(?=[ \t]*:)", re.IGNORECASE)
_PASSED_OVER: Final = b"x-passed-over"
_REQUEST_LINE: Final = re.compile(
    rb"(?P<method>[A-Z]{1,20}) (?P<target>/.*) (?P<version>HTTP/1\.[01])"
)
_PRINTABLE: Final = "".join(map(chr, range(0x21, 0x7F)))
_HEAD_TOO_LARGE: Final = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-length: 0\r\nconnection: close\r\n\r\n"
)


class BoundedHttpProtocol(HttpToolsProtocol):
    """uvicorn's HTTP/1.1 protocol with bounds and repairs that it lacks.

    A head is limited in size and time. Trailers, which would otherwise be appended to the headers,
    are dropped. `mend_head` repairs a head before the parser sees it.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._expects_head = True
        self._in_head = False
        self._head_bytes = 0
        self._head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._head_timer = self.loop.call_later(HEAD_TIMEOUT_S, self._give_up)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_head_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._expects_head:
            data = mend_head(data, first=not self._in_head)
        super().data_received(data)
        if not self._in_head:
            return
        self._head_bytes += len(data)
        if self._head_bytes > HEAD_LIMIT_BYTES and not self.transport.is_closing():
            self.transport.write(_HEAD_TOO_LARGE)
            self.transport.close()
        elif self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_TIMEOUT_S, self._give_up)

    def on_message_begin(self) -> None:
        self._begin_head()
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._end_head()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._expects_head = True
        super().on_message_complete()

    def _begin_head(self) -> None:
        self._in_head = True
        self._head_bytes = 0

    def _end_head(self) -> None:
        self._expects_head = self._in_head = False
        self._stop_head_timer()

    def _stop_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _give_up(self) -> None:
        self._head_timer = None
        self.transport.close()


def mend_head(data: bytes, *, first: bool) -> bytes:
    """Repairs what real clients, or the parser, get wrong in a head, within one segment.

    An offered upgrade is hidden, as RFC 9110 s. 7.8 lets a server pass it over: Java clients offer
    `h2c` on every request, and the parser would skip the body behind such an offer. In the request
    line, where `first` says that `data` starts with one, raw spaces and bytes above 0x7f in the
    target are percent-encoded: PHP programs send `?msgtext=Hello How Are You` as it stands.
    """
    if b"pgrade" in data or b"PGRADE" in data:
        head, end, rest = data.partition(b"\r\n\r\n")
        data = _UPGRADE.sub(_PASSED_OVER, head) + end + rest
    if first:
        end_of_line = data.find(b"\r\n")
        line = data[:end_of_line] if end_of_line >= 0 else b""
        if line.count(b" ") > SPACES_IN_REQUEST_LINE or not line.isascii():
            return _mend_request_line(line) + data[end_of_line:]
    return data


def _mend_request_line(line: bytes) -> bytes:
    match = _REQUEST_LINE.fullmatch(line)
    if match is None:
        return line
    target = quote(match["target"], safe=_PRINTABLE).encode()
    return match["method"] + b" " + target + b" " + match["version"]
