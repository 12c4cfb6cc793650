"""What a broken or hostile phone may send: refused, counted, and nothing of it taken."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from dragoman.core.messages.model.lifecycle import State
from dragoman.testkit.fake_phone import FakePhone, HttpAnswer, wire

Call = Callable[[FakePhone, str], Awaitable[HttpAnswer]]
TEXT = {"phoneNumber": "+4511223344", "message": "hi"}


@pytest.fixture
async def account(phone_gateway: Any) -> Any:
    return await phone_gateway.account()


@pytest.fixture
async def phone(phone_gateway: Any, account: Any) -> FakePhone:
    phone: FakePhone = await phone_gateway.phone(account, start=False)
    await phone.fetch_settings()
    await phone.fetch_webhooks()
    return phone


@pytest.fixture
async def fetched(phone_gateway: Any, account: Any, phone: FakePhone, until: Any) -> str:
    """The identifier of a message that the phone has fetched."""
    await phone_gateway.send(account, "4512345678")
    await until(lambda: any(one.stored for one in phone_gateway.carrier.assignments))
    [item] = await phone.fetch()
    return str(item["id"])


async def report(phone: FakePhone, *snapshots: dict[str, Any]) -> HttpAnswer:
    return await phone.call("PATCH", "/message", list(snapshots))


async def hand_in(phone: FakePhone, body: bytes, headers: dict[str, str]) -> HttpAnswer:
    return await wire.call("POST", phone.webhooks[0]["url"], headers, body)


def snapshot(message_id: str, state: str, of_recipient: str | None = None) -> dict[str, Any]:
    recipient = {"phoneNumber": "+4512345678", "state": of_recipient or state}
    return {"id": message_id, "state": state, "recipients": [recipient], "states": {}}


async def signed_for_another_body(phone: FakePhone, _: str) -> HttpAnswer:
    body = msgspec.json.encode({"id": "e", "event": "sms:received", "payload": TEXT})
    return await hand_in(
        phone, body, {"x-timestamp": str(int(time.time())), "x-signature": "0" * 64}
    )


async def unsigned(phone: FakePhone, _: str) -> HttpAnswer:
    body = msgspec.json.encode({"id": "e", "event": "sms:received", "payload": TEXT})
    return await hand_in(phone, body, {})


CASES: dict[str, tuple[Call, int, str, dict[tuple[str, str], int]]] = {
    "an unknown state": (
        lambda phone, known: report(phone, snapshot(known, "Sent"), snapshot("17", "Exploded")),
        400,
        "unknown state 'Exploded'",
        {("device_words", "unknown"): 1, ("refused", "malformed"): 1},
    ),
    "an unknown state of a recipient": (
        lambda phone, known: report(phone, snapshot(known, "Sent"), snapshot("17", "Sent", "?")),
        400,
        "unknown state '?'",
        {("device_words", "unknown"): 1, ("refused", "malformed"): 1},
    ),
    "an unknown event": (
        lambda phone, _: phone.post_event("sms:exploded", TEXT),
        400,
        "unknown event 'sms:exploded'",
        {("device_words", "unknown"): 1, ("refused", "malformed"): 1},
    ),
    "a signature with another key": (
        lambda phone, _: phone.post_event("sms:received", TEXT, key="guess"),
        403,
        "X-Signature: it does not fit the body",
        {("device_words", "forged"): 1, ("refused", "permission_denied"): 1},
    ),
    "a signature of another body": (
        signed_for_another_body,
        403,
        "X-Signature: it does not fit the body",
        {("device_words", "forged"): 1, ("refused", "permission_denied"): 1},
    ),
    "no signature": (
        unsigned,
        403,
        "X-Signature: it does not fit the body",
        {("device_words", "forged"): 1, ("refused", "permission_denied"): 1},
    ),
    "a report over the limit": (
        lambda phone, known: report(phone, snapshot(known, "Sent"), snapshot("x" * 300_000, "?")),
        413,
        "the body is larger than 262144 bytes",
        {("refused", "too_large"): 1},
    ),
    "an event over the limit": (
        lambda phone, _: phone.post_event("sms:received", {**TEXT, "message": "x" * 300_000}),
        413,
        "the body is larger than 262144 bytes",
        {("refused", "too_large"): 1},
    ),
    "more reports than a phone can have": (
        lambda phone, known: report(phone, *[snapshot(known, "Sent")] * 1_001),
        400,
        "at most 1000 messages",
        {("refused", "malformed"): 1},
    ),
}


@pytest.mark.parametrize("case", CASES)
async def test_what_no_phone_may_send_is_refused_and_counted(
    phone_gateway: Any, account: Any, phone: FakePhone, fetched: str, case: str
) -> None:
    call, status, message, expected = CASES[case]
    answer = await call(phone, fetched)
    assert (answer.status, answer.json) == (status, {"message": message})
    metrics = phone_gateway.gateway.metrics
    counted = {
        (kind, result): count
        for kind in ("refused", "device_words")
        for (_, result), count in getattr(metrics, kind).items()
    }
    assert counted == expected
    assert await phone_gateway.inbox(account) == []
    await phone_gateway.until_states(account, State.SENDING)


async def test_a_replayed_event_is_answered_counted_and_not_taken_again(
    phone_gateway: Any, account: Any, phone: FakePhone
) -> None:
    for _ in range(3):
        assert (await phone.post_event("sms:received", TEXT, event_id="same")).status == 200
    assert len(await phone_gateway.inbox(account)) == 1
    words = phone_gateway.gateway.metrics.device_words
    assert words == {("android", "taken"): 1, ("android", "repeated"): 2}
