"""R20: customers' programs that submit over SMPP, and get their receipts so (SMPP 3.4 s. 4)."""

from __future__ import annotations

import asyncio
import contextlib
import re
from dataclasses import dataclass, field

from faults.gateway import USERNAME, free_port
from faults.ledger import Ledger, Row
from faults.scene import Bench, Scene, scene, until
from faults.smsc import DELIVER_SM, ENQUIRE_LINK, HEAD, RESPONSE, SUBMIT_SM, Manners

BINDS = 4
BIND_WINDOW = 20
PASSWORD = "Faults1!"
RECIPIENT = b"4512345678"
TRANSCEIVER = 0x09
WANTS_RECEIPT = 1
_RECEIPT = re.compile(rb"id:(\d+) sub:.* stat:(\w+) ")


@dataclass
class Seen:
    """What customers were told, all their binds and lives together."""

    ledger: Ledger
    ids: dict[str, str] = field(default_factory=dict)
    """The texts that were answered, by the message_id of the answer."""
    reported: dict[str, str] = field(default_factory=dict)
    """States in receipts, by message_id."""
    repeated: int = 0
    """Receipts that came again."""
    refused: int = 0
    strange: int = 0
    """Answers to two submits with one message_id."""


class Esme:
    """One bind: it keeps its window full, and takes down what it is told."""

    def __init__(self, seen: Seen, name: str) -> None:
        self._seen = seen
        self._name = name
        self._number = 0
        self._open: dict[int, str] = {}
        self._bound: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self.submits = True
        """Whether it submits, or takes receipts alone."""

    async def bind(self, port: int) -> None:
        reader, self._writer = await asyncio.open_connection("127.0.0.1", port)
        self._reading = asyncio.create_task(self._read(reader))
        login = f"{USERNAME}\0{PASSWORD}\0\0".encode() + b"\x34\0\0\0"
        self._write(TRANSCEIVER, 0, 1, login)
        status = await self._bound
        if status:
            raise RuntimeError(f"not bound: 0x{status:08x}")
        self._fill()

    async def ended(self) -> None:
        """Waits until the connection is gone."""
        if self._reading is not None:
            await self._reading

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
        if self._reading is not None:
            self._reading.cancel()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readexactly(HEAD.size)
                length, command, status, sequence = HEAD.unpack(head)
                self._take(command, status, sequence, await reader.readexactly(length - HEAD.size))

    def _take(self, command: int, status: int, sequence: int, body: bytes) -> None:
        if command == TRANSCEIVER | RESPONSE:
            self._bound.set_result(status)
        elif command == SUBMIT_SM | RESPONSE:
            self._answered(self._open.pop(sequence), status, body.partition(b"\0")[0].decode())
        elif command == DELIVER_SM:
            self._note(body)
            self._write(DELIVER_SM | RESPONSE, 0, sequence, b"\0")
        elif command == ENQUIRE_LINK:
            self._write(ENQUIRE_LINK | RESPONSE, 0, sequence, b"")

    def _answered(self, text: str, status: int, message_id: str) -> None:
        if status:
            self._seen.refused += 1
        else:
            self._seen.strange += message_id in self._seen.ids
            self._seen.ids[message_id] = text
            self._seen.ledger.accept(text)
        self._fill()

    def _note(self, body: bytes) -> None:
        match = _RECEIPT.search(body)
        if match is not None:
            message_id = match[1].decode()
            self._seen.repeated += message_id in self._seen.reported
            self._seen.reported[message_id] = match[2].decode()

    def _fill(self) -> None:
        while self.submits and len(self._open) < BIND_WINDOW:
            self._number += 1
            text = f"{self._name} {self._number:06d}"
            octets = text.encode()
            fields = (
                b"\0\5\0FAULTS\0\1\1" + RECIPIENT + b"\0\0\0\0\0\0"
                + bytes((WANTS_RECEIPT, 0, 0, 0, len(octets)))
            )  # fmt: skip
            self._open[self._number + 1] = text
            self._write(SUBMIT_SM, 0, self._number + 1, fields + octets)

    def _write(self, command: int, status: int, sequence: int, body: bytes) -> None:
        if self._writer is not None and not self._writer.is_closing():
            head = HEAD.pack(HEAD.size + len(body), command, status, sequence)
            self._writer.write(head + body)


async def killed_under_binds(bench: Bench, row: Row) -> None:
    """R20."""
    kills, chance = bench.times(6, 200), bench.chance("R20")
    row.times = f"{kills} kills, {BINDS} binds"
    port = free_port()
    listen = f'[smpp_server]\nlisten = "127.0.0.1:{port}"\n'
    manners = Manners(answer_after_s=0.01, receipt_after_s=0.05)
    async with scene(bench, manners=manners, further=listen) as stage:
        await stage.gateway.command("account", "smpp", USERNAME, "--password", PASSWORD, "--json")
        seen = Seen(stage.ledger)
        for number in range(kills):
            await stage.gateway.start()
            esmes = [Esme(seen, f"r20 {number} {one}") for one in range(BINDS)]
            await asyncio.gather(*(esme.bind(port) for esme in esmes))
            await stage.until_accepted(chance.randrange(11, 12 * BINDS * BIND_WINDOW))
            await asyncio.sleep(chance.uniform(0, 0.1))
            victim = chance.choice(("both", "gateway", "gateway", "writer"))
            if victim == "writer":
                await stage.gateway.kill_writer()
                await asyncio.sleep(0.2)
            await stage.kill(writer=victim == "both")
            for esme in esmes:
                await esme.ended()
        await stage.gateway.start()
        last = Esme(seen, "r20 last")
        last.submits = False
        await last.bind(port)
        await until(lambda: seen.ids.keys() <= seen.reported.keys())
        await stage.finish(row)
        last.close()
        _check(stage, seen, row)


def _check(stage: Scene, seen: Seen, row: Row) -> None:
    """What customers were told against what is stored."""
    select = "SELECT CAST(batch_id AS TEXT), text FROM batches"
    stored: dict[str, str] = dict(stage.gateway.select(select))
    wrong = sum(stored.get(message_id) != text for message_id, text in seen.ids.items())
    silent = len(seen.ids.keys() - seen.reported.keys())
    undelivered = sum(seen.reported.get(one, "DELIVRD") != "DELIVRD" for one in seen.ids)
    row.note(f"{len(seen.ids):,} ids answered, {seen.refused} submits refused")
    row.note(f"{len(seen.reported):,} receipts, {seen.repeated} of them again")
    row.check(not wrong, f"{wrong} ids that were answered are not stored, or of another text")
    row.check(not seen.strange, f"{seen.strange} ids were answered twice")
    row.check(not silent, f"{silent} answered messages without a receipt")
    row.check(not undelivered, f"{undelivered} receipts of another state than the message's")
