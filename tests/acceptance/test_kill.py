"""R1: the gateway is killed at random moments under load; what was accepted is neither lost nor,
beyond one window a kill, doubled, and every double is marked.

Three witnesses: the ledger of accepted requests (written by the client), the SMSC's record of
submits, and the gateway's rows. `judge` compares them, and has negative controls of its own.
`make faults-long` kills two hundred times, the writing process too.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sqlite3
import sys
from collections import Counter
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest
from tests.passing_time import until

from dragoman.testkit.simulator import Behaviour, Simulator

from .command_line import run_beside

KILLS = 10
WINDOW = 20
CLIENTS = 16
DRAGOMAN = str(Path(sys.executable).parent / "dragoman")
KEY = "acceptance-key-acceptance-key"
CONFIG = """
data_dir = "{folder}/data"

[http]
listen = "127.0.0.1:{http}"

[callbacks]
allow_private = ["127.0.0.0/8"]

[[carriers]]
name = "sim"
host = "127.0.0.1"
port = {smsc}
system_id = "test"
password = "test"
window = {window}
reconnect_min_s = 0.1

[log]
level = "error"
"""


@dataclass
class Witnesses:
    """What each party saw, by the text of the message."""

    accepted: set[str] = field(default_factory=set)
    submits: list[tuple[int, str]] = field(default_factory=list)
    """(how many kills there had been, text)"""
    rows: dict[str, tuple[int, bool]] = field(default_factory=dict)
    """(state, possible duplicate)"""


def judge(seen: Witnesses, window: int) -> list[str]:
    """What is wrong; empty when nothing is."""
    faults = []
    arrived = Counter(text for _, text in seen.submits)
    lost = seen.accepted - arrived.keys()
    if lost:
        faults.append(f"{len(lost)} accepted messages never reached the SMSC")
    doubled = {text for text, count in arrived.items() if count > 1}
    unmarked = {text for text in doubled if not seen.rows.get(text, (0, False))[1]}
    if unmarked:
        faults.append(f"{len(unmarked)} doubles are not marked")
    known: set[str] = set()
    repeats: Counter[int] = Counter()
    for kills, text in seen.submits:
        if text in known:
            repeats[kills] += 1
        known.add(text)
    faults += [
        f"{count} doubles after kill {kills}, more than the window of {window}"
        for kills, count in repeats.items()
        if count > window
    ]
    unfinished = [text for text in seen.accepted if seen.rows.get(text, (0, False))[0] != 40]
    if unfinished:
        faults.append(f"{len(unfinished)} accepted messages did not end delivered")
    return faults


def test_judge_sees_what_is_wrong() -> None:
    good = Witnesses(accepted={"a"}, submits=[(0, "a"), (1, "a")], rows={"a": (40, True)})
    assert judge(good, 1) == []
    lost = Witnesses(accepted={"a", "b"}, submits=[(0, "a")], rows={"a": (40, False)})
    assert any("never reached" in fault for fault in judge(lost, 1))
    unmarked = Witnesses(accepted={"a"}, submits=good.submits, rows={"a": (40, False)})
    assert any("not marked" in fault for fault in judge(unmarked, 1))
    too_many = Witnesses(
        accepted=set("ab"),
        submits=[(0, "a"), (0, "b"), (1, "a"), (1, "b")],
        rows={"a": (40, True), "b": (40, True)},
    )
    assert any("more than the window" in fault for fault in judge(too_many, 1))
    stuck = Witnesses(accepted={"a"}, submits=[(0, "a")], rows={"a": (30, False)})
    assert any("did not end" in fault for fault in judge(stuck, 1))


class Gateway:
    """A real `dragoman serve`, started, killed and started again."""

    def __init__(self, folder: Path, http: int, smsc: int) -> None:
        self.url = f"http://127.0.0.1:{http}"
        self.config = folder / "dragoman.toml"
        self.config.write_text(CONFIG.format(folder=folder, http=http, smsc=smsc, window=WINDOW))
        self._process: asyncio.subprocess.Process | None = None

    async def command(self, *arguments: str) -> str:
        return await run_beside(self.config.parent, *arguments, "--config", str(self.config))

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            DRAGOMAN, "serve", "--config", str(self.config)
        )
        async with aiohttp.ClientSession() as session:
            for _ in range(1200):
                assert self._process.returncode is None, "the gateway ended by itself"
                with suppress(aiohttp.ClientError):
                    async with session.get(f"{self.url}/health/ready") as answer:
                        if answer.status == 200:
                            return
                await asyncio.sleep(0.05)
        raise AssertionError("the gateway did not become ready")

    async def end(self, how: signal.Signals) -> None:
        assert self._process is not None
        with suppress(ProcessLookupError):
            os.kill(self._process.pid, how)
        await self._process.wait()


async def send_until_cancelled(gateway: Gateway, seen: Witnesses, name: str) -> None:
    number = 0
    url = f"{gateway.url}/v2/message.json?apikey={KEY}"
    async with aiohttp.ClientSession() as session:
        while True:
            number += 1
            text = f"{name}-{number}"
            message = {"recipients": "+4512345678", "sender": "KILL", "message": text}
            try:
                async with session.post(url, json={"message": message}) as answer:
                    await answer.read()
                    if answer.status == 201:
                        seen.accepted.add(text)
            except (aiohttp.ClientError, OSError):
                await asyncio.sleep(0.02)


def read_rows(database: Path) -> dict[str, tuple[int, bool]]:
    query = (
        "SELECT b.text, m.state, m.possible_duplicate FROM messages m"
        " JOIN batches b ON b.batch_id = m.batch_id"
    )
    with closing(sqlite3.connect(database)) as connection:
        return {text: (state, bool(mark)) for text, state, mark in connection.execute(query)}


@pytest.mark.slow
async def test_nothing_accepted_is_lost_when_killed(tmp_path: Path, unused_tcp_port: int) -> None:
    seed = int(os.environ.get("TEST_SEED", random.randrange(1_000_000)))
    print(json.dumps({"seed": seed, "kills": KILLS}))
    chance = random.Random(seed)
    seen, kills = Witnesses(), 0
    database = tmp_path / "data" / "dragoman.db"
    simulator = Simulator()
    simulator.default = Behaviour(answer_delay_s=0.01, receipt_delay_s=0.05)
    await simulator.start()
    gateway = Gateway(tmp_path, unused_tcp_port, simulator.port)
    taken = 0

    def note_submits() -> None:
        nonlocal taken
        fresh = list(simulator.submits)[taken:]
        taken += len(fresh)
        seen.submits.extend((kills, submit.content.text) for submit in fresh)

    try:
        await gateway.command("migrate")
        await gateway.command("account", "create", "test", "--api-key", KEY, "--json")
        for round_ in range(KILLS):
            await gateway.start()
            clients = [
                asyncio.create_task(send_until_cancelled(gateway, seen, f"{round_}-{client}"))
                for client in range(CLIENTS)
            ]
            enough = len(seen.accepted) + chance.randrange(11, 12 * CLIENTS)
            await until(lambda enough=enough: len(seen.accepted) >= enough)
            await asyncio.sleep(chance.uniform(0, 0.1))
            await gateway.end(signal.SIGKILL)
            for client in clients:
                client.cancel()
            await asyncio.gather(*clients, return_exceptions=True)
            await until(lambda: not simulator.wires)  # what was on the wire has arrived
            note_submits()
            kills += 1
        await gateway.start()
        await until(lambda: all(state == 40 for state, _ in read_rows(database).values()))
        note_submits()
        await gateway.end(signal.SIGTERM)
    finally:
        with suppress(AssertionError):
            await gateway.end(signal.SIGKILL)
        await simulator.stop()
    seen.rows = read_rows(database)
    print(json.dumps({"accepted": len(seen.accepted), "submits": len(seen.submits)}))
    assert len(seen.accepted) > KILLS * 10
    assert judge(seen, WINDOW) == []
