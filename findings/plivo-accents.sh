#!/bin/sh
# plivo 4.63.0 (PyPI) and 4.79.0 (npm), Plivo's own libraries, and letters beyond ASCII in the URL of a webhook.
#
# What it does: what Plivo signs has the parameters of the URL decoded and sorted. The library of PyPI decodes them as octets,
# which Python's parse_qs allows for ASCII alone: with ?town=R%C3%B8nne, `validate_v3_signature` raises UnicodeEncodeError for
# every call, signed or not. That of npm says that the same call is genuine.
# What most expect: True or False. The URL is right by RFC 3986, blanks in it as %20 are no trouble, and neither is a
# letter like that in the text of the message.
# What follows: each receipt is answered 500, and comes again, for those customers whose name or town has such a letter.
#
# Dragoman: connectors/http/signatures.py, tests/connectors/http/cases/plivo.py.
#
# Exits with 0 while that is so, and with 1 once it changes. Needs python3 with venv, node with npm, and a network.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check plivo==4.63.0
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts plivo@4.79.0 > npm.log 2>&1 || { cat npm.log; exit 2; }
cat > program.cjs <<'PROGRAM'
const { validateV3Signature } = require("plivo");

const [url, nonce, token, signature, text] = process.argv.slice(2);
console.log(validateV3Signature("POST", url, nonce, token, signature, { Text: text, To: "4512345678" }));
PROGRAM
cat > program.py <<'PROGRAM'
import base64
import hashlib
import hmac
import subprocess
import sys

from plivo.utils import validate_v3_signature

TOKEN, NONCE = "auth-token", "05429567804466091622"
CASES = (
    # URL, its parameters decoded, text, what the library of PyPI makes of it
    ("https://sms.example.org/cb?town=Nexo", "town=Nexo", "hello", "True"),
    ("https://sms.example.org/cb?town=Nex%20o", "town=Nex o", "hello", "True"),
    ("https://sms.example.org/cb?town=Nexo", "town=Nexo", "blåbær", "True"),
    ("https://sms.example.org/cb?town=R%C3%B8nne", "town=Rønne", "hello", "UnicodeEncodeError"),
)

changed = False
for url, query, text, expected in CASES:
    signed = f"{url.partition('?')[0]}?{query}.Text{text}To4512345678.{NONCE}".encode()
    signature = base64.b64encode(hmac.digest(TOKEN.encode(), signed, hashlib.sha256)).decode()
    fields = {"Text": text, "To": "4512345678"}
    try:
        found = str(validate_v3_signature("POST", url, NONCE, TOKEN, signature, fields))
    except UnicodeEncodeError as error:
        found = type(error).__name__
    command = ["node", "program.cjs", url, NONCE, TOKEN, signature, text]
    other = subprocess.run(command, capture_output=True, check=True, text=True).stdout.strip()
    print(f"{url}, {text!r}: PyPI {found}, npm {other}")
    changed = changed or found != expected or other != "true"
print("changed: look again" if changed else "as described")
sys.exit(changed)
PROGRAM
venv/bin/python program.py
