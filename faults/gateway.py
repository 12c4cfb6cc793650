"""A real `dragoman serve` and its commands, started, killed, stopped and started again."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import shutil
import signal
import socket
import sqlite3
import sys
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import psycopg

DRAGOMAN = str(Path(sys.executable).parent / "dragoman")
KEY = "faults-key-faults-key-faults-key"
USERNAME = "faults"
PASSWORD = "faults-password"
SECOND_KEY = "second-key-second-key-second-key"
NUMBER = "1204"
WINDOW = 20
START_S = 120.0
_GIVEN_PORTS = Path("/proc/sys/net/ipv4/ip_local_port_range")
FINAL = 40
"""From this state on a message has ended; this one is delivered."""

_CONFIG = """\
data_dir = "{data}"

[http]
listen = "127.0.0.1:{http}"

[storage]
url = "{url}"
min_free_mb = {min_free_mb}

[dialects]
enabled = ["httpsms", "linkmobility", "smsend", "smsgateway24", "smsgate"]

[dialects.linkmobility]
time_zone = "UTC"

[limits]
max_recipients = 1000000

[callbacks]
allow_private = ["127.0.0.0/8"]
timeout_s = 2
first_retry_s = 0.5
max_retry_s = 2

[log]
level = "warning"

{carriers}
{further}
[[numbers]]
number = "{number}"
account = "{username}"
"""

_CARRIER = """\
[[carriers]]
name = "{name}"
host = "127.0.0.1"
port = {port}
system_id = "test"
password = "test"
links = {links}
window = {window}
reconnect_min_s = 0.1
reconnect_max_s = 0.5
enquire_interval_s = 1
enquire_timeout_s = 1
bind_timeout_s = 2
response_timeout_s = {response_timeout_s}
on_unknown = "{on_unknown}"
"""


def carrier(
    port: int,
    *,
    name: str = "main",
    links: int = 1,
    window: int = WINDOW,
    on_unknown: str = "resend",
    response_timeout_s: float = 5,
) -> str:
    """A carrier of the configuration."""
    return _CARRIER.format(
        name=name,
        port=port,
        links=links,
        window=window,
        on_unknown=on_unknown,
        response_timeout_s=response_timeout_s,
    )


def free_port() -> int:
    """A port that nobody listens on at this moment.

    It is none of those that connections are given: one of a gateway that starts again might be
    taken meanwhile.
    """
    first_given = int(_GIVEN_PORTS.read_text().split()[0])
    while True:
        port = random.randrange(first_given // 2, first_given)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@dataclass(frozen=True, slots=True)
class StoredRow:
    """A message as it is stored."""

    text: str
    state: int
    is_marked: bool
    """Whether it says that it may be a duplicate."""
    attempts: int


class Gateway:
    """One gateway with a folder, a database and a configuration of its own."""

    def __init__(
        self,
        folder: Path,
        *,
        carriers: str,
        further: str = "",
        url: str = "sqlite:///dragoman.db",
        environment: Mapping[str, str] | None = None,
        http: int = 0,
        data: Path | None = None,
        min_free_mb: int = 0,
    ) -> None:
        """`data` is the folder of the database, if it is another's."""
        self.http = http or free_port()
        self.url = f"http://127.0.0.1:{self.http}"
        self.data = data or folder / "data"
        self.data.mkdir(parents=True, exist_ok=True)
        self.database = self.data / "dragoman.db"
        self.log = folder / "gateway.log"
        self.config = folder / "dragoman.toml"
        self.config.write_text(
            _CONFIG.format(
                data=self.data,
                min_free_mb=min_free_mb,
                http=self.http,
                url=url,
                carriers=carriers,
                further=further,
                number=NUMBER,
                username=USERNAME,
            )
        )
        self._database_url = url
        self._environment = {**os.environ, "PYTHONFAULTHANDLER": "1", **(environment or {})}
        self._process: asyncio.subprocess.Process | None = None
        self.starts_s: list[float] = []
        """How long each start took until the gateway was ready."""

    async def command(self, *arguments: str) -> str:
        """Runs a `dragoman` command on its configuration; raises when it fails."""
        code, output = await self.try_command(*arguments)
        if code:
            raise RuntimeError(f"dragoman {' '.join(arguments)}: {output.strip()}")
        return output

    async def try_command(self, *arguments: str) -> tuple[int, str]:
        process = await asyncio.create_subprocess_exec(
            DRAGOMAN,
            *arguments,
            "--config",
            str(self.config),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        return process.returncode or 0, output.decode(errors="replace")

    async def prepare(self) -> None:
        """Makes the tables and the accounts."""
        await self.command("migrate")
        for username, key in ((USERNAME, KEY), ("second", SECOND_KEY)):
            create = ("account", "create", username, "--api-key", key, "--password", PASSWORD)
            await self.command(*create, "--json")

    def copy_database(self, template: Path) -> None:
        for suffix in ("-wal", "-shm"):  # of an earlier one
            Path(f"{self.database}{suffix}").unlink(missing_ok=True)
        shutil.copy(template, self.database)

    async def begin(self) -> None:
        """Starts the process without waiting for anything."""
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                DRAGOMAN, "serve", "--config", str(self.config), stderr=log, env=self._environment
            )

    async def start(self, *, ready: bool = True) -> float:
        """Starts, and waits until the gateway is ready, or at least answers; seconds it took."""
        began = time.monotonic()
        await self.begin()
        while time.monotonic() < began + START_S:
            if self.exit_code is not None:
                raise RuntimeError(f"the gateway did not start: {self.last_words()}")
            status = (await self.health())[0]
            if status == 200 or (status and not ready):
                self.starts_s.append(time.monotonic() - began)
                return self.starts_s[-1]
            await asyncio.sleep(0.05)
        raise RuntimeError(f"the gateway did not become ready: {await self._tracebacks()}")

    async def _tracebacks(self) -> str:
        """Ends a gateway that hangs, and returns where its threads were and what it said before."""
        health = await self.health()
        said = self.log.read_text(errors="replace").strip().splitlines()[-20:]
        before = self.log.stat().st_size
        os.kill(self.pid, signal.SIGABRT)
        await self._wait(self.children())
        with self.log.open("rb") as log:
            log.seek(before)
            return "\n".join([str(health), *said, log.read().decode(errors="replace")])

    @property
    def exit_code(self) -> int | None:
        return None if self._process is None else self._process.returncode

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def children(self) -> list[int]:
        """The processes it started: the one that writes."""
        tasks = Path(f"/proc/{self.pid}/task").glob("*/children")
        with contextlib.suppress(OSError):
            return [int(child) for task in tasks for child in task.read_text().split()]
        return []

    async def kill(self, *, writer: bool = True) -> None:
        """Ends it at once, with or without the process that writes, which then ends by itself."""
        children = self.children()
        for pid in (self.pid, *(children if writer else ())):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        await self._wait(children)

    async def kill_writer(self) -> None:
        for pid in self.children():
            os.kill(pid, signal.SIGKILL)

    async def stop(self) -> float:
        """Asks it to stop; seconds until it did."""
        began, children = time.monotonic(), self.children()
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)
        await self._wait(children)
        return time.monotonic() - began

    async def _wait(self, children: Collection[int]) -> None:
        assert self._process is not None
        await self._process.wait()
        while any(map(_exists, children)):  # noqa: ASYNC110 - nobody tells when they have ended
            await asyncio.sleep(0.01)

    async def close(self) -> None:
        if self._process is not None and self._process.returncode is None:
            await self.kill()

    async def health(self) -> tuple[int, list[str]]:
        """Status of `/health/ready` and what it names as problems; (0, []) without an answer."""
        status, body = await self.get("/health/ready")
        with contextlib.suppress(ValueError):
            return status, list(json.loads(body).get("problems", ()))
        return status, []

    async def get(self, path: str) -> tuple[int, str]:
        """Status and body of an answer; (0, "") if there is none."""
        timeout = aiohttp.ClientTimeout(total=10)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.get(self.url + path) as answer,
            ):
                return answer.status, await answer.text()
        except (aiohttp.ClientError, OSError, TimeoutError):
            return 0, ""

    async def metric(self, name: str, labels: str = "") -> float | None:
        """A value of `/metrics`, such as `window_size` of `carrier="main"`."""
        _, body = await self.get("/metrics")
        for line in body.splitlines():
            if line.startswith(f"dragoman_{name}{{{labels}" if labels else f"dragoman_{name} "):
                return float(line.rpartition(" ")[2])
        return None

    def memory_mb(self) -> int:
        """Resident memory of its processes."""
        total = 0
        for pid in (self.pid, *self.children()):
            with contextlib.suppress(OSError):
                status = Path(f"/proc/{pid}/status").read_text()
                resident = next(line for line in status.splitlines() if line.startswith("VmRSS"))
                total += int(resident.split()[1])
        return total // 1024

    def last_words(self) -> str:
        """The last line of its log."""
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else ""

    def rows(self) -> dict[str, list[StoredRow]]:
        """Its messages by their text, read past the gateway."""
        query = (
            "SELECT coalesce(m.text, b.text), m.state, m.possible_duplicate, m.attempts"
            " FROM messages m JOIN batches b ON b.batch_id = m.batch_id"
        )
        rows: dict[str, list[StoredRow]] = {}
        for text, state, marked, attempts in self.select(query):
            rows.setdefault(text, []).append(StoredRow(text, state, bool(marked), attempts))
        return rows

    def select(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of its database."""
        if self._database_url.startswith("postgresql"):
            with psycopg.connect(self._database_url) as connection:
                return connection.execute(query.encode()).fetchall()
        with contextlib.closing(
            sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=10)
        ) as connection:
            return connection.execute(query).fetchall()

    def unfinished(self) -> int:
        """Messages that have not ended, and batches that are not messages yet."""
        query = (
            f"SELECT (SELECT count(*) FROM messages WHERE state < {FINAL})"
            " + (SELECT count(*) FROM batches WHERE waiting_recipients IS NOT NULL)"
        )
        return int(self.select(query)[0][0])


def _exists(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()
