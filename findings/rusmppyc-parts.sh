#!/bin/sh
# rusmppyc 0.4.0a2 (PyPI, on Rusmpp) and the defaults of `submit_sm_multipart`.
#
# What it does: it fills parts up to 140 octets, and its coding for 7 bits, the default, has an octet for each septet. So 141
# letters are two messages, and a part of several has 134 letters. Besides, each part of each long text has the reference 0
# unless the caller counts.
# What most expect: 160 letters in one message, and 153 in each of several: 140 octets is what the SMSC makes of them when it
# packs them (3GPP 23.038 s. 6.1.2.3). And a reference that differs from that of the text before, as phones put parts together
# by it (3GPP 23.040 s. 9.2.3.24.1).
# What follows: texts between 141 and 160 letters, and many longer ones, cost a message more than they need. Of two long texts
# that reach a phone together, the parts may be joined across.
#
# Dragoman: protocols/gsm/segmentation.py, tests/unit/protocols/gsm/test_segmentation.py.
#
# Exits with 0 while that is so, and with 1 once it changes. Needs python3.10 or later with venv, and a network.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check rusmppyc==0.4.0a2
"$folder/venv/bin/python" - <<'PROGRAM'
import sys

from rusmppyc import Client

HEADER = 6
"""Octets before the letters in each of several parts; the fourth is the reference."""
WHOLE, PART = 160, 153

changed = False
for letters, expected in ((140, [140]), (160, [134, 26]), (306, [134, 134, 38])):
    parts = [bytes(part.short_message) for part in Client.submit_sm_multipart("a" * letters)]
    header = HEADER if len(parts) > 1 else 0
    found = [len(part) - header for part in parts]
    references = {part[3] for part in parts} if header else set()
    needed = 1 if letters <= WHOLE else -(-letters // PART)
    print(f"{letters} letters: {found} in {len(parts)} messages, of {needed} needed; references {references or 'none'}")
    changed = changed or found != expected or not references <= {0}
print("changed: look again" if changed else "as described")
sys.exit(changed)
PROGRAM
