"""What every fault starts from: a folder, an SMSC, a gateway, a customer and a ledger."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import itertools
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from faults.customer import Customer
from faults.gateway import FINAL, WINDOW, Gateway, carrier
from faults.ledger import Ledger, Row, Verdict, judge
from faults.library import Machine, compile_library
from faults.smsc import Manners, Smsc

PATIENCE_S = 60.0


@dataclass
class Bench:
    """One run of the table: where, how often, and by which chance."""

    folder: Path
    seed: int
    repeat: int | None = None
    is_long: bool = False
    minutes: float | None = None
    """How long what goes on for a while goes on."""
    _library: Path | None = None
    _template: Path | None = None
    _scenes: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def times(self, short: int, long: int) -> int:
        """How often to do something."""
        return self.repeat or (long if self.is_long else short)

    def seconds(self, short_s: float, long_s: float) -> float:
        """How long to go on."""
        if self.minutes is not None:
            return self.minutes * 60
        return long_s if self.is_long else short_s

    def chance(self, of: str) -> random.Random:
        return random.Random(f"{self.seed} {of}")

    def new_folder(self) -> Path:
        folder = self.folder / f"scene-{next(self._scenes)}"
        folder.mkdir()
        return folder

    def library(self) -> Path:
        """The library that breaks machines; raises `NotPossible`."""
        if self._library is None:
            self._library = compile_library(self.folder)
        return self._library

    async def template(self) -> Path:
        """An SQLite file with the tables and the accounts."""
        if self._template is None:
            gateway = Gateway(self.new_folder(), carriers=carrier(1))
            await gateway.prepare()
            self._template = gateway.database
        return self._template


@dataclass
class Scene:
    """A gateway on SQLite between an SMSC and a customer."""

    smsc: Smsc
    gateway: Gateway
    ledger: Ledger
    customer: Customer
    machine: Machine | None

    @property
    def broken(self) -> Machine:
        """The machine that may be broken, where the scene has one."""
        assert self.machine is not None
        return self.machine

    async def kill(self, *, writer: bool = True) -> None:
        """Kills the gateway, and waits until what it had written has arrived."""
        await self.gateway.kill(writer=writer)
        await until(lambda: not self.smsc.links)
        self.smsc.faults += 1

    async def cut_power(self, chance: random.Random | None = None) -> int:
        """Kills everything, and drops what was not synced; how many writes."""
        await self.kill()
        return self.broken.cut_power(chance)

    async def until_accepted(self, more: int = 1, patience_s: float = PATIENCE_S) -> bool:
        """Waits until so many more were accepted; whether they were in time."""
        enough = len(self.ledger.accepted) + more
        return await until(lambda: len(self.ledger.accepted) >= enough, patience_s, 0.005)

    async def settle(self, patience_s: float = PATIENCE_S) -> bool:
        """Waits until every message has ended and nothing is owed; whether it came to that.

        It has as long as it takes, while a message ends at least every `patience_s`.
        """
        while unfinished := self.gateway.unfinished():
            fewer = functools.partial(self._are_fewer_than, unfinished)
            if not await until(fewer, patience_s, 0.1):
                return False
        return await until(lambda: not self.smsc.owed, patience_s, 0.1)

    def _are_fewer_than(self, unfinished: int) -> bool:
        return self.gateway.unfinished() < unfinished

    def verdict(self) -> Verdict:
        rows = self.gateway.rows()
        marked = {text for text, found in rows.items() if any(row.is_marked for row in found)}
        return judge(self.ledger.accepted, self.smsc.arrivals, marked)

    def _unfinished(self) -> str:
        """Which messages do not end, by their state and whether the customer was told yes."""
        stuck = Counter(
            ("accepted" if text in self.ledger.accepted else "not accepted", found.state)
            for text, rows in self.gateway.rows().items()
            for found in rows
            if found.state < FINAL
        )
        which = [f"{count} {said}, state {state}" for (said, state), count in stuck.items()]
        return f"messages do not end ({'; '.join(which)}; {self.smsc.owed} receipts unanswered)"

    async def finish(self, row: Row, window: int | None = WINDOW) -> None:
        """Waits for the end of every message, and enters the verdict."""
        settled = await self.settle(5.0 if row.is_control else PATIENCE_S)
        row.check(settled or row.is_control, self._unfinished())
        row.check_verdict(self.verdict(), window)
        if not row.is_control:
            states = self.gateway.rows()
            wrong = sum(
                all(found.state != 40 for found in states.get(text, ()))
                for text in self.ledger.accepted
            )
            row.check(not wrong, f"{wrong} accepted messages did not end delivered")


@contextlib.asynccontextmanager
async def scene(
    bench: Bench,
    *,
    manners: Manners | None = None,
    carriers: Callable[[int], str] = carrier,
    further: str = "",
    breakable: bool = False,
    folder: Path | None = None,
    min_free_mb: int = 0,
) -> AsyncIterator[Scene]:
    """Sets a scene; nothing of it runs afterwards. `folder` is where the gateway keeps its data."""
    own = bench.new_folder()
    home = folder or own
    smsc = Smsc(manners or Manners())
    await smsc.open()
    machine = Machine(bench.library(), own, home / "data" / "dragoman.db") if breakable else None
    gateway = Gateway(
        home,
        carriers=carriers(smsc.port),
        further=further,
        min_free_mb=min_free_mb,
        environment=machine.environment if machine else None,
    )
    gateway.copy_database(await bench.template())
    ledger = Ledger(own / "ledger")
    try:
        yield Scene(smsc, gateway, ledger, Customer(gateway.url, ledger), machine)
    finally:
        await gateway.close()
        smsc.close()
        ledger.close()
        if machine is not None:
            machine.close()


async def until(
    holds: Callable[[], bool], patience_s: float = PATIENCE_S, pause_s: float = 0.02
) -> bool:
    """Waits until something holds; whether it did in time."""
    deadline = time.monotonic() + patience_s
    while not holds():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(pause_s)
    return True


async def until_true(ask: Callable[[], Awaitable[bool]], patience_s: float) -> float | None:
    """Asks until the answer is yes; seconds it took, None if it never was."""
    began = time.monotonic()
    while time.monotonic() < began + patience_s:
        if await ask():
            return time.monotonic() - began
        await asyncio.sleep(0.05)
    return None
