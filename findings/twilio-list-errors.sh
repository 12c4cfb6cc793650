#!/bin/sh
# twilio 9.13.0 (PyPI) and refusals of lists.
#
# What it does: where the API refuses a call with a status, a code and a text, `messages(sid).fetch()` raises
# TwilioRestException with all three. `messages.list()` raises for the very same answer a plain TwilioException that has
# neither, and that `except TwilioRestException` does not catch.
# What most expect: the same exception for the same answer; it is the one that the library's own pages catch.
# What follows: a program that waits and repeats on 429, or asks for a new key on 401, ends instead as soon as the
# call that is refused is a list.
#
# Exits with 0 while that is so, and with 1 once it changes. Needs python3 with venv, and a network.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check twilio==9.13.0 2> "$folder/pip.log"
cat > "$folder/program.py" <<'PROGRAM'
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.rest import Client

REFUSAL = {"code": 20429, "message": "Too Many Requests", "more_info": "", "status": 429}


class Api(BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps(REFUSAL).encode()
        self.send_response(429)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Api)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = Client("AC" + "0" * 32, "token")
client.api.base_url = f"http://127.0.0.1:{server.server_port}"
seen = {}
for name, call in (
    ("fetch", lambda: client.messages("SM" + "0" * 32).fetch()),
    ("list", lambda: client.messages.list(limit=1)),
):
    try:
        call()
    except TwilioException as error:
        status = getattr(error, "status", None)
        seen[name] = (isinstance(error, TwilioRestException), status)
        print(f"{name}: {type(error).__name__}, status {status}")
changed = seen != {"fetch": (True, 429), "list": (False, None)}
print("changed" if changed else "as described")
sys.exit(changed)
PROGRAM
"$folder/venv/bin/python" "$folder/program.py"
