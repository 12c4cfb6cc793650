"""Phones with open streams that fetch and report, as the app SMSGate does.

    python phone_fleet.py PORT --token T --key K --phones N --pid P

Registers N phones with a private token, opens a stream for each, and then measures: how long a
message takes from its submission to the event on an idle phone's stream; how long reports are
waited for at 500 a second (open loop, from the moment each was due); how many reports a second are
taken over 32 connections that ask again at once. P is the process whose memory is read, with that
of its children. Prints one JSON line. It shares no code with Dragoman.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import time
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

BASE = "/api/mobile/v1"
CONNECTIONS = 32
IDLE_MESSAGES = 50
RATE = 500.0
STATES = ("Processed", "Sent", "Delivered")
PATIENCE_S = 60.0


class Client:
    """A kept-alive connection, one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def ask(
        self, method: str, path: str, authorization: str = "", body: Any = None
    ) -> tuple[int, Any]:
        content = b"" if body is None else json.dumps(body).encode()
        head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        if authorization:
            head += f"Authorization: {authorization}\r\n"
        if body is not None:
            head += f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n"
        self._writer.write(head.encode() + b"\r\n" + content)
        status, size = await read_head(self._reader)
        answer = await self._reader.readexactly(size)
        return status, json.loads(answer) if answer else None


async def read_head(reader: asyncio.StreamReader) -> tuple[int, int]:
    """The status of an answer and the size of its body; 0 where none is named."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    at = head.find(b"\r\ncontent-length:")
    size = int(head[at + 17 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
    return int(head[9:12]), size


class Phone:
    """One phone: its token, and when its stream last said that messages wait."""

    def __init__(self, token: str) -> None:
        self.authorization = f"Bearer {token}"
        self.rung = asyncio.Event()
        self.rung_at = 0.0

    async def listen(self, port: int, opened: asyncio.Event) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(
            f"GET {BASE}/events HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Authorization: {self.authorization}\r\n\r\n".encode()
        )
        await read_head(reader)
        opened.set()
        while line := await reader.readline():
            if b"MessageEnqueued" in line:
                self.rung_at = time.perf_counter()
                self.rung.set()


class Fleet:
    """The phones, and the connections they call over."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._clients: asyncio.Queue[Client] = asyncio.Queue()
        self.phones: list[Phone] = []
        self.fetched: list[tuple[Phone, dict[str, Any]]] = []
        self.seen: set[str] = set()
        self.flaws: list[str] = []
        self._listening: list[asyncio.Task[None]] = []

    @contextlib.asynccontextmanager
    async def client(self) -> AsyncIterator[Client]:
        client = await self._clients.get()
        try:
            yield client
        finally:
            self._clients.put_nowait(client)

    async def open(self) -> None:
        for _ in range(CONNECTIONS):
            streams = await asyncio.open_connection("127.0.0.1", self._options.port)
            self._clients.put_nowait(Client(*streams))
        await asyncio.gather(*(self._add() for _ in range(self._options.phones)))

    async def _add(self) -> None:
        token = f"Bearer {self._options.token}"
        async with self.client() as client:
            status, answer = await client.ask("POST", f"{BASE}/device", token, {"name": "bench"})
            if status != 201:
                self.flaws.append(f"register: {status}")
                return
            phone, opened = Phone(answer["token"]), asyncio.Event()
            self._listening.append(asyncio.create_task(phone.listen(self._options.port, opened)))
            await opened.wait()
            await client.ask("GET", f"{BASE}/settings", phone.authorization)
            await client.ask("GET", f"{BASE}/webhooks", phone.authorization)
        self.phones.append(phone)

    async def submit(self, first: int, count: int) -> None:
        numbers = ",".join(f"+4520{number:06d}" for number in range(first, first + count))
        message = {"recipients": numbers, "sender": "TEST", "message": "Hello"}
        path = f"/v2/message.json?apikey={self._options.key}"
        async with self.client() as client:
            status, _ = await client.ask("POST", path, body={"message": message})
        if status != 201:
            self.flaws.append(f"submit: {status}")

    async def fetch(self, phone: Phone) -> None:
        phone.rung.clear()
        async with self.client() as client:
            _, items = await client.ask("GET", f"{BASE}/message", phone.authorization)
        for item in items:
            if item["id"] not in self.seen:
                self.seen.add(item["id"])
                self.fetched.append((phone, item))

    async def fetch_all(self, count: int) -> None:
        """Fetches for every phone that is rung until there are so many messages."""
        deadline = time.perf_counter() + PATIENCE_S
        while len(self.fetched) < count and time.perf_counter() < deadline:
            rung = [phone for phone in self.phones if phone.rung.is_set()]
            await asyncio.gather(*(self.fetch(phone) for phone in rung))
            await asyncio.sleep(0.02)
        if len(self.fetched) != count:
            self.flaws.append(f"{len(self.fetched)} fetched of {count}")

    async def report(self, phone: Phone, item: dict[str, Any], state: str) -> None:
        recipient = {"phoneNumber": item["phoneNumbers"][0], "state": state}
        body = [{"id": item["id"], "state": state, "recipients": [recipient], "states": {}}]
        async with self.client() as client:
            status, _ = await client.ask("PATCH", f"{BASE}/message", phone.authorization, body)
        if status != 204:
            self.flaws.append(f"report: {status}")

    async def close(self) -> None:
        for task in self._listening:
            task.cancel()
        await asyncio.gather(*self._listening, return_exceptions=True)


async def measure_idle(fleet: Fleet) -> list[float]:
    """Seconds from a submission to the event on the stream of the phone that gets it."""
    waits = []
    for number in range(IDLE_MESSAGES):
        started = time.perf_counter()
        await fleet.submit(number, 1)
        rung: list[Phone] = []
        while not rung and time.perf_counter() < started + PATIENCE_S:
            rung = [phone for phone in fleet.phones if phone.rung.is_set()]
            await asyncio.sleep(0.001)
        for phone in rung:
            waits.append(phone.rung_at - started)
            await fleet.fetch(phone)
    await report_all(fleet, asyncio.Semaphore(CONNECTIONS))
    return waits


async def report_all(fleet: Fleet, limit: asyncio.Semaphore) -> float:
    """Reports everything that is fetched to its end, as fast as answers come; reports a second."""
    started, count = time.perf_counter(), 0

    async def report(phone: Phone, item: dict[str, Any]) -> None:
        async with limit:
            for state in STATES:
                await fleet.report(phone, item, state)

    fetched, fleet.fetched = fleet.fetched, []
    count = len(fetched) * len(STATES)
    await asyncio.gather(*(report(phone, item) for phone, item in fetched))
    return count / max(0.001, time.perf_counter() - started)


async def report_paced(fleet: Fleet) -> list[float]:
    """Reports everything at the rate, each state of all before the next; seconds since due."""
    waits: list[float] = []

    async def report(phone: Phone, item: dict[str, Any], state: str, due: float) -> None:
        await fleet.report(phone, item, state)
        waits.append(time.perf_counter() - due)

    fetched, fleet.fetched = fleet.fetched, []
    due_in_order = [(phone, item, state) for state in STATES for phone, item in fetched]
    started, tasks = time.perf_counter(), []
    for number, (phone, item, state) in enumerate(due_in_order):
        due = started + number / RATE
        if (wait_s := due - time.perf_counter()) > 0:
            await asyncio.sleep(wait_s)
        tasks.append(asyncio.create_task(report(phone, item, state, due)))
    await asyncio.gather(*tasks)
    return waits


async def run(options: argparse.Namespace) -> dict[str, Any]:
    fleet = Fleet(options)
    await fleet.open()
    count = len(fleet.phones)
    idle = await measure_idle(fleet)
    await asyncio.sleep(4)  # a phone rests three seconds after a message
    for first in range(1_000, 1_000 + count, 100):
        await fleet.submit(first, min(100, 1_000 + count - first))
    await fleet.fetch_all(count)
    paced = await report_paced(fleet)
    for first in range(10_000, 10_000 + count, 100):
        await fleet.submit(first, min(100, 10_000 + count - first))
    await fleet.fetch_all(count)
    processes = with_children(options.pid)
    before_s = [processor_s(pid) for pid in processes]
    per_s = await report_all(fleet, asyncio.Semaphore(CONNECTIONS))
    spent_s = [processor_s(pid) - was for pid, was in zip(processes, before_s, strict=True)]
    memory_mb = sum(resident_mb(pid) for pid in with_children(options.pid))
    await fleet.close()
    return {
        "phones": count,
        "memory_mb": memory_mb,
        "idle_p50_ms": percentile_ms(idle, 0.5),
        "idle_max_ms": percentile_ms(idle, 1.0),
        "report_p50_ms": percentile_ms(paced, 0.5),
        "report_p99_ms": percentile_ms(paced, 0.99),
        "reports_per_s": round(per_s),
        "report_cpu_us": round(spent_s[0] / max(1, len(STATES) * count) * 1e6),
        "flaws": sorted(set(fleet.flaws)),
    }


def percentile_ms(seconds: Iterable[float], share: float) -> float:
    ordered = sorted(seconds)
    if not ordered:
        return -1.0
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000, 1)


def with_children(pid: int) -> list[int]:
    """A process and the children of its main thread."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *map(int, children)]


def processor_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mb(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) // 1024
    return 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("--token", required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--phones", type=int, default=1_000)
    parser.add_argument("--pid", type=int, required=True)
    print(json.dumps(asyncio.run(run(parser.parse_args()))))


if __name__ == "__main__":
    main()
