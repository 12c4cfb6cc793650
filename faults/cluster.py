"""R15: three nodes share the work; one is killed or stands still, NATS dies or loses its store."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import random
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from faults.customer import Customer
from faults.gateway import FINAL, PASSWORD, WINDOW, Gateway, StoredRow, carrier, free_port
from faults.jetstream import Nats
from faults.ledger import Ledger, Row, Verdict, judge
from faults.postgres import Postgres
from faults.scene import Bench, until_true
from faults.smsc import Manners, Smsc
from faults.wires import Wire

PARTITIONS = 4
NODES = ("a", "b", "c")
ACCOUNTS = ("faults", "second", "third", "fourth", "fifth", "sixth")
POSTGRESQL, NATS = "PostgreSQL", "NATS"
CLIENTS = 3
"""Of each account, spread over the nodes."""
TAKEN_OVER_S = 15.0
STANDS_STILL_S = 60.0
PATIENCE_S = 90.0
OWED = 6_000
"""Receipts that are owed when the holder is lost."""
OWED_WITHIN_S = 300.0
SENT = 30

_CLUSTER = """\
[cluster]
partitions = {partitions}
node = "{name}"
listen = "127.0.0.1:{port}"
secret = "a secret of the three nodes"
nats = "{nats}"
"""


@dataclass
class Cluster:
    """Nodes, the servers between them, and their customers."""

    smsc: Smsc
    nats: Nats
    url: str
    nodes: dict[str, Gateway]
    ledger: Ledger
    server: Postgres
    wires: dict[tuple[str, str], Wire] = field(default_factory=dict)
    """What each node reaches PostgreSQL and NATS over, by its name and theirs."""
    customers: list[Customer] = field(default_factory=list)

    def select(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url) as connection:
            return connection.execute(query.encode()).fetchall()

    def of_partitions(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of a query, of every partition; `{}` in it is the partition's schema."""
        return [
            row
            for partition in range(PARTITIONS)
            for row in self.select(query.format(f"dragoman_p{partition:02d}"))
        ]

    def holder(self) -> str:
        rows = self.select("SELECT node FROM dragoman_shared.carriers")
        return str(rows[0][0]) if rows else ""

    def owners(self) -> list[str]:
        rows = self.select("SELECT node FROM dragoman_shared.partitions ORDER BY partition")
        return [str(node) for (node,) in rows]

    def rows(self) -> dict[str, list[StoredRow]]:
        query = (
            "SELECT coalesce(m.text, b.text), m.state, m.possible_duplicate, m.attempts"
            " FROM {0}.messages m JOIN {0}.batches b ON b.batch_id = m.batch_id"
        )
        rows: dict[str, list[StoredRow]] = {}
        for text, state, marked, attempts in self.of_partitions(query):
            rows.setdefault(text, []).append(StoredRow(text, state, bool(marked), attempts))
        return rows

    def unfinished(self) -> int:
        return sum(self.unfinished_by_state().values())

    def unfinished_by_state(self) -> Counter[int]:
        """How many messages have not ended, by their states."""
        query = f"SELECT state FROM {{}}.messages WHERE state < {FINAL}"
        return Counter(state for (state,) in self.of_partitions(query))

    async def taken_over(self, victim: str) -> float:
        """Seconds until a living node owns or holds all that was the victim's."""
        began = time.monotonic()

        def owners() -> set[str]:
            return {self.holder(), *self.owners()}

        async def others_have_it() -> bool:
            # In a thread: nodes may reach their servers through this process.
            return not await asyncio.to_thread(owners) & {victim, "None", ""}

        await until_true(others_have_it, PATIENCE_S)
        return time.monotonic() - began

    @contextlib.asynccontextmanager
    async def load(self, name: str, rate: float | None = None) -> AsyncIterator[None]:
        """Has every customer send one after the other, at a rate for all together or at once."""
        pause_s = len(self.customers) / rate if rate else 0.0
        async with contextlib.AsyncExitStack() as stack:
            for number, customer in enumerate(self.customers):
                load = customer.load(f"{name} {number}", 1, pause_s=pause_s)
                await stack.enter_async_context(load)
            yield

    async def is_sent(self) -> bool:
        """Whether carriers have everything."""
        states = await asyncio.to_thread(self.unfinished_by_state)
        return not states.keys() - {SENT}

    async def until_accepted(self, more: int, patience_s: float = PATIENCE_S) -> bool:
        wanted = len(self.ledger.accepted) + more

        async def accepted() -> bool:
            return len(self.ledger.accepted) >= wanted

        return await until_true(accepted, patience_s) is not None

    async def settle(self) -> bool:
        """Waits until every message has ended; whether it came to that.

        It has as long as it takes, while a message ends at least every `PATIENCE_S`.
        """
        while unfinished := await asyncio.to_thread(self.unfinished):

            async def fewer(than: int = unfinished) -> bool:
                return await asyncio.to_thread(self.unfinished) < than

            if await until_true(fewer, PATIENCE_S) is None:
                return False
        return True

    async def describe(self) -> str:
        """What is on its way, and where, at this moment."""
        states = await asyncio.to_thread(self.unfinished_by_state)
        holder = await asyncio.to_thread(self.holder)
        owners = await asyncio.to_thread(self.owners)
        return (
            f"accepted {len(self.ledger.accepted)}, not over {dict(states)}, holder {holder},"
            f" owners {' '.join(owners)}, receipts owed: {self.smsc.describe_owed()};"
            f" links: {self.smsc.describe_links()}"
        )

    def describe_unfinished(self) -> str:
        """Which messages do not end, and what became of the receipts that are owed."""
        states = dict(self.unfinished_by_state())
        by_partition = [
            self.select(f"SELECT count(*) FROM dragoman_p{n:02d}.messages WHERE state < {FINAL}")
            for n in range(PARTITIONS)
        ]
        counts = [count for ((count,),) in by_partition]
        return (
            f"messages do not end: {states}, by partition {counts}; receipts owed:"
            f" {self.smsc.describe_owed()}"
        )

    async def finish(self, row: Row, window: int = WINDOW) -> Verdict:
        """Waits until all messages have ended, and judges; `window` may be doubled at once."""

        began = time.monotonic()
        has_ended = await self.settle()
        row.note(f"all over {time.monotonic() - began:.0f} s after the last message")
        row.check(has_ended, self.describe_unfinished())
        rows = await asyncio.to_thread(self.rows)
        undelivered = sum(
            any(one.state != FINAL for one in rows.get(text, ())) for text in self.ledger.accepted
        )
        row.check(not undelivered, f"{undelivered} accepted messages did not end delivered")
        marked = {text for text, same in rows.items() if any(one.is_marked for one in same)}
        verdict = judge(self.ledger.accepted, self.smsc.arrivals, marked)
        row.check_verdict(verdict, window)
        missing = self.ledger.accepted - rows.keys()
        row.check(not missing, f"{len(missing)} accepted messages have no row")
        return verdict


@contextlib.asynccontextmanager
async def cluster(bench: Bench, *, may_be_cut: bool = False) -> AsyncIterator[Cluster]:
    """Three nodes at work; with `may_be_cut`, each reaches its servers over wires."""
    folder = bench.new_folder()
    smsc = Smsc(Manners(answer_after_s=0.01, receipt_after_s=0.05))
    await smsc.open()
    with (
        Postgres(folder / "server", connections=100) as server,
        Nats(folder / "nats") as nats,
    ):
        url = server.new_database("cluster")
        wires: dict[tuple[str, str], Wire] = {}
        nodes: dict[str, Gateway] = {}
        for name in NODES:
            url_of, nats_of = url, nats.url
            if may_be_cut:
                wires[name, POSTGRESQL] = wire = Wire(server.open_connection)
                await wire.open()
                url_of = f"postgresql://postgres@{wire.address}/cluster"
                wires[name, NATS] = wire = Wire(
                    functools.partial(asyncio.open_connection, "127.0.0.1", nats.port)
                )
                await wire.open()
                nats_of = f"nats://{wire.address}"
            nodes[name] = _node(folder, name, smsc.port, url_of, nats_of)
        ledger = Ledger(folder / "ledger")
        stage = Cluster(smsc, nats, url, nodes, ledger, server, wires)
        try:
            await nodes["a"].command("migrate")
            for node in nodes.values():
                await node.start()
            for account in ACCOUNTS:
                key = f"{account}-key-{account}-key-{account}-key"
                create = ("account", "create", account, "--api-key", key, "--password", PASSWORD)
                await nodes["b"].command(*create, "--json")
                for number in range(CLIENTS):
                    node = nodes[NODES[number % len(NODES)]]
                    stage.customers.append(Customer(node.url, ledger, key=key))
            yield stage
        finally:
            for node in nodes.values():
                await node.close()
            for wire in wires.values():
                await wire.close()
            smsc.close()
            ledger.close()


def _node(folder: Path, name: str, port: int, url: str, nats_url: str) -> Gateway:
    further = _CLUSTER.format(partitions=PARTITIONS, name=name, port=free_port(), nats=nats_url)
    return Gateway(folder / name, carriers=carrier(port), further=further, url=url)


async def node_is_killed(bench: Bench, row: Row) -> None:
    """Kills the node that holds the carrier, under load."""
    kills, chance = bench.times(2, 20), bench.chance("R15 kill")
    row.times = f"{kills} kills of the node that holds the carrier"
    slowest = 0.0
    async with cluster(bench) as stage:
        for number in range(kills):
            async with stage.load(f"r15 {number}"):
                await stage.until_accepted(chance.randrange(50, 200))
                await asyncio.sleep(chance.uniform(0, 0.3))
                victim = stage.holder()
                await stage.nodes[victim].kill()
                stage.smsc.faults += 1
                slowest = max(slowest, await stage.taken_over(victim))
                back = await stage.until_accepted(50)
                row.check(back, "nothing is accepted after a node was lost")
            await stage.nodes[victim].start()
        row.note(f"taken over in {slowest:.1f} s at most")
        row.check(slowest <= TAKEN_OVER_S, f"taken over only after {slowest:.1f} s")
        await stage.finish(row)


async def receipts_are_owed(bench: Bench, row: Row) -> None:
    """Kills the holder before the receipts of thousands of messages, which the next one gets.

    It knows none of their IDs.
    """
    times = bench.times(1, 3)
    row.times = f"{times} times {OWED:,} receipts"
    async with cluster(bench) as stage:
        for number in range(times):
            stage.smsc.holds_back = True
            async with stage.load(f"r15 owed {number}"):
                await stage.until_accepted(OWED, OWED_WITHIN_S)
            await until_true(stage.is_sent, PATIENCE_S)
            victim = stage.holder()
            await stage.nodes[victim].kill()
            stage.smsc.faults += 1
            await stage.taken_over(victim)
            began = time.monotonic()
            stage.smsc.let_go()
            row.check(await stage.settle(), stage.describe_unfinished())
            row.note(f"all matched {time.monotonic() - began:.0f} s after the take-over")
            await stage.nodes[victim].start()
        await stage.finish(row)


async def node_stands_still(bench: Bench, row: Row) -> None:
    """Stops the process of the holder for longer than it takes to be dead, and lets it go on."""
    times = bench.times(1, 5)
    row.times = f"{times} times {STANDS_STILL_S:.0f} s"
    async with cluster(bench) as stage:
        for number in range(times):
            async with stage.load(f"r15 still {number}"):
                await stage.until_accepted(100)
                victim = stage.holder()
                os.kill(stage.nodes[victim].pid, signal.SIGSTOP)
                stage.smsc.faults += 1
                taken_s = await stage.taken_over(victim)
                await asyncio.sleep(max(0.0, STANDS_STILL_S - taken_s))
                stage.smsc.faults += 1
                os.kill(stage.nodes[victim].pid, signal.SIGCONT)
                row.note(f"taken over in {taken_s:.1f} s")
                row.check(await stage.until_accepted(50), "nothing is accepted any more")
                row.check(
                    stage.nodes[victim].exit_code is None, "the node that stood still has ended"
                )
        await stage.finish(row)


async def nats_is_lost(bench: Bench, row: Row) -> None:
    """Kills NATS under load; every other time its store is gone too."""
    kills, chance = bench.times(2, 20), bench.chance("R15 nats")
    row.times = f"{kills} kills of NATS, half of them with the loss of its store"
    async with cluster(bench) as stage:
        for number in range(kills):
            async with stage.load(f"r15 nats {number}"):
                await stage.until_accepted(100)
                await _lose(stage, chance, with_store=number % 2 == 1)
                row.check(await stage.until_accepted(50), "nothing is accepted without NATS")
            stage.smsc.faults += 1
        await stage.finish(row)


async def _lose(stage: Cluster, chance: random.Random, *, with_store: bool) -> None:
    stage.nats.kill()
    if with_store:
        stage.nats.lose_store()
    await asyncio.sleep(chance.uniform(0.2, 1.0))
    await asyncio.to_thread(stage.nats.start)
