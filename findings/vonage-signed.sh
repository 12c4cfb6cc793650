#!/bin/sh
# vonage-sms 1.2.0 (vonage-http-client 1.5.2), Vonage's own library for Python, and signed messages.
#
# What it does: with a `signature_secret` in place of an `api_secret` it signs what it sends, over all fields of a message.
# Those that were left out are signed too, as `&callback=None&client-ref=None…`, and so is the signature itself, `&sig=None`.
# None of them is in the request, so the signature fits another one: `check_signature` of the same library says False.
# What most expect: a signature of the parameters that are sent, as Vonage's guide and the comments of the library have it.
# What follows: Vonage refuses each message, with 14, "Invalid Signature", and as `sig` is always left out, no choice of fields
# helps. The secret and the method look wrong, which are right.
#
# Dragoman reads the fields that came, and not those that could have: connectors/http/signatures.py (`_sorted_fields`),
# tests/connectors/http/cases/vonage.py.
#
# Exits with 0 while that is so, and with 1 once it changes. Needs python3.9 or later with venv, and a network.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check vonage-sms==1.2.0 vonage-http-client==1.5.2
"$folder/venv/bin/python" - <<'PROGRAM'
import io
import json
import sys
from urllib.parse import parse_qsl

from requests import Response
from requests.adapters import BaseAdapter
from vonage_http_client import Auth, HttpClient
from vonage_sms import Sms, SmsMessage

ANSWER = {"message-count": "1", "messages": [{
    "to": "4512345678", "message-id": "A1", "status": "0", "remaining-balance": "1",
    "message-price": "0.1", "network": "23801",
}]}  # fmt: skip


class Recorder(BaseAdapter):
    """Accepts each message, after it has kept what was sent."""

    body = ""

    def send(self, request, **settings):
        self.body = request.body
        response = Response()
        response.status_code, response.request, response.url = 200, request, request.url
        response.headers["Content-Type"] = "application/json"
        response.raw = io.BytesIO(json.dumps(ANSWER).encode())
        return response

    def close(self):
        pass


message = SmsMessage(to="4512345678", from_="Acme", text="hello")
changed = False
for method in ("md5", "sha256"):
    auth = Auth(api_key="key", signature_secret="secret", signature_method=method)
    client, recorder = HttpClient(auth), Recorder()
    client._session.mount("https://", recorder)
    Sms(client).send(message)
    sent = dict(parse_qsl(recorder.body))
    right = auth.check_signature(dict(sent))
    signed = {**message.model_dump(by_alias=True), "api_key": "key", "timestamp": sent["timestamp"]}
    left_out = sorted(name for name, value in signed.items() if value is None)
    as_none = auth.sign_params(signed) == sent["sig"]
    print(f"{method}: sent are {', '.join(sorted(sent))}; its own check says {right}")
    print(f"  signed as None besides: {', '.join(left_out)}: {as_none}")
    changed = changed or right or not as_none
print("changed: the signature is of what is sent" if changed else "as described")
sys.exit(changed)
PROGRAM
