#!/bin/sh
# Jasmin 0.11.1, the SMS gateway in Python, and texts of devices.
#
# What it does: it tells a receipt by the text of a deliver_sm: one with `id:`, and `stat:` and seven letters, is a receipt.
# It does not look at esm_class, by which an SMSC says what it sends (3.4 s. 5.2.12). So "id:17 stat:charging bat:80", as a
# tracker or a meter writes it, is the receipt of a message 17 with the state "chargin", and a customer's "paid:yes
# stat:pending" that of a message "yes". Both go where receipts are matched, and to no route for texts.
# What most expect: that what an SMSC sends as a text is one; and where an SMSC marks nothing, that the state, one of the
# seven words of App. B, and the ID tell.
# What follows: the server of the devices hears of those alone whose state has fewer than seven letters, "id:17 stat:idle".
#
# Dragoman takes for a receipt what is marked as one, or has the ID of a message to that number: connectors/smpp/inbound.py,
# tests/dispatch/test_receipts.py (`unmarked`).
#
# Exits with 0 while that is so, and with 1 once it changes. Needs python3.11 or later with venv, and a network.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check smpp.pdu3==0.6 python-dateutil==2.9.0 setuptools==80.9.0
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps jasmin==0.11.1
"$folder/venv/bin/python" - <<'PROGRAM'
import sys
from io import BytesIO
from struct import pack

from jasmin.protocols.smpp.operations import SMPPOperationFactory
from smpp.pdu.pdu_encoding import PDUEncoder

TEXT, RECEIPT = 0x00, 0x04  # esm_class
CASES = (
    (TEXT, "id:17 stat:charging bat:80", "chargin"),
    (TEXT, "paid:yes stat:pending", "pending"),
    (TEXT, "id:17 stat:idle bat:80", None),
    (
        RECEIPT,
        "id:17 sub:001 dlvrd:001 submit date:2609211413 done date:2609211414 stat:DELIVRD err:000 text:",
        "DELIVRD",
    ),
)


def deliver_sm(esm_class: int, text: str):
    """A deliver_sm, read as Jasmin reads it."""
    octets = text.encode()
    body = b"\0\x01\x014512345678\0\x01\x014587654321\0" + bytes([esm_class])
    body += bytes(8) + bytes([len(octets)]) + octets
    return PDUEncoder().decode(BytesIO(pack(">IIII", 16 + len(body), 5, 0, 1) + body))


changed = False
for esm_class, text, state in CASES:
    found = SMPPOperationFactory().isDeliveryReceipt(deliver_sm(esm_class, text))
    said = "a text" if found is None else f"the receipt of {found['id']}, {found['stat']}"
    print(f"esm_class {esm_class}, {text[:30]!r}: {said}")
    changed = changed or (None if found is None else found["stat"]) != state
print("changed: what is marked as a text is one" if changed else "as described")
sys.exit(changed)
PROGRAM
