"""P: 1,000 phones with open streams on one gateway: memory, waking, reports."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.processes import INSTRUMENTS, KEY, dragoman, free_port

PHONES = 1_000
MIN_FILES = 4_096
"""A stream is an open file of the gateway's and one of the fleet's."""

CARRIERS = """\
[[carriers]]
name = "android"
type = "phones"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One run."""

    memory_mb: int
    """Resident memory of the gateway and the process that writes for it, streams open."""
    idle_p50_ms: float
    idle_max_ms: float
    """From a submission to the event on an idle phone's stream."""
    report_p50_ms: float
    report_p99_ms: float
    """At 500 reports a second, from the moment each was due to its answer."""
    reports_per_s: int
    """As fast as they are answered, over 32 connections."""
    report_cpu_us: int
    """Processor time of the gateway for a report, without the process that writes."""
    flaws: tuple[str, ...]


def run(folder: Path, phones: int = PHONES) -> Figure:
    """Starts a gateway and, in a process of its own, the phones."""
    _allow_files(MIN_FILES)
    with dragoman(folder, free_port(), carriers=CARRIERS) as gateway:
        command = [sys.executable, str(INSTRUMENTS / "phone_fleet.py"), str(gateway.http)]
        command += ["--token", _new_token(folder), "--key", KEY]
        command += ["--phones", str(phones), "--pid", str(gateway.pid)]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    seen: dict[str, Any] = json.loads(output)
    flaws = tuple(seen.pop("flaws"))
    if (there := seen.pop("phones")) != phones:
        flaws = (*flaws, f"{there} phones of {phones}")
    return Figure(**seen, flaws=flaws)


def _new_token(folder: Path) -> str:
    command = [str(Path(sys.executable).parent / "dragoman"), "device", "token"]
    command += ["--account", "bench", "--json", "--config", str(folder / "dragoman.toml")]
    answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    token: str = json.loads(answer)["token"]
    return token


def _allow_files(count: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(count, hard), hard))
