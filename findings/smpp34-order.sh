#!/bin/sh
# smpp34 1.5.0 (PyPI, on Rust) and two texts that arrive together.
#
# What it does: where one read of the socket has two deliver_sm, `Smsc.next()` gives the second before the first in about
# half of the cases, as a program does that starts a task for each: tokio, on which it runs, likes to begin with the last.
# What most expect: the order in which the SMSC sent them. TCP keeps it, and so does each queue that is read by one.
# What follows: "yes" and then "no" is answered as "no" and then "yes"; of two receipts of a message, "accepted" comes
# behind "delivered". Two that come a moment apart stay in order, as in each test by hand.
#
# Dragoman takes what a link brings one by one: connectors/smpp/link.py; and no state follows an end:
# test_nothing_leaves_an_end_and_only_an_end in tests/unit/domain/test_lifecycle.py.
#
# Exits with 0 while that is so, and with 1 once it changes. Needs python3.11 or later with venv, and a network.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check smpp34==1.5.0
"$folder/venv/bin/python" - <<'PROGRAM'
import asyncio
import sys
from struct import pack, unpack

import smpp34

BIND_TRANSCEIVER, DELIVER_SM, UNBIND, RESPONSE = 0x09, 0x05, 0x06, 0x80000000
PAIRS = 100


def pdu(command: int, sequence: int, body: bytes) -> bytes:
    return pack(">IIII", 16 + len(body), command, 0, sequence) + body


def deliver(number: int) -> bytes:
    """A text from a phone that has its place in the row."""
    text = b"%d" % number
    head = b"\0\x01\x014512345678\0\x01\x014587654321\0" + bytes(9)
    return pdu(DELIVER_SM, number, head + bytes([len(text)]) + text)


class Smsc:
    """Sends a pair of texts in one write, and the next pair once both are acknowledged."""

    def __init__(self) -> None:
        self.acknowledged: list[int] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while len(header := await reader.read(16)) == 16:
            length, command, _, sequence = unpack(">IIII", header)
            await reader.readexactly(length - 16)
            if command == BIND_TRANSCEIVER:
                writer.write(pdu(command | RESPONSE, sequence, b"smsc\0"))
            elif command == UNBIND:
                writer.write(pdu(command | RESPONSE, sequence, b""))
            elif command == DELIVER_SM | RESPONSE:
                self.acknowledged.append(sequence)
            done = len(self.acknowledged)
            if command in (BIND_TRANSCEIVER, DELIVER_SM | RESPONSE) and not done % 2:
                if done < 2 * PAIRS:
                    writer.write(deliver(done + 1) + deliver(done + 2))
        writer.close()


async def main() -> bool:
    smsc = Smsc()
    server = await asyncio.start_server(smsc.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    client = smpp34.Client("127.0.0.1", port, "acme", "secret")
    session = await client.connect()
    seen = [int((await session.next()).short_message) for _ in range(2 * PAIRS)]
    await session.unbind()
    await client.stop()
    server.close()
    turned = sum(one > other for one, other in zip(seen[::2], seen[1::2]))
    print(f"{PAIRS} pairs of texts, each pair in one write: {turned} come the other way round")
    print("the first ten texts:", *seen[:10])
    changed = sorted(seen) != list(range(1, 2 * PAIRS + 1)) or not turned
    print("changed: all are in order now" if changed else "as described")
    return changed


sys.exit(asyncio.run(asyncio.wait_for(main(), 60)))
PROGRAM
