"""N: 1,000 messages, each with a text of its own, in one call of our own API, until "accepted".

Three ways, each over one connection: a call at a time, once everything before it was sent; calls in
a row, while what they brought is sent; and calls in a row whose messages are due tomorrow, which
shows what acceptance alone costs. Accepted means on disk, as ever.
"""

from __future__ import annotations

import http.client
import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.processes import KEY, Gateway, Instrument, make_site

MESSAGES = 1_000
"""In one call."""
CALLS = 20
PATIENCE_S = 60.0
POLL_S = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One turn of one way."""

    name: str
    per_s: int
    """Messages accepted a second, from the first octet of a call to the last of its answer."""
    slowest_ms: float
    """The longest call."""
    cost_us: float
    """Processor time of all of the gateway's processes for a message, until the last answer."""
    flaws: tuple[str, ...]


def run(folder: Path, turns: int) -> list[list[Figure]]:
    """Asks in all ways, turn by turn."""
    smsc = Instrument("smsc_sink.py", "--receipts")
    site = make_site(folder, smsc.port, dialects=("native",))
    try:
        with site.serving() as gateway:
            caller = Caller(gateway)
            caller.send("warm up")
            caller.wait_until_sent()
            return [
                [
                    _measure("alone", gateway, caller, alone=True),
                    _measure("in a row", gateway, caller),
                    _measure("due tomorrow", gateway, caller, send_at=_tomorrow()),
                ]
                for _ in range(turns)
            ]
    finally:
        smsc.stop()


class Caller:
    """A program with one connection."""

    def __init__(self, gateway: Gateway) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", gateway.http, timeout=PATIENCE_S)
        self._headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}

    def send(self, name: str, **options: Any) -> tuple[float, int]:
        """Sends a batch; the seconds until its answer, and how many messages that accepts."""
        messages = [
            {"to": f"+4512{number:06}", "text": f"Hello {name}, this is message {number} of ours"}
            for number in range(MESSAGES)
        ]
        body = json.dumps({"from": "TEST", "messages": messages, **options})
        begin = time.perf_counter()
        answer = self._call("POST", "/api/v1/batches", body)
        return time.perf_counter() - begin, answer["recipients"]

    def wait_until_sent(self) -> None:
        """Waits until the newest batch has reached its end."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            (newest,) = self._call("GET", "/api/v1/batches?limit=1")["data"]
            if newest["state"] in {"done", "cancelled"}:
                return
            time.sleep(POLL_S)
        raise TimeoutError("a batch is not sent")

    def _call(self, method: str, target: str, body: str | None = None) -> dict[str, Any]:
        self._connection.request(method, target, body, self._headers)
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.status not in {200, 202}:
            raise ValueError(f"{answer.status}: {content[:200]!r}")
        decoded: dict[str, Any] = json.loads(content)
        return decoded


def _measure(
    name: str, gateway: Gateway, caller: Caller, *, alone: bool = False, **options: Any
) -> Figure:
    took: list[float] = []
    accepted, spent = 0, 0.0
    for number in range(CALLS):
        before = gateway.processor_s()
        seconds, count = caller.send(f"{name} {number}", **options)
        spent += gateway.processor_s() - before
        took.append(seconds)
        accepted += count
        if alone:
            caller.wait_until_sent()
    if not options:
        caller.wait_until_sent()
    whole = CALLS * median(took) if alone else sum(took)
    wanted = CALLS * MESSAGES
    return Figure(
        name=name,
        per_s=round(accepted / whole),
        slowest_ms=round(max(took) * 1000, 1),
        cost_us=round(spent / wanted * 1e6, 1),
        flaws=() if accepted == wanted else (f"{accepted} of {wanted} accepted",),
    )


def _tomorrow() -> str:
    return (datetime.now(UTC) + timedelta(days=1)).isoformat(timespec="seconds")
