#!/bin/sh
# aiosmpp 1.0.3 and the lengths of long texts.
#
# What it does: `gsm.make_parts` takes the 67 characters that a part in UCS-2 holds for 67 octets. So a long text in Cyrillic
# is cut in the middle of every 34th letter: the second part begins with the second half of one, and every letter in it is
# another. A long text is one of more than 70 characters, or 160 in 7 bits: with 160 euro signs, which are 320 septets, it is
# not cut at all.
# What most expect: parts of 134 octets, 67 whole letters, and a cut where one message cannot hold what is coded (3GPP
# 23.040 s. 9.2.3.24.1), as in smpplib 2.2.4, whose function it once was.
# What follows: phones decode each part by itself, so the second part of each long text in Cyrillic, Arabic or Chinese is
# signs that nobody can read. Latin texts look right in every test.
#
# Dragoman: protocols/gsm/segmentation.py, tests/unit/protocols/gsm/test_segmentation.py.
#
# Exits with 0 while that is so, and with 1 once it changes. Needs python3 with venv, and a network.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check aiosmpp==1.0.3 smpplib==2.2.4
"$folder/venv/bin/python" - <<'PROGRAM'
import sys

import aiosmpp.gsm
import smpplib.gsm

HEADER = 6
"""Octets before the text in each of several parts."""
TEXT = "Ваш заказ прибыл, его можно забрать до пятницы с девяти до восемнадцати часов."

changed = False
for name, text, expected in (
    (f"{len(TEXT)} Cyrillic letters", TEXT, [73, 73, 28]),
    ("160 euro signs", "€" * 160, [320]),
    ("161 letters", "a" * 161, [159, 14]),
):
    found = aiosmpp.gsm.make_parts(text)[0]
    other = smpplib.gsm.make_parts(text)[0]
    print(f"{name}: parts of {[len(part) for part in found]} octets; smpplib: {[len(part) for part in other]}")
    changed = changed or [len(part) for part in found] != expected

second = aiosmpp.gsm.make_parts(TEXT)[0][1][HEADER:].decode("utf-16-be", "replace")
print(f"of the first, a phone shows as part 2: {second!r}")
print("changed: look again" if changed else "as described")
sys.exit(changed)
PROGRAM
