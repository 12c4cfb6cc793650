"""R21: nodes are killed, paused, stopped and cut off, and their servers killed, for a while."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from typing import TextIO

import psycopg

from faults.cluster import NATS, NODES, POSTGRESQL, Cluster, cluster
from faults.gateway import WINDOW
from faults.ledger import Row
from faults.scene import Bench

RATE = 100.0
"""Messages a second, over all nodes."""
ACCEPTED_AGAIN = 20
HOLDER = 0.6
"""How often the node that holds the carrier is chosen, besides by chance."""
KILLED_FOR_S = 15.0
STILL_FOR_S = 20.0
LOOK_S = 5.0
"""Between two lines of the diary, besides those of faults."""

Fault = Callable[["_Hour"], Awaitable[None]]


class _Hour:
    """A cluster under load, and what was done to it."""

    def __init__(self, stage: Cluster, chance: random.Random, diary: TextIO) -> None:
        self.stage = stage
        self.chance = chance
        self._diary = diary
        self.done: Counter[str] = Counter()
        self.slowest: dict[str, float] = {}
        self.faults: dict[int, str] = {}
        """What each was, by its number."""

    async def victim(self) -> str:
        """The node that holds the carrier, or any."""
        holder = await asyncio.to_thread(self.stage.holder)
        is_holder = holder in NODES and self.chance.random() < HOLDER
        return holder if is_holder else self.chance.choice(NODES)

    def begin(self, fault: str, victim: str = "") -> None:
        """Counts a fault: what was sent before it may come twice, a window of it."""
        self.stage.smsc.faults += 1
        self.faults[self.stage.smsc.faults] = fault
        self._write(f"fault {self.stage.smsc.faults}: {fault} {victim}")

    @contextlib.asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Writes down what is on its way every few seconds, for whoever looks for a reason."""
        watching = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            watching.cancel()

    async def _watch(self) -> None:
        while True:
            try:
                self._write(await self.stage.describe())
            except psycopg.Error as error:
                self._write(f"PostgreSQL: {type(error).__name__}")
            await asyncio.sleep(LOOK_S)

    def _write(self, line: str) -> None:
        self._diary.write(f"{datetime.now():%H:%M:%S.%f} {line}\n")

    def note(self, what: str, taken_s: float) -> None:
        self.done[what] += 1
        self.slowest[what] = max(self.slowest.get(what, 0.0), taken_s)

    async def rest(self, least_s: float, most_s: float) -> None:
        await asyncio.sleep(self.chance.uniform(least_s, most_s))


async def _kill(hour: _Hour) -> None:
    victim = await hour.victim()
    node = hour.stage.nodes[victim]
    await node.kill()
    hour.begin("kill", victim)
    hour.note("kill", await hour.stage.taken_over(victim))
    await node.start()


async def _pause(hour: _Hour) -> None:
    victim = await hour.victim()
    pid = hour.stage.nodes[victim].pid
    os.kill(pid, signal.SIGSTOP)
    hour.begin("pause", victim)
    taken_s = await hour.stage.taken_over(victim)
    hour.note("pause", taken_s)
    await hour.rest(0.0, 30.0)
    hour.begin("end of a pause", victim)
    os.kill(pid, signal.SIGCONT)


async def _stop(hour: _Hour) -> None:
    victim = await hour.victim()
    hour.begin("polite stop", victim)
    hour.note("polite stop", await hour.stage.nodes[victim].stop())
    await hour.stage.nodes[victim].start()


async def _cut_from_postgresql(hour: _Hour) -> None:
    victim = await hour.victim()
    wire = hour.stage.wires[victim, POSTGRESQL]
    wire.cut(silently=hour.chance.random() < 0.5)
    hour.begin("cut from PostgreSQL", victim)
    hour.note("cut from PostgreSQL", await hour.stage.taken_over(victim))
    await hour.rest(0.0, 20.0)
    hour.begin("end of a cut from PostgreSQL", victim)
    wire.mend()


async def _cut_from_nats(hour: _Hour) -> None:
    victim = await hour.victim()
    wire = hour.stage.wires[victim, NATS]
    wire.cut(silently=hour.chance.random() < 0.5)
    hour.begin("cut from NATS", victim)
    await hour.rest(5.0, 30.0)
    hour.begin("end of a cut from NATS", victim)
    wire.mend()
    hour.note("cut from NATS", 0.0)


async def _kill_nats(hour: _Hour) -> None:
    hour.begin("kill of NATS")
    hour.stage.nats.kill()
    if hour.chance.random() < 0.5:
        hour.stage.nats.lose_store()
    await hour.rest(0.2, 5.0)
    await asyncio.to_thread(hour.stage.nats.start)
    hour.begin("start of NATS")
    hour.note("kill of NATS", 0.0)


async def _kill_postgresql(hour: _Hour) -> None:
    hour.begin("kill of PostgreSQL")
    await asyncio.to_thread(hour.stage.server.kill)
    await hour.rest(0.2, 5.0)
    await asyncio.to_thread(hour.stage.server.start_again)
    hour.begin("start of PostgreSQL")
    hour.note("kill of PostgreSQL", 0.0)


FAULTS: tuple[Fault, ...] = (
    *(_kill,) * 6,
    *(_pause, _stop, _cut_from_postgresql, _cut_from_nats, _kill_nats, _kill_postgresql),
)
"""Each as often as it is named here, in random order."""


async def everything_happens(bench: Bench, row: Row) -> None:
    """One fault after the other, with a rest after each."""
    lasts_s = bench.seconds(120, 900)
    chance = bench.chance("R21")
    with (bench.folder / "diary").open("w", buffering=1) as diary:
        async with cluster(bench, may_be_cut=True) as stage:
            hour = _Hour(stage, chance, diary)
            async with hour.watched():
                await _go_on(hour, row, lasts_s)


async def _go_on(hour: _Hour, row: Row, lasts_s: float) -> None:
    stage, chance = hour.stage, hour.chance
    until = time.monotonic() + lasts_s
    async with stage.load("r21", RATE):
        await stage.until_accepted(ACCEPTED_AGAIN)
        while time.monotonic() < until:
            for fault in chance.sample(FAULTS, len(FAULTS)):
                await fault(hour)
                back = await stage.until_accepted(ACCEPTED_AGAIN)
                row.check(back, f"nothing is accepted after {fault.__name__.strip('_')}")
                dead = [name for name in NODES if stage.nodes[name].exit_code is not None]
                row.check(not dead, f"nodes have ended: {', '.join(dead)}")
                for name in dead:
                    await stage.nodes[name].start()
                await hour.rest(2.0, 12.0)
                if time.monotonic() >= until:
                    break
    _enter(hour, row, lasts_s)
    verdict = await stage.finish(row, 2 * WINDOW)
    worst = hour.faults.get(verdict.worst_life + 1, "no fault")
    row.note(f"at most {verdict.most_at_once} doubled at once, after {worst}")


def _enter(hour: _Hour, row: Row, lasts_s: float) -> None:
    told = ", ".join(f"{count} × {what}" for what, count in sorted(hour.done.items()))
    row.times = f"{lasts_s / 60:.0f} minutes at {RATE:.0f}/s: {told}"
    for what, taken_s in sorted(hour.slowest.items()):
        if taken_s:
            row.note(f"{what}: over to others in {taken_s:.1f} s at most")
    row.check(hour.slowest.get("kill", 0.0) <= KILLED_FOR_S, "taken over late after a kill")
    for what in ("pause", "cut from PostgreSQL"):
        row.check(hour.slowest.get(what, 0.0) <= STILL_FOR_S, f"taken over late after a {what}")
