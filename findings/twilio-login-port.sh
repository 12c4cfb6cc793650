#!/bin/sh
# twilio 9.13.0 (PyPI) and 6.3.1 (npm): webhooks to a URL with a login and a port.
#
# What it does: which URL Twilio signs, with its port or without, is "inconsistent", as a comment in the library says, so
# the validators try both. That of PyPI makes the one without a port by cutting the host at the first colon. In
# https://user:secret@sms.example.org:8443/ that colon is behind "user", and what is left is https://user/. The signature
# over the URL without its port is wrong for it, and right for Twilio's library of npm.
# What most expect: that the libraries of one provider agree about the same call. Twilio's guide has logins in URLs for
# servers that want HTTP Basic authentication.
# What follows: every receipt and every text is refused as forged, on a server with a login and a port of its own, though
# both work alone.
#
# Dragoman: connectors/http/signatures.py, tests/connectors/http/cases/twilio.py.
#
# Exits with 0 while that is so, and with 1 once it changes. Needs python3.11 or later with venv, node with npm, and a
# network.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check twilio==9.13.0
npm install --silent --no-fund --no-audit twilio@6.3.1 > npm.log
cat > program.cjs <<'PROGRAM'
const { validateRequest } = require("twilio");
const [token, form, calls] = process.argv.slice(2).map((text) => JSON.parse(text));
console.log(JSON.stringify(calls.map(([url, signature]) => validateRequest(token, signature, url, form))));
PROGRAM
venv/bin/python - <<'PROGRAM'
import base64
import hmac
import json
import subprocess
import sys

from twilio.request_validator import RequestValidator

TOKEN, FORM = "token", {"MessageSid": "SM1", "MessageStatus": "delivered"}
CALLS = [
    # The URL that was called, and the one that was signed.
    ("https://sms.example.org:8443/reports", "https://sms.example.org/reports"),
    ("https://user:secret@sms.example.org/reports", "https://user:secret@sms.example.org/reports"),
    (
        "https://user:secret@sms.example.org:8443/reports",
        "https://user:secret@sms.example.org:8443/reports",
    ),
    (
        "https://user:secret@sms.example.org:8443/reports",
        "https://user:secret@sms.example.org/reports",
    ),
]


def signature_over(url: str) -> str:
    text = url + "".join(name + FORM[name] for name in sorted(FORM))
    return base64.b64encode(hmac.digest(TOKEN.encode(), text.encode(), "sha1")).decode()


made = [(url, signature_over(signed)) for url, signed in CALLS]
by_python = [RequestValidator(TOKEN).validate(url, FORM, signature) for url, signature in made]
command = ["node", "program.cjs", *map(json.dumps, (TOKEN, FORM, made))]
by_node = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
seen = list(zip(by_python, by_node, strict=True))
for (url, signed), (python, node) in zip(CALLS, seen, strict=True):
    print(f"{url}, signed {signed}: PyPI {python}, npm {node}")
changed = seen != [(True, True)] * 3 + [(False, True)]
print("changed: both accept all of them now" if changed else "as described")
sys.exit(changed)
PROGRAM
