#!/bin/sh
# naz 0.8.1 and the answer to its bind.
#
# What it does: `tranceiver_bind` returns when the bind is written, and counts the session as bound. As in its manual, the
# messages of the broker are sent next, while the server still looks at the password. A server that answers them with
# ESME_RINVBNDSTS ("Incorrect BIND Status", 3.4 s. 2.2) has refused them; the hook is told, and naz does not send them again.
# What most expect: that a call which binds ends when the server has accepted the bind, or has not (3.4 s. 2.2 and 4.1).
# What follows: the first messages after each start and each connection that was lost are gone where binds take time, and
# never where they do not, as on a test server.
#
# Dragoman holds what comes behind a bind until that is answered: protocols/smpp/session.py,
# test_a_program_that_does_not_wait_for_its_bind_loses_nothing in tests/smpp_server/test_binds.py.
#
# Exits with 0 while that is so, and with 1 once it changes. Needs python3.11 or later with venv, and a network.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check naz==0.8.1
"$folder/venv/bin/python" - <<'PROGRAM'
import asyncio
import contextlib
import sys
from struct import pack

import naz

BIND_TRANSCEIVER, SUBMIT_SM, RESPONSE = 0x09, 0x04, 0x80000000
ESME_ROK, ESME_RINVBNDSTS = 0, 4
LOOKING_AT_THE_PASSWORD_S = 0.5
WATCHING_S = 5.0


class Silent(naz.log.SimpleLogger):
    def _log(self, level, log_data):
        pass

    log = _log


class Smsc:
    """Takes a bind after some time, and messages only of who is bound."""

    def __init__(self) -> None:
        self.bound = False
        self.submits: list[bool] = []
        self.writers: list[asyncio.StreamWriter] = []

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):
            while True:
                header = await reader.readexactly(16)
                await reader.readexactly(int.from_bytes(header[:4], "big") - 16)
                command, sequence = (int.from_bytes(header[n : n + 4], "big") for n in (4, 12))
                status, body = ESME_ROK, b""
                if command == BIND_TRANSCEIVER:
                    asyncio.get_running_loop().call_later(
                        LOOKING_AT_THE_PASSWORD_S, self.accept, writer, sequence
                    )
                    continue
                if command == SUBMIT_SM:
                    self.submits.append(self.bound)
                    status = ESME_ROK if self.bound else ESME_RINVBNDSTS
                    body = b"%d\0" % len(self.submits) if self.bound else b""
                if not command & RESPONSE:
                    writer.write(
                        pack(">IIII", 16 + len(body), command | RESPONSE, status, sequence) + body
                    )

    def accept(self, writer: asyncio.StreamWriter, sequence: int) -> None:
        self.bound = True
        writer.write(pack(">IIII", 21, BIND_TRANSCEIVER | RESPONSE, 0, sequence) + b"smsc\0")


async def main() -> int:
    smsc = Smsc()
    server = await asyncio.start_server(smsc.talk, "127.0.0.1", 0)
    broker = naz.broker.SimpleBroker(maxsize=100)
    client = naz.Client(
        smsc_host="127.0.0.1",
        smsc_port=server.sockets[0].getsockname()[1],
        system_id="acme",
        password="secret",
        broker=broker,
        logger=Silent("naz"),
    )
    for number in range(3):
        await broker.enqueue(
            naz.protocol.SubmitSM(
                short_message=f"text {number}",
                source_addr="4587654321",
                destination_addr="4512345678",
                log_id=str(number),
            )
        )
    await client.connect()
    await client.tranceiver_bind()
    print("tranceiver_bind returned; the server has accepted the bind:", smsc.bound)
    early = smsc.bound
    tasks = [
        asyncio.create_task(one)
        for one in (client.dequeue_messages(), client.receive_data(), client.enquire_link())
    ]
    await asyncio.sleep(WATCHING_S)
    before, after = smsc.submits.count(False), smsc.submits.count(True)
    print(f"3 messages: {before} sent before the bind was accepted and refused, {after} sent after")
    for task in tasks:
        task.cancel()
    for writer in smsc.writers:
        writer.close()
    await asyncio.sleep(0.1)
    changed = early or before != 3 or after != 0
    print("changed: no message is lost now" if changed else "as described")
    return changed


sys.exit(asyncio.run(main()))
PROGRAM
