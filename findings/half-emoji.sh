#!/bin/sh
# python-messaging 0.5.13 and texts with an emoji.
#
# What it does: it makes a character of each 16 bits of a text in UCS-2. An emoji is two such units (RFC 2781 s. 2.1), and
# comes out as two surrogates, which are no characters: `len` is one too many, the text does not compare as equal to the same
# text, and `encode("utf-8")` raises UnicodeEncodeError. Nothing is wrong until the text is printed, stored or sent on.
# What most expect: the emoji, as `bytes.decode("utf-16-be")` gives it. Phones have sent UTF-16 under UCS-2 for as long as
# they have had emoji.
# What follows: a program that reads texts from a modem, and forwards them, fails at some, far from where they were read.
#
# Dragoman: connectors/smpp/inbound.py, tests/connectors/smpp/test_inbound.py.
#
# Exits with 0 while that is so, and with 1 once it changes. Needs python3 with venv, and a network.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check python-messaging==0.5.13
"$folder/venv/bin/python" - <<'PROGRAM'
import sys

from messaging.sms import SmsDeliver


def deliver(text: str) -> str:
    """An SMS-DELIVER from +45 12345678 in UCS-2 (3GPP 23.040 s. 9.2.2.1), behind an empty SMSC address."""
    content = text.encode("utf-16-be")
    head = bytes.fromhex("00 04 0A 91 54 21 43 65 87 00 08 62 11 03 32 51 00 40")
    return (head + bytes([len(content)]) + content).hex().upper()


changed = False
for text, whole in (("Привет", True), ("Hej \U0001f600", False)):
    found = SmsDeliver(deliver(text)).text
    try:
        written = str(found.encode("utf-8"))
    except UnicodeEncodeError as error:
        written = f"UnicodeEncodeError, {error.reason}"
    print(f"{ascii(text)} is read as {ascii(found)}, equal: {found == text}; in UTF-8: {written}")
    changed = changed or (found == text) != whole or written.startswith("Unicode") == whole
print("changed: look again" if changed else "as described")
sys.exit(changed)
PROGRAM
