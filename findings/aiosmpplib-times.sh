#!/bin/sh
# aiosmpplib 0.7.4 and times with a zone.
#
# What it does: SMPP writes the zone as quarters of an hour, 00 to 48, and a sign behind them (3.4 s. 7.1.1.1). It
# writes five hours behind UTC as 76 quarters: that is 24 hours less 5, with the sign that was meant for 20. What it
# reads, it takes for whole hours, and the year for one of the first century: its own 08+ for two hours ahead of UTC
# comes back as eight hours, in the year 26.
# What most expect: that aware datetimes, which it asks for, go out and come back as the same instant.
# What follows: in the Americas every validity period and every schedule is refused by an SMSC that checks, with
# ESME_RINVEXPIRY and ESME_RINVSCHED, and is hours off with one that does not. Only UTC goes out and in right, but for
# the century.
#
# Dragoman: protocols/smpp/times.py, tests/unit/protocols/smpp/test_times.py; it writes relative times.
#
# Exits with 0 while that is so, and with 1 once it changes. Needs python3.11 or later with venv, and a network.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check aiosmpplib==0.7.4
"$folder/venv/bin/python" - <<'PROGRAM'
import sys
from datetime import datetime, timedelta, timezone

from aiosmpplib.protocol import SubmitSm

changed = False
for hours, written, read in (
    (0, "260701120000000+", "0026-07-01T12:00:00+00:00"),
    (2, "260701120000008+", "0026-07-01T12:00:00+08:00"),
    (-5, "260701120000076-", None),
):
    noon = datetime(2026, 7, 1, 12, tzinfo=timezone(timedelta(hours=hours)))
    text = SubmitSm.datetime_to_smpp_time(noon)
    line = f"{noon.isoformat()} is written as {text}"
    changed = changed or text != written
    if read is not None:
        back = SubmitSm.smpp_time_to_datetime(text).isoformat()
        line += f", which it reads as {back}"
        changed = changed or back != read
    print(line)
print("changed: zones are quarters of an hour both ways" if changed else "as described")
sys.exit(changed)
PROGRAM
