"""The gateway is killed while customers submit over SMPP: what was answered is stored, and each
answered message's receipt reaches its customer, perhaps twice, after the restart.

Witnesses: the ids that customers were answered, the SMSC's record, the gateway's rows, and the
receipts that customers got.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
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
from tests.smpp_server.esme import Esme, submit

from dragoman.protocols.smpp.pdus import BindTransceiver
from dragoman.testkit.simulator import Behaviour, Simulator

from .command_line import run_beside

KILLS = 8
BINDS = 4
WINDOW = 20
DRAGOMAN = str(Path(sys.executable).parent / "dragoman")
PASSWORD = "Passw0rd"
CONFIG = """
data_dir = "{folder}/data"

[http]
listen = "127.0.0.1:{http}"

[smpp_server]
listen = "127.0.0.1:{smpp}"

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
RECEIPT = re.compile(rb"id:(\d+) .* stat:DELIVRD ")


@dataclass
class Witnesses:
    """What each party saw."""

    answered: dict[str, str] = field(default_factory=dict)
    """Texts by the message_id that the customer was answered."""
    stored: dict[str, str] = field(default_factory=dict)
    """Texts by the identifier of their batch."""
    submitted: Counter[str] = field(default_factory=Counter)
    """Texts that the SMSC got."""
    receipts: set[str] = field(default_factory=set)
    """The message_ids in the receipts that the customer got."""


def judge(seen: Witnesses) -> list[str]:
    """What is wrong; empty when nothing is."""
    faults = []
    if lost := seen.answered.keys() - seen.stored.keys():
        faults.append(f"{len(lost)} answered messages are not stored")
    if mixed := [i for i, text in seen.answered.items() if seen.stored.get(i, text) != text]:
        faults.append(f"{len(mixed)} ids are of other messages than their answers said")
    if unsent := set(seen.answered.values()) - seen.submitted.keys():
        faults.append(f"{len(unsent)} answered messages never reached the SMSC")
    if silent := seen.answered.keys() - seen.receipts:
        faults.append(f"{len(silent)} answered messages without a receipt")
    if strange := seen.receipts - seen.stored.keys():
        faults.append(f"{len(strange)} receipts for messages that are not there")
    return faults


def test_judge_sees_what_is_wrong() -> None:
    good = Witnesses({"1": "a"}, {"1": "a", "2": "b"}, Counter("ab"), {"1", "2"})
    assert judge(good) == []
    assert "not stored" in judge(Witnesses({"1": "a"}, {}, Counter("a"), {"1"}))[0]
    assert "other messages" in judge(Witnesses({"1": "a"}, {"1": "b"}, Counter("a"), {"1"}))[0]
    assert "never reached" in judge(Witnesses({"1": "a"}, {"1": "a"}, Counter(), {"1"}))[0]
    assert "without a receipt" in judge(Witnesses({"1": "a"}, {"1": "a"}, Counter("a"), set()))[0]
    assert "not there" in judge(Witnesses({}, {}, Counter(), {"1"}))[0]


class Gateway:
    """A real `dragoman serve`, started, killed and started again."""

    def __init__(self, folder: Path, http: int, smpp: int, smsc: int) -> None:
        self.url, self.smpp = f"http://127.0.0.1:{http}", smpp
        self.config = folder / "dragoman.toml"
        self.config.write_text(
            CONFIG.format(folder=folder, http=http, smpp=smpp, smsc=smsc, window=WINDOW)
        )
        self._process: asyncio.subprocess.Process | None = None

    async def command(self, *arguments: str) -> None:
        await run_beside(self.config.parent, *arguments, "--config", str(self.config))

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            DRAGOMAN, "serve", "--config", str(self.config)
        )

        async def is_ready() -> bool:
            assert self._process is not None
            assert self._process.returncode is None, "the gateway ended by itself"
            with suppress(aiohttp.ClientError):
                async with (
                    aiohttp.ClientSession() as session,
                    session.get(f"{self.url}/health/ready") as answer,
                ):
                    return answer.status == 200
            return False

        await until(is_ready, "the gateway's start")

    async def end(self, how: signal.Signals) -> None:
        assert self._process is not None
        with suppress(ProcessLookupError):
            os.kill(self._process.pid, how)
        await self._process.wait()


class Customer:
    """A program that submits until its connection is gone, and notes what it is answered."""

    def __init__(self, esme: Esme, seen: Witnesses, name: str) -> None:
        self.esme = esme
        self._seen = seen
        self._name = name
        self._texts: dict[int, str] = {}

    async def submit(self) -> None:
        esme, number = self.esme, 0
        while not esme.closed:
            self.note()
            for _ in range(WINDOW - (len(self._texts) - self._answered())):
                number += 1
                text = f"{self._name}-{number}"
                self._texts[esme.send(submit(text.encode(), registered_delivery=1))] = text
            await asyncio.sleep(0.002)

    def _answered(self) -> int:
        return sum(1 for number in self._texts if number in self.esme.answers)

    def note(self) -> None:
        """Takes down what came."""
        for number, text in self._texts.items():
            answer = self.esme.answers.get(number)
            if answer is not None and not answer.command_status:
                self._seen.answered[answer.message_id] = text  # type: ignore[attr-defined]
        for pdu in self.esme.delivered:
            match = RECEIPT.match(pdu.short_message)
            if match is not None:
                self._seen.receipts.add(match[1].decode())


async def bind(port: int) -> Esme:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    esme = Esme(reader, writer)
    answer = await esme.ask(BindTransceiver(system_id="test", password=PASSWORD))
    assert answer.command_status == 0
    return esme


def read_stored(database: Path) -> dict[str, str]:
    with closing(sqlite3.connect(database)) as connection:
        return {
            str(i): text for i, text in connection.execute("SELECT batch_id, text FROM batches")
        }


@pytest.mark.slow
async def test_what_was_answered_is_stored_when_killed(
    tmp_path: Path, unused_tcp_port_factory: object
) -> None:
    seed = int(os.environ.get("TEST_SEED", random.randrange(1_000_000)))
    print(json.dumps({"seed": seed, "kills": KILLS}))
    chance, seen = random.Random(seed), Witnesses()
    simulator = Simulator()
    simulator.default = Behaviour(answer_delay_s=0.01, receipt_delay_s=0.05)
    await simulator.start()
    http, smpp = unused_tcp_port_factory(), unused_tcp_port_factory()  # type: ignore[operator]
    gateway = Gateway(tmp_path, http, smpp, simulator.port)
    try:
        await gateway.command("migrate")
        await gateway.command("account", "create", "test", "--json")
        await gateway.command("account", "smpp", "test", "--password", PASSWORD, "--json")
        for round_ in range(KILLS):
            await gateway.start()
            customers = [
                Customer(await bind(smpp), seen, f"{round_}-{number}") for number in range(BINDS)
            ]
            work = [asyncio.create_task(customer.submit()) for customer in customers]
            enough = len(seen.answered) + chance.randrange(10, 40 * BINDS)
            await until(lambda enough=enough: len(seen.answered) >= enough)
            await asyncio.sleep(chance.uniform(0, 0.1))
            await gateway.end(signal.SIGKILL)
            await asyncio.gather(*work)
            for customer in customers:
                customer.note()
                await customer.esme.close()
        await gateway.start()
        last = Customer(await bind(smpp), seen, "last")

        def all_reported() -> bool:
            last.note()
            return seen.answered.keys() <= seen.receipts

        await until(all_reported, "the receipts of all that was answered")
        await last.esme.close()
        await gateway.end(signal.SIGTERM)
    finally:
        with suppress(AssertionError):
            await gateway.end(signal.SIGKILL)
        await simulator.stop()
    seen.stored = read_stored(tmp_path / "data" / "dragoman.db")
    seen.submitted.update(one.content.text for one in simulator.submits)
    print(json.dumps({"answered": len(seen.answered), "stored": len(seen.stored)}))
    assert len(seen.answered) > KILLS * 10
    assert judge(seen) == []
