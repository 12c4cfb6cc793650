#!/bin/sh
# Kannel 1.4.5 (Debian 12) and the charset of texts that come in.
#
# What it does: `%b` in the get-url of an sms-service has a text in the charset in which it came: one in 7 bits as UTF-8, one
# in UCS-2 as UTF-16BE. So "blåbær" is called as bl%C3%A5b%C3%A6r, and "Привет" as %04%1F%04%40…, which a web framework takes
# for UTF-8 and shows as control characters. `%a`, which the user guide calls the words of the text, is the same. With
# `mo-recode = true` in the group of smsbox, which is not the default, both are UTF-8.
# What most expect: one charset for a parameter of a URL, UTF-8 that is, as `charset` has it as default for what goes out.
# What follows: the first emoji, apostrophe of an iPhone or letter of another script in an answer makes it unreadable, and a
# keyword in it is not found. Without that setting, only `%C` tells the charset.
#
# Dragoman gives UTF-8: dialects/kannel/escapes.py, tests/dialects/kannel/test_services.py.
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
from urllib.parse import parse_qs, quote_plus

import gateway

gateway.CONFIGURATION = gateway.CONFIGURATION.replace(
    "/in?from=%p&to=%P&text=%b", "/in?text=%b&words=%a&charset=%C"
)
GSM, UCS2 = 0, 8
TEXTS = (
    ("blåbær", b"bl\x0fb\x1dr", GSM, "UTF-8"),
    ("Привет", "Привет".encode("utf-16-be"), UCS2, "UTF-16BE"),
    ("Hej \N{THUMBS UP SIGN}", "Hej \N{THUMBS UP SIGN}".encode("utf-16-be"), UCS2, "UTF-16BE"),
)


async def receive(*, recoded: bool) -> bool:
    """Whether the calls differ from what is described."""
    changed = False
    async with gateway.Kannel(sys.argv[1]) as kannel:
        for text, octets, data_coding, charset in TEXTS:
            kannel.deliver(octets, data_coding=data_coding)
            call = await kannel.next_call()
            print(f"{text!r} in data_coding {data_coding}: {call}")
            expected = "UTF-8" if recoded else charset
            found = parse_qs(call.partition("?")[2], encoding="latin-1")
            changed = changed or f"text={quote_plus(text.encode(expected))}&" not in call
            changed = changed or found["charset"] != [expected] or found["words"] != found["text"]
    return changed


async def main() -> int:
    changed = await receive(recoded=False)
    print("with mo-recode:")
    gateway.CONFIGURATION = gateway.CONFIGURATION.replace("global-sender", "mo-recode = true\nglobal-sender")
    changed = await receive(recoded=True) or changed
    print("changed: look again" if changed else "as described")
    return changed


sys.exit(asyncio.run(main()))
PROGRAM
