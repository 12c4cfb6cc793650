#!/bin/sh
# Kannel 1.4.5 (Debian 12) and texts that it changes.
#
# What it does: each of these requests is answered 202 "Accepted for delivery", and nothing in the answer tells that
# the phone gets another text. Of 161 letters it sends 160. Cyrillic becomes question marks unless `coding` and
# `charset` are given. A c with cedilla becomes a capital one, as only that is in the 7-bit alphabet.
# What most expect: the text in parts, in UCS-2 where it needs that, or a refusal.
# What follows: the end of a link is cut off, and French is written with capitals inside words.
#
# Dragoman sends them whole: dialects/kannel/submissions.py, tests/dialects/kannel/test_send.py; the table of
# differences is in docs/dialects/kannel.md.
#
# Exits with 0 while that is so, and with 1 once it changes. Needs Debian 12 with apt, python3, and a network.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
sh "$here/kannel/install.sh" "$folder"
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$here/kannel" python3 - "$folder" <<'PROGRAM'
import asyncio
import sys

from gateway import Kannel

RUSSIAN = "\u041f\u0440\u0438\u0432\u0435\u0442"
REQUESTS = {
    "161 letters": ({"text": "x" * 161}, 0, b"x" * 160),
    "Cyrillic": ({"text": RUSSIAN}, 0, b"??????"),
    "Cyrillic, coding=2, charset=UTF-8": (
        {"text": RUSSIAN, "coding": "2", "charset": "UTF-8"},
        8,
        RUSSIAN.encode("utf-16-be"),
    ),
    "c with cedilla": ({"text": "fran\u00e7ais"}, 0, b"fran\x09ais"),
}


async def main() -> int:
    changed = False
    async with Kannel(sys.argv[1]) as kannel:
        for name, (parameters, coding, expected) in REQUESTS.items():
            answer = await kannel.send(**parameters)
            _, body = await kannel.submits.get()
            text = body[-len(expected) :]
            head = body[: -len(expected)]  # ends with data_coding, sm_default_msg_id, sm_length
            shown = text.hex(" ") if len(text) < 20 else f"{text[:3].hex(' ')} …"
            print(f"{name}: {answer}; sent in data_coding {head[-3]}, {head[-1]} octets: {shown}")
            changed = changed or (text, head[-3], head[-1]) != (expected, coding, len(expected))
    print("changed: texts are sent as they are" if changed else "as described")
    return changed


sys.exit(asyncio.run(main()))
PROGRAM
