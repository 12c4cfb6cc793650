#!/bin/sh
# Kannel 1.4.5 (Debian 12) and words that begin like a keyword.
#
# What it does: it compares a keyword with the beginning of a text, and not with its first word. A service for `stop`, with
# `end` among its aliases, gets "Stopping by at five" and "Endless thanks"; one for `news` gets "Newspapers please".
# What most expect: what the user guide says, that services are identified by the first word in a text.
# What follows: people are taken off a list who said something else, and never hear why; and of two services, for `info` and
# `information`, the one that comes first in the file has the texts of both.
#
# Dragoman takes whole words: core/inbound/model/services.py, tests/dialects/kannel/test_services.py.
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

import gateway

# `catch-all` takes a text whatever the number of its words.
gateway.CONFIGURATION += """
group = sms-service
keyword = stop
aliases = "end"
catch-all = true
get-url = "http://127.0.0.1:{customer}/stop?text=%b"
omit-empty = true

group = sms-service
keyword = info
catch-all = true
get-url = "http://127.0.0.1:{customer}/info?text=%b"
omit-empty = true

group = sms-service
keyword = information
catch-all = true
get-url = "http://127.0.0.1:{customer}/information?text=%b"
omit-empty = true
"""
TEXTS = {
    "Stop": "/stop",
    "Stopping by at five": "/stop",
    "End": "/stop",
    "Endless thanks": "/stop",
    "Info": "/info",
    "Information": "/info",
    "Do not stop": "/in",
}


async def main() -> int:
    changed = False
    async with gateway.Kannel(sys.argv[1]) as kannel:
        for text, expected in TEXTS.items():
            kannel.deliver(text.encode())
            found = (await kannel.next_call()).partition("?")[0]
            service = {"/in": "the default service"}.get(found, f"the service {found[1:]!r}")
            print(f"{text!r} goes to {service}")
            changed = changed or found != expected
    print("changed: look again" if changed else "as described")
    return changed


sys.exit(asyncio.run(main()))
PROGRAM
