"""Our preset `twilio` against Twilio's own OpenAPI document, served by Prism.

    npm install --prefix prism @stoplight/prism-cli
    python -m tests.peers.twilio_openapi twilio_api_v2010.json \\
        --prism prism/node_modules/.bin/prism

The document is `spec/json/twilio_api_v2010.json` of the repository twilio/twilio-oai. Prism refuses
what is not as the document says, and answers with its examples. Prints a line for each check; exit
code 1 if one fails.
"""

from __future__ import annotations

import argparse
import asyncio
import socket
import sys
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec

from dragoman.config.tables import HttpTable
from dragoman.config.values import Secret
from dragoman.connectors.http.answers import Meaning
from dragoman.connectors.http.build import build_http_carrier
from dragoman.connectors.http.carrier import HttpCarrier, Trial
from dragoman.connectors.http.presets import PRESETS
from dragoman.core.messages.model.messages import Outgoing
from dragoman.kit.clock import SystemClock
from dragoman.protocols.gsm.alphabet import Alphabet, try_encode_gsm
from dragoman.protocols.gsm.segmentation import segment_text

START_S: Final = 120.0
PATH: Final = "/2010-04-01/Accounts/{AccountSid}/Messages.json"
ACCOUNT: Final = "AC" + "a" * 32
SERVICE: Final = "MG" + "b" * 32
MESSAGES: Final[dict[str, dict[str, Any]]] = {
    "a text from a name": {"sender": "Dragoman", "text": "hello"},
    "a text from a number": {"sender": "14155552345", "text": "a & b = c; 100 %"},
    "a text in UCS-2": {"sender": "Dragoman", "text": "grüße 😀"},
    "a long text": {"sender": "Dragoman", "text": "0123456789" * 40},
    "a text with a validity": {"sender": "Dragoman", "text": "hello", "validity_s": 600},
}


class Nobody:
    """Hears what a carrier reports, and knows of no earlier messages."""

    def outcome(self, *_: object) -> None: ...
    def outcomes_came(self, *_: object) -> None: ...
    def receipt(self, *_: object) -> None: ...
    def receipts_came(self, *_: object) -> None: ...
    def inbound(self, *_: object) -> None: ...
    def availability(self, _: str) -> None: ...
    async def of(self, _carrier: str, _limit: int) -> tuple[()]:
        return ()


def message_of(sender: str, text: str, validity_s: int | None = None) -> Outgoing:
    """A message as the dispatcher gives it to a carrier."""
    alphabet = Alphabet.GSM7 if try_encode_gsm(text) is not None else Alphabet.UCS2
    return Outgoing(
        message_id=0xABC,
        sender=sender,
        recipient="4512345678",
        parts=segment_text(text, alphabet=alphabet).user_data(0),
        alphabet=alphabet,
        text=text,
        validity_until_ms=SystemClock().now_ms() + validity_s * 1000 if validity_s else None,
    )


def carrier_at(port: int, **credentials: str) -> HttpCarrier:
    """A carrier with the preset, as an operator configures it."""
    given = {"account_sid": ACCOUNT, "auth_token": "token", **credentials}
    table = HttpTable(
        name="twilio",
        preset="twilio",
        base_url=f"http://127.0.0.1:{port}",
        public_url="https://sms.example.org",
        callback_token=Secret("token-of-the-callback-address"),
        credentials={name: Secret(value) for name, value in given.items()},
    )
    nobody = Nobody()
    return build_http_carrier(table, nobody, SystemClock(), nobody)


async def try_out(port: int, message: Outgoing, **credentials: str) -> Trial:
    """Sends one message, and returns what the answer means."""
    carrier = carrier_at(port, **credentials)
    try:
        return await carrier.try_out(message)
    finally:
        await carrier.stop(0)


class Report:
    """What was checked."""

    def __init__(self) -> None:
        self.failed = 0

    def note(self, what: str, problem: str) -> None:
        """Prints a check; an empty problem is none."""
        self.failed += bool(problem)
        print(f"{'FAILED' if problem else 'ok':<7} {what}{f': {problem}' if problem else ''}")


def check_words(document: Any, report: Report) -> None:
    """The words of the preset are those of the document."""
    schemas = document["components"]["schemas"]
    states = set(schemas["message_enum_status"]["enum"])
    ours = set(PRESETS["twilio"].status.states)
    # Twilio reports these of inbound and of other messages.
    missing = states - ours - {"receiving", "received", "partially_delivered"}
    report.note("every state of a message has a meaning", ", ".join(sorted(missing)))
    unknown = ours - states
    report.note("every state that we know is one of theirs", ", ".join(sorted(unknown)))


def check_fields(document: Any, trial: Trial, what: str, report: Report) -> None:
    """Prism passes over fields that the document does not have, and we must not send any."""
    assert trial.request is not None
    post = document["paths"][PATH]["post"]["requestBody"]["content"]
    known = post["application/x-www-form-urlencoded"]["schema"]["properties"]
    sent = [name for name, _ in parse_qsl(trial.request.body.decode(), keep_blank_values=True)]
    unknown = [name for name in sent if name not in known]
    report.note(f"{what}: fields {', '.join(sent)}", ", ".join(unknown))


async def check(document: Any, port: int, report: Report) -> None:
    """Sends everything, and what must be refused."""
    for what, given in MESSAGES.items():
        trial = await try_out(port, message_of(**given))
        check_fields(document, trial, what, report)
        answer = trial.answer
        good = answer is not None and answer.meaning is Meaning.ACCEPTED and bool(answer.ids)
        problem = "" if good else f"HTTP {trial.http_status} {trial.problem} {answer}"
        report.note(f"{what}: accepted as {answer.ids if answer else ()}", problem)
    trial = await try_out(port, message_of("", "hello"), messaging_service_sid=SERVICE)
    check_fields(document, trial, "a text over a messaging service", report)
    # What shows that Prism looks at all: this account is none.
    trial = await try_out(port, message_of("Dragoman", "hello"), account_sid="AC1")
    refused = trial.http_status >= 400
    report.note("an account that is none: refused", "" if refused else f"HTTP {trial.http_status}")


async def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("document", type=Path)
    parser.add_argument("--prism", default="prism", help="the program")
    options = parser.parse_args()
    document = msgspec.json.decode(options.document.read_bytes())
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    report = Report()
    check_words(document, report)
    command = (options.prism, "mock", "--errors", "--port", str(port), str(options.document))
    prism = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert prism.stdout is not None
    try:
        async with asyncio.timeout(START_S):
            while b"listening" not in (line := await prism.stdout.readline()):
                if not line:
                    print("Prism did not start")
                    return 1
        reading = asyncio.ensure_future(prism.stdout.read())
        await check(document, port, report)
    finally:
        if prism.returncode is None:
            prism.terminate()
        await prism.wait()
    await reading
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
