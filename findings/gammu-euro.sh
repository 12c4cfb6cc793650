#!/bin/sh
# python-gammu 3.5.1 (Gammu 1.45.1) and texts with brackets or a euro sign.
#
# What it does: `DecodePDU` gives back as many characters as the text has septets. A euro sign is two septets, an escape
# and a letter (3GPP 23.038 s. 6.2.1.1), so "now 5€" comes out with a seventh character behind it, which is not in the
# message. "now 5 EUR" comes out as it was sent, and so does "now 5€" in UCS-2.
# What most expect: the text that was sent, in either alphabet.
# What follows: a keyword, a code or an amount at the end of such a text does not compare as equal; a database or an XML
# document refuses the NUL; and nobody sees it, as it shows as nothing.
#
# Dragoman: protocols/gsm/alphabet.py, tests/unit/protocols/gsm/test_alphabet.py.
#
# Exits with 0 while that is so, and with 1 once it changes. Needs python3.10 or later with venv, and a network.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check python-gammu==3.5.1
"$folder/venv/bin/python" - <<'PROGRAM'
import sys

import gammu

ALPHABET = {"€": b"\x1b\x65"}
"""The septets of characters that do not have those of ASCII."""


def deliver(text: str, *, ucs2: bool = False) -> bytes:
    """An SMS-DELIVER from +45 12345678 (3GPP 23.040 s. 9.2.2.1), behind an empty SMSC address."""
    septets = b"".join(ALPHABET.get(letter, letter.encode("utf-16-be")[1:]) for letter in text)
    packed = sum(septet << 7 * place for place, septet in enumerate(septets))
    content = packed.to_bytes((7 * len(septets) + 7) // 8, "little")
    length, data_coding = len(septets), 0
    if ucs2:
        content = text.encode("utf-16-be")
        length, data_coding = len(content), 8
    head = bytes.fromhex("00 04 0A 91 54 21 43 65 87 00")
    return head + bytes([data_coding]) + bytes.fromhex("62 11 03 32 51 00 40") + bytes([length]) + content


print("Gammu", gammu.Version()[0])
changed = False
for text, ucs2, more in (("now 5 EUR", False, 0), ("now 5€", False, 1), ("now 5€", True, 0)):
    found = gammu.DecodePDU(deliver(text, ucs2=ucs2), True)["Text"]
    print(f"{text!r} in {'UCS-2' if ucs2 else '7 bits'}: {found!r}")
    changed = changed or not found.startswith(text) or len(found) != len(text) + more
print("changed: look again" if changed else "as described")
sys.exit(changed)
PROGRAM
