#!/bin/sh
# Kannel 1.4.5 (Debian 12) and the receipt that follows UNKNOWN.
#
# What it does: the state UNKNOWN of a receipt calls the dlr-url with 2, "not delivered", and ends the message: the
# DELIVRD that follows is thrown away. ENROUTE, in its place, calls it with 4, and the DELIVRD counts.
# What most expect: that "unknown" is no end, as it is not "failed". SMPP 5.0 s. 4.7.15 has it for an SMSC that cannot
# tell the state, perhaps for a while; the true end follows when it can.
# What follows: customers are told that a message failed which its reader has, and never learn better.
#
# Dragoman lets a later receipt count: protocols/smpp/receipts.py, and test_on_its_way_is_no_end in
# tests/dispatch/test_receipts.py.
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
    said = {}
    async with Kannel(sys.argv[1]) as kannel:
        for first in ("ENROUTE", "UNKNOWN"):
            await kannel.send(text="hello", **{"dlr-mask": "7", "dlr-url": f"{kannel.customer}/%d"})
            message_id, _ = await kannel.submits.get()
            kannel.deliver_receipt(message_id, first)
            said[first] = [await kannel.next_call()]
            kannel.deliver_receipt(message_id, "DELIVRD")
            said[first].append(await kannel.next_call(5))
            print(f"receipts {first}, DELIVRD: the dlr-url is called with {said[first]}")
    changed = said != {"ENROUTE": ["/4", "/1"], "UNKNOWN": ["/2", ""]}
    print("changed: UNKNOWN is no end now" if changed else "as described")
    return changed


sys.exit(asyncio.run(main()))
PROGRAM
