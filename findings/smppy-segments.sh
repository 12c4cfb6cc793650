#!/bin/sh
# smppy 0.3.2 and messages that arrive together.
#
# What it does: it takes what one read of the socket brought for one PDU. Of three submit_sm that a client wrote at once,
# the first is answered; the other two are neither answered nor refused, and the handler of the application never hears
# of them. Where each is written by itself, with time between them, all three are answered.
# What most expect: a server that reads PDUs by their length, as SMPP has one for that (3.4 s. 3.2): TCP is a stream, and
# a read ends where the network likes.
# What follows: any client with a window above 1 loses messages as soon as it is quick, and none in a test by hand. One
# that repeats what is not answered sends the lost ones again, later; one that does not has lost them.
#
# Dragoman: protocols/smpp/framing.py, tests/unit/protocols/smpp/test_framing.py.
#
# Exits with 0 while that is so, and with 1 once it changes. Needs python3.11 or later with venv, and a network.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check smppy==0.3.2 smpppdu==0.1.2
"$folder/venv/bin/python" - <<'PROGRAM'
import asyncio
import logging
import sys
from struct import pack

from smppy import Application
from smppy.server import SmppProtocol

BIND_TRANSCEIVER, SUBMIT_SM, SUBMIT_SM_RESP = 0x09, 0x04, 0x80000004
SILENCE_S = 2.0
logging.disable(logging.CRITICAL)


class Smsc(Application):
    """Takes every bind, and notes the texts."""

    def __init__(self) -> None:
        super().__init__("smsc")
        self.texts: list[str] = []

    async def handle_bound_client(self, client):
        return client

    async def handle_unbound_client(self, client):
        pass

    async def handle_sms_received(self, client, source_number, dest_number, text):
        self.texts.append(text)


def pdu(command: int, sequence: int, body: bytes) -> bytes:
    return pack(">IIII", 16 + len(body), command, 0, sequence) + body


def submit(sequence: int) -> bytes:
    text = b"text %d" % sequence
    head = b"\0\x01\x014587654321\0\x01\x014512345678\0\0\0\0\0\0\0\0\0\0"
    return pdu(SUBMIT_SM, sequence, head + bytes([len(text)]) + text)


async def answers(reader: asyncio.StreamReader) -> list[int]:
    """The sequence numbers of the answers to submit_sm, until nothing comes any more."""
    found = []
    try:
        while True:
            header = await asyncio.wait_for(reader.readexactly(16), SILENCE_S)
            await reader.readexactly(int.from_bytes(header[:4], "big") - 16)
            if int.from_bytes(header[4:8], "big") == SUBMIT_SM_RESP:
                found.append(int.from_bytes(header[12:], "big"))
    except (TimeoutError, asyncio.IncompleteReadError):
        return found


async def talk(together: bool) -> tuple[list[int], list[str]]:
    smsc = Smsc()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SmppProtocol(app=smsc), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(pdu(BIND_TRANSCEIVER, 1, b"acme\0secret\0\0\x34\0\0\0"))
    header = await reader.readexactly(16)
    await reader.readexactly(int.from_bytes(header[:4], "big") - 16)
    if together:
        writer.write(submit(2) + submit(3) + submit(4))
    else:
        for sequence in (2, 3, 4):
            writer.write(submit(sequence))
            await asyncio.sleep(0.5)
    found = await answers(reader)
    writer.close()
    server.close()
    return found, smsc.texts


changed = False
for together, expected in ((False, [2, 3, 4]), (True, [2])):
    answered, texts = asyncio.run(talk(together))
    print(f"three {'in one write' if together else 'apart     '}: answered {answered}, texts {texts}")
    changed = changed or answered != expected or len(texts) != len(expected)
print("changed: all three are taken now" if changed else "as described")
sys.exit(changed)
PROGRAM
