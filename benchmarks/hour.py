"""T: an hour at 1,500 requests/s with two callbacks each, or any other time: whether it stays even.

Each minute has its rate, its waiting times for "accepted" and the memory of both processes at its
end. A customer's number comes with each message and comes back with both of its callbacks, so that
whatever is lost or doubled is seen.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from benchmarks.builds import HERE, Build
from benchmarks.processes import (
    KEY,
    Gateway,
    Instrument,
    children_of,
    dragoman,
    generate_load,
    memory_mb,
)

SECONDS = 3_600.0
RATE = 1_500.0
MINUTE_S = 60.0
CONNECTIONS = 64
DRAIN_S = 20.0
"""Enough for the last messages to reach the customer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Minute:
    """A minute of the load; milliseconds from when a request was due to its answer."""

    per_s: int
    p50_ms: float
    p99_ms: float
    max_ms: float
    gateway_mb: int
    writer_mb: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A whole run."""

    minutes: tuple[Minute, ...]
    cost_us: int
    """Processor time of both processes for a message."""
    flaws: tuple[str, ...]


def run(
    folder: Path,
    seconds: float = SECONDS,
    *,
    rate: float = RATE,
    minute_s: float = MINUTE_S,
    drain_s: float = DRAIN_S,
    build: Build = HERE,
) -> Iterator[Minute | Figure]:
    """Asks for so long; each minute as it ends, and then the whole."""
    smsc = Instrument("smsc_sink.py", "--receipts", "--numbered")
    sink = Instrument("callback_sink.py", "--numbered")
    with dragoman(folder, smsc.port, build=build) as gateway:
        request = _request(gateway.http, sink.port)
        before = gateway.processor_s()
        periods: SimpleQueue[dict[str, Any]] = SimpleQueue()
        loads: list[dict[str, Any]] = []

        def load() -> None:
            loads.append(
                generate_load(
                    gateway,
                    request,
                    folder,
                    seconds=seconds,
                    connections=CONNECTIONS,
                    rate=rate,
                    each_s=minute_s,
                    on_period=periods.put,
                )
            )
            periods.put({})

        loader = threading.Thread(target=load)
        loader.start()
        minutes = []
        while period := periods.get():
            minutes.append(_minute(period, gateway))
            yield minutes[-1]
        loader.join()
        time.sleep(drain_s)
        spent = gateway.processor_s() - before
    (load_seen,) = loads
    answered = load_seen["statuses"].get("201", 0)
    flaws = [
        *flaws_of("messages", smsc.stop()["numbers"], answered, 1),
        *flaws_of("callbacks", sink.stop()["numbers"], answered, 2),
    ]
    if refused := load_seen["answered"] - answered:
        flaws.append(f"{refused} refused")
    yield Figure(
        minutes=tuple(minutes),
        cost_us=round(spent / max(1, answered) * 1e6),
        flaws=tuple(flaws),
    )


def growth_mb(minutes: tuple[Minute, ...]) -> int:
    """How much both processes together grew from the third minute, or the first, to the last."""
    first, last = minutes[min(2, len(minutes) - 1)], minutes[-1]
    return last.gateway_mb + last.writer_mb - first.gateway_mb - first.writer_mb


def _minute(period: dict[str, Any], gateway: Gateway) -> Minute:
    return Minute(
        per_s=period["per_second"],
        p50_ms=period["p50_ms"],
        p99_ms=period["p99_ms"],
        max_ms=period["max_ms"],
        gateway_mb=memory_mb(gateway.pid),
        writer_mb=sum(map(memory_mb, children_of(gateway.pid))),
    )


def flaws_of(name: str, numbers: dict[str, int], expected: int, times: int) -> Iterator[str]:
    """What is wrong with how often each number came, where each should have come `times` times."""
    counts = {int(count): found for count, found in numbers.items()}
    missing = times * (expected - sum(counts.values()))
    lost = missing + sum(
        (times - count) * found for count, found in counts.items() if count < times
    )
    doubled = sum((count - times) * found for count, found in counts.items() if count > times)
    if lost:
        yield f"{lost} {name} lost"
    if doubled:
        yield f"{doubled} {name} doubled"


def _request(port: int, callback_port: int) -> bytes:
    message = {
        "recipients": "+4512345678",
        "sender": "TEST",
        "message": "Hello world number {n}",
        "returndata": "{n}",
        "status": True,
        "statusurl": f"http://127.0.0.1:{callback_port}/report",
    }
    body = json.dumps({"message": message}).encode()
    length = len(body.replace(b"{n}", b"0" * 10))
    head = (
        f"POST /v2/message.json?apikey={KEY} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    )
    return head.encode() + body
