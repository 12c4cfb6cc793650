"""L: the live log at 500 messages a second: how soon a message is shown, and what that costs.

Turns without a listener, with one and with ten take each other's place on one gateway; what they
cost is counted in processor time. Listeners hear everything. How soon a message is shown is asked
of a stream that hears one message in twenty, since a frame leaves out most of so many changes.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

from benchmarks.accept import link_request
from benchmarks.processes import (
    INSTRUMENTS,
    PASSWORD,
    USERNAME,
    Gateway,
    Instrument,
    dragoman,
    generate_load,
    processor_s,
)
from benchmarks.session import CONSOLE, Session

RATE: Final = 500.0
SHOWN_RATE: Final = 25.0
SECONDS: Final = 10.0
QUIET_S: Final = 1.0
LATEST_S: Final = 120.0
"""A limit that only streams which show nothing at all come near."""
LISTENERS: Final = (0, 1, 10)
NUMBER, SHOWN_NUMBER = b"+4512345678", b"+4598765432"


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One turn with so many listeners."""

    listeners: int
    gateway_us: float
    """Processor time of the gateway's own process for a message, to its receipt."""
    both_us: float
    """The same with the process that writes."""
    shown: int
    left_out: int
    flaws: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delay:
    """From the acceptance of a message to its row on a stream, in milliseconds."""

    messages: int
    p50_ms: float
    p95_ms: float
    max_ms: float


def run(
    folder: Path, turns: int, *, rate: float = RATE, seconds: float = SECONDS
) -> tuple[Delay, list[Turn]]:
    """Measures the delay once and the cost in turns."""
    smsc = Instrument("smsc_sink.py", "--receipts")
    try:
        with dragoman(folder, smsc.port, tables=CONSOLE) as gateway:
            session = Session(gateway.http)
            session.sign_in(USERNAME, PASSWORD)
            _load(gateway, folder, rate, min(seconds, 2.0))
            delay = _measure_delay(gateway, session.cookie, folder, rate, seconds)
            measured = [
                _measure_cost(gateway, session.cookie, folder, listeners, rate, seconds)
                for _ in range(turns)
                for listeners in LISTENERS
            ]
            session.close()
            return delay, measured
    finally:
        smsc.stop()


def cost_percent(turns: list[Turn], listeners: int) -> float:
    """What listeners add to the gateway's processor time a message, as medians over the turns."""

    def usual(count: int) -> float:
        return median(turn.gateway_us for turn in turns if turn.listeners == count)

    return round((usual(listeners) / usual(0) - 1) * 100, 1)


def _measure_delay(
    gateway: Gateway, cookie: str, folder: Path, rate: float, seconds: float
) -> Delay:
    shown_rate = min(SHOWN_RATE, rate / 2)
    to_others = folder / "others"
    to_others.mkdir()
    others = threading.Thread(
        target=_load, args=(gateway, to_others, rate - shown_rate, seconds), daemon=True
    )
    digits = SHOWN_NUMBER.decode().removeprefix("+")
    with _listening(gateway, cookie, 1, f"to={digits}") as seen:
        others.start()
        _load(gateway, folder, shown_rate, seconds, SHOWN_NUMBER)
        others.join()
        time.sleep(QUIET_S)
    return Delay(**{name: seen[name] for name in Delay.__slots__})


def _measure_cost(
    gateway: Gateway, cookie: str, folder: Path, listeners: int, rate: float, seconds: float
) -> Turn:
    time.sleep(QUIET_S)
    with _listening(gateway, cookie, listeners) as seen:
        before = processor_s(gateway.pid)
        load = _load(gateway, folder, rate, seconds)
        time.sleep(QUIET_S)
        after = processor_s(gateway.pid)
    refused = {status: n for status, n in load["statuses"].items() if status != "201"}
    gateway_us, both_us = (
        round((late - early) / max(1, load["answered"]) * 1e6)
        for early, late in zip(before, after, strict=True)
    )
    return Turn(
        listeners=listeners,
        gateway_us=gateway_us,
        both_us=both_us,
        shown=seen.get("shown", 0),
        left_out=seen.get("left_out", 0),
        flaws=(f"refused: {refused}",) if refused else (),
    )


def _load(
    gateway: Gateway, folder: Path, rate: float, seconds: float, number: bytes = NUMBER
) -> dict[str, Any]:
    request = link_request(gateway.http, None).replace(NUMBER, number)
    return generate_load(gateway, request, folder, seconds=seconds, rate=rate)


@contextlib.contextmanager
def _listening(
    gateway: Gateway, cookie: str, streams: int, filter_: str = ""
) -> Iterator[dict[str, Any]]:
    """Has streams open during the block; afterwards what this gives holds what they were told."""
    seen: dict[str, Any] = {}
    if not streams:
        yield seen
        return
    command = [sys.executable, str(INSTRUMENTS / "live_log.py"), str(gateway.http)]
    command += ["--cookie", cookie, "--streams", str(streams)]
    command += ["--filter", filter_]
    with subprocess.Popen(
        command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as running:
        assert running.stdout is not None
        running.stdout.readline()
        yield seen
        output, _ = running.communicate(timeout=LATEST_S)
        seen |= json.loads(output)
