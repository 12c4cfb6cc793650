#!/bin/sh
# apprise 2.2.0 and the mobile numbers of small countries.
#
# What it does: a number needs ten digits, country code included, to be one: as many as a North American has. Mobiles of
# Greenland, the Faroe Islands, Andorra, New Caledonia and nine more have seven to nine. Such a recipient is taken off the list
# when the URL is read, with a warning in the log, and `notify` answers True as the others were told.
# What most expect: that a number in international form is left to the provider, or that a recipient who is not told
# makes `notify` False, as one does whom the provider refuses.
# What follows: of two people on call, one in Copenhagen and one in Nuuk, the second never hears of an alarm.
#
# Dragoman takes seven digits and more: core/model/phone_numbers.py, tests/unit/domain/test_phone_numbers.py.
#
# Exits with 0 while that is so, and with 1 once it changes. Needs python3 with venv, and a network.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check apprise==2.2.0 phonenumbers==9.0.43
"$folder/venv/bin/python" - <<'PROGRAM'
import json
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import apprise
import phonenumbers
from apprise.utils.parse import is_phone_no
from phonenumbers import PhoneNumberFormat, PhoneNumberType, example_number_for_type, format_number

told: list[str] = []


class SignalServer(BaseHTTPRequestHandler):
    """What apprise takes for a REST API of Signal; it accepts everything."""

    def do_POST(self) -> None:
        told.extend(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["recipients"])
        self.send_response(201)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *args: object) -> None:
        pass


def example(region: str) -> str:
    """The mobile number that libphonenumber has as the example of a country."""
    return format_number(example_number_for_type(region, PhoneNumberType.MOBILE), PhoneNumberFormat.E164)


server = HTTPServer(("127.0.0.1", 0), SignalServer)
Thread(target=server.serve_forever, daemon=True).start()

refused = [
    region
    for region in sorted(phonenumbers.SUPPORTED_REGIONS)
    if example_number_for_type(region, PhoneNumberType.MOBILE) and not is_phone_no(example(region))
]
print("apprise", apprise.__version__, "knows no mobile of", " ".join(refused))

copenhagen, nuuk = example("DK"), example("GL")
notifier = apprise.Apprise()
notifier.add(f"signal://127.0.0.1:{server.server_port}/+4512345678/{copenhagen}/{nuuk}")
answer = bool(notifier.notify(body="The pump stands still."))
print(f"to {copenhagen} and {nuuk}: notify is {answer}, and told are {told}")
server.shutdown()
changed = answer is not True or told != [copenhagen] or not {"AD", "FO", "GL", "NC"} <= set(refused)
print("changed: look again" if changed else "as described")
sys.exit(changed)
PROGRAM
