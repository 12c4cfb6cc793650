"""A source of load over kept-alive HTTP connections; every request has a text of its own.

    python load.py PORT --template FILE --seconds S [--connections C] [--rate R] [--each E]

FILE holds one whole HTTP request in which each `{n}` is replaced by a running number padded to ten
digits, so that lengths stay the same. Without --rate each connection asks again as soon as it is
answered (closed loop); with it, requests start at that rate whatever the answers do (open loop),
and latency counts from the moment a request was due. Prints one JSON line, and with --each one
before for each E seconds, as they end.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import time
from array import array
from collections import deque
from pathlib import Path
from typing import cast


class Source:
    """Numbers the requests and notes what came of them."""

    def __init__(self, template: bytes, started: float, options: argparse.Namespace) -> None:
        self._pieces = template.split(b"{n}")
        self.until = started + options.seconds
        self.sent = 0
        self.statuses: dict[int, int] = {}
        self.latencies = array("d")
        self._each: float = options.each or math.inf
        self._period = array("d")
        self._period_ends = started + self._each

    def next_request(self) -> bytes:
        self.sent += 1
        return (b"%010d" % self.sent).join(self._pieces)

    def note(self, status: int, seconds: float) -> None:
        self.statuses[status] = self.statuses.get(status, 0) + 1
        self.latencies.append(seconds)
        if self._each < math.inf:
            self._period.append(seconds)
            if time.perf_counter() >= self._period_ends:
                self.end_period()

    def end_period(self) -> None:
        """Prints what came since the period before."""
        if self._period:
            print(json.dumps(summary(self._period, self._each)), flush=True)
        self._period = array("d")
        self._period_ends += self._each


def summary(seen: array[float], seconds: float) -> dict[str, object]:
    """How many answers there were a second, and how long they took."""
    latencies = sorted(seen)

    def percentile(share: float) -> float:
        return round(latencies[min(len(latencies) - 1, int(len(latencies) * share))] * 1000, 2)

    return {
        "answered": len(latencies),
        "per_second": round(len(latencies) / seconds),
        "p50_ms": percentile(0.50),
        "p99_ms": percentile(0.99),
        "max_ms": percentile(1.0),
    }


class Connection(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self, source: Source, closed_loop: bool) -> None:
        self._source = source
        self._closed_loop = closed_loop
        self._rest = b""
        self.waiting: deque[float] = deque()
        self.began = 0.0
        self.busy = False
        self.over = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclass of asyncio.Transport.
        self._transport = cast(asyncio.Transport, transport)
        if self._closed_loop:
            self.ask(time.perf_counter())

    def connection_lost(self, error: Exception | None) -> None:
        if not self.over.done():
            self.over.set_result(None)

    def ask(self, due: float) -> None:
        """Sends a request, or keeps it until the one before is answered."""
        if self.busy:
            self.waiting.append(due)
            return
        self.busy = True
        self.began = due
        self._transport.write(self._source.next_request())

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
        now = time.perf_counter()
        self._source.note(int(data[9:12]), now - self.began)
        self.busy = False
        if self._closed_loop:
            if now < self._source.until:
                self.ask(now)
            else:
                self._transport.close()
        elif self.waiting:
            self.ask(self.waiting.popleft())


async def run(template: bytes, options: argparse.Namespace) -> dict[str, object]:
    loop = asyncio.get_running_loop()
    started = time.perf_counter()
    source = Source(template, started, options)
    connections = [
        (
            await loop.create_connection(
                lambda: Connection(source, options.rate is None), "127.0.0.1", options.port
            )
        )[1]
        for _ in range(options.connections)
    ]
    if options.rate is None:
        await asyncio.gather(*(connection.over for connection in connections))
    else:
        await _pace(connections, options.rate, started, source.until)
    seconds = time.perf_counter() - started
    return {
        **summary(source.latencies, seconds),
        "statuses": source.statuses,
        "seconds": round(seconds, 2),
    }


async def _pace(connections: list[Connection], rate: float, started: float, until: float) -> None:
    count = 0
    while (now := time.perf_counter()) < until:
        while started + count / rate <= now:
            connections[count % len(connections)].ask(started + count / rate)
            count += 1
        await asyncio.sleep(0.0005)
    for _ in range(100):  # ten seconds for the last answers
        if not any(connection.busy for connection in connections):
            return
        await asyncio.sleep(0.1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("--template", required=True)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--rate", type=float)
    parser.add_argument("--each", type=float)
    options = parser.parse_args()
    template = Path(options.template).read_bytes()
    try:
        import uvloop
    except ImportError:
        print(json.dumps(asyncio.run(run(template, options))))
    else:
        print(json.dumps(uvloop.run(run(template, options))))


if __name__ == "__main__":
    main()
