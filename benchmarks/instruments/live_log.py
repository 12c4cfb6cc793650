"""Readers of the live log, as browsers with the page open.

    python live_log.py PORT --cookie C --streams N [--filter QUERY]

Opens N streams with one filter and prints `ready`. It notes when changes come until its input ends
and a message was shown as queued, or `LATEST_S` went by since, and then prints one JSON line: how
many were shown and left out, and how long after acceptance a message was shown as queued, in
milliseconds. When it was accepted stands in its identifier. It shares no code with Dragoman.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import sys
import time

PATH = "/console/live/events"
EPOCH_MS = 1_577_836_800_000
SEQUENCE_BITS = 12
ACCEPTED = "queued"
LATEST_S = 60.0


class Seen:
    """What all streams were told."""

    def __init__(self) -> None:
        self.shown = 0
        self.left_out = 0
        self.delays_ms: list[float] = []
        self.any = asyncio.Event()

    def take(self, data: bytes) -> None:
        now_ms = time.time() * 1000
        frame = json.loads(data)
        self.shown += len(frame["rows"])
        self.left_out += frame["dropped"] + frame["skipped"]
        for row in frame["rows"]:
            if row["state"] == ACCEPTED:
                accepted_ms = (int(row["id"]) >> SEQUENCE_BITS) + EPOCH_MS
                self.delays_ms.append(now_ms - accepted_ms)
                self.any.set()


async def listen(options: argparse.Namespace, seen: Seen, opened: asyncio.Event) -> None:
    """One stream, opened again where it ends."""
    query = f"?{options.filter}" if options.filter else ""
    while True:
        reader, writer = await asyncio.open_connection("127.0.0.1", options.port, limit=1 << 20)
        writer.write(
            f"GET {PATH}{query} HTTP/1.1\r\nHost: 127.0.0.1:{options.port}\r\n"
            f"Cookie: {options.cookie}\r\n\r\n".encode()
        )
        head = await reader.readuntil(b"\r\n\r\n")
        if b" 200 " not in head.split(b"\r\n", 1)[0]:
            raise RuntimeError(head.decode("latin-1"))
        while line := await reader.readline():
            if line.startswith(b"event: open"):
                opened.set()
            if line.startswith(b"data: {"):
                seen.take(line[len(b"data: ") :])
        writer.close()


async def run(options: argparse.Namespace) -> dict[str, object]:
    seen = Seen()
    opened = [asyncio.Event() for _ in range(options.streams)]
    streams = [asyncio.create_task(listen(options, seen, event)) for event in opened]
    for event in opened:
        await event.wait()
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LATEST_S):
            await seen.any.wait()
    for stream in streams:
        stream.cancel()
    for stream in streams:
        with contextlib.suppress(asyncio.CancelledError):
            await stream
    delays = sorted(seen.delays_ms)

    def percentile(share: float) -> float:
        return round(delays[min(len(delays) - 1, int(len(delays) * share))]) if delays else 0.0

    return {
        "shown": seen.shown,
        "left_out": seen.left_out,
        "messages": len(delays),
        "p50_ms": percentile(0.50),
        "p95_ms": percentile(0.95),
        "max_ms": percentile(1.0),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("--cookie", required=True)
    parser.add_argument("--streams", type=int, default=1)
    parser.add_argument("--filter", default="")
    print(json.dumps(asyncio.run(run(parser.parse_args()))))


if __name__ == "__main__":
    main()
