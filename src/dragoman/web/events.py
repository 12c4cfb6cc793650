"""Server-sent events: frames, and a bounded channel from their sources to one open stream."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from typing import Final

KEEP_ALIVE_S: Final = 15.0
LIMIT_BYTES: Final = 64 * 1024
KEEP_ALIVE: Final = b":\n\n"


def render_event(name: str, data: bytes = b"null") -> bytes:
    """Writes one event out; `data` is text in UTF-8, usually JSON (WHATWG HTML s. 9.2.6)."""
    lines = b"".join(b"data: %b\n" % line for line in data.splitlines() or (b"",))
    return b"event: %b\n%b\n" % (name.encode(), lines)


class EventChannel:
    """Frames on their way to one client.

    The stream of a client with more than `limit_bytes` unread ends, and the client reconnects.
    After `keep_alive_s` without a frame, a comment is sent.
    """

    def __init__(
        self, *, keep_alive_s: float = KEEP_ALIVE_S, limit_bytes: int = LIMIT_BYTES
    ) -> None:
        self._keep_alive_s = keep_alive_s
        self._limit_bytes = limit_bytes
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._closed = False
        self._reader: asyncio.Future[None] | None = None

    def put(self, frame: bytes) -> None:
        """Sends a frame; never blocks."""
        if self._closed:
            return
        self._waiting_bytes += len(frame)
        if self._waiting_bytes > self._limit_bytes:
            self.close()
            return
        self._waiting.append(frame)
        self._wake()

    def close(self) -> None:
        """Ends the stream; unsent frames are dropped."""
        self._closed = True
        self._wake()

    async def frames(self) -> AsyncGenerator[bytes, None]:
        """The frames as they come, to be read by one stream."""
        loop = asyncio.get_running_loop()
        yield KEEP_ALIVE  # a proxy that waits for the first byte passes the head on
        while not self._closed:
            if self._waiting:
                frame = b"".join(self._waiting)
                self._waiting.clear()
                self._waiting_bytes = 0
                yield frame
                continue
            self._reader = loop.create_future()
            timer = loop.call_later(self._keep_alive_s, self._keep_alive)
            try:
                await self._reader
            finally:
                timer.cancel()
                self._reader = None

    def _keep_alive(self) -> None:
        self._waiting.append(KEEP_ALIVE)
        self._wake()

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)
