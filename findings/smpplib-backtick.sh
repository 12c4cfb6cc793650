#!/bin/sh
# smpplib 2.2.4 and the backtick.
#
# What it does: where the 7-bit alphabet has the section sign (0x5F, 3GPP 23.038 s. 6.2.1), the table of `gsm` has a
# backtick, which is also its mark for "no character here". So a backtick, which the alphabet lacks, is sent as 0x5F
# and the phone shows a section sign; a section sign, which the alphabet has, makes the whole text UCS-2.
# What most expect: the other way round, as in the standard. `[`, `{` and the euro sign are right.
# What follows: words in backticks are read as "§word§", and a letter that cites § 5 costs twice as much.
#
# Dragoman: protocols/gsm/alphabet.py, tests/unit/protocols/gsm/test_alphabet.py.
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

changed = False
for text, expected in (
    ("`ok`", (b"\x5fok\x5f", 0)),
    ("see \u00a7 5", ("see \u00a7 5".encode("utf-16-be"), 8)),
    ("[ok]", (b"\x1b\x3cok\x1b\x3e", 0)),
):
    (octets,), data_coding, _ = gsm.make_parts(text)
    print(f"{text}: data_coding {data_coding}, octets {octets.hex(' ')}")
    changed = changed or (octets, data_coding) != expected
print("changed: both signs are as in the standard" if changed else "as described")
sys.exit(changed)
PROGRAM
