#!/bin/sh
# Kannel 1.4.5 (Debian 12) and a receipt that overtakes the response.
#
# What it does: it knows a message by the ID in submit_sm_resp. A receipt that comes first finds no message: it is
# acknowledged to the SMSC and dropped. The dlr-url is told that the SMSC took the message (8), and nothing after that.
# What most expect: that a response comes before its receipt. SMPP is asynchronous (3.4 s. 2.7), and where a phone is
# near, or the response and the receipts come from different processes or binds, the receipt is faster.
# What follows: on the quickest links some messages never have an end, and the SMSC can show that Kannel took their
# receipts.
#
# Dragoman parks a receipt that finds no message: core/delivery/receipts.py, tests/dispatch/test_receipts.py.
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
        for order in ("response, receipt", "receipt, response"):
            kannel.receipt_first = "DELIVRD" if order.startswith("receipt") else ""
            await kannel.send(text="hello", **{"dlr-mask": "31", "dlr-url": f"{kannel.customer}/%d"})
            message_id, _ = await kannel.submits.get()
            said[order] = [await kannel.next_call()]
            if not kannel.receipt_first:
                kannel.deliver_receipt(message_id, "DELIVRD")
            said[order].append(await kannel.next_call(5))
            print(f"{order}: the dlr-url is called with {said[order]}")
    changed = said != {"response, receipt": ["/8", "/1"], "receipt, response": ["/8", ""]}
    print("changed: an early receipt is kept now" if changed else "as described")
    return changed


sys.exit(asyncio.run(main()))
PROGRAM
