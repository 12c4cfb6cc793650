#!/bin/sh
# phonenumbers 9.0.43 and the long numbers of machines in Denmark, Norway, France and Belgium.
#
# What it does: for +45 37, +47 58 and +33 700 with ten more digits, and +32 77 with eleven more, the national plans
# of machine-to-machine numbers, `is_possible_number` and `is_valid_number` both say no, and the reason given is
# TOO_LONG.
# What most expect: that a number a regulator hands out is at least "possible" to the library that every
# phone book uses, so that a gateway may refuse what it calls impossible.
# What follows: alarms, meters and cars with such numbers get no SMS from a program that validates with it.
#
# Dragoman: core/model/numbering_plans.py, tests/unit/domain/test_numbering_plans.py.
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
from phonenumbers import ValidationResult

print("phonenumbers", phonenumbers.__version__)
changed = False
for name, text in (
    ("Denmark", "+45370000000000"),
    ("Norway", "+47580000000000"),
    ("France", "+337000000000000"),
    ("Belgium", "+327700000000000"),
):
    number = phonenumbers.parse(text)
    possible = phonenumbers.is_possible_number(number)
    valid = phonenumbers.is_valid_number(number)
    reason = ValidationResult.to_string(phonenumbers.is_possible_number_with_reason(number))
    print(f"{name:8} {text}  possible: {possible}  valid: {valid}  reason: {reason}")
    changed = changed or possible or valid
print("changed: the library knows these numbers now" if changed else "as described")
sys.exit(changed)
PROGRAM
