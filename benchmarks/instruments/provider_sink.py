"""A provider with an HTTP API that takes everything, counts, and reports delivery by callback.

    python provider_sink.py PORT

On SIGTERM it prints one JSON line: submits, distinct (request bodies), reports, seconds from the
first submit to the last, and whether every submit came once. It shares no code with Dragoman.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import signal
import time
from collections import deque
from typing import cast
from urllib.parse import urlsplit

CALLERS = 64
REPORT = re.compile(rb'"report":"([^"]+)"')
TO = re.compile(rb'"to":"([^"]+)"')


class Tally:
    """What arrived."""

    def __init__(self) -> None:
        self.submits = 0
        self.reports = 0
        self.refused = 0
        self.first = 0.0
        self.last = 0.0
        self.seen: set[int] = set()

    def summary(self) -> dict[str, object]:
        seconds = self.last - self.first
        return {
            "submits": self.submits,
            "distinct": len(self.seen),
            "reports": self.reports,
            "refused": self.refused,
            "seconds": round(seconds, 2),
            "per_second": round(self.submits / seconds) if seconds > 0 else 0,
            "doubled": self.submits - len(self.seen),
        }


class Callers:
    """Kept connections that reports go out over, one at a time on each."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._waiting: deque[bytes] = deque()
        self._idle: list[Caller] = []
        self._made = 0
        self._place = "", 0
        self._tasks: set[asyncio.Task[None]] = set()

    def report(self, url: bytes, message_id: int, to: bytes) -> None:
        parts = urlsplit(url.decode())
        body = b'{"id":"%d","to":"%b","status":"delivered"}' % (message_id, to)
        request = (
            f"POST {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode() + body
        self._waiting.append(request)
        self._place = parts.hostname or "", parts.port or 80
        self._go_on()

    def _go_on(self) -> None:
        if self._idle:
            self.serve(self._idle.pop())
        elif self._made < CALLERS and self._waiting:
            self._made += 1
            task = asyncio.ensure_future(self._connect())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: Caller(self), *self._place)

    def serve(self, caller: Caller) -> None:
        if self._waiting:
            caller.send(self._waiting.popleft())
        else:
            self._idle.append(caller)

    def answered(self, caller: Caller, request: bytes, status: bytes) -> None:
        if status.startswith(b"2"):
            self._tally.reports += 1
        else:  # as providers do, it calls again
            self._tally.refused += 1
            self._waiting.append(request)
        self.serve(caller)

    def lost(self, caller: Caller, request: bytes) -> None:
        self._made -= 1
        if caller in self._idle:
            self._idle.remove(caller)
        if request:
            self._waiting.append(request)
        self._go_on()


class Caller(asyncio.Protocol):
    """One connection to the gateway."""

    def __init__(self, callers: Callers) -> None:
        self._callers = callers
        self._rest = b""
        self._request = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._callers.serve(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._callers.lost(self, self._request)

    def send(self, request: bytes) -> None:
        self._request = request
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        data = self._rest + data
        end = data.find(b"\r\n\r\n")
        if end < 0:
            self._rest = data
            return
        head = data[:end].lower()
        at = head.find(b"\r\ncontent-length:")
        size = int(head[at + 17 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(data) < end + 4 + size:
            self._rest = data
            return
        self._rest = b""
        request, self._request = self._request, b""
        self._callers.answered(self, request, data[9:12])


class SinkConnection(asyncio.Protocol):
    """One keep-alive connection of the gateway."""

    def __init__(self, tally: Tally, callers: Callers) -> None:
        self._tally = tally
        self._callers = callers
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclass of asyncio.Transport.
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        data = self._rest + data
        while (end := data.find(b"\r\n\r\n")) >= 0:
            head = data[:end]
            at = head.lower().find(b"\r\ncontent-length:")
            size = int(head[at + 17 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(data) < end + 4 + size:
                break
            body = data[end + 4 : end + 4 + size]
            data = data[end + 4 + size :]
            self._take(body)
        self._rest = data

    def _take(self, body: bytes) -> None:
        tally = self._tally
        now = time.time()
        tally.first, tally.last = tally.first or now, now
        tally.submits += 1
        tally.seen.add(hash(body))
        answer = b'{"id":"%d","status":"queued"}' % tally.submits
        head = (
            b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        )
        self._transport.write(head % len(answer) + answer)
        if found := REPORT.search(body):
            to = TO.search(body)
            self._callers.report(found[1], tally.submits, to[1] if to else b"")


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    options = parser.parse_args()
    tally, stop = Tally(), asyncio.Event()
    callers = Callers(tally)
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    await loop.create_server(lambda: SinkConnection(tally, callers), "127.0.0.1", options.port)
    print("ready", flush=True)
    await stop.wait()
    print(json.dumps(tally.summary()), flush=True)


if __name__ == "__main__":
    try:
        import uvloop
    except ImportError:
        asyncio.run(main())
    else:
        uvloop.run(main())
