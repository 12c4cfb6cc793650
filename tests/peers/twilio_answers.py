"""Our dialect `twilio` against Twilio's own OpenAPI documents: answers are what these promise.

    dragoman dev --reset
    python -m tests.peers.twilio_answers spec/json

The folder is that of the repository twilio/twilio-oai; the gateway's addresses and secrets come
from `dragoman-data/dev.json` (`--dev`). Each answer must have the properties of its schema, no
further ones, and values of their types and patterns. Prints a line for each call; exit code 1 if
one differs.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Final
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPBasicAuthHandler, HTTPPasswordMgrWithDefaultRealm, build_opener
from urllib.request import Request as HttpRequest

DOCUMENTS: Final = ("api_v2010", "lookups_v2", "messaging_v1", "verify_v2")
ERROR: Final = {"code", "message", "more_info", "status"}
NUMBER: Final = "+4512345678"
PYTHON_TYPES: Final[Mapping[str, type | tuple[type, ...]]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "array": list,
    "object": dict,
}


class Documents:
    """The documents of Twilio's APIs, and which operation a path is."""

    def __init__(self, folder: Path) -> None:
        self._documents = [
            json.loads((folder / f"twilio_{name}.json").read_bytes()) for name in DOCUMENTS
        ]

    def problems(self, method: str, path: str, status: int, body: Any) -> list[str]:
        """What is wrong with an answer."""
        for document in self._documents:
            for template, operations in document["paths"].items():
                pattern = re.sub(r"\{[^}]+\}", "[^/]+", template)
                if method.lower() in operations and re.fullmatch(pattern, path):
                    return self._compare(document, operations[method.lower()], status, body)
        return [f"no document has {method} {path}"]

    def _compare(self, document: Any, operation: Any, status: int, body: Any) -> list[str]:
        answers = operation["responses"]
        if str(status) not in answers:
            return [f"HTTP {status}, not {', '.join(answers)}"]
        content = answers[str(status)].get("content")
        if content is None:
            return [] if body is None else ["a body"]
        schema = content["application/json"]["schema"]
        return list(self._walk(document, schema, body, "answer"))

    def _walk(self, document: Any, schema: Any, value: Any, place: str) -> Any:
        while "$ref" in schema:
            schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
        kind = schema.get("type")
        if value is None:
            # OpenAPI 3.0 cannot say that of what it refers to; Twilio's examples have null there.
            if not schema.get("nullable") and kind not in ("object", None):
                yield f"{place} is null"
            return
        if kind and (
            not isinstance(value, PYTHON_TYPES[kind])
            or (kind != "boolean" and isinstance(value, bool))
        ):
            yield f"{place} is {value!r}, not of type {kind}"
            return
        if "enum" in schema and value not in schema["enum"]:
            yield f"{place} is {value!r}, none of {schema['enum']}"
        if "pattern" in schema and not re.search(schema["pattern"], value):
            yield f"{place} is {value!r}, not {schema['pattern']}"
        if schema.get("format") == "date-time-rfc-2822" and not is_rfc_2822(value):
            yield f"{place} is {value!r}, no date of RFC 2822"
        if schema.get("format") == "date-time" and not is_iso(value):
            yield f"{place} is {value!r}, no date of ISO 8601"
        if kind == "array":
            for index, item in enumerate(value):
                yield from self._walk(document, schema["items"], item, f"{place}[{index}]")
        elif kind == "object" and "properties" in schema:
            known = schema["properties"]
            yield from (f"{place} lacks {name}" for name in sorted(set(known) - set(value)))
            yield from (f"{place} has {name} besides" for name in sorted(set(value) - set(known)))
            for name in known.keys() & value.keys():
                yield from self._walk(document, known[name], value[name], f"{place}.{name}")


def is_rfc_2822(text: str) -> bool:
    try:
        return parsedate_to_datetime(text) is not None
    except ValueError:
        return False


def is_iso(text: str) -> bool:
    try:
        return text.endswith("Z") and bool(datetime.fromisoformat(text))
    except ValueError:
        return False


class Gateway:
    """Calls the gateway as one account, and compares each answer with the documents."""

    def __init__(self, documents: Documents, url: str, sid: str, token: str) -> None:
        self._documents = documents
        self._url = url
        self.account = f"/2010-04-01/Accounts/{sid}"
        passwords = HTTPPasswordMgrWithDefaultRealm()
        passwords.add_password(None, url, sid, token)
        self._opener = build_opener(HTTPBasicAuthHandler(passwords))
        self.failed = 0

    def call(self, method: str, path: str, query: str = "", **fields: str) -> Any:
        """The answer to a call; what differs from the documents is printed."""
        status, body = self._ask(method, path, query, fields)
        if status >= 400:
            self._note(f"{method} {path}", [f"HTTP {status} {body}"])
            return {}
        self._note(f"{method} {path}", self._documents.problems(method, path, status, body))
        return body

    def refused(self, method: str, path: str, **fields: str) -> None:
        """A call that must be refused, as Twilio describes errors."""
        status, body = self._ask(method, path, "", fields)
        right = status >= 400 and set(body) == ERROR and body["status"] == status
        right = right and type(body["code"]) is int and str(body["code"]) in body["more_info"]
        self._note(f"{method} {path} is refused", [] if right else [f"HTTP {status} {body}"])

    def _ask(self, method: str, path: str, query: str, fields: dict[str, str]) -> tuple[int, Any]:
        target = f"{self._url}{path}{f'?{query}' if query else ''}"
        data = urlencode(fields).encode() if fields or method == "POST" else None
        try:
            with self._opener.open(HttpRequest(target, data, method=method)) as answer:
                status, octets = answer.status, answer.read()
        except HTTPError as error:
            status, octets = error.code, error.read()
        return status, json.loads(octets) if octets else None

    def _note(self, what: str, problems: list[str]) -> None:
        self.failed += bool(problems)
        print("\n       ".join([f"{'FAILED' if problems else 'ok':<6} {what}", *problems]))


def check(gateway: Gateway) -> None:
    """Calls everything that the dialect has."""
    account = gateway.account
    gateway.call("GET", f"{account}.json")
    gateway.call("GET", f"{account}/Balance.json")
    key = gateway.call("POST", f"{account}/Keys.json", FriendlyName="robot")
    gateway.call("GET", f"{account}/Keys.json")
    gateway.call("GET", f"{account}/Keys/{key['sid']}.json")
    gateway.call("POST", f"{account}/Keys/{key['sid']}.json", FriendlyName="other")
    gateway.call("DELETE", f"{account}/Keys/{key['sid']}.json")
    check_messages(gateway)
    numbers = gateway.call("GET", f"{account}/IncomingPhoneNumbers.json")
    taken = numbers["incoming_phone_numbers"][0]
    one = f"{account}/IncomingPhoneNumbers/{taken['sid']}.json"
    gateway.call("GET", one)
    gateway.call("POST", one, SmsUrl="https://shop.example/sms")
    gateway.call("GET", f"{account}/AvailablePhoneNumbers.json")
    check_services(gateway, taken["sid"])
    gateway.call("GET", f"/v2/PhoneNumbers/{NUMBER}")
    gateway.call("GET", "/v2/PhoneNumbers/+123")
    service = gateway.call("POST", "/v2/Services", FriendlyName="Shop")["sid"]
    one = f"/v2/Services/{service}"
    gateway.call("GET", "/v2/Services")
    gateway.call("GET", one)
    sent = gateway.call("POST", f"{one}/Verifications", To=NUMBER, Channel="sms")
    gateway.call("GET", f"{one}/Verifications/{sent['sid']}")
    gateway.call("POST", f"{one}/VerificationCheck", To=NUMBER, Code="000000")
    gateway.call("POST", f"{one}/Verifications/{sent['sid']}", Status="canceled")
    gateway.call("DELETE", one)


def check_messages(gateway: Gateway) -> None:
    messages = f"{gateway.account}/Messages"
    sid = gateway.call("POST", f"{messages}.json", To=NUMBER, From="Shop", Body="Hello")["sid"]
    found: Any = {}
    for _ in range(50):
        found = gateway.call("GET", f"{messages}/{sid}.json")
        if found.get("status") == "delivered":
            break
        time.sleep(0.2)
    gateway.call("GET", f"{messages}.json", f"PageSize=1&To={NUMBER.replace('+', '%2B')}")
    gateway.call("GET", f"{messages}/{sid}/Media.json")
    gateway.call("POST", f"{messages}/{sid}/Feedback.json", Outcome="confirmed")
    gateway.call("POST", f"{messages}/{sid}.json", Body="")
    gateway.call("DELETE", f"{messages}/{sid}.json")
    gateway.refused("GET", f"{messages}/{sid}.json")
    gateway.refused("POST", f"{messages}.json", To="+1", From="Shop", Body="x")
    gateway.refused("POST", f"{messages}.json", To=NUMBER, From="Shop")


def check_services(gateway: Gateway, number_sid: str) -> None:
    service = gateway.call("POST", "/v1/Services", FriendlyName="Pool")["sid"]
    one = f"/v1/Services/{service}"
    gateway.call("GET", "/v1/Services")
    gateway.call("GET", one)
    gateway.call("POST", one, StickySender="false")
    gateway.call("POST", f"{one}/PhoneNumbers", PhoneNumberSid=number_sid)
    gateway.call("GET", f"{one}/PhoneNumbers")
    gateway.call("GET", f"{one}/PhoneNumbers/{number_sid}")
    name = gateway.call("POST", f"{one}/AlphaSenders", AlphaSender="Shop")
    gateway.call("GET", f"{one}/AlphaSenders")
    gateway.call("GET", f"{one}/AlphaSenders/{name['sid']}")
    at = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    messages = f"{gateway.account}/Messages"
    later = gateway.call(
        "POST", f"{messages}.json", To=NUMBER, MessagingServiceSid=service, Body="Later",
        ScheduleType="fixed", SendAt=at,
    )  # fmt: skip
    gateway.call("POST", f"{messages}/{later['sid']}.json", Status="canceled")
    gateway.call("DELETE", f"{one}/PhoneNumbers/{number_sid}")
    gateway.call("DELETE", f"{one}/AlphaSenders/{name['sid']}")
    gateway.call("DELETE", one)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="spec/json of twilio/twilio-oai")
    parser.add_argument("--dev", type=Path, default=Path("dragoman-data/dev.json"))
    options = parser.parse_args()
    dev = json.loads(options.dev.read_bytes())
    demo = dev["accounts"][0]
    gateway = Gateway(
        Documents(options.folder),
        dev["base_url"],
        demo["twilio_account_sid"],
        demo["twilio_auth_token"],
    )
    check(gateway)
    return 1 if gateway.failed else 0


if __name__ == "__main__":
    sys.exit(main())
