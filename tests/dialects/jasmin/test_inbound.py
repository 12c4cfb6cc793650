"""Texts pushed to a program as Jasmin's HTTP connectors push them."""

from __future__ import annotations

from urllib.parse import parse_qsl
from uuid import UUID

import msgspec
import pytest

from dragoman.core.messages.model.callbacks import CallbackCall, EventFacts, EventKind, TextFacts
from dragoman.dialects.jasmin.inbound import render_event, render_text
from dragoman.kit.ids import render_hex
from dragoman.protocols.gsm.alphabet import Alphabet

URL = "http://a.example/mo"
FACTS = TextFacts(
    inbound_id=869_020_467_200_010,
    sender="4512345678",
    recipient="1272",
    text="Hej",
    carrier="smsc1",
    alphabet=Alphabet.GSM7.value,
)
ID = str(UUID(hex=render_hex(FACTS.inbound_id)))
BASE = {"id": ID, "from": "4512345678", "to": "1272", "origin-connector": "smsc1", "priority": "0"}
TEXTS = {
    "in GSM": ("Hej", "gsm7", {"content": "Hej", "binary": "48656a", "coding": "0"}),
    "with other letters": (
        "Søby",
        "gsm7",
        {"content": "S\xc3\xb8by", "binary": "53c3b86279", "coding": "0"},
    ),
    "in UCS-2": ("Да", "ucs2", {"content": "\x04\x14\x040", "binary": "04140430", "coding": "8"}),
    "data": ("00ff41", "binary", {"content": "\x00\xffA", "binary": "00ff41", "coding": "4"}),
}


@pytest.mark.parametrize(("text", "alphabet", "expected"), TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_text_is_pushed(text: str, alphabet: str, expected: dict[str, str], method: str) -> None:
    facts = msgspec.structs.replace(FACTS, text=text, alphabet=alphabet)
    call = render_text(URL, facts, method=method)
    assert _parameters(call, method) == BASE | expected


def test_a_url_keeps_what_it_has() -> None:
    call = render_text(f"{URL}?key=1", FACTS, method="GET")
    assert call.url.startswith(f"{URL}?key=1&id={ID}&from=4512345678&")


@pytest.mark.parametrize("kind", [EventKind.TEXT_RECEIVED, EventKind.DATA_RECEIVED])
def test_a_text_for_a_webhook_is_the_same(kind: EventKind) -> None:
    data = kind is EventKind.DATA_RECEIVED
    text = "00ff41" if data else "Hej"
    alphabet = "binary" if data else "gsm7"
    event = EventFacts(
        event_id=1,
        account_id=1,
        webhook="incoming",
        kind=kind,
        at_ms=0,
        key=str(FACTS.inbound_id),
        sender=FACTS.sender,
        recipient=FACTS.recipient,
        carrier=FACTS.carrier,
        text=text,
    )
    facts = msgspec.structs.replace(FACTS, text=text, alphabet=alphabet)
    assert render_event(URL, event, method="POST") == render_text(URL, facts, method="POST")


def _parameters(call: CallbackCall, method: str) -> dict[str, str]:
    if method == "GET":
        assert (call.method, call.body, call.headers) == ("GET", b"", ())
        query = call.url.partition("?")[2]
    else:
        assert (call.method, call.url) == ("POST", URL)
        assert call.headers == (("Content-Type", "application/x-www-form-urlencoded"),)
        query = call.body.decode()
    return dict(parse_qsl(query, encoding="latin-1", strict_parsing=True))
