"""A and B: one recipient a request, to the receipt (A) or to the customer's callbacks (B).

Every build and database is measured in turn, this build on SQLite first.

Ours: a LINK `POST message` for each message, on disk, with delivery report; in B the customer is
called twice a message, as LINK does: when it is buffered and when it ended. Kannel: a `sendsms`
GET; in A without receipts (its fastest), in B once with one call a message and once with two. A
figure counts what arrived at the end of the chain, and is void where anything was lost or doubled.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.builds import HERE, Build
from benchmarks.processes import (
    KEY,
    Gateway,
    Instrument,
    dragoman,
    generate_load,
    has_kannel,
    kannel,
)

SECONDS = 10.0
QUIET_S = 2.0
DRAIN_S = 20.0
"""Enough for what was accepted in `SECONDS` to reach the customer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One run of one gateway."""

    name: str
    calls: int
    """Callbacks a message."""
    accepted_per_s: int
    through_per_s: int
    """Messages a second at the end of the chain: the SMSC in A, the customer in B."""
    cost_us: int
    """Processor time of all of the gateway's processes for a message."""
    flaws: tuple[str, ...]


def run(
    folder: Path, *, callbacks: bool, builds: Sequence[Build] = (HERE,), server_url: str = ""
) -> list[Figure]:
    """Measures the builds, this one on a PostgreSQL server where there is one, and Kannel."""
    figures = [
        _measure_ours(folder / f"build-{number}", callbacks, build)
        for number, build in enumerate(builds)
    ]
    if server_url:
        figures.append(_measure_ours(folder / "server", callbacks, HERE, server_url))
    if has_kannel():
        for calls in (1, 2) if callbacks else (0,):
            figures.append(_measure_kannel(folder / f"kannel-{calls}", calls))
    return figures


def link_request(port: int, callback_port: int | None) -> bytes:
    """A LINK request whose text has the running number."""
    message: dict[str, Any] = {
        "recipients": "+4512345678",
        "sender": "TEST",
        "message": "Hello world number {n}",
    }
    if callback_port is not None:
        message |= {
            "status": True,
            "statusurl": f"http://127.0.0.1:{callback_port}/report",
        }
    body = json.dumps({"message": message}).encode()
    length = len(body) - len("{n}") + 10
    head = (
        f"POST /v2/message.json?apikey={KEY} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    )
    return head.encode() + body


def kannel_request(port: int, callback_port: int | None, calls: int) -> bytes:
    """A sendsms request whose text has the running number.

    Mask 3 calls when the message ended, mask 11 also when the SMSC took it.
    """
    extra = ""
    if callback_port is not None:
        mask = 3 if calls == 1 else 11
        extra = f"&dlr-mask={mask}&dlr-url=http%3A%2F%2F127.0.0.1%3A{callback_port}%2Fd%3Fs%3D%25d"
    return (
        "GET /cgi-bin/sendsms?username=u&password=p&to=4512345678&from=TEST"
        f"&text=Hello+world+number+{{n}}{extra} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n"
    ).encode()


def _measure_ours(folder: Path, callbacks: bool, build: Build, database_url: str = "") -> Figure:
    smsc = Instrument("smsc_sink.py", "--receipts")
    sink = Instrument("callback_sink.py") if callbacks else None
    with dragoman(folder, smsc.port, build=build, database_url=database_url) as gateway:
        request = link_request(gateway.http, sink.port if sink else None)
        figure = _measure(gateway, request, folder, smsc, sink, calls_per_message=2)
    return replace(figure, name=f"{figure.name} on PostgreSQL") if database_url else figure


def _measure_kannel(folder: Path, calls: int) -> Figure:
    smsc = Instrument("smsc_sink.py", *(["--receipts"] if calls else []))
    sink = Instrument("callback_sink.py") if calls else None
    with kannel(folder, smsc.port) as gateway:
        request = kannel_request(gateway.http, sink.port if sink else None, calls)
        return _measure(gateway, request, folder, smsc, sink, calls_per_message=calls)


def _measure(
    gateway: Gateway,
    request: bytes,
    folder: Path,
    smsc: Instrument,
    sink: Instrument | None,
    *,
    calls_per_message: int,
) -> Figure:
    before = gateway.processor_s()
    load = generate_load(gateway, request, folder, seconds=SECONDS)
    time.sleep(QUIET_S if sink is None else DRAIN_S)
    spent = gateway.processor_s() - before
    arrived = smsc.stop()
    called = sink.stop() if sink is not None else None
    flaws = []
    if arrived["submits"] < load["answered"]:
        flaws.append(f"{load['answered'] - arrived['submits']} lost")
    if arrived["doubled"]:
        flaws.append(f"{arrived['doubled']} doubled")
    refused = {s: n for s, n in load["statuses"].items() if s not in {"200", "201", "202"}}
    if refused:
        flaws.append(f"refused: {refused}")
    through = arrived["per_second"]
    if called is not None:
        expected = arrived["submits"] * calls_per_message
        if called["calls"] != expected:
            flaws.append(f"{called['calls']} callbacks of {expected}")
        through = round(called["calls"] / calls_per_message / (called["seconds"] or 1))
    return Figure(
        name=gateway.name,
        calls=calls_per_message if sink is not None else 0,
        accepted_per_s=load["per_second"],
        through_per_s=through,
        cost_us=round(spent / max(1, load["answered"]) * 1e6),
        flaws=tuple(flaws),
    )
