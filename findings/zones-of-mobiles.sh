#!/bin/sh
# phonenumbers 9.0.43 and the time zone of a mobile number.
#
# What it does: `time_zones_for_number` of a mobile number gives every zone of its country code, in the order of the
# alphabet: a Spanish one is first in the Canary Islands, a Portuguese one in the Azores, a Jamaican one in the Aleutian
# Islands (and in 41 other places), and one of Kazakhstan lies in 16 zones from Bucharest to Kamchatka. The function for
# numbers of landlines, `time_zones_for_geographical_number`, does know Madrid, Jamaica and Kazakhstan, of the very same
# numbers.
# What most expect: that the function for any number knows no less than the one for landlines, and that the first zone is
# the likeliest.
# What follows: a campaign "at nine in the morning, where they are" reaches Jamaica in the afternoon, and Spain at ten.
#
# Dragoman: core/model/number_zones.py, tests/unit/domain/test_number_zones.py.
#
# Exits with 0 while that is so, and with 1 once it changes. Needs python3 with venv, and a network.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check phonenumbers==9.0.43
"$folder/venv/bin/python" - <<'PROGRAM'
import sys

import phonenumbers
from phonenumbers import PhoneNumberType, example_number_for_type
from phonenumbers.timezone import time_zones_for_geographical_number, time_zones_for_number

print("phonenumbers", phonenumbers.__version__)
changed = False
for region, first, count, for_landlines in (
    ("ES", "Atlantic/Canary", 2, ("Europe/Madrid",)),
    ("PT", "Atlantic/Azores", 2, ("Atlantic/Azores", "Europe/Lisbon")),
    ("JM", "America/Adak", 42, ("America/Jamaica",)),
    ("KZ", "Asia/Almaty", 16, ("Asia/Almaty", "Asia/Aqtobe")),
):
    number = example_number_for_type(region, PhoneNumberType.MOBILE)
    zones = time_zones_for_number(number)
    other = time_zones_for_geographical_number(number)
    print(f"{region} +{number.country_code} {number.national_number}")
    print(f"   for any number: {len(zones)} zones, the first is {zones[0]}, the last {zones[-1]}")
    print(f"   for landlines:  {', '.join(other)}")
    changed = changed or (zones[0], len(zones), other) != (first, count, for_landlines)
print("changed: look again" if changed else "as described")
sys.exit(changed)
PROGRAM
