#!/bin/sh
# smspdudecoder 2.2.0 and parts that lose their first letter, or get one more at their end.
#
# What it does: it decodes header and text in one go, as if the header were text too, and cuts at so many characters as the
# header has septets. Where the octets of the header happen to make an escape (0x1B), which together with the next septet is
# one character, the cut is a letter late. In texts of two parts, 16-bit references (3GPP 23.040 s. 9.2.3.24.8) do that whose
# first hexadecimal digit is B and whose last is 1 or 9, that is one of 128. At the other end, a text whose septets are 7,
# 15, 23 … and that has a euro sign or a bracket gets an @ of the bits that fill its last octet.
# What most expect: that the reference, a number with no meaning, changes nothing.
# What follows: one part of 128 begins with its second letter or digit, another one the next time, and the same text
# sent again is right.
#
# Dragoman: protocols/gsm/udh.py, connectors/smpp/reconstruction.py, tests/unit/protocols/gsm/test_udh.py.
#
# Exits with 0 while that is so, and with 1 once it changes. Needs python3.11 or later with venv, and a network.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check smspdudecoder==2.2.0 bitstring==4.3.1
"$folder/venv/bin/python" - <<'PROGRAM'
import sys

from smspdudecoder.easy import read_incoming_sms


def deliver(septets: bytes, header: bytes = b"") -> str:
    """An SMS-DELIVER from +45 12345678 in 7 bits (3GPP 23.040 s. 9.2.2.1)."""
    before = -(-8 * len(header) // 7)
    fill_bits = 7 * before - 8 * len(header)
    packed = sum(septet << 7 * place for place, septet in enumerate(septets)) << fill_bits
    content = header + packed.to_bytes((7 * len(septets) + fill_bits + 7) // 8, "little")
    first = 0x44 if header else 0x04
    head = bytes([0, first]) + bytes.fromhex("0A 91 54 21 43 65 87 00 00 62 11 03 32 51 00 40")
    return (head + bytes([before + len(septets)]) + content).hex().upper()


def read(septets: bytes, header: bytes = b"") -> str:
    return read_incoming_sms(deliver(septets, header))["content"]


def part_header(reference: int, total: int) -> bytes:
    """The header of a first part, with a 16-bit reference."""
    return bytes([6, 0x08, 4, *reference.to_bytes(2, "big"), total, 1])


changed = False
for reference, expected in ((0x1234, "4711 is it"), (0xB101, "711 is it")):
    found = read(b"4711 is it", part_header(reference, 2))
    print(f"reference {reference:#06x}, part 1 of 2: {found!r}")
    changed = changed or found != expected
for first, expected in ((0x12, 0), (0xB1, 32)):
    short = sum(
        read(b"4711 is it", part_header(first << 8 | last, 2)) != "4711 is it" for last in range(256)
    )
    print(f"references {first:#x}00 to {first:#x}ff: {short} of 256 lose a letter")
    changed = changed or short != expected
for name, septets, expected in (("now 5€", b"now 5\x1b\x65", "now 5€@"), ("now 5 €", b"now 5 \x1b\x65", "now 5 €")):
    found = read(septets)
    print(f"{name!r}, {len(septets)} septets: {found!r}")
    changed = changed or found != expected
print("changed: look again" if changed else "as described")
sys.exit(changed)
PROGRAM
