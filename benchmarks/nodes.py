"""M: nodes of a cluster: two beside one, a call to the wrong one, a partition that is taken over.

Real processes over PostgreSQL and NATS from wheels, both of which sync. Two partitions, two
accounts, and two carriers with an SMSC each, so that each of two nodes has one of all. The nodes
are held to half a core each; PostgreSQL, NATS and the instruments have the rest of the machine.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from faults.jetstream import Nats
from faults.postgres import Postgres

from benchmarks.builds import HERE
from benchmarks.processes import (
    PASSWORD,
    WINDOW,
    Gateway,
    Instrument,
    free_port,
    generate_load,
    wait_until_ready,
)
from benchmarks.quota import held_to
from benchmarks.waiting import CALLERS, bodies

SHARE = 0.5
"""Of a core, for each node."""
SECONDS = 10.0
WARM_UP_S = 3.0
QUIET_S = 3.0
RATE = 1_000.0
PATIENCE_S = 120.0
LOOK_S = 0.02
CONNECTIONS = 16
"""Of each account."""
ALONE_S = 3.0
TURNS = 3
WAITING = 1_000_000
NODES = ("a", "b")
ACCOUNTS = ("bench-4", "bench-0")
"""Whose names say partition 0 and partition 1."""
CARRIERS = ("north", "south")

_CONFIG = """\
data_dir = "{folder}"

[http]
listen = "127.0.0.1:{http}"

[storage]
url = "{url}"
key_file = "{key_file}"

[cluster]
partitions = 2
node = "{name}"
listen = "127.0.0.1:{peers}"
secret = "a secret of the nodes that are measured"
nats = "{nats}"

[dialects]
enabled = ["httpsms", "linkmobility", "native"]

[limits]
max_recipients = 1000000

[log]
level = "warning"

{carriers}
"""

_CARRIER = """\
[[carriers]]
name = "{name}"
host = "127.0.0.1"
port = {port}
system_id = "bench"
password = "bench"
window = {window}

[[routes]]
name = "{name}"
accounts = ["{account}"]
carriers = ["{name}"]

"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """What nodes carry together."""

    name: str
    accepted_per_s: int
    through_per_s: int
    cost_us: int
    """Processor time of all nodes for a message."""
    flaws: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """Calls to one node, for an account of its own or of the other one."""

    name: str
    alone_us: int
    """How long one takes that has the machine to itself: the median of a call that only reads."""
    p50_ms: float
    """Of submissions at the rate."""
    p99_ms: float
    cost_us: int
    """Processor time of both nodes for a submission."""
    flaws: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Takeover:
    """What becomes of a partition when its owner goes."""

    name: str
    taken_s: float
    """From the signal until another node owns it and has accepted a submission."""
    longest_s: float
    """That a submission to that node was under way meanwhile."""
    unavailable: int
    """Submissions meanwhile that were not accepted: the owner went while it had them."""
    flaws: tuple[str, ...]


class Nodes:
    """Two nodes that may run, with their servers and the SMSC of each carrier."""

    def __init__(self, folder: Path, server: Postgres, nats: Nats) -> None:
        self.url = server.new_database("nodes")
        self.smscs = [Instrument("smsc_sink.py", "--receipts") for _ in CARRIERS]
        carriers = "".join(
            _CARRIER.format(name=name, port=smsc.port, account=account, window=WINDOW)
            for name, smsc, account in zip(CARRIERS, self.smscs, ACCOUNTS, strict=True)
        )
        self._configs: dict[str, Path] = {}
        self.http: dict[str, int] = {}
        for name in NODES:
            home = folder / name
            home.mkdir(parents=True)
            self.http[name] = free_port()
            self._configs[name] = config = home / "dragoman.toml"
            config.write_text(
                _CONFIG.format(
                    folder=home / "data",
                    http=self.http[name],
                    url=self.url,
                    key_file=folder / "dragoman.key",
                    name=name,
                    peers=free_port(),
                    nats=nats.url,
                    carriers=carriers,
                )
            )
        self.folder = folder
        self.running: dict[str, subprocess.Popen[str]] = {}
        self.command("a", "migrate")

    def command(self, node: str, *arguments: str) -> str:
        """What a command prints."""
        command = [HERE.program, *arguments, "--config", str(self._configs[node])]
        return subprocess.check_output(command, text=True)

    def create_accounts(self) -> None:
        """Makes the account of each partition."""
        for account in ACCOUNTS:
            options = ("--api-key", key_of(account), "--password", PASSWORD, "--json")
            self.command("a", "account", "create", account, *options)

    def start(self, name: str) -> None:
        """Starts a node, and waits until it is ready."""
        command = [HERE.program, "serve", "--config", str(self._configs[name])]
        self.running[name] = running = subprocess.Popen(command, text=True)
        wait_until_ready(f"http://127.0.0.1:{self.http[name]}/health/ready", running)

    def end(self, name: str, how: signal.Signals) -> None:
        """Ends a node."""
        running = self.running.pop(name)
        running.send_signal(how)
        running.wait(PATIENCE_S)

    def close(self) -> None:
        """Ends all of them."""
        for name in [*self.running]:
            self.end(name, signal.SIGKILL)
        for smsc in self.smscs:
            smsc.stop()

    def gateway(self, name: str) -> Gateway:
        """A node, as load is sent to it."""
        return Gateway(name=name, http=self.http[name], pid=self.running[name].pid)

    def processor_s(self) -> float:
        """What the nodes that run have spent so far."""
        return sum(self.gateway(name).processor_s() for name in self.running)

    def owners(self) -> tuple[str, str]:
        """The node that has each partition."""
        query = "SELECT node FROM dragoman_shared.partitions ORDER BY partition"
        first, second = (str(node) for (node,) in self._select(query))
        return first, second

    def holders(self) -> tuple[str, ...]:
        """The node that has each carrier, in the order of their names."""
        query = "SELECT node FROM dragoman_shared.carriers ORDER BY carrier"
        return tuple(str(node) for (node,) in self._select(query))

    def share(self) -> None:
        """Waits until each node has a partition and a carrier."""
        self._until(lambda: {*self.owners()} == {*self.holders()} == {*self.running})

    def swap(self) -> None:
        """Has the nodes exchange their partitions."""
        first, second = self.owners()
        self.command("a", "cluster", "move", "0", second)
        self.command("a", "cluster", "move", "1", first)
        self._until(lambda: self.owners() == (second, first))

    def waiting(self) -> int:
        """The messages of partition 0 that have not ended."""
        ((count,),) = self._select("SELECT count(*) FROM dragoman_p00.messages WHERE state < 30")
        return int(count)

    def _until(self, holds: Any) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not holds():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.owners()} own, {self.holders()} hold")
            time.sleep(LOOK_S)

    def _select(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url) as connection:
            return connection.execute(query.encode()).fetchall()


def key_of(account: str) -> str:
    """The API key of an account."""
    return f"key-of-{account}-" * 3


@contextlib.contextmanager
def nodes(folder: Path) -> Iterator[Nodes]:
    """Two nodes that are not started yet."""
    folder.mkdir(parents=True)
    with Postgres(folder / "server", connections=100) as server, Nats(folder / "nats") as nats:
        made = Nodes(folder, server, nats)
        try:
            yield made
        finally:
            made.close()


def submission(account: str, stage: str) -> bytes:
    """A LINK request whose text names a stage and has the running number."""
    message = {"recipients": "+4512345678", "sender": "TEST", "message": stage + " {n}"}
    body = json.dumps({"message": message}).encode()
    length = len(body) - len("{n}") + 10
    head = (
        f"POST /v2/message.json?apikey={key_of(account)} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    )
    return head.encode() + body


def reading(account: str) -> bytes:
    """A call of the native API that only reads; it heeds no running number."""
    return (
        f"GET /api/v1/account?n={{n}} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Authorization: Bearer {key_of(account)}\r\n\r\n"
    ).encode()


def run_scale(folder: Path) -> Iterator[Scale]:
    """One node, then two with what they send over their own carriers, or over each other's."""
    with nodes(folder) as made:
        made.start("a")
        made.create_accounts()
        yield _scale(made, "one node", "alone")
        made.start("b")
        made.share()
        if made.owners() != made.holders():
            made.swap()
        yield _scale(made, "two, own carriers", "near")
        made.swap()
        yield _scale(made, "two, each other's", "far")


def _scale(made: Nodes, name: str, stage: str) -> Scale:
    with contextlib.ExitStack() as stack:
        for node, running in made.running.items():
            stack.enter_context(held_to(SHARE, f"{os.getpid()}-{node}", running.pid))
        _load(made, f"{stage} warm", WARM_UP_S)
        time.sleep(QUIET_S)
        for smsc in made.smscs:
            smsc.lap()
        before = made.processor_s()
        loads = _load(made, stage, SECONDS)
        time.sleep(QUIET_S)
        spent = made.processor_s() - before
    arrived = [smsc.lap() for smsc in made.smscs]
    answered = sum(load["answered"] for load in loads)
    return Scale(
        name=name,
        accepted_per_s=sum(load["per_second"] for load in loads),
        through_per_s=sum(one["per_second"] for one in arrived),
        cost_us=round(spent / max(1, answered) * 1e6),
        flaws=_flaws(loads, arrived),
    )


def _load(made: Nodes, stage: str, seconds: float) -> list[dict[str, Any]]:
    """Has both accounts send as fast as they are answered, each to the node that has it."""

    def send(account: str, node: str) -> dict[str, Any]:
        folder = made.folder / f"{stage} {account}"
        folder.mkdir()
        request = submission(account, stage)
        return generate_load(
            made.gateway(node), request, folder, seconds=seconds, connections=CONNECTIONS
        )

    with ThreadPoolExecutor() as senders:
        return [*senders.map(send, ACCOUNTS, made.owners())]


def _flaws(
    loads: Sequence[dict[str, Any]], arrived: Sequence[dict[str, Any]] = ()
) -> tuple[str, ...]:
    flaws = [
        f"refused: {load['statuses']}"
        for load in loads
        if not {*load["statuses"]} <= {"200", "201"}
    ]
    if arrived:
        missing = sum(load["answered"] for load in loads) - sum(one["distinct"] for one in arrived)
        flaws += [f"{missing} have not arrived"] if missing else []
        flaws += [f"{one['doubled']} doubled" for one in arrived if one["doubled"]]
    return tuple(flaws)


def run_calls(folder: Path) -> Iterator[Call]:
    """The same calls to the node that has their account, and to the other one, in turns."""
    with nodes(folder) as made:
        made.start("a")
        made.create_accounts()
        made.start("b")
        made.share()
        right, wrong = made.owners()
        for turn in range(TURNS):
            for name, node in (("right", right), ("wrong", wrong)):
                home = folder / f"{name} {turn}"
                home.mkdir()
                yield _calls(made, f"the {name} node", made.gateway(node), home)


def _calls(made: Nodes, name: str, gateway: Gateway, folder: Path) -> Call:
    account = ACCOUNTS[0]
    read = generate_load(gateway, reading(account), folder, seconds=ALONE_S, connections=1)
    request = submission(account, folder.name)
    generate_load(gateway, request, folder, seconds=WARM_UP_S, rate=RATE)
    before = made.processor_s()
    load = generate_load(gateway, request, folder, seconds=SECONDS, rate=RATE)
    time.sleep(1.0)
    spent = made.processor_s() - before
    return Call(
        name=name,
        alone_us=round(read["p50_ms"] * 1000),
        p50_ms=load["p50_ms"],
        p99_ms=load["p99_ms"],
        cost_us=round(spent / max(1, load["answered"]) * 1e6),
        flaws=_flaws([read, load]),
    )


def run_takeovers(folder: Path, waiting: int) -> Iterator[Takeover]:
    """Messages wait in partition 0 for a carrier that is down, and its owner goes."""
    account = ACCOUNTS[0]
    with nodes(folder) as made:
        while made.smscs:
            made.smscs.pop().stop()
        made.start("a")
        made.create_accounts()
        made.start("b")
        made.share()
        http = made.http[made.owners()[0]]
        with ThreadPoolExecutor(CALLERS) as callers:
            refused = sum(
                status != 201
                for status in callers.map(lambda body: _post(http, account, body), bodies(waiting))
            )
        for name, how in (("killed", signal.SIGKILL), ("stopped", signal.SIGTERM)):
            owner = made.owners()[0]
            other = next(node for node in NODES if node != owner)
            running = made.running.pop(owner)
            running.send_signal(how)
            taken = _call_until_taken(made, other)
            running.wait(PATIENCE_S)
            waiting += taken.accepted
            flaws = [f"{refused} requests refused"] if refused else []
            flaws += [] if taken.is_over else ["not taken over"]
            found = made.waiting()
            flaws += [f"{found:,} of {waiting:,} wait"] if found != waiting else []
            yield Takeover(
                name=name,
                taken_s=round(taken.seconds, 1),
                longest_s=round(taken.longest_s, 1),
                unavailable=taken.unavailable,
                flaws=(*flaws,),
            )
            made.start(owner)
            made.share()


@dataclass(slots=True)
class _Taken:
    """What a caller met while a partition changed hands."""

    is_over: bool = False
    seconds: float = 0.0
    longest_s: float = 0.0
    accepted: int = 0
    unavailable: int = 0


def _call_until_taken(made: Nodes, other: str) -> _Taken:
    """Submits to a node, one after the other, until that owns partition 0 and has accepted one."""
    taken, began = _Taken(), time.monotonic()
    while not taken.is_over and taken.seconds < PATIENCE_S:
        owns, asked = made.owners()[0] == other, time.monotonic()
        is_accepted = _post(made.http[other], ACCOUNTS[0], next(bodies(1))) == 201
        now = time.monotonic()
        taken.longest_s = max(taken.longest_s, now - asked)
        taken.accepted += is_accepted
        taken.unavailable += not is_accepted
        taken.is_over, taken.seconds = owns and is_accepted, now - began
        time.sleep(LOOK_S)
    return taken


def _post(http: int, account: str, body: bytes) -> int:
    """Sends a request; the status of its answer, 0 without one."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{http}/v2/message.json?apikey={key_of(account)}",
        data=body,
        headers={"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0
