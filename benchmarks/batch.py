"""C: one batch to a list of 100,000 contacts, each with a text of its own, to the last receipt."""

from __future__ import annotations

import json
import time
import urllib.request
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks import book
from benchmarks.builds import HERE, Build
from benchmarks.processes import KEY, Gateway, Instrument, dragoman, peak_memory_mb

RECIPIENTS = 100_000
PATIENCE_S = 180.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One run of one build."""

    name: str
    accepted_s: float
    """Seconds until the request was answered."""
    per_s: int
    """Messages a second from the request to the last receipt."""
    peak_mb: int
    cost_us: int
    """Processor time of all of the gateway's processes for a message."""
    flaws: tuple[str, ...]


def run(folder: Path, build: Build = HERE) -> Figure:
    """Sends the batch and waits until every message is received."""
    smsc = Instrument("smsc_sink.py", "--receipts")

    def prepare(database: Path) -> None:
        build.fill_book(database, RECIPIENTS)

    with dragoman(folder, smsc.port, prepare, build=build) as gateway:
        figure = send(gateway, RECIPIENTS)
        arrived = smsc.stop()
    if arrived["distinct"] != RECIPIENTS or arrived["doubled"]:
        flaw = f"{arrived['submits']} submits, {arrived['distinct']} distinct"
        return replace(figure, name=build.name, flaws=(*figure.flaws, flaw))
    return replace(figure, name=build.name)


def send(gateway: Gateway, recipients: int) -> Figure:
    """Sends a batch to the list and waits until every message is received."""
    message = {
        "recipients": str(book.LIST_ID),
        "sender": "TEST",
        "message": book.TEXT,
        "filter": book.FILTER,
    }
    before = gateway.processor_s()
    started = time.perf_counter()
    answer = call(gateway, "POST", "/v2/message.json", {"message": message})
    accepted_s = time.perf_counter() - started
    batch_id = answer["details"]["batchid"]
    received = 0
    while received < recipients and time.perf_counter() < started + PATIENCE_S:
        time.sleep(0.25)
        progress = call(gateway, "GET", f"/v2/message/{batch_id}/0.json")
        received = progress["stat"]["received"]
    seconds = time.perf_counter() - started
    peak_mb = peak_memory_mb(gateway.pid)
    spent = gateway.processor_s() - before
    return Figure(
        name=gateway.name,
        accepted_s=round(accepted_s, 2),
        per_s=round(received / seconds),
        peak_mb=peak_mb,
        cost_us=round(spent / max(1, received) * 1e6),
        flaws=(f"{recipients - received} not received",) if received < recipients else (),
    )


def call(
    gateway: Gateway, method: str, path: str, body: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Makes a LINK call with the key of the account; its answer."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{gateway.http}{path}?apikey={KEY}",
        method=method,
        data=json.dumps(body).encode() if body is not None else None,
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        decoded: dict[str, Any] = json.load(answer)
        return decoded
