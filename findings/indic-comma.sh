#!/bin/sh
# gsmcodecs 1.0.0 and the comma of ten languages.
#
# What it does: in the locking shift tables of Bengali, Gujarati, Hindi, Kannada, Malayalam, Oriya, Punjabi,
# Tamil, Telugu and Urdu (3GPP 23.038 s. A.3.4 to A.3.13) the septet 0x2C is an apostrophe. It reads "a, b" as
# "a' b", and cannot write "a, b" at all.
# What most expect: a comma, as the tables of Android have it. The apostrophe of these languages is in their
# single shift tables, at 0x09; a comma is nowhere else.
# What follows: each comma of a text that a phone in India or Pakistan sent arrives as an apostrophe.
#
# Exits with 0 while that is so, and with 1 once it changes. Needs python3 with venv, and a network.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check gsmcodecs==1.0.0
"$folder/venv/bin/python" - <<'PROGRAM'
import sys

import gsmcodecs  # registers the codecs

LANGUAGES = (
    "Bengali", "Gujarati", "Hindi", "Kannada", "Malayalam", "Oriya", "Punjabi", "Tamil", "Telugu", "Urdu"
)
changed = False
for identifier, language in enumerate(LANGUAGES, 4):
    codec = f"gsm23.038-{identifier}-{identifier}"
    read = b"a, b".decode(codec)
    try:
        written = "a, b".encode(codec).hex()
    except UnicodeEncodeError:
        written = "refused"
    print(f"{language:10} septets 61 2c 20 62 are read as {read!r}; 'a, b' is written as: {written}")
    changed = changed or read != "a' b" or written != "refused"
print("changed: the comma is one now" if changed else "as described")
sys.exit(changed)
PROGRAM
