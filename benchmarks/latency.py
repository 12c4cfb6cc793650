"""D: how long a caller waits for "accepted" at a fixed rate of requests, open loop."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from benchmarks.accept import link_request
from benchmarks.builds import HERE, Build
from benchmarks.processes import Instrument, dragoman, generate_load

RATES = (1_000.0, 4_000.0)
SECONDS = 15.0
WARM_UP_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One run; milliseconds from the moment a request was due to its answer."""

    name: str
    answered_per_s: int
    p50_ms: float
    p99_ms: float
    max_ms: float
    flaws: tuple[str, ...]


def run(folder: Path, rate: float, build: Build = HERE) -> Figure:
    """Asks at a fixed rate and looks at the waiting times."""
    smsc = Instrument("smsc_sink.py", "--receipts")
    with dragoman(folder, smsc.port, build=build) as gateway:
        request = link_request(gateway.http, None)
        generate_load(gateway, request, folder, seconds=WARM_UP_S, rate=rate)
        load = generate_load(gateway, request, folder, seconds=SECONDS, rate=rate)
    smsc.stop()
    refused = {status: n for status, n in load["statuses"].items() if status != "201"}
    return Figure(
        name=build.name,
        answered_per_s=load["per_second"],
        p50_ms=load["p50_ms"],
        p99_ms=load["p99_ms"],
        max_ms=load["max_ms"],
        flaws=(f"refused: {refused}",) if refused else (),
    )
