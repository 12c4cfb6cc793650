"""S: customers' programs that submit over SMPP, beside LINK's call; a thousand of them idle.

Both are asked of one gateway in turns. What they cost is counted in processor time, of the
gateway's own process and with the one that writes, up to the receipt that the program took.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.accept import link_request
from benchmarks.processes import (
    INSTRUMENTS,
    USERNAME,
    Gateway,
    Instrument,
    dragoman,
    free_port,
    generate_load,
    memory_mb,
    processor_s,
)

SECONDS: Final = 5.0
QUIET_S: Final = 3.0
BINDS: Final = 4
WINDOW: Final = 100
IDLE: Final = 1_000
PASSWORD: Final = "benchmrk"
MIN_FILES: Final = 4_096
DRAIN_S: Final = 10.0
"""Enough for the last receipts."""

TABLES: Final = f"""\
[smpp_server]
listen = "127.0.0.1:{{port}}"
max_binds = {IDLE}
window = {WINDOW}
keep_s = 60.0
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One turn of one way in."""

    name: str
    accepted_per_s: int
    gateway_us: float
    """Processor time of the gateway's own process for a message."""
    both_us: float
    """The same with the process that writes."""
    p50_ms: float
    p99_ms: float
    """To the answer; 0 where it is not measured."""
    receipts: int
    flaws: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Idle:
    """Programs that are bound and silent."""

    binds: int
    memory_mb: int
    """What the gateway grew by."""
    bound_s: float
    """Until all of them were bound, with the password of one login."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """Each way in once."""

    receipts: Call
    plain: Call
    link: Call
    link_told: Call
    """LINK's call whose customer is told, as SMPP's is by a receipt: LINK tells of two states."""

    @property
    def calls(self) -> tuple[Call, ...]:
        return self.receipts, self.plain, self.link, self.link_told


def run(folder: Path, turns: int) -> tuple[list[Turn], Idle]:
    """Measures SMPP and LINK in turns, with receipts and without; and then the idle binds."""
    smsc, sink = Instrument("smsc_sink.py", "--receipts"), Instrument("callback_sink.py")
    port = free_port()
    try:
        with dragoman(folder, smsc.port, tables=TABLES.format(port=port)) as gateway:
            give_login(folder)
            calls = []
            for number in range(turns):
                turn = folder / f"turn-{number}"
                turn.mkdir()
                calls.append(
                    Turn(
                        receipts=_measure_smpp(gateway, port, receipts=True),
                        plain=_measure_smpp(gateway, port, receipts=False),
                        link=_measure_link(gateway, turn, None),
                        link_told=_measure_link(gateway, turn, sink.port),
                    )
                )
            return calls, _measure_idle(gateway, port)
    finally:
        smsc.stop()
        sink.stop()


def ratios(turns: list[Turn]) -> dict[str, list[float]]:
    """What SMPP costs and accepts over what LINK does, turn by turn."""

    def accepted(one: Call, link: Call) -> float:
        return round(one.accepted_per_s / max(1, link.accepted_per_s), 2)

    def cost(one: Call, link: Call) -> float:
        return round(one.both_us / max(0.1, link.both_us), 2)

    return {
        "accepted": [accepted(one.receipts, one.link) for one in turns],
        "accepted without receipts": [accepted(one.plain, one.link) for one in turns],
        "processor time": [cost(one.receipts, one.link) for one in turns],
        "processor time, both told": [cost(one.receipts, one.link_told) for one in turns],
        "processor time without receipts": [cost(one.plain, one.link) for one in turns],
    }


def give_login(folder: Path) -> None:
    """Lets the account of a gateway bind."""
    command = [str(Path(sys.executable).parent / "dragoman"), "account", "smpp", USERNAME]
    command += ["--password", PASSWORD, "--config", str(folder / "dragoman.toml")]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def _fleet(port: int, *more: str) -> list[str]:
    command = [sys.executable, str(INSTRUMENTS / "esme_fleet.py"), str(port)]
    return [*command, "--system-id", USERNAME, "--password", PASSWORD, *more]


def submit(
    port: int, *, seconds: float, receipts: bool, messages: int | None = None
) -> dict[str, Any]:
    """Submits over all binds for so long, and waits for the last receipts; what was seen.

    With `messages` it submits so many, and takes at most so long for that.
    """
    command = _fleet(
        port,
        *("--binds", str(BINDS), "--window", str(WINDOW)),
        *("--seconds", str(seconds), "--quiet", str(DRAIN_S)),
        *("--registered", str(int(receipts))),
        *(() if messages is None else ("--messages", str(messages))),
    )
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    seen: dict[str, Any] = json.loads(output)
    return seen


def _measure_smpp(gateway: Gateway, port: int, *, receipts: bool) -> Call:
    time.sleep(QUIET_S)
    before = processor_s(gateway.pid)
    seen = submit(port, seconds=SECONDS, receipts=receipts)
    after = processor_s(gateway.pid)
    flaws = []
    if refused := {s: n for s, n in seen["statuses"].items() if s != "0"}:
        flaws.append(f"refused: {refused}")
    if receipts and seen["known_receipts"] != seen["accepted"]:
        flaws.append(f"{seen['known_receipts']} receipts of {seen['accepted']}")
    if seen["repeated"]:
        flaws.append(f"{seen['repeated']} receipts came twice")
    gateway_us, both_us = _cost(before, after, seen["accepted"])
    return Call(
        name="SMPP" if receipts else "SMPP, none",
        accepted_per_s=seen["per_second"],
        gateway_us=gateway_us,
        both_us=both_us,
        p50_ms=seen["p50_ms"],
        p99_ms=seen["p99_ms"],
        receipts=seen["receipts"],
        flaws=tuple(flaws),
    )


def _measure_link(gateway: Gateway, folder: Path, callback_port: int | None) -> Call:
    time.sleep(QUIET_S)
    before = processor_s(gateway.pid)
    request = link_request(gateway.http, callback_port)
    load = generate_load(gateway, request, folder, seconds=SECONDS)
    time.sleep(QUIET_S if callback_port is None else DRAIN_S)
    after = processor_s(gateway.pid)
    refused = {status: n for status, n in load["statuses"].items() if status != "201"}
    gateway_us, both_us = _cost(before, after, load["answered"])
    return Call(
        name="LINK's call" if callback_port is None else "the same, told",
        accepted_per_s=load["per_second"],
        gateway_us=gateway_us,
        both_us=both_us,
        p50_ms=0.0,
        p99_ms=0.0,
        receipts=0,
        flaws=(f"refused: {refused}",) if refused else (),
    )


def _cost(
    before: tuple[float, float], after: tuple[float, float], count: int
) -> tuple[float, float]:
    own, both = (
        round((late - early) / max(1, count) * 1e6)
        for early, late in zip(before, after, strict=True)
    )
    return own, both


def _measure_idle(gateway: Gateway, port: int) -> Idle:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < MIN_FILES:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(MIN_FILES, hard), hard))
    time.sleep(QUIET_S)
    before = memory_mb(gateway.pid)
    began = time.perf_counter()
    command = _fleet(port, "--idle", "--binds", str(IDLE))
    with subprocess.Popen(
        command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as running:
        assert running.stdout is not None
        bound = json.loads(running.stdout.readline())["bound"]
        bound_s = time.perf_counter() - began
        time.sleep(QUIET_S)
        grown = memory_mb(gateway.pid) - before
        running.communicate("\n")
    return Idle(binds=bound, memory_mb=grown, bound_s=round(bound_s, 1))
