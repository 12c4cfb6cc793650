#!/bin/sh
# smspdudecoder 2.2.0 and senders of seven letters.
#
# What it does: a sender that is a name is packed in 7 bits, and its length is counted in half octets (3GPP 23.040
# s. 9.1.2.5): seven letters are 49 bits, 13 half octets in 7 octets, where there would be room for eight letters. It
# reads eight: "BankWeb" comes out as "BankWeb@", as the bits of the filling are an @.
# What most expect: the name that was sent. The length says how much of the last octet counts, as it does for a number
# with an odd count of digits.
# What follows: a program that knows its bank, its parcels or its one-time codes by the sender does not know those with
# a name of seven letters, and only those.
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

NAMES = ("Bank", "MyBank", "BankWeb", "BankWebs", "BankWebShop")


def pack(text: str) -> bytes:
    """Letters of ASCII in 7 bits each, from the lowest bit on (3GPP 23.038 s. 6.1.2.1)."""
    bits = sum(ord(letter) << 7 * place for place, letter in enumerate(text))
    return bits.to_bytes((7 * len(text) + 7) // 8, "little")


def deliver(sender: str, text: str) -> str:
    """An SMS-DELIVER with a name as sender (3GPP 23.040 s. 9.2.2.1)."""
    half_octets = (7 * len(sender) + 3) // 4
    octets = (
        bytes([0x00, 0x04, half_octets, 0xD0])
        + pack(sender)
        + bytes.fromhex("00 00 62 11 03 32 51 00 40")
        + bytes([len(text)])
        + pack(text)
    )
    return octets.hex().upper()


changed = False
for name in NAMES:
    found = read_incoming_sms(deliver(name, "hello"))
    print(f"{name!r} with {len(name)} letters: {found['sender']!r}, text {found['content']!r}")
    changed = changed or found["sender"] != (name + "@" if len(name) == 7 else name)
print("changed: seven letters are read as seven now" if changed else "as described")
sys.exit(changed)
PROGRAM
