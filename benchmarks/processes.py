"""Starts and stops what is measured: a gateway of our own, Kannel, and the instruments."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.builds import HERE, ROOT, Build

INSTRUMENTS = Path(__file__).parent / "instruments"
WINDOW = 500
USERNAME = "bench"
PASSWORD = "benchmark-password"
KEY = "benchmark-key-benchmark-key-benchmark-key"
START_S = 300.0
"""A limit that only a gateway which never becomes ready meets, however busy the machine is."""

_KANNEL = """\
group = core
admin-port = {admin}
smsbox-port = {box}
admin-password = bench
log-level = 3
log-file = "{folder}/bearerbox.log"
box-deny-ip = "*.*.*.*"
box-allow-ip = "127.0.0.1"
store-type = spool
store-location = "{folder}/spool"
dlr-storage = internal
sms-incoming-queue-limit = -1
sms-outgoing-queue-limit = -1

group = smsc
smsc = smpp
smsc-id = sink
host = 127.0.0.1
port = {smsc}
transceiver-mode = true
system-type = "VMA"
smsc-username = "bench"
smsc-password = "bench"
max-pending-submits = {window}

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {http}
global-sender = 123
log-level = 3
log-file = "{folder}/smsbox.log"

group = sendsms-user
username = u
password = p

group = sms-service
keyword = default
text = "none"
"""

_DRAGOMAN = """\
data_dir = "{folder}"

[http]
listen = "127.0.0.1:{http}"

[dialects]
enabled = {dialects}

[limits]
max_recipients = 1000000

[callbacks]
allow_private = ["127.0.0.0/8"]
per_host = 32

{carriers}

[log]
level = "warning"

{tables}
"""

SINK = """\
[[carriers]]
name = "sink"
host = "127.0.0.1"
port = {smsc}
system_id = "bench"
password = "bench"
window = {window}
"""


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """A gateway that takes requests."""

    name: str
    http: int
    pid: int
    peers: tuple[int, ...] = ()
    """Its other processes, but for those that it starts itself."""

    def processor_s(self) -> float:
        """Processor time of all its processes so far."""
        return sum(processor_s(pid)[1] for pid in (self.pid, *self.peers))


@contextlib.contextmanager
def process(command: list[str], **options: Any) -> Iterator[subprocess.Popen[str]]:
    """Runs a program for as long as the block lasts."""
    running = subprocess.Popen(command, text=True, **options)
    try:
        yield running
    finally:
        if running.poll() is None:
            running.send_signal(signal.SIGTERM)
            try:
                running.wait(40)
            except subprocess.TimeoutExpired:
                running.kill()
                running.wait()


class Instrument:
    """A sink that prints what it counted when it is stopped."""

    def __init__(self, script: str, *arguments: str) -> None:
        self.port = free_port()
        command = [sys.executable, str(INSTRUMENTS / script), str(self.port), *arguments]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        self._process = subprocess.Popen(
            command, text=True, stdout=subprocess.PIPE, env=environment
        )
        assert self._process.stdout is not None
        self._process.stdout.readline()

    def lap(self) -> dict[str, Any]:
        """What it counted since the last one."""
        assert self._process.stdout is not None
        self._process.send_signal(signal.SIGUSR1)
        counted: dict[str, Any] = json.loads(self._process.stdout.readline())
        return counted

    def stop(self) -> dict[str, Any]:
        """Ends the sink; what it counted."""
        self._process.send_signal(signal.SIGTERM)
        output, _ = self._process.communicate(timeout=20)
        counted: dict[str, Any] = json.loads(output)
        return counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A configured gateway of ours, with its database, that is started and stopped."""

    build: Build
    http: int
    config: Path

    def command(self, *arguments: str) -> str:
        """What a command of the program prints."""
        command = [self.build.program, *arguments, "--config", str(self.config)]
        return subprocess.check_output(command, text=True)

    @contextlib.contextmanager
    def serving(self) -> Iterator[Gateway]:
        """Runs it, from when it is ready."""
        command = [self.build.program, "serve", "--config", str(self.config)]
        with process(command) as running:
            wait_until_ready(f"http://127.0.0.1:{self.http}/health/ready", running)
            yield Gateway(name=self.build.name, http=self.http, pid=running.pid)


@contextlib.contextmanager
def dragoman(
    folder: Path,
    smsc_port: int,
    prepare: Callable[[Path], None] | None = None,
    carriers: str = SINK,
    tables: str = "",
    *,
    build: Build = HERE,
    database_url: str = "",
) -> Iterator[Gateway]:
    """Our gateway, made as `make_site` makes it, while it serves."""
    site = make_site(
        folder, smsc_port, prepare, carriers, tables, build=build, database_url=database_url
    )
    with site.serving() as gateway:
        yield gateway


def make_site(
    folder: Path,
    smsc_port: int,
    prepare: Callable[[Path], None] | None = None,
    carriers: str = SINK,
    tables: str = "",
    *,
    dialects: Sequence[str] = ("httpsms", "linkmobility", "smsend"),
    build: Build = HERE,
    database_url: str = "",
) -> Site:
    """Our gateway on SQLite with full sync, as an operator sets it up, or on another database.

    `prepare` is given the database before that; `carriers` and `tables` are of its configuration.
    """
    folder.mkdir(parents=True)
    http = free_port()
    config = folder / "dragoman.toml"
    config.write_text(
        _DRAGOMAN.format(
            folder=folder / "data",
            http=http,
            dialects=json.dumps(list(dialects)),
            carriers=carriers.format(smsc=smsc_port, window=WINDOW, http=http),
            tables=f'[storage]\nurl = "{database_url}"\n{tables}' if database_url else tables,
        )
    )
    command = [build.program]
    option = ["--config", str(config)]
    subprocess.run([*command, "migrate", *option], check=True, stdout=subprocess.DEVNULL)
    create = ["account", "create", USERNAME, "--api-key", KEY, "--password", PASSWORD, "--json"]
    subprocess.run([*command, *create, *option], check=True, stdout=subprocess.DEVNULL)
    if prepare is not None:
        prepare(folder / "data" / "dragoman.db")
    return Site(build=build, http=http, config=config)


def has_kannel() -> bool:
    """Whether the C gateway is installed here (Debian package `kannel`)."""
    return shutil.which("bearerbox") is not None and shutil.which("smsbox") is not None


@contextlib.contextmanager
def kannel(folder: Path, smsc_port: int) -> Iterator[Gateway]:
    """Kannel with a spool store, both of its boxes."""
    (folder / "spool").mkdir(parents=True)
    http = free_port()
    config = folder / "kannel.conf"
    config.write_text(
        _KANNEL.format(
            admin=free_port(),
            box=free_port(),
            http=http,
            smsc=smsc_port,
            window=WINDOW,
            folder=folder,
        )
    )
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with process(["bearerbox", str(config)], **quiet) as bearerbox:
        time.sleep(2)
        with process(["smsbox", str(config)], **quiet) as smsbox:
            time.sleep(2)
            yield Gateway(name="kannel", http=http, pid=bearerbox.pid, peers=(smsbox.pid,))


def generate_load(
    gateway: Gateway,
    request: bytes,
    folder: Path,
    *,
    seconds: float,
    connections: int = 32,
    rate: float | None = None,
    each_s: float | None = None,
    on_period: Callable[[dict[str, Any]], None] | None = None,
) -> dict[str, Any]:
    """Runs the load source against a gateway; what it saw.

    Every `each_s` seconds it tells `on_period` what it saw since the time before.
    """
    template = folder / "request.http"
    template.write_bytes(request)
    command = [sys.executable, str(INSTRUMENTS / "load.py"), str(gateway.http)]
    command += ["--template", str(template), "--seconds", str(seconds)]
    command += ["--connections", str(connections)]
    if rate is not None:
        command += ["--rate", str(rate)]
    if each_s is not None:
        command += ["--each", str(each_s)]
    seen: dict[str, Any] = {}
    with subprocess.Popen(command, text=True, stdout=subprocess.PIPE) as load:
        assert load.stdout is not None
        for line in load.stdout:
            seen = json.loads(line)
            if "statuses" not in seen and on_period is not None:
                on_period(seen)
    if load.returncode:
        raise subprocess.CalledProcessError(load.returncode, command)
    return seen


def processor_s(pid: int) -> tuple[float, float]:
    """Processor time of a process so far, and of it with the processes it started."""
    own, *theirs = (_own_processor_s(one) for one in (pid, *children_of(pid)))
    return own, own + sum(theirs)


def children_of(pid: int) -> list[int]:
    """The processes that a process started."""
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _own_processor_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    user, system = int(fields[11]), int(fields[12])
    return (user + system) / os.sysconf("SC_CLK_TCK")


def memory_mb(pid: int) -> int:
    """Resident memory of a process now."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) // 1024
    return 0


def memory_with_children_mb(pid: int) -> int:
    """Resident memory of a process and of those it started, now."""
    return sum(memory_mb(one) for one in (pid, *children_of(pid)))


def peak_memory_mb(pid: int) -> int:
    """The most resident memory a process has had."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) // 1024
    return 0


def wait_until_ready(url: str, running: subprocess.Popen[str]) -> None:
    """Returns once a gateway says so; raises `TimeoutError`, also where it ended."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and running.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=1) as answer:
            if answer.status == 200:
                return
        time.sleep(0.02)
    raise TimeoutError(f"{url} did not become ready (exit code {running.poll()})")
