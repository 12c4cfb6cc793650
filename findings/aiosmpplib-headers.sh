#!/bin/sh
# aiosmpplib 0.7.4 and the headers of texts that come in.
#
# What it does: it takes the first element of every user data header for the place of a part, whatever the element is.
# With a 16-bit reference (0x08, 3GPP 23.040 s. 9.2.3.24.8) it reads four octets as the reference, so the total and
# the number of the part are in it and no two parts of one text share it. Ports 2948 and 9200 (0x05) become part 35
# of 132; the single shift table of Turkish (0x24) takes the first letters of the text for total and number.
# What most expect: one reference for all parts, and a place only where the header has one, in any order of elements.
# What follows: long texts from networks that use 16-bit references are never joined; a data message, or a short
# text in Turkish, waits for parts that do not exist.
#
# Dragoman: protocols/gsm/udh.py, tests/unit/protocols/gsm/test_udh.py.
#
# Exits with 0 while that is so, and with 1 once it changes. Needs python3.11 or later with venv, and a network.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check aiosmpplib==0.7.4
"$folder/venv/bin/python" - <<'PROGRAM'
import sys
from struct import pack

from aiosmpplib.protocol import DeliverSm, SmppMessage

UDHI = 0x40


def read(header: str, text: bytes) -> tuple[str, tuple[int, int, int]]:
    content = bytes.fromhex(header) + text
    body = b"\0\1\1" + b"4512345678\0\1\1" + b"1272\0" + bytes([UDHI, 0, 0, 0, 0, 0, 0, 0, 0, len(content)]) + content
    pdu = pack(">4I", 16 + len(body), 5, 0, 1) + body
    message = DeliverSm.from_pdu(pdu, SmppMessage.parse_header(pdu), "gsm0338")
    return message.short_message, message.get_segmentation_data()


changed = False
for what, header, place in (
    ("8-bit reference 0x12, part 1 of 2", "050003120201", (0x12, 1, 2)),
    ("8-bit reference 0x12, part 2 of 2", "050003120202", (0x12, 2, 2)),
    ("16-bit reference 0x1234, part 1 of 2", "06080412340201", (0x12340201, 1, 2)),
    ("16-bit reference 0x1234, part 2 of 2", "06080412340202", (0x12340202, 2, 2)),
    ("ports 2948 and 9200", "0605040b8423f0", (0x0B, 0x23, 0x84)),
    ("single shift table of Turkish", "03240101", (1, ord("i"), ord("H"))),
):
    text, (reference, number, total) = read(header, b"Hi there")
    print(f"{what}: {text!r}, reference {reference:#x}, part {number} of {total}")
    changed = changed or (reference, number, total) != place
print("changed: the header is read now" if changed else "as described")
sys.exit(changed)
PROGRAM
