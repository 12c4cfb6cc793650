"""The calls about inbound texts and batches (Jasmin, HTTP API, "Receiving SMS-MO"; REST API)."""

from __future__ import annotations

from typing import Final, NamedTuple
from urllib.parse import urlencode
from uuid import UUID

from dragoman.core.messages.model.callbacks import CallbackCall, EventFacts, EventKind, TextFacts
from dragoman.core.model.urls import add_query
from dragoman.dialects.jasmin.callbacks import FORM
from dragoman.kit.ids import render_hex
from dragoman.protocols.gsm.alphabet import Alphabet, try_encode_gsm

BINARY: Final = 4
UCS2: Final = 8
PRIORITY: Final = 0
STATUS: Final = "status"
"""The detail of a batch's call that says whether the message was taken."""


class _Content(NamedTuple):
    coding: int
    octets: bytes


def render_text(url: str, facts: TextFacts, *, method: str) -> CallbackCall:
    """Renders the request that has a text; `method` is GET or POST."""
    content = _content_of(facts.text, binary=facts.alphabet == Alphabet.BINARY.value)
    parameters = {
        "id": str(UUID(hex=render_hex(facts.inbound_id))),
        "from": facts.sender,
        "to": facts.recipient,
        "origin-connector": facts.carrier,
        "content": content.octets,
        "binary": content.octets.hex(),
        "priority": PRIORITY,
        "coding": content.coding,
    }
    query = urlencode(parameters)
    if method == "GET":
        return CallbackCall(method="GET", url=add_query(url, query))
    return CallbackCall(
        method="POST", url=url, headers=(("Content-Type", FORM),), body=query.encode("ascii")
    )


def render_event(url: str, facts: EventFacts, *, method: str) -> CallbackCall:
    """Renders the request for a text to a webhook, or about a message of a batch."""
    if facts.kind is EventKind.MESSAGE_CHANGED:
        parameters = {
            "batchId": facts.key,
            "to": facts.recipient,
            "status": facts.details[STATUS],
            "statusText": facts.reason,
        }
        return CallbackCall(method="GET", url=add_query(url, urlencode(parameters)))
    text = TextFacts(
        inbound_id=int(facts.key),
        sender=facts.sender,
        recipient=facts.recipient,
        text=facts.text,
        carrier=facts.carrier,
        alphabet=Alphabet.BINARY.value if facts.is_data else "",
    )
    return render_text(url, text, method=method)


def _content_of(text: str, *, binary: bool) -> _Content:
    """The coding and the octets: UTF-8 for what the GSM alphabet has, else UCS-2."""
    if binary:
        return _Content(BINARY, bytes.fromhex(text))
    if try_encode_gsm(text) is not None:
        return _Content(0, text.encode())
    return _Content(UCS2, text.encode("utf-16-be", "replace"))
