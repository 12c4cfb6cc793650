#!/bin/sh
# smspdudecoder 2.2.0 and the letters of Turkish texts.
#
# What it does: it lists the user data header that names a national table (elements 0x24 and 0x25 of 3GPP
# 23.040 s. 9.2.3.24.15 and 16), and then reads the septets with the default alphabet all the same. The letters
# g with breve and dotless i come out as two blanks under the single shift table, and as an o with stroke and
# an i with grave under the locking table. Nothing says that the text is wrong.
# What most expect: the text that was sent, or an error. Phones have sent such texts since 2008.
# What follows: names and keywords in Turkish, Spanish, Portuguese and the languages of India arrive garbled.
#
# Exits with 0 while that is so, and with 1 once it changes. Needs python3 with venv, and a network.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check smspdudecoder==2.2.0 bitstring==4.4.0
"$folder/venv/bin/python" - <<'PROGRAM'
import sys
from io import StringIO

from smspdudecoder.fields import SMSDeliver

HEAD = "07915491000000F0" "44" "0A9154769810320000" "62110300000000"
"""SMSC, an SMS-DELIVER with a header, sender, PID and DCS 0 (the 7-bit alphabet), time."""
changed = False
for table, header, septets, expected in (
    ("single shift", "03240101", "1b671b69", "  "),
    ("locking shift", "03250101", "0c07", "\u00f8\u00ec"),
):
    codes = bytes.fromhex(septets)
    value = sum(code << 7 * place for place, code in enumerate(codes)) << 3  # behind 4 octets, 3 bits fill up
    packed = value.to_bytes((3 + 7 * len(codes) + 7) // 8, "little").hex()
    length = f"{5 + len(codes):02X}"  # in septets, the header takes 5
    text = SMSDeliver.decode(StringIO(HEAD + length + header + packed.upper()))["user_data"]["data"]
    print(f"{table:14} header {header}, septets {septets}: {text!r} for {chr(0x11F) + chr(0x131)!r}")
    changed = changed or text != expected
print("changed: the header counts now" if changed else "as described")
sys.exit(changed)
PROGRAM
