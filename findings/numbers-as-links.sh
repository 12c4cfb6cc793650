#!/bin/sh
# pydantic-extra-types 2.11.1 and the form of a number that was checked.
#
# What it does: a field of type `PhoneNumber` takes "+4534412345", finds it valid, and holds "tel:+45-34-41-23-45", the link
# of RFC 3966, from then on: in the database, in JSON, and in what goes on to a provider. An extension, too, which no text
# reaches, stays in it.
# What most expect: that a number which was given in E.164, the form that SMS providers want, is still in it after it was
# found valid, as a field of type `int` or `UUID` is what was given.
# What follows: providers refuse it; a search for the number as its user wrote it finds nobody; and two tables, one filled
# before the check was added and one behind it, do not join. `phone_format = "E164"` in a subclass prevents it.
#
# Dragoman keeps digits, and says of such a link that it is not an international number: core/model/phone_numbers.py.
#
# Exits with 0 while that is so, and with 1 once it changes. Needs python3.10 or later with venv, and a network.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pydantic-extra-types==2.11.1 phonenumbers==9.0.43
"$folder/venv/bin/python" - <<'PROGRAM'
import sys

from pydantic import BaseModel
from pydantic_extra_types.phone_numbers import PhoneNumber


class Request(BaseModel):
    to: PhoneNumber


changed = False
for given, expected in (
    ("+4534412345", "tel:+45-34-41-23-45"),
    ("+45 34 41 23 45", "tel:+45-34-41-23-45"),
    ("+4534412345;ext=12", "tel:+45-34-41-23-45;ext=12"),
):
    found = Request(to=given).to
    print(f"{given!r} becomes {str(found)!r}; equal to what was given: {found == given}")
    changed = changed or found != expected
print("changed: look again" if changed else "as described")
sys.exit(changed)
PROGRAM
