#!/bin/sh
# Kannel 1.4.5 (Debian 12) and letters beyond ASCII in a dlr-url.
#
# What it does: its escapes are a percent sign and a letter, and it looks for them in the URL after percent-encoding.
# So of `%C3` it replaces `%C`, the charset, and of `%D0` it replaces `%D`, the meta-data. The name J%C3%B8rgen
# comes back as JUTF-838rgen. The request to send is answered "Accepted for delivery".
# What most expect: that a URL which is right by RFC 3986 is called as it is, but for the escapes.
# What follows: receipts with the name of a customer or a town in their URL are about somebody else, or nobody.
# `%%C3%%B8`, which is wrong by the RFC, is what works.
#
# Dragoman leaves octets that are UTF-8 alone: dialects/kannel/escapes.py, tests/dialects/kannel/test_reports.py.
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
    async with Kannel(sys.argv[1]) as kannel:
        called = {}
        for value in ("J%C3%B8rgen", "%D0%90%D0%BD%D0%BD%D0%B0", "J%%C3%%B8rgen", "a%2Bb"):
            url = f"{kannel.customer}/report?state=%d&name={value}"
            answer = await kannel.send(text="hello", **{"dlr-mask": "8", "dlr-url": url})
            called[value] = (await kannel.next_call()).partition("&name=")[2]
            print(f"{answer}; name={value} is called with {called[value]}")
    changed = (
        called["J%C3%B8rgen"] != "JUTF-838rgen"
        or "%D0" in called["%D0%90%D0%BD%D0%BD%D0%B0"]
        or called["J%%C3%%B8rgen"] != "J%C3%B8rgen"
        or called["a%2Bb"] != "a%2Bb"
    )
    print("changed: letters come back now" if changed else "as described")
    return changed


sys.exit(asyncio.run(main()))
PROGRAM
