#!/bin/sh
# smpplib 2.2.4 and a character of two septets on the border between two parts.
#
# What it does: `gsm.make_parts` cuts a long text every 153 septets, also between the escape septet 0x1B and
# the septet that it belongs to. With € as the 153rd and 154th septet, the first part ends with 0x1B and the
# second begins with 0x65, which alone is the letter "e".
# What most expect: that the splitting of a library that knows the extension table never cuts a character;
# 3GPP 23.038 keeps both septets in one part, which is then one septet shorter.
# What follows: phones decode each part by itself, so a price of "€20" arrives as " " at the end of one part
# and "e20" at the start of the next. Whoever counts parts by septets alone is wrong by one part as well.
#
# Exits with 0 while that is so, and with 1 once it changes. Needs python3 with venv, and a network.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check smpplib==2.2.4
"$folder/venv/bin/python" - <<'PROGRAM'
import sys

from smpplib import gsm

HEADER = 6  # of a concatenated part: UDHL, IEI, length, reference, total, number
text = "x" * 152 + "€20" + "y" * 20
parts, data_coding, _ = gsm.make_parts(text)
bodies = [part[HEADER:] for part in parts]
for number, body in enumerate(bodies, 1):
    print(f"part {number}: {len(body)} septets, from {body[:3].hex(' ')} to {body[-3:].hex(' ')}")
split = len(bodies) == 2 and bodies[0].endswith(b"\x1b") and bodies[1].startswith(b"\x65")
print("as described" if split else "changed: the character stays in one part")
sys.exit(not split)
PROGRAM
