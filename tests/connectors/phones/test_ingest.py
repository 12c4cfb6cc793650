"""What phones hand in: texts, health, SIMs; and what is refused."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from dragoman.core.devices.sql import device_events
from dragoman.core.inbound.sql import inbound as stored_texts
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.sql.tables import callbacks
from dragoman.testkit.fake_phone import FakePhone, wire


@pytest.fixture
async def account(phone_gateway: Any) -> Any:
    return await phone_gateway.account()


@pytest.fixture
async def phone(phone_gateway: Any, account: Any) -> FakePhone:
    phone: FakePhone = await phone_gateway.phone(account, start=False)
    await phone.fetch_settings()
    await phone.fetch_webhooks()
    return phone


async def test_a_text_is_stored_for_the_phones_account(
    phone_gateway: Any, account: Any, phone: FakePhone
) -> None:
    stranger = await phone_gateway.account("stranger")
    assert (await phone.receive("+4511223344", "J\u00e6ger \U0001f600")).status == 200
    assert await phone_gateway.inbox(account) == [("4511223344", "", "J\u00e6ger \U0001f600")]
    assert await phone_gateway.inbox(stranger) == []


async def test_a_data_message_is_stored_as_octets(
    phone_gateway: Any, account: Any, phone: FakePhone
) -> None:
    payload = {"phoneNumber": "+4511223344", "data": "AP8=", "sender": "Bank"}
    assert (await phone.post_event("sms:data-received", payload)).status == 200
    assert await phone_gateway.inbox(account) == [("Bank", "", "00ff")]


async def test_an_event_told_again_is_taken_once(
    phone_gateway: Any, account: Any, phone: FakePhone
) -> None:
    payload = {"phoneNumber": "+4511223344", "message": "once"}
    told = [phone.post_event("sms:received", payload, event_id="same") for _ in range(5)]
    answers = await asyncio.gather(*told)
    answers.append(await phone.post_event("sms:received", payload, event_id="same"))
    assert [answer.status for answer in answers] == [200] * 6
    assert len(await phone_gateway.inbox(account)) == 1


# The second was dropped as one that the phone delivers again.
async def test_two_equal_texts_in_one_second_are_two(
    phone_gateway: Any, account: Any, phone: FakePhone
) -> None:
    payload = {
        "messageId": "1",
        "phoneNumber": "+4511223344",
        "message": "yes",
        "receivedAt": "2026-11-30T10:00:00.000+01:00",
    }
    for message_id in ("1", "2", "1"):
        answer = await phone.post_event("sms:received", payload | {"messageId": message_id})
        assert answer.status == 200
    assert len(await phone_gateway.inbox(account)) == 2


async def test_a_clock_that_is_wrong_costs_no_text(
    phone_gateway: Any, account: Any, phone: FakePhone
) -> None:
    phone.clock_skew_s = -86_400
    assert (await phone.receive("+4511223344", "late")).status == 200
    assert len(await phone_gateway.inbox(account)) == 1


async def test_ping_and_start_tell_how_the_phone_is(phone_gateway: Any, phone: FakePhone) -> None:
    assert (await phone.ping(battery=42)).status == 200
    cards = [{"slotIndex": 0, "simNumber": 1, "phoneNumber": "+4512345678", "carrierName": "Tele"}]
    assert (await phone.post_event("app:started", {"simCards": cards})).status == 200
    device = phone_gateway.gateway.services.devices.get(int(phone.device_id))
    assert device.health.checks == {"battery:level": 42}
    assert [(sim.reported_number, sim.carrier) for sim in device.sims] == [("+4512345678", "Tele")]
    assert (await phone.receive("+4511223344", "hi")).status == 200


REFUSED = {
    "a forged signature": ({"key": "guess"}, 403, "X-Signature: it does not fit the body"),
    "an unknown event": ({"event": "sms:exploded"}, 400, "unknown event 'sms:exploded'"),
    "no identifier": ({"event_id": "\u0007"}, 400, "1 to 64 printable characters"),
    "a long identifier": ({"event_id": "x" * 65}, 400, "1 to 64 printable characters"),
    "a number that is none": (
        {"payload": {"phoneNumber": "4" * 200, "message": "x"}},
        400,
        "at most 128 printable characters",
    ),
    "data that is not base64": (
        {"event": "sms:data-received", "payload": {"data": "???"}},
        400,
        "not base64",
    ),
    "a message that is no text": (
        {"payload": {"message": [1]}},
        400,
        "message: Expected `str | null`, got `array`",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_what_cannot_be_taken_is_refused_and_not_stored(
    phone_gateway: Any, account: Any, phone: FakePhone, case: str
) -> None:
    changes, status, message = REFUSED[case]
    given: dict[str, Any] = {"event": "sms:received", "payload": {"message": "x"}, **changes}
    answer = await phone.post_event(given.pop("event"), given.pop("payload"), **given)
    assert (answer.status, answer.json) == (status, {"message": message})
    assert await phone_gateway.inbox(account) == []
    assert phone_gateway.gateway.metrics.refused.total() == 1


async def test_another_devices_address_and_a_wrong_secret_are_404(
    phone_gateway: Any, account: Any, phone: FakePhone
) -> None:
    url = phone.webhooks[0]["url"]
    for wrong in (url[:-1] + "x", url.replace(f"/{phone.device_id}/", "/17/"), f"{url}/more"):
        answer = await wire.call("POST", wrong, {}, b"{}")
        assert answer.status == 404


async def test_a_signed_event_in_another_devices_name_is_403(
    phone_gateway: Any, account: Any, phone: FakePhone
) -> None:
    phone.device_id = "17"
    answer = await phone.receive("+4511223344", "hi")
    assert (answer.status, answer.json) == (403, {"message": "deviceId: another device"})
    assert await phone_gateway.inbox(account) == []


async def test_a_disabled_phone_keeps_its_texts_until_it_is_enabled(
    phone_gateway: Any, account: Any, phone: FakePhone
) -> None:
    payload = {"phoneNumber": "+4511223344", "message": "kept"}
    device_id = int(phone.device_id)
    await phone_gateway.gateway.services.devices.set_enabled(device_id, enabled=False)
    assert (await phone.post_event("sms:received", payload, event_id="e")).status == 403
    await phone_gateway.gateway.services.devices.set_enabled(device_id, enabled=True)
    assert (await phone.post_event("sms:received", payload, event_id="e")).status == 200
    assert len(await phone_gateway.inbox(account)) == 1


async def test_a_body_over_the_limit_is_413(phone_gateway: Any, phone: FakePhone) -> None:
    body = msgspec.json.encode({"x": "y" * 300_000})
    assert (await wire.call("POST", phone.webhooks[0]["url"], {}, body)).status == 413


async def test_a_text_to_a_number_of_the_directory_is_its_owners(
    phone_gateway: Any, account: Any, phone: FakePhone
) -> None:
    owner = await phone_gateway.account("owner")
    keywords = phone_gateway.gateway.services.keywords
    await keywords.add_number(owner, "4512345678", shared=True)
    service = await keywords.add_forwarding(
        account, dialect="test", url="http://127.0.0.1:9/", charset="", continuous=False
    )
    await keywords.reserve(account, "4512345678", "pizza", forwarding_id=service.forwarding_id)
    await phone_gateway.gateway.services.devices.change_sim(
        int(phone.device_id), 1, number="4512345678"
    )
    await phone.receive("+4511223344", "hello")
    await phone.receive("+4511223344", "pizza hawaii")
    assert await phone_gateway.inbox(owner) == [("4511223344", "4512345678", "hello")]
    assert await phone_gateway.inbox(account) == [("4511223344", "4512345678", "pizza hawaii")]
    rows = await phone_gateway.gateway.services.storage.read(
        lambda c: c.execute(select(callbacks.c.url)).all()
    )
    assert [row.url for row in rows] == ["http://127.0.0.1:9/"]


@pytest.mark.parametrize("text", ["hello", "pizza", "STOP", "STOP pizza"])
async def test_what_only_a_phone_says_of_its_number_speaks_for_no_other_account(
    phone_gateway: Any, account: Any, phone: FakePhone, text: str
) -> None:
    owner = await phone_gateway.account("owner")
    await phone_gateway.gateway.services.keywords.add_number(owner, "4512345678", shared=True)
    await phone_gateway.gateway.services.keywords.reserve(owner, "4512345678", "pizza")
    payload = {"sender": "+4511223344", "recipient": "+4512345678", "message": text}
    assert (await phone.post_event("sms:received", payload)).status == 200
    assert await phone_gateway.inbox(owner) == []
    assert await phone_gateway.inbox(account) == [("4511223344", "4512345678", text)]
    assert (
        phone_gateway.gateway.services.opt_outs.among(owner.account_id, "x", ["4511223344"])
        == set()
    )


async def test_who_tells_a_phone_to_stop_gets_nothing_more_from_its_account(
    phone_gateway: Any, account: Any, phone: FakePhone
) -> None:
    await phone.receive("+4511223344", "Stop")
    await phone_gateway.send(account, "4511223344")
    await phone_gateway.until_states(account, State.REJECTED)
    await phone.receive("+4511223344", "START")
    assert (
        phone_gateway.gateway.services.opt_outs.among(account.account_id, "x", ["4511223344"])
        == set()
    )


async def test_a_text_and_its_event_are_stored_together_or_not_at_all(
    phone_gateway: Any, account: Any, phone: FakePhone, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: Any) -> None:
        raise RuntimeError("here the process ends")

    payload = {"phoneNumber": "+4511223344", "message": "once"}
    device_id = int(phone.device_id)
    with monkeypatch.context() as broken:
        broken.setattr(stored_texts, "insert_events", die)
        assert (await phone.post_event("sms:received", payload, event_id="e")).status == 503
    assert await phone_gateway.inbox(account) == []
    read = phone_gateway.gateway.services.storage.read
    assert not await read(lambda c: device_events.is_known(c, device_id, "e"))
    assert (await phone.post_event("sms:received", payload, event_id="e")).status == 200
    assert await read(lambda c: device_events.is_known(c, device_id, "e"))
    assert len(await phone_gateway.inbox(account)) == 1
