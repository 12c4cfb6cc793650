"""A customer's server that says yes to every call and counts.

    python callback_sink.py PORT [--numbered]

On SIGTERM it prints one JSON line: calls, distinct request lines, seconds from first to last. With
--numbered the URL has the message's number of ten digits as `returndata`: then how many numbers
came how often, which takes little memory, in place of the lines. It
shares no code with Dragoman.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import time
from typing import cast

from benchmarks.instruments.numbers_seen import Numbers

YES = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nOK"


class Tally:
    """What was called."""

    def __init__(self) -> None:
        self.calls = 0
        self.first = 0.0
        self.last = 0.0
        self.seen: set[int] = set()
        self.numbers = Numbers()

    def summary(self) -> dict[str, object]:
        seconds = self.last - self.first
        return {
            "calls": self.calls,
            "distinct": len(self.seen),
            "numbers": self.numbers.counted(),
            "seconds": round(seconds, 2),
            "per_second": round(self.calls / seconds) if seconds > 0 else 0,
        }


class SinkConnection(asyncio.Protocol):
    """One keep-alive connection."""

    def __init__(self, tally: Tally, numbered: bool) -> None:
        self._tally = tally
        self._numbered = numbered
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
            data = data[end + 4 + size :]
            tally = self._tally
            now = time.time()
            tally.first, tally.last = tally.first or now, now
            tally.calls += 1
            line = head.split(b"\r\n", 1)[0]
            if self._numbered:
                tally.numbers.note(line.partition(b"returndata=")[2].partition(b"&")[0])
            else:
                tally.seen.add(hash(line))
            self._transport.write(YES)
        self._rest = data


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("--numbered", action="store_true")
    options = parser.parse_args()
    tally, stop = Tally(), asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    await loop.create_server(
        lambda: SinkConnection(tally, options.numbered), "127.0.0.1", options.port
    )
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
