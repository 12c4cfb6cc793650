#!/bin/sh
# smpplib 2.2.4 and an optional parameter of a vendor.
#
# What it does: with the default settings, `listen` raises UnknownCommandError, "Unknown SMPP command code 0x1400", when
# a text comes with a parameter from the range that SMPP leaves to vendors (0x1400 to 0x3FFF, 3.4 s. 5.3.2). It is not a
# PDUError, so the error handling of the client does not see it; the message has been read and is never answered.
# What most expect: that a parameter which a receiver does not know is skipped, as SMPP 3.4 s. 3.3 says.
# What follows: the day an SMSC adds a parameter, operator or price say, every text ends the listener, and comes again
# after each bind. `allow_unknown_opt_params=True` helps; a warning says that it will be the default some day.
#
# Dragoman keeps what it does not know: protocols/smpp/codec.py, tests/unit/protocols/smpp/test_codec.py (0x1401).
#
# Exits with 0 while that is so, and with 1 once it changes. Needs python3 with venv, and a network.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check smpplib==2.2.4
"$folder/venv/bin/python" -W ignore - 2> /dev/null <<'PROGRAM'
import socket
import struct
import sys
from concurrent.futures import ThreadPoolExecutor

from smpplib.client import Client
from smpplib.exceptions import PDUError

BIND_TRANSCEIVER_RESP, DELIVER_SM, DELIVER_SM_RESP = 0x80000009, 5, 0x80000005


def serve(listener: socket.socket, parameter: bytes) -> bool:
    """Be the SMSC of one client: take its bind, deliver a text, and return whether that is answered."""
    connection, _ = listener.accept()
    with connection:
        connection.recv(1000)
        connection.sendall(struct.pack(">4I", 21, BIND_TRANSCEIVER_RESP, 0, 1) + b"smsc\0")
        body = b"\0\1\1" + b"4512345678\0\1\1" + b"1272\0" + bytes(9) + b"\2Hi" + parameter
        connection.sendall(struct.pack(">4I", 16 + len(body), DELIVER_SM, 0, 1) + body)
        answer = connection.recv(1000)
    return answer[4:8] == DELIVER_SM_RESP.to_bytes(4, "big")


def deliver(parameter: bytes = b"", allow: bool | None = None) -> tuple[str, bool]:
    """What the client makes of a text with one parameter, and whether it answers the SMSC."""
    texts = []
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor() as threads:
        smsc = threads.submit(serve, listener, parameter)
        client = Client("127.0.0.1", listener.getsockname()[1], timeout=5, allow_unknown_opt_params=allow)
        client.set_message_received_handler(lambda pdu: texts.append(pdu.short_message))
        client.connect()
        client.bind_transceiver(system_id="client", password="secret")
        try:
            client.read_once()
            outcome = f"text {texts[0].decode()!r}"
        except Exception as error:
            outcome = f"{type(error).__name__}, a PDUError: {isinstance(error, PDUError)}"
        client.disconnect()
        return outcome, smsc.result()


PRICE = b"\x14\x00\x00\x01A"
raised = "UnknownCommandError, a PDUError: False"
changed = False
for what, expected, found in (
    ("no parameter", ("text 'Hi'", True), deliver()),
    ("0x1400, default settings", (raised, False), deliver(PRICE)),
    ("0x1400, unknown allowed", ("text 'Hi'", True), deliver(PRICE, allow=True)),
):
    print(f"{what}: {found[0]}; answered: {found[1]}")
    changed = changed or found != expected
print("changed: it is skipped now" if changed else "as described")
sys.exit(changed)
PROGRAM
