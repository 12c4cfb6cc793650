"""E: 1,000,000 messages wait for a carrier that cannot be reached, and the gateway is restarted.

Memory is that of both processes, once all are accepted and again after the restart; ready counts
from the start of the process to the first 200 of `/health/ready`.
"""

from __future__ import annotations

import json
import sqlite3
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from benchmarks.builds import HERE, Build
from benchmarks.processes import KEY, free_port, make_site, memory_with_children_mb

WAITING = 1_000_000
PAGE = 100
"""Recipients of a request, as many as become messages at once."""
CALLERS = 8
QUIET_S = 5.0
"""For what is still written when the last request is answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One run of one build."""

    name: str
    empty_mb: int
    """Memory before there is any message."""
    full_mb: int
    restarted_mb: int
    empty_ready_s: float
    ready_s: float
    flaws: tuple[str, ...]


def run(folder: Path, count: int = WAITING, build: Build = HERE) -> Figure:
    """Has so many messages wait, and starts again."""
    site = make_site(folder, free_port(), build=build)
    started = time.perf_counter()
    with site.serving() as gateway:
        empty_ready_s = time.perf_counter() - started
        empty_mb = memory_with_children_mb(gateway.pid)
        with ThreadPoolExecutor(CALLERS) as callers:
            refused = sum(callers.map(lambda body: _post(site.http, body), bodies(count)))
        time.sleep(QUIET_S)
        full_mb = memory_with_children_mb(gateway.pid)
    started = time.perf_counter()
    with site.serving() as gateway:
        ready_s = time.perf_counter() - started
        time.sleep(QUIET_S)
        restarted_mb = memory_with_children_mb(gateway.pid)
    flaws = []
    if refused:
        flaws.append(f"{refused} requests refused")
    with closing(sqlite3.connect(folder / "data" / "dragoman.db")) as connection:
        stored = connection.execute("SELECT count(*) FROM messages WHERE state < 30").fetchone()[0]
    if stored != count:
        flaws.append(f"{stored:,} of {count:,} wait")
    return Figure(
        name=build.name,
        empty_mb=empty_mb,
        full_mb=full_mb,
        restarted_mb=restarted_mb,
        empty_ready_s=round(empty_ready_s, 2),
        ready_s=round(ready_s, 2),
        flaws=tuple(flaws),
    )


def bodies(count: int) -> Iterator[bytes]:
    """Requests of LINK's API for so many messages, each to a number of its own."""
    for first in range(0, count, PAGE):
        numbers = range(first, min(first + PAGE, count))
        recipients = ",".join(f"+4520{number:06}" for number in numbers)
        message = {"recipients": recipients, "sender": "TEST", "message": f"waiting {first}"}
        yield json.dumps({"message": message}).encode()


def _post(port: int, body: bytes) -> bool:
    """Sends one request; whether it was refused."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/v2/message.json?apikey={KEY}",
        data=body,
        headers={"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return bool(answer.status != 201)
    except OSError:
        return True
