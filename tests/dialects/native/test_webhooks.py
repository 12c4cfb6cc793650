"""Calls to webhooks, verified by the library of Standard Webhooks."""

from __future__ import annotations

import msgspec
import pytest
from standardwebhooks.webhooks import Webhook
from tests.dialects.native.conftest import Gate

from dragoman.core.messages.model.callbacks import (
    CallbackCall,
    CallbackFacts,
    EventFacts,
    EventKind,
    TextFacts,
)
from dragoman.core.messages.model.lifecycle import State
from dragoman.dialects.native.webhooks import Calling

pytestmark = pytest.mark.asyncio(loop_scope="module")

URL = "https://example.com/hook"
AT_MS = 1_796_000_000_000


def verify(call: CallbackCall, secret: str) -> object:
    return Webhook(secret).verify(call.body, dict(call.headers))


async def secret_of(gate: Gate) -> str:
    return str((await gate.call("GET", "/webhooks/secret")).json["secret"])


async def test_a_call_about_a_message_with_a_url(gate: Gate) -> None:
    facts = CallbackFacts(
        message_id=12,
        batch_id=11,
        state=State.UNDELIVERED,
        at_ms=AT_MS,
        recipient="4520123456",
        sender="Shop",
        failure="absent_subscriber",
        return_data=f"{gate.account.account_id} message order 7",
        parts=2,
        price=1_000,
    )
    call = await Calling(gate.services).render_callback(URL, facts)
    assert (call.method, call.url) == ("POST", URL)
    assert verify(call, await secret_of(gate)) == {
        "type": "message.failed",
        "timestamp": "2026-11-30T00:53:20.000Z",
        "data": {
            "id": "11",
            "batch_id": None,
            "reference": "order 7",
            "to": "+4520123456",
            "from": "Shop",
            "state": "undelivered",
            "failure": {"code": "absent_subscriber", "detail": ""},
            "parts": 2,
            "price": "0.10",
        },
    }


async def test_an_event_of_a_batch(gate: Gate) -> None:
    facts = EventFacts(
        event_id=99,
        account_id=gate.account.account_id,
        webhook="wh_1:message.delivered",
        kind=EventKind.MESSAGE_DELIVERED,
        at_ms=AT_MS,
        key="digest",
        message_id=12,
        batch_id=11,
        return_data=f"{gate.account.account_id} batch ",
        sender="Shop",
        recipient="4520123456",
    )
    call = await Calling(gate.services).render_event(URL, facts)
    assert dict(call.headers)["webhook-id"] == "99"
    told = verify(call, await secret_of(gate))
    assert isinstance(told, dict)
    assert told["type"] == "message.delivered"
    assert told["data"]["id"] == "12"
    assert (told["data"]["batch_id"], told["data"]["reference"]) == ("11", None)


async def test_a_received_text_is_the_same_from_webhook_and_number(gate: Gate) -> None:
    account_id = gate.account.account_id
    event = EventFacts(
        event_id=5,
        account_id=account_id,
        webhook="wh_1:text.received",
        kind=EventKind.TEXT_RECEIVED,
        at_ms=AT_MS,
        key="77",
        sender="4520123456",
        recipient="1204",
        text="hej",
    )
    forwarded = TextFacts(
        inbound_id=77, sender="4520123456", recipient="1204", text="hej", account_id=account_id
    )
    calling = Calling(gate.services)
    by_event = await calling.render_event(URL, event)
    by_number = await calling.render_text(URL, forwarded)
    bodies = [msgspec.json.decode(call.body)["data"] for call in (by_event, by_number)]
    assert bodies[0] == bodies[1]
    assert bodies[0] == {
        "id": "77",
        "from": "+4520123456",
        "to": "1204",
        "text": "hej",
        "binary": False,
    }


async def test_while_a_secret_is_replaced_both_verify(gate: Gate) -> None:
    before = await secret_of(gate)
    after = (await gate.call("POST", "/webhooks/secret/rotate")).json["secret"]
    facts = TextFacts(
        inbound_id=78, sender="45", recipient="1204", text="x", account_id=gate.account.account_id
    )
    call = await Calling(gate.services).render_text(URL, facts)
    assert verify(call, before) == verify(call, after)
    assert dict(call.headers)["webhook-signature"].count("v1,") == 2


async def test_a_secret_is_stored_sealed(gate: Gate) -> None:
    secret = (await secret_of(gate)).removeprefix("whsec_")
    record = await gate.services.dialect_records.find(
        "native", "signing-secret", str(gate.account.account_id)
    )
    assert record is not None
    assert secret.encode() not in record.content
