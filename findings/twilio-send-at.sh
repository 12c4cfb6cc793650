#!/bin/sh
# twilio 9.13.0, Twilio's own library for Python, and the zone of a time.
#
# What it does: it writes the clock of a datetime and puts a Z behind it, whatever its zone. Noon in Copenhagen in
# July, 10:00 UTC, becomes SendAt=2026-07-01T12:00:00Z. In filters by date the same happens.
# What most expect: that an aware datetime is converted to UTC, and that only a naive one is taken as it is.
# What follows: a message that is scheduled for noon goes out at two; one for Tokyo leaves nine hours late, one for
# New York five or four early, or is refused as it would be due within 15 minutes.
#
# No server can tell, as the request is right. Dragoman keeps the offset of a time where it is given one:
# dialects/twilio/times.py, tests/dialects/twilio/test_times.py.
#
# Exits with 0 while that is so, and with 1 once it changes. Needs python3 with venv, and a network.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check twilio==9.13.0
"$folder/venv/bin/python" - <<'PROGRAM'
import sys
from datetime import datetime, timedelta, timezone

from twilio.http import HttpClient
from twilio.http.response import Response
from twilio.rest import Client


class Recorder(HttpClient):
    """Answers each request with an error, after it has kept what was sent."""

    def __init__(self) -> None:
        super().__init__(None, False, None)
        self.sent: dict[str, str] = {}

    def request(self, method, url, params=None, data=None, *more, **others):
        self.sent = dict(data or params or {})
        return Response(404, "{}")


recorder = Recorder()
client = Client("AC" + "0" * 32, "token", http_client=recorder)
changed = False
for place, hours in (("Copenhagen", 2), ("Tokyo", 9), ("New York", -4)):
    noon = datetime(2026, 7, 1, 12, tzinfo=timezone(timedelta(hours=hours)))
    try:
        client.messages.create(
            to="+4512345678",
            messaging_service_sid="MG" + "0" * 32,
            body="Hi",
            schedule_type="fixed",
            send_at=noon,
        )
    except Exception:  # the recorder's answer
        pass
    print(f"noon in {place}, {noon.isoformat()}, is sent as SendAt={recorder.sent['SendAt']}")
    changed = changed or recorder.sent["SendAt"] != "2026-07-01T12:00:00Z"
print("changed: the zone counts now" if changed else "as described")
sys.exit(changed)
PROGRAM
