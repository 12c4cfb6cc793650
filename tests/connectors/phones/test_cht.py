"""Phones with the app CHT Gateway, over real HTTP: polls, states, lost answers, refusals."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.passing_time import PATIENCE_S

from dragoman.admin.devices import NewPhone, add_device
from dragoman.connectors.phones.cht import RESULTS, STATES, STATUSES
from dragoman.connectors.phones.results import read_result
from dragoman.core.devices.model.devices import AssignmentState
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.model.errors import FailureCode, RefusalCode
from dragoman.testkit.fake_cht_phone import FakeChtPhone
from dragoman.testkit.fake_phone import FakePhone, wire

NUMBER = "4512345678"


@pytest.fixture
async def account(phone_gateway: Any) -> Any:
    return await phone_gateway.account()


@pytest.fixture
async def phone(phone_gateway: Any, account: Any) -> FakeChtPhone:
    return await add_phone(phone_gateway, account)


async def add_phone(phone_gateway: Any, account: Any) -> FakeChtPhone:
    """A phone that an operator has entered, without limits."""
    device, token = await phone_gateway.gateway.services.device_registration.enter(
        account, "", protocol="cht", name="village"
    )
    phone = FakeChtPhone(
        f"http://{device.device_id}:{token}@{phone_gateway.settings.http.listen}/api/cht"
    )
    phone.device_id = str(device.device_id)  # type: ignore[attr-defined]
    await phone_gateway.limit(phone, per_minute=0, gap_s=0.0)
    return phone


async def poll_until_fetched(phone: FakeChtPhone, count: int = 1) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while len(phone.waiting) < count:
            await phone.poll()
            await asyncio.sleep(0.01)


async def test_a_text_goes_out_and_its_states_come_back(
    phone_gateway: Any, account: Any, phone: FakeChtPhone
) -> None:
    assert (await phone.check()).body == b'{"medic-gateway":true}'
    await phone.poll()
    await phone_gateway.send(account, NUMBER, text="J\u00e6ger \U0001f600")
    await poll_until_fetched(phone)
    [text] = phone.waiting
    assert (text.number, text.text) == (f"+{NUMBER}", "J\u00e6ger \U0001f600")
    await phone_gateway.until_states(account, State.SENDING)
    phone.send_all()
    answer = await phone.poll()
    assert (answer.status, answer.body) == (200, b'{"messages":[]}')
    await phone_gateway.until_states(account, State.DELIVERED)
    [message] = await phone_gateway.outbox(account)
    assert message.sent_ms is not None
    assert not message.possible_duplicate


async def test_a_phone_that_never_polled_is_given_nothing(
    phone_gateway: Any, account: Any, phone: FakeChtPhone, until: Any
) -> None:
    await phone_gateway.send(account, NUMBER)
    await until(lambda: phone_gateway.gateway.services.dispatcher.waiting("default") == 1)
    await poll_until_fetched(phone)
    assert len(phone.waiting) == 1


async def test_an_answer_that_is_lost_neither_loses_nor_doubles_a_text(
    phone_gateway: Any, account: Any, phone: FakeChtPhone, until: Any
) -> None:
    await phone.poll()
    await phone_gateway.send(account, NUMBER)
    await until(lambda: any(one.stored for one in phone_gateway.carrier.assignments))
    first = await phone.poll(lose_answer=True)
    second = await phone.poll()
    third = await phone.poll()
    assert first.body == second.body
    assert len(first.json["messages"]) == 1
    assert third.json["messages"] == []  # it has said that it has it
    phone.send_all()
    for lose_answer in (True, True, False, False):
        await phone.poll(lose_answer=lose_answer)
    await phone_gateway.until_states(account, State.DELIVERED)
    assert len(phone.sent) == 1


@pytest.mark.parametrize("told", [False, True])
async def test_what_a_phone_may_have_is_never_sent_again(
    make_phone_gateway: Any, until: Any, told: bool
) -> None:
    phone_gateway = await make_phone_gateway(
        processed_life_s=0.3, clock_margin_s=0.1, fetched_life_s=0.1
    )
    account = await phone_gateway.account()
    phone, other = [await add_phone(phone_gateway, account) for _ in range(2)]
    await phone.poll()
    await phone_gateway.send(account, NUMBER)
    await until(lambda: any(one.stored for one in phone_gateway.carrier.assignments))
    await phone.poll(lose_answer=not told)
    if told:
        await phone.poll()  # tells that it has it
    await other.poll()
    await phone_gateway.until_states(account, State.UNKNOWN)
    assert (await other.poll()).json["messages"] == []
    if told:  # a late word still counts
        phone.send_all()
        await phone.poll()
        await phone_gateway.until_states(account, State.DELIVERED)


async def test_what_a_phone_has_not_fetched_goes_to_another(
    make_phone_gateway: Any, until: Any
) -> None:
    phone_gateway = await make_phone_gateway()
    account = await phone_gateway.account()
    phone = await add_phone(phone_gateway, account)
    await phone.poll()
    await phone_gateway.send(account, NUMBER)
    await until(lambda: any(one.stored for one in phone_gateway.carrier.assignments))
    phone_gateway.clock.advance(3600)
    other = await add_phone(phone_gateway, account)
    await poll_until_fetched(other)
    assert len(other.waiting) == 1
    assert not (await phone_gateway.outbox(account))[0].possible_duplicate


async def test_a_restart_shows_a_phone_again_what_it_may_have(
    make_phone_gateway: Any, until: Any
) -> None:
    phone_gateway = await make_phone_gateway()
    account = await phone_gateway.account()
    phone = await add_phone(phone_gateway, account)
    await phone.poll()
    await phone_gateway.send(account, NUMBER)
    await until(lambda: any(one.stored for one in phone_gateway.carrier.assignments))
    first = await phone.poll(lose_answer=True)
    await phone_gateway.stop()
    again = await make_phone_gateway()
    phone.url = f"http://{again.settings.http.listen}/api/cht"
    second = await phone.poll()
    assert second.body == first.body
    phone.send_all()
    await phone.poll()
    await again.until_states(account, State.DELIVERED)


FAILURES = {
    "generic; errorCode=50": (FailureCode.NETWORK, "RESULT_ERROR_GENERIC_FAILURE"),
    "radio-off": (FailureCode.NETWORK, "RESULT_ERROR_RADIO_OFF"),
    "unknown; resultCode=5": (FailureCode.CONGESTION, "RESULT_ERROR_LIMIT_EXCEEDED"),
    "unknown; resultCode=99": (FailureCode.UNSPECIFIED, ""),
    "destination.invalid": (FailureCode.INVALID_CONTENT, "RESULT_INVALID_ARGUMENTS"),
    "Exception: secret text": (FailureCode.UNSPECIFIED, ""),
}


@pytest.mark.parametrize("reason", FAILURES)
async def test_a_text_that_failed_is_rejected_with_the_reason(
    phone_gateway: Any, account: Any, phone: FakeChtPhone, reason: str
) -> None:
    phone.steps = lambda _: ("PENDING", f"FAILED:{reason}")
    await phone.poll()
    await phone_gateway.send(account, NUMBER)
    await poll_until_fetched(phone)
    phone.send_all()
    await phone.poll()
    await phone_gateway.until_states(account, State.REJECTED)
    [message] = await phone_gateway.outbox(account)
    assert (message.failure, message.detail) == FAILURES[reason]


async def test_a_text_that_the_network_could_not_deliver_is_undelivered(
    phone_gateway: Any, account: Any, phone: FakeChtPhone
) -> None:
    phone.steps = lambda _: ("PENDING", "SENT", "FAILED:Delivery failed: Not obtainable")
    await phone.poll()
    await phone_gateway.send(account, NUMBER)
    await poll_until_fetched(phone)
    phone.send_all()
    await phone.poll()
    await phone_gateway.until_states(account, State.UNDELIVERED)
    [message] = await phone_gateway.outbox(account)
    assert message.failure is FailureCode.UNKNOWN_SUBSCRIBER


async def test_a_text_that_the_phone_tries_again_is_not_sent_another_way(
    phone_gateway: Any, account: Any, phone: FakeChtPhone
) -> None:
    phone.steps = lambda _: ("PENDING", "UNSENT", "PENDING", "SENT")
    await phone.poll()
    await phone_gateway.send(account, NUMBER)
    await poll_until_fetched(phone)
    phone.send_all()
    await phone.poll()
    await phone_gateway.until_states(account, State.SENT)


async def test_a_received_text_is_stored_once(
    phone_gateway: Any, account: Any, phone: FakeChtPhone
) -> None:
    phone.receive("+4511223344", "once \u00e6")
    for lose_answer in (True, True, False):
        assert (await phone.poll(lose_answer=lose_answer)).status == 200
    phone.receive("Bank", "twice")
    await phone.poll()
    assert await phone_gateway.inbox(account) == [
        ("4511223344", "", "once \u00e6"),
        ("Bank", "", "twice"),
    ]


async def test_a_text_that_is_none_does_not_hold_up_the_others(
    phone_gateway: Any, account: Any, phone: FakeChtPhone
) -> None:
    good = {"id": "good", "from": "+4511223344", "content": "hi"}
    bad = [
        {"id": "", "from": "1", "content": "x"},
        {"id": "i" * 65, "from": "1", "content": "x"},
        {"id": "a", "from": "1" * 129, "content": "x"},
        {"id": "b", "from": "1", "content": "x" * 65_537},
    ]
    assert (await phone.post({"messages": [*bad, good]})).status == 200
    assert await phone_gateway.inbox(account) == [("4511223344", "", "hi")]
    words = phone_gateway.gateway.metrics.device_words
    assert (words["android", "unknown"], words["android", "taken"]) == (4, 1)


async def test_a_state_that_nobody_can_place_is_counted_and_passed_over(
    phone_gateway: Any, account: Any, phone: FakeChtPhone
) -> None:
    updates = [
        {"id": "17", "status": "SENT"},
        {"id": "x", "status": "SENT"},
        {"id": "9" * 30, "status": "SENT"},
        {"id": "17", "status": "EXPLODED"},
        {},
    ]
    answer = await phone.post({"updates": updates})
    assert (answer.status, answer.body) == (200, b'{"messages":[]}')
    metrics = phone_gateway.gateway.metrics
    assert metrics.receipts["android", "unknown"] == 3
    assert metrics.device_words["android", "unknown"] == 2


async def test_a_report_on_another_phones_text_changes_nothing(
    phone_gateway: Any, account: Any, phone: FakeChtPhone, until: Any
) -> None:
    await phone.poll()
    await phone_gateway.send(account, NUMBER)
    await poll_until_fetched(phone)
    other = await add_phone(phone_gateway, await phone_gateway.account("other"))
    update = {"id": phone.waiting[0].message_id, "status": "DELIVERED"}
    assert (await other.post({"updates": [update]})).status == 200
    await phone_gateway.until_states(account, State.SENDING)


@pytest.mark.parametrize(
    ("content", "status", "body"),
    [
        ({"messages": {}}, 400, b"Expected `array | null`, got `object`"),
        ([], 400, b"Expected `object`, got `array`"),
        ({"updates": [{"id": 17}]}, 400, b"updates[0].id: Expected `str`, got `int`"),
        ({"updates": [{}] * 1_001}, 400, b"at most 1000 messages and updates"),
        ({"messages": [{"id": "x", "content": "y" * 300_000}]}, 413, b"larger than 262144 bytes"),
        ({"messages": None, "updates": None, "new": 1}, 200, b'{"messages":[]}'),
        ({}, 200, b'{"messages":[]}'),
    ],
)
async def test_polls_that_are_not_the_apps_are_refused_in_its_shape(
    phone_gateway: Any, phone: FakeChtPhone, content: Any, status: int, body: bytes
) -> None:
    answer = await phone.post(content)
    assert answer.status == status
    assert body in answer.body
    if status != 200:
        assert answer.json["error"] is True
        assert phone_gateway.gateway.metrics.refused.total() == 1


async def test_who_is_not_let_in_is_401(
    phone_gateway: Any, account: Any, phone: FakeChtPhone
) -> None:
    other = await add_phone(phone_gateway, account)
    smsgate = await phone_gateway.phone(account, start=False)
    good = phone.login
    refused = b'{"error":true,"message":"unknown device token"}'
    name, _, token = good.partition(":")
    for login in (f"{name}:x", f"x:{token}", f"{other.login.partition(':')[0]}:{token}", "", ":"):
        phone.login = login
        for answer in (await phone.check(), await phone.poll()):
            assert (answer.status, answer.body) == (401, refused)
    phone.login = f"{smsgate.device_id}:{smsgate.token}"
    assert (await phone.check()).status == 401
    answer = await wire.call("GET", phone.url, {"authorization": "Basic !!!"})
    assert (answer.status, answer.body) == (401, refused)
    smsgate_api = FakePhone(phone_gateway.base_url)
    smsgate_api.token = token
    assert (await smsgate_api.call("GET", "/message")).status == 401


@pytest.mark.parametrize("whom", ["device", "account"])
async def test_a_phone_out_of_service_tells_states_and_keeps_its_texts(
    phone_gateway: Any, account: Any, phone: FakeChtPhone, until: Any, whom: str
) -> None:
    devices = phone_gateway.gateway.services.devices
    device = devices.get(int(phone.device_id))  # type: ignore[attr-defined]
    await phone.poll()
    await phone_gateway.send(account, NUMBER)
    await poll_until_fetched(phone)

    async def set_enabled(enabled: bool) -> None:
        if whom == "device":
            await devices.set_enabled(device.device_id, enabled=enabled)
        else:
            await phone_gateway.gateway.services.accounts.set_enabled("acme", enabled=enabled)
        await until(lambda: devices.is_in_service(devices.get(device.device_id)) is enabled)

    await set_enabled(False)
    phone.send_all()
    phone.receive("+4511223344", "kept")
    answer = await phone.poll()
    assert (answer.status, answer.body) == (
        403,
        b'{"error":true,"message":"the device is disabled"}',
    )
    await phone_gateway.until_states(account, State.DELIVERED)
    assert await phone_gateway.inbox(account) == []
    await set_enabled(True)
    assert (await phone.poll()).status == 200
    assert await phone_gateway.inbox(account) == [("4511223344", "", "kept")]


async def test_a_fetched_text_cannot_be_cancelled_one_that_waits_can(
    phone_gateway: Any, account: Any, phone: FakeChtPhone, until: Any
) -> None:
    await phone.poll()
    await phone_gateway.send(account, NUMBER, text="fetched")
    await poll_until_fetched(phone)
    await phone_gateway.send(account, NUMBER, text="waits")
    await until(lambda: sum(one.stored for one in phone_gateway.carrier.assignments) == 2)
    fetched, waits = await phone_gateway.outbox(account)
    assert not await phone_gateway.carrier.handout.cancel(fetched.message_id)
    assert await phone_gateway.carrier.handout.cancel(waits.message_id)
    assert (await phone.poll()).json["messages"] == []
    await phone_gateway.until_states(account, State.SENDING, State.REJECTED)


async def test_the_operators_command_shows_the_address_to_type_in(
    phone_gateway: Any, account: Any
) -> None:
    phone_to_add = NewPhone(name="village", account="acme")
    added = await add_device(phone_gateway.gateway.admin, phone_to_add)
    assert added.url.startswith(f"https://{added.device_id}:")
    assert added.url.endswith("@<this server>/api/cht")
    phone = FakeChtPhone(added.url.replace("<this server>", phone_gateway.settings.http.listen))
    phone.url = phone.url.replace("https", "http")
    assert (await phone.check()).status == 200


def test_tables_are_complete() -> None:
    assert set(STATES.values()) < set(AssignmentState)
    assert set(STATUSES) < set(RefusalCode)
    assert all(read_result(error).detail for error in RESULTS.values())
