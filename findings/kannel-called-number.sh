#!/bin/sh
# Kannel 1.4.5 (Debian 12) and the number that a text came to.
#
# What it does: `%P` in the get-url of an sms-service is the group's `faked-sender`, else smsbox's `global-sender`,
# and only where neither is set the number that the phone sent its text to. A text to 1272 is handed on as one to 1000.
# What most expect: what the user guide says of `%P`, the number of the receiver; and that a sender for texts that are
# sent without one, as `global-sender` is, changes nothing in those that come in.
# What follows: a service for several short codes sees one, a service without a keyword cannot tell customers apart.
#
# Dragoman gives the number that was called: tests/dialects/kannel/test_services.py.
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


async def main() -> int:
    changed = False
    async with Kannel(sys.argv[1], sender="1000") as kannel:
        for called in ("1272", "1984"):
            kannel.deliver(b"hello", called=called)
            call = await kannel.next_call()
            print(f"a text to {called}, where global-sender is 1000, calls {call}")
            changed = changed or call != "/in?from=%2B4512345678&to=1000&text=hello"
    print("changed: the number is the one that was called" if changed else "as described")
    return changed


sys.exit(asyncio.run(main()))
PROGRAM
