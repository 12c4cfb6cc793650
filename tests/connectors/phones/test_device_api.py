"""The device API in exact bytes; identifiers, tokens, dates and addresses are masked."""

from __future__ import annotations

import base64
import re
from typing import Any

import msgspec
import pytest
from sqlalchemy import select
from tests.unwritable import unwritable

from dragoman.connectors.phones.smsgate.mapping import (
    EVENTS,
    STATES,
    parse_version,
    read_version,
)
from dragoman.connectors.phones.smsgate.routes import STATUSES
from dragoman.core.devices.model.devices import AssignmentState, DeviceEvent, DeviceSettings
from dragoman.core.devices.sql.tables import device_assignments
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.model.errors import RefusalCode, StorageUnavailable
from dragoman.kit.clock import render_milliseconds
from dragoman.testkit.fake_phone import FakePhone, wire

MASKS = (
    (rb'"(id|deviceId)":"\d{1,17}"', rb'"\1":"ID"'),
    (rb'"token":"[\w-]{32}"', rb'"token":"TOKEN"'),
    (rb'"signing_key":"[\w-]{32}"', rb'"signing_key":"KEY"'),
    (rb'"code":"[2-9a-z]{6}"', rb'"code":"CODE"'),
    (rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", b"DATE"),
    (rb'"id":"\d{1,17}-', rb'"id":"ID-'),
    (rb"127\.0\.0\.1:\d+", b"HOST"),
    (rb"ingest/\d{1,17}/[0-9a-f]{32}", b"ingest/ID/SECRET"),
)


def masked(body: bytes) -> bytes:
    for pattern, mask in MASKS:
        body = re.sub(pattern, mask, body)
    return body


def basic(username: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{username}:{password}'.encode()).decode()}"


@pytest.fixture
async def account(phone_gateway: Any) -> Any:
    return await phone_gateway.account()


@pytest.fixture
async def account_with_password(phone_gateway: Any) -> Any:
    return await phone_gateway.account(password=True)


@pytest.fixture
async def phone(phone_gateway: Any, account: Any) -> FakePhone:
    """A registered phone that does nothing by itself."""
    return await phone_gateway.phone(account, sims=2, start=False)  # type: ignore[no-any-return]


async def test_register_by_every_way_answers_201_and_what_the_phone_keeps(
    phone_gateway: Any, account_with_password: Any
) -> None:
    account = account_with_password
    registration = phone_gateway.gateway.services.device_registration
    code = (await registration.create_code(account)).code
    token = await registration.create_token(account)
    phone = FakePhone(phone_gateway.base_url)
    for authorization in (
        f"Code {code.upper()}",
        f"Bearer {token}",
        f"bearer {token}",
        basic("acme", "correct horse battery"),
    ):
        answer = await phone.call(
            "POST", "/device", {"name": "M/p", "new": [1]}, authorization=authorization
        )
        assert answer.status == 201
        assert answer.headers["content-type"] == "application/json"
        assert masked(answer.body) == b'{"id":"ID","token":"TOKEN","login":"acme"}'
    assert len(phone_gateway.gateway.services.devices.of_account(account)) == 4


@pytest.mark.parametrize(
    ("authorization", "body"),
    [
        ("", b'{"message":"a code, a token or credentials"}'),
        ("Code zzzzzz", b'{"message":"code: unknown, used or too old"}'),
        ("Bearer nothing", b'{"message":"token: unknown, used or too old"}'),
        ("Basic !!!", b'{"message":"malformed credentials"}'),
        (basic("acme", "wrong"), b'{"message":"wrong name or password"}'),
        (basic("nobody", "wrong"), b'{"message":"wrong name or password"}'),
    ],
)
async def test_register_without_leave_is_401(
    phone_gateway: Any, account: Any, authorization: str, body: bytes
) -> None:
    answer = await FakePhone(phone_gateway.base_url).call(
        "POST", "/device", {"name": "x"}, authorization=authorization
    )
    assert (answer.status, answer.body) == (401, body)


async def test_a_code_registers_one_phone_once(phone_gateway: Any, account: Any) -> None:
    code = await phone_gateway.gateway.services.device_registration.create_code(account)
    phone = FakePhone(phone_gateway.base_url)
    assert (await phone.register(code=code.code)).status == 201
    assert (await phone.register(code=code.code)).status == 401
    assert len(phone_gateway.gateway.services.devices.all()) == 1


async def test_a_code_that_is_too_old_registers_nobody(phone_gateway: Any, account: Any) -> None:
    code = await phone_gateway.gateway.services.device_registration.create_code(
        account, life_s=0.001
    )
    assert (await FakePhone(phone_gateway.base_url).register(code=code.code)).status == 401


async def test_wrong_codes_are_counted_and_at_last_refused_unread(
    phone_gateway: Any, account: Any
) -> None:
    phone = FakePhone(phone_gateway.base_url)
    statuses = [(await phone.register(code="222222")).status for _ in range(40)]
    assert statuses[:30] == [401] * 30
    assert 429 in statuses


async def test_device_answers_where_the_phone_calls_from(
    phone_gateway: Any, phone: FakePhone
) -> None:
    own = await phone.call("GET", "/device")
    assert masked(own.body) == (
        b'{"externalIp":"127.0.0.1","device":{"id":"ID","name":"Maker/model",'
        b'"createdAt":"DATE","updatedAt":"DATE","lastSeen":"DATE"}}'
    )
    anybody = await phone.call("GET", "/device", authorization="")
    assert anybody.body == b'{"externalIp":"127.0.0.1"}'


async def test_change_device_stores_sims_and_clears_a_push_token_that_is_left_out(
    phone_gateway: Any, phone: FakePhone
) -> None:
    devices = phone_gateway.gateway.services.devices
    for push_token in ("fcm", None):
        body = {"id": phone.device_id, "simCards": [{"slotIndex": 1, "carrierName": "T\u0000"}]}
        if push_token:
            body["pushToken"] = push_token
        answer = await phone.call("PATCH", "//device/", body)
        assert (answer.status, answer.body) == (204, b"")
        assert devices.get(int(phone.device_id)).push_token == (push_token or "")
    sims = devices.get(int(phone.device_id)).sims
    assert [(sim.slot, sim.present, sim.carrier) for sim in sims] == [
        (1, False, ""),
        (2, True, "T"),
    ]


async def test_change_device_of_another_is_403(phone_gateway: Any, phone: FakePhone) -> None:
    answer = await phone.call("PATCH", "/device", {"id": "17"})
    assert (answer.status, answer.body) == (
        403,
        b'{"message":"id: the token is another device\'s"}',
    )


async def test_fetch_answers_messages_in_the_asked_order_until_they_are_reported(
    phone_gateway: Any, account: Any, phone: FakePhone, until: Any
) -> None:
    for text in ("one \u20ac", "two"):
        await phone_gateway.send(
            account, "4512345678", text=text, sim=2, device_id=int(phone.device_id)
        )
    await until(lambda: len([h for h in phone_gateway.carrier.assignments if h.stored]) == 2)
    answers = [
        await phone.call("GET", path)
        for path in ("/message?order=fifo", "/messages", "/message?order=lifo")
    ]
    texts = [[item["message"] for item in answer.json] for answer in answers]
    assert texts == [["one \u20ac", "two"], ["two", "one \u20ac"], ["two", "one \u20ac"]]
    assert masked(answers[1].body).split(b"},{")[0] == (
        b'[{"id":"ID","deviceId":"ID","textMessage":{"text":"two"},"message":"two",'
        b'"phoneNumbers":["+4512345678"],"simNumber":2,"withDeliveryReport":true,'
        b'"isEncrypted":false,"validUntil":"DATE","state":"Pending","createdAt":"DATE"'
    )
    first, second = answers[0].json
    assert (await phone.report(snapshot_of(first, "Pending"))).status == 204
    assert (await phone.report(snapshot_of(second, "Processed"))).status == 204
    assert (await phone.call("GET", "/message")).body == b"[]"


async def test_reports_are_merged_by_rank(
    phone_gateway: Any, account: Any, phone: FakePhone, until: Any
) -> None:
    item = await fetched(phone_gateway, account, phone, until)
    for state in ("Sent", "Processed", "Pending", "Delivered", "Sent", "Failed"):
        answer = await phone.call("PATCH", "/messages", [snapshot_of(item, state)])
        assert (answer.status, answer.body) == (204, b"")
    await phone_gateway.until_states(account, State.DELIVERED)
    [message] = await phone_gateway.outbox(account)
    assert message.sent_ms is not None


FAILURES = {
    "Send result: RESULT_ERROR_GENERIC_FAILURE (1)": ("network", "RESULT_ERROR_GENERIC_FAILURE"),
    "Send result: RESULT_ERROR_LIMIT_EXCEEDED (5)": ("congestion", "RESULT_ERROR_LIMIT_EXCEEDED"),
    "Send result: RESULT_ERROR_SHORT_CODE_NOT_ALLOWED": (
        "barred",
        "RESULT_ERROR_SHORT_CODE_NOT_ALLOWED",
    ),
    "sendSMS: secret text": ("unspecified", ""),
}


@pytest.mark.parametrize("error", FAILURES)
async def test_a_failed_message_ends_with_the_reason_and_is_not_sent_again(
    phone_gateway: Any, account: Any, phone: FakePhone, until: Any, error: str
) -> None:
    item = await fetched(phone_gateway, account, phone, until)
    snapshot = snapshot_of(item, "Failed", error)
    snapshot["states"] = {"Processed": "2026-01-01T12:00:00.000+03:00"}
    assert (await phone.report(snapshot)).status == 204
    await phone_gateway.until_states(account, State.REJECTED)
    [message] = await phone_gateway.outbox(account)
    assert (message.failure, message.detail) == FAILURES[error]


async def test_a_message_that_fails_after_it_was_sent_is_undelivered(
    phone_gateway: Any, account: Any, phone: FakePhone, until: Any
) -> None:
    item = await fetched(phone_gateway, account, phone, until)
    await phone.report(snapshot_of(item, "Sent"))
    await phone.report(snapshot_of(item, "Failed", "Delivery result from SC +45123: 67"))
    await phone_gateway.until_states(account, State.UNDELIVERED)
    [message] = await phone_gateway.outbox(account)
    assert (message.failure, message.detail) == ("unknown_subscriber", "TP-Status 67")


@pytest.mark.parametrize("error", ["TTL expired", "Can't send message: SIM 2 not found"])
async def test_a_message_the_phone_never_began_goes_back_to_the_route(
    phone_gateway: Any, account: Any, phone: FakePhone, until: Any, error: str
) -> None:
    item = await fetched(phone_gateway, account, phone, until, sim=None)
    await phone.report(snapshot_of(item, "Failed", error))
    again = await fetched(phone_gateway, account, phone, until, send=False)
    assert again["id"] != item["id"]
    assert again["message"] == item["message"]


async def test_a_limit_of_the_phone_slows_it_down(
    phone_gateway: Any, account: Any, phone: FakePhone, until: Any
) -> None:
    item = await fetched(phone_gateway, account, phone, until)
    pace = phone_gateway.carrier.chooser.pace_of_device(int(phone.device_id))
    now_ms = phone_gateway.gateway.services.clock.now_ms()
    assert pace.wait_ms(now_ms) == 0
    await phone.report(snapshot_of(item, "Failed", "Send result: RESULT_ERROR_LIMIT_EXCEEDED"))
    assert pace.wait_ms(now_ms) > 50_000


async def test_cancelling_takes_two_steps(
    phone_gateway: Any, account: Any, phone: FakePhone, until: Any
) -> None:
    item = await fetched(phone_gateway, account, phone, until)
    [message] = await phone_gateway.outbox(account)
    assert await phone_gateway.carrier.handout.cancel(message.message_id)
    [shown] = (await phone.call("GET", "/message")).json
    assert (shown["id"], shown["state"]) == (item["id"], "Cancelling")
    assert (await phone.report(snapshot_of(item, "Cancelled"))).status == 204
    await phone_gateway.until_states(account, State.REJECTED)
    assert not await phone_gateway.carrier.handout.cancel(message.message_id)


async def test_cancelling_is_not_shown_to_an_app_that_would_send_it(
    phone_gateway: Any, account: Any, phone: FakePhone, until: Any
) -> None:
    phone.version = "1.66.2"
    await fetched(phone_gateway, account, phone, until)
    [message] = await phone_gateway.outbox(account)
    assert await phone_gateway.carrier.handout.cancel(message.message_id)
    assert (await phone.call("GET", "/message")).body == b"[]"


async def test_cancelling_comes_too_late_once_the_radio_has_it(
    phone_gateway: Any, account: Any, phone: FakePhone, until: Any
) -> None:
    item = await fetched(phone_gateway, account, phone, until)
    await phone.report(snapshot_of(item, "Processed"))
    [message] = await phone_gateway.outbox(account)
    assert not await phone_gateway.carrier.handout.cancel(message.message_id)


@pytest.mark.parametrize(
    ("version", "events"),
    [
        ("1.68.0", ["sms:received", "system:ping", "sms:data-received", "app:started"]),
        ("1.65.3", ["sms:received", "system:ping", "sms:data-received"]),
        ("1.20.0", ["sms:received", "system:ping"]),
    ],
)
async def test_webhooks_name_only_events_the_app_knows(
    phone_gateway: Any, phone: FakePhone, version: str, events: list[str]
) -> None:
    phone.version = version
    answer = await phone.call("GET", "/webhooks")
    assert [hook["event"] for hook in answer.json] == events
    assert masked(answer.body).startswith(
        b'[{"id":"ID-sms-received","url":"http://HOST/api/mobile/v1/ingest/ID/SECRET",'
        b'"event":"sms:received","deviceId":"ID"},{'
    )


async def test_settings_are_ours_and_then_the_accounts(
    phone_gateway: Any, phone: FakePhone
) -> None:
    answer = await phone.call("GET", "/settings")
    assert masked(answer.body) == (
        b'{"gateway":{"notification_channel":"SSE_ONLY"},"messages":{"processing_order":"FIFO"},'
        b'"webhooks":{"signing_key":"KEY"},"ping":{"interval_seconds":300}}'
    )
    own = {"ping": {"interval_seconds": 60}, "webhooks": {"signing_key": "x", "retry_count": 3}}
    settings = DeviceSettings(pushed=own)
    await phone_gateway.gateway.services.devices.change_settings(int(phone.device_id), settings)
    answer = await phone.call("GET", "/settings")
    assert masked(answer.body) == (
        b'{"gateway":{"notification_channel":"SSE_ONLY"},"messages":{"processing_order":"FIFO"},'
        b'"webhooks":{"signing_key":"KEY","retry_count":3},"ping":{"interval_seconds":60}}'
    )


async def test_events_open_with_what_the_phone_has_not_fetched(
    phone_gateway: Any, phone: FakePhone
) -> None:
    headers = {"authorization": f"Bearer {phone.token}", "user-agent": "okhttp/4.10"}
    frames = wire.listen(f"{phone_gateway.base_url}/events", headers)
    found = [await anext(frames) for _ in range(3)]
    assert [(frame.name, frame.data) for frame in found] == [
        ("", ""),
        ("SettingsUpdated", "null"),
        ("WebhooksUpdated", "null"),
    ]
    phone_gateway.gateway.services.devices.presence.announce(
        int(phone.device_id), DeviceEvent.CANCELLED, {"messageId": "17"}
    )
    frame = await anext(frames)
    assert (frame.name, frame.data) == ("MessageCancelled", '{"messageId":"17"}')
    await frames.aclose()


async def test_user_code_is_for_the_next_phone(
    phone_gateway: Any, account_with_password: Any
) -> None:
    phone = FakePhone(phone_gateway.base_url)
    login = basic("acme", "correct horse battery")
    answer = await phone.call("GET", "/user/code", authorization=login)
    assert masked(answer.body) == b'{"code":"CODE","validUntil":"DATE"}'
    assert (await phone.register(code=answer.json["code"])).status == 201
    answer = await phone.call("GET", "/user/code", authorization="Bearer x")
    assert (answer.status, answer.body) == (401, b'{"message":"user name and password"}')


async def test_user_password_is_changed_by_who_knows_it(
    phone_gateway: Any, account_with_password: Any
) -> None:
    phone = await phone_gateway.phone(account_with_password, start=False)
    refused = b'{"message":"wrong name or password"}'
    cases = (
        ("correct horse battery", "short", 400, b'{"message":"at least 14 characters"}'),
        ("wrong", "a long new password", 401, refused),
        ("correct horse battery", "a long new password", 204, b""),
        (
            "correct horse battery",
            "a long new password",
            401,
            b'{"message":"wrong name or password"}',
        ),
    )
    for current, new, status, body in cases:
        given = {"currentPassword": current, "newPassword": new}
        answer = await phone.call("PATCH", "/user/password", given)
        assert (answer.status, answer.body) == (status, body)


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "answer"),
    [
        ("GET", "/nothing", None, 404, b'{"message":"there is no such resource"}'),
        ("POST", "/inbox", [], 404, b'{"message":"there is no such resource"}'),
        ("PUT", "/device", {}, 405, b'{"message":"PUT is not a method of this resource"}'),
        ("PATCH", "/message", {}, 400, b'{"message":"Expected `array`, got `object`"}'),
        (
            "PATCH",
            "/message",
            [{"id": "1", "state": "Exploded"}],
            400,
            b'{"message":"unknown state \'Exploded\'"}',
        ),
        ("PATCH", "/message", [{"id": "17", "state": "Sent"}], 204, b""),
        ("PATCH", "/message", [{"id": "x" * 99, "state": "Sent"}], 204, b""),
        ("PATCH", "/message", [{"id": "9" * 16, "state": "Sent"}], 204, b""),
    ],
)
async def test_what_cannot_be_is_refused_in_the_apis_shape(
    phone: FakePhone, method: str, path: str, body: Any, status: int, answer: bytes
) -> None:
    found = await phone.call(method, path, body)
    assert (found.status, found.body) == (status, answer)


async def test_a_body_over_the_limit_is_413(phone_gateway: Any, phone: FakePhone) -> None:
    answer = await phone.call("PATCH", "/message", [{"id": "1", "state": "x" * 300_000}])
    assert (answer.status, answer.body) == (
        413,
        b'{"message":"the body is larger than 262144 bytes"}',
    )


async def test_an_unknown_token_is_401_everywhere_and_a_disabled_device_403(
    phone_gateway: Any, phone: FakePhone
) -> None:
    calls = (
        ("PATCH", "/device"),
        ("GET", "/message"),
        ("GET", "/webhooks"),
        ("GET", "/settings"),
        ("GET", "/events"),
    )
    for method, path in calls:
        body = {"id": phone.device_id} if method == "PATCH" else None
        answer = await phone.call(method, path, body, authorization="Bearer gone")
        assert (answer.status, answer.body) == (401, b'{"message":"unknown device token"}')
    await phone_gateway.gateway.services.devices.set_enabled(int(phone.device_id), enabled=False)
    for method, path in calls:
        body = {"id": phone.device_id} if method == "PATCH" else None
        answer = await phone.call(method, path, body)
        assert (answer.status, answer.body) == (403, b'{"message":"the device is disabled"}')
    assert (await phone.call("PATCH", "/message", [])).status == 204
    await phone_gateway.gateway.services.devices.remove(int(phone.device_id))
    assert (await phone.call("GET", "/message")).status == 401


async def test_a_disabled_account_shuts_its_phones_out_until_it_is_enabled(
    phone_gateway: Any, account: Any, phone: FakePhone, until: Any
) -> None:
    accounts, devices = (
        phone_gateway.gateway.services.accounts,
        phone_gateway.gateway.services.devices,
    )
    device = devices.get(int(phone.device_id))
    await phone.fetch_settings()
    await phone.fetch_webhooks()
    item = await fetched(phone_gateway, account, phone, until)
    await accounts.set_enabled("acme", enabled=False)
    await until(lambda: not devices.is_in_service(device))
    for path in ("/message", "/webhooks", "/settings", "/events"):
        answer = await phone.call("GET", path)
        assert (answer.status, answer.body) == (403, b'{"message":"the device is disabled"}')
    assert (await phone.receive("+4511223344", "kept")).status == 403
    assert (await phone.report(snapshot_of(item, "Sent"))).status == 204
    await phone_gateway.until_states(account, State.SENT)
    await phone_gateway.send(account, "4512345678", text="waits")
    await phone_gateway.until_states(account, State.SENT, State.QUEUED)
    code = await phone_gateway.gateway.services.device_registration.create_code(account)
    assert (await FakePhone(phone_gateway.base_url).register(code=code.code)).status == 401
    await accounts.set_enabled("acme", enabled=True)
    await until(lambda: devices.is_in_service(device))
    assert (await fetched(phone_gateway, account, phone, until, send=False))["message"] == "waits"
    assert (await phone.receive("+4511223344", "kept")).status == 200


async def test_what_a_phone_of_a_disabled_account_has_not_fetched_is_taken_back(
    phone_gateway: Any, account: Any, phone: FakePhone, until: Any
) -> None:
    await phone_gateway.send(account, "4512345678")
    await until(lambda: any(one.stored for one in phone_gateway.carrier.assignments))
    await phone_gateway.gateway.services.accounts.set_enabled("acme", enabled=False)
    await until(lambda: not len(phone_gateway.carrier.assignments))
    await until(lambda: phone_gateway.gateway.services.dispatcher.waiting("default") == 1)


async def test_a_restart_knows_whose_phones_are_shut_out(make_phone_gateway: Any) -> None:
    phone_gateway = await make_phone_gateway()
    phone = await phone_gateway.phone(await phone_gateway.account(), start=False)
    await phone_gateway.gateway.services.accounts.set_enabled("acme", enabled=False)
    await phone_gateway.stop()
    again = await make_phone_gateway()
    phone.base_url = again.base_url
    assert (await phone.call("GET", "/message")).status == 403


async def test_a_report_on_another_devices_message_changes_nothing(
    phone_gateway: Any, account: Any, phone: FakePhone, until: Any
) -> None:
    item = await fetched(phone_gateway, account, phone, until)
    other = await phone_gateway.phone(await phone_gateway.account("other"), start=False)
    assert (await other.report(snapshot_of(item, "Delivered"))).status == 204
    [message] = await phone_gateway.outbox(account)
    assert message.state is State.SENDING


def test_dates_have_exactly_three_fraction_digits() -> None:
    assert render_milliseconds(1_767_268_800_000) == "2026-01-01T12:00:00.000Z"
    assert render_milliseconds(1_767_268_800_007) == "2026-01-01T12:00:00.007Z"


@pytest.mark.parametrize(
    ("agent", "version"),
    [
        (b"me.capcom.smsgateway/1.68.0", (1, 68)),
        (b"me.capcom.smsgateway/1.9", (1, 9)),
        (b"me.capcom.smsgateway.insecure/1.68.0-rc.1", (1, 68)),
        (b"okhttp/4.10", (0, 0)),
        (b"", (0, 0)),
        (b"me.capcom.smsgateway/99999.1", (0, 0)),
    ],
)
def test_versions_are_read_from_the_user_agent(agent: bytes, version: tuple[int, int]) -> None:
    assert parse_version(read_version(agent)) == version


def test_tables_are_complete() -> None:
    assert set(EVENTS) == set(DeviceEvent)
    assert set(STATES.values()) < set(AssignmentState)
    assert set(STATUSES) < set(RefusalCode)
    assert [code for code, status in STATUSES.items() if status == 401] == [
        RefusalCode.AUTHENTICATION_FAILED
    ]


async def fetched(
    phone_gateway: Any,
    account: Any,
    phone: FakePhone,
    until: Any,
    *,
    sim: int | None = 2,
    send: bool = True,
) -> Any:
    """A message that the phone has fetched."""
    if send:
        await phone_gateway.send(account, "4512345678", device_id=int(phone.device_id), sim=sim)
    found: list[Any] = []

    async def is_there() -> bool:
        found[:] = (await phone.call("GET", "/message")).json
        return bool(found)

    await until(is_there)
    return found[0]


def snapshot_of(item: Any, state: str, error: str | None = None) -> dict[str, Any]:
    recipient = {"phoneNumber": item["phoneNumbers"][0], "state": state}
    if error is not None:
        recipient["error"] = error
    return {"id": item["id"], "state": state, "recipients": [recipient], "states": {}}


async def test_a_report_that_could_not_be_stored_is_stored_when_it_is_repeated(
    phone_gateway: Any, account: Any, phone: FakePhone, until: Any
) -> None:
    """Bug: the repeated report was acknowledged and never stored."""
    storage = phone_gateway.gateway.services.storage
    item = await fetched(phone_gateway, account, phone, until)
    report = [snapshot_of(item, "Processed")]
    with unwritable(storage):
        assert (await phone.call("PATCH", "/messages", report)).status == 503
    assert (await phone.call("PATCH", "/messages", report)).status == 204
    states = await storage.read(
        lambda c: list(c.execute(select(device_assignments.c.state)).scalars())
    )
    assert states == [AssignmentState.PROCESSED]


@pytest.mark.parametrize("state", ["Sent", "Delivered", "Failed"])
async def test_no_report_is_taken_that_is_never_stored(
    phone_gateway: Any, account: Any, phone: FakePhone, until: Any, state: str
) -> None:
    """Bug: 204 for the second try, after which the phone does not report any more."""
    item = await fetched(phone_gateway, account, phone, until)
    phone_gateway.gateway.services.storage.writer.give_up("its disk has failed")
    for _ in range(3):
        assert (await phone.report(snapshot_of(item, state))).status == 503


async def test_what_could_not_be_stored_as_fetched_or_cancelled_is_as_before(
    phone_gateway: Any, account: Any, phone: FakePhone, until: Any
) -> None:
    storage, carrier = phone_gateway.gateway.services.storage, phone_gateway.carrier
    await phone_gateway.send(account, "4511111111")
    await until(lambda: [one for one in carrier.assignments if one.stored])
    [assignment] = carrier.assignments
    before = assignment.step()
    with unwritable(storage):
        assert (await phone.call("GET", "/message")).status == 503
    assert msgspec.structs.replace(assignment.step(), changed_ms=0) == msgspec.structs.replace(
        before, changed_ms=0
    )
    assert (await phone.call("GET", "/message")).status == 200
    with unwritable(storage), pytest.raises(StorageUnavailable):
        await carrier.handout.cancel(assignment.message_id)
    assert assignment.cancelling == 0
    assert await carrier.handout.cancel(assignment.message_id)
