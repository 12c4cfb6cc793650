#!/bin/sh
# smpp.pdu3 0.6, the codec of several gateways in Python, and summer time.
#
# What it does: it writes the zone of a time as SMPP wants it, in quarters of an hour (3.4 s. 7.1.1.1), and asks the zone
# for its offset now instead of at that time. Of noon in Copenhagen on 15 January and on 15 July, one gets the offset of
# the other: written in winter, July has 04 (one hour) in place of 08, and January 08 in place of 04 in summer.
# What most expect: the offset that the datetime has, which `utcoffset()` gives and `isoformat()` shows.
# What follows: for half a year at a time, each message that is scheduled beyond the next change of the clocks is sent an
# hour off, and each validity period that reaches beyond it ends an hour early or late.
#
# Dragoman: protocols/smpp/times.py, tests/unit/protocols/smpp/test_times.py; it writes relative times.
#
# Exits with 0 while that is so, and with 1 once it changes. Needs python3.11 or later with venv, and a network.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check smpp.pdu3==0.6 tzdata==2026.2
"$folder/venv/bin/python" - <<'PROGRAM'
import sys
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from smpp.pdu import smpp_time

ZONE = ZoneInfo("Europe/Copenhagen")
wrong = 0
for month in (1, 7):
    due = datetime(2027, month, 15, 12, tzinfo=ZONE)
    written = smpp_time.unparse(due).decode()
    quarters = due.utcoffset() // timedelta(minutes=15)
    right = f"{due:%y%m%d%H%M%S}0{quarters:02}+"
    print(f"{due.isoformat()}: {written}, right is {right}")
    wrong += written != right
print("as described" if wrong == 1 else "changed: both have the offset of their day")
sys.exit(wrong != 1)
PROGRAM
