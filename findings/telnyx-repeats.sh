#!/bin/sh
# telnyx 4.189.0, Telnyx's own library for Python, and a request to send whose answer is lost.
#
# What it does: where the connection closes before the answer, or the answer is 408, 409, 429 or 5xx, it makes the same
# POST again, twice, by default. The requests say only which attempt they are: `Idempotency-Key` is in the code of the
# generator that wrote the library, and its name is left empty. One call of messages.send is three messages to a
# server that had accepted each.
# What most expect: that a POST is repeated only where it did nothing for certain, or with a key by which the server
# knows it again (RFC 9110 s. 9.2.2).
# What follows: while the provider's front end has a bad minute, phones get the same text three times, and all
# three are paid for. `max_retries=0` stops it.
#
# Dragoman marks a message that may have gone out twice, and with `on_unknown = "hold"` repeats nothing:
# test_a_lost_response_is_sent_again_and_marked and the tests after it in tests/dispatch/test_outcomes.py.
#
# Exits with 0 while that is so, and with 1 once it changes. Needs python3 with venv, and a network.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check telnyx==4.189.0
"$folder/venv/bin/python" - <<'PROGRAM'
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import telnyx

requests: list[tuple[bytes, bool]] = []


class Provider(BaseHTTPRequestHandler):
    """Takes every message; the first two answers of a call are lost, or are 502."""

    lost = True

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        requests.append((body, any("idempotency" in name.lower() for name in self.headers)))
        if len(requests) < 3 and self.lost:
            self.close_connection = True
            return
        answer = b'{"data": {"id": "1"}}'
        self.send_response(502 if len(requests) < 3 else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = telnyx.Telnyx(api_key="key", base_url=f"http://127.0.0.1:{server.server_port}")
changed = False
for Provider.lost in (True, False):
    requests.clear()
    client.messages.send(to="+4512345678", from_="+4587654321", text="hello")
    same = len({body for body, _ in requests}) == 1
    keyed = any(key for _, key in requests)
    what = "no answer" if Provider.lost else "502"
    print(f"{what}: one call, {len(requests)} requests, the same body: {same}, with a key: {keyed}")
    changed = changed or len(requests) != 3 or not same or keyed
print("changed: no message is sent twice now" if changed else "as described")
sys.exit(changed)
PROGRAM
