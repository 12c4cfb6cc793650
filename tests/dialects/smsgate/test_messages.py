"""`/messages`: exact bytes in and out, states on their way, filters, refusals."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.dialects.in_process import forget

from dragoman.core.messages.model.lifecycle import State
from dragoman.core.model.errors import FailureCode

from .conftest import NUMBER, Program

TEXT = b'"textMessage":{"text":"Hello"}'
NOW = b"2026-09-21T14:13:20.000Z"


@pytest.mark.parametrize("prefix", ["/3rdparty/v1", "/3rdparty//v1/", "//3rdparty/v1"])
async def test_the_path_of_the_cloud_is_the_same_api(program: Program, prefix: str) -> None:
    """The clients' default base URL has no `/api`, and was answered 404."""
    body = b'{"id":"order-7","textMessage":{"text":"Hello"},"phoneNumbers":["+447483938220"]}'
    answer = await program.ask("POST", "messages", body, prefix=prefix)
    assert answer.status == 202
    assert answer.headers[b"location"] == b"/3rdparty/v1/messages/order-7"
    found = await program.ask("GET", "message/order-7", prefix=prefix)
    assert (found.status, found.body) == (200, answer.body)
    assert (await program.ask("GET", "messages/order-7")).body == answer.body
    for target, status in (("health/live", 200), ("nothing", 404), ("devices", 200)):
        assert (await program.ask("GET", target, prefix=prefix)).status == status
    assert (await program.ask("PUT", "webhooks", prefix=prefix)).status == 405
    answer = await program.ask("GET", "devices", prefix=prefix, authorization="Basic x")
    assert answer.status == 401


async def test_a_text_is_accepted_with_its_state_and_where_to_ask(program: Program) -> None:
    body = (
        b'{"id":"order-7","textMessage":{"text":"Hello"},"phoneNumbers":["+44 7483 938220"],'
        b'"withDeliveryReport":true,"ttl":3600,"priority":100,"future":{"x":1}}'
    )
    answer = await program.ask("POST", "messages", body)
    assert answer.status == 202
    assert answer.headers[b"content-type"] == b"application/json"
    assert answer.headers[b"location"] == b"/api/3rdparty/v1/messages/order-7"
    state = (
        b'{"id":"order-7","deviceId":"","state":"Pending","isHashed":false,"isEncrypted":false,'
        b'"recipients":[{"phoneNumber":"+447483938220","state":"Pending"}],'
        b'"states":{"Pending":"' + NOW + b'"},' + TEXT + b"}"
    )
    assert answer.body == state
    assert (await program.ask("GET", "messages/order-7")).body == state
    (message,) = program.services.live
    stored = message.batch.stored
    assert (stored.sender, stored.reference, stored.lane) == ("SMSGate", "order-7", 0)
    assert stored.expires_ms == program.clock.now_ms() + 3_600_000


@pytest.mark.parametrize("path", ["messages", "message", "messages/", "/message"])
async def test_the_old_spelling_is_the_same_call(program: Program, path: str) -> None:
    body = {"message": "Hello", "phoneNumbers": [NUMBER]}
    answer = await program.ask("POST", path, body)
    assert answer.status == 202
    key = answer.json["id"]
    assert len(key) == 20
    assert (await program.ask("GET", f"message/{key}")).json == answer.json


async def test_a_data_message_goes_to_its_port(program: Program) -> None:
    body = {"dataMessage": {"data": "SGVsbG8=", "port": 53739}, "phoneNumbers": [NUMBER]}
    answer = await program.ask("POST", "messages", body)
    assert answer.status == 202
    assert b'"dataMessage":{"data":"SGVsbG8=","port":53739}}' in answer.body
    (message,) = program.services.live
    (part,) = message.outgoing().parts
    assert (part.udh, part.data) == (bytes.fromhex("060504d1eb0000"), b"Hello")
    shown = await program.ask("GET", f"messages/{answer.json['id']}")
    assert shown.json == answer.json


async def test_a_key_is_taken_once_and_sends_once(program: Program, refused: Any) -> None:
    assert (await program.send("same")).status == 202
    for again in ({}, {"ttl": 7}, {"scheduleAt": "2020-01-01T00:00:00Z"}):
        answer = await refused(program.send("same", "+4512345678", **again))
        assert answer.status == 409
        assert answer.body == b'{"message":"message with the same ID already exists"}'
    assert len(program.services.live) == 1


async def test_a_key_is_taken_once_by_callers_at_the_same_moment(program: Program) -> None:
    async def race(_self: object, *_args: object) -> None:
        """Lets all of them past the first look."""

    program.services.idempotency_keys.check_free = race  # type: ignore[method-assign]
    answers = await asyncio.gather(*(program.send("same") for _ in range(20)))
    assert sorted(answer.status for answer in answers) == [202, *[409] * 19]
    rows = await program.rows()
    assert (rows["batches"], rows["messages"], rows["submission_keys"]) == (1, 1, 1)
    assert len(program.services.live) == 1


async def test_a_refused_message_leaves_its_key_free(program: Program, refused: Any) -> None:
    account = await program.log_in()
    await program.services.accounts.create("poor", password="x", credits=0)
    await program.log_in("poor")
    answer = await refused(program.send("mine"))
    assert (answer.status, answer.body) == (402, b'{"message":"not enough credit"}')
    assert (await program.send("mine", "12345")).status == 400
    assert account.username != "poor"
    await program.services.accounts.change("poor", credits=1)
    assert (await program.send("mine")).status == 202


async def test_another_account_may_use_the_same_key_and_sees_nothing(program: Program) -> None:
    await program.send("mine")
    await program.log_in("other")
    unknown = await program.ask("GET", "messages/nothing")
    for method in ("GET", "DELETE"):
        answer = await program.ask(method, "messages/mine")
        assert (answer.status, answer.body) == (404, unknown.body)
    assert unknown.body == b'{"message":"message not found"}'
    answer = await program.ask("GET", "messages")
    assert (answer.body, answer.headers[b"x-total-count"]) == (b"[]", b"0")
    assert (await program.send("mine")).status == 202


@pytest.mark.parametrize("key", ["ordre 7 æ", "50%", "a?b#c", "ключ"])
async def test_a_message_is_found_where_its_acceptance_says(program: Program, key: str) -> None:
    answer = await program.send(key)
    assert (answer.status, answer.json["id"]) == (202, key)
    where = answer.headers[b"location"].decode().removeprefix("/api/3rdparty/v1/")
    assert (await program.ask("GET", where)).json == answer.json


@pytest.mark.parametrize(
    ("states", "failure", "detail", "shown", "history"),
    [
        ((State.SENT,), "", "", '"state":"Sent"}', ["Pending", "Sent"]),
        (
            (State.SENT, State.DELIVERED),
            "",
            "",
            '"state":"Delivered"}',
            ["Delivered", "Pending", "Sent"],
        ),
        (
            (State.REJECTED,),
            "invalid_destination",
            "",
            '"state":"Failed","error":"invalid_destination"}',
            ["Failed", "Pending"],
        ),
        (
            (State.SENT, State.UNDELIVERED),
            "network",
            "RESULT_RIL_NO",
            '"state":"Failed","error":"RESULT_RIL_NO"}',
            ["Failed", "Pending", "Sent"],
        ),
        ((State.EXPIRED,), "expired", "", '"state":"Failed","error":"expired"}', None),
        ((State.CANCELLED,), "cancelled", "", '"state":"Cancelled"}', ["Cancelled", "Pending"]),
        ((State.REJECTED,), "cancelled", "", '"state":"Cancelled"}', ["Cancelled", "Pending"]),
        ((State.SENDING,), "", "", '"state":"Pending"}', ["Pending"]),
        ((State.SENDING, State.UNKNOWN), "no_report", "", '"state":"Processed"}', ["Pending"]),
        ((State.SENT, State.UNKNOWN), "no_report", "", '"state":"Sent"}', ["Pending", "Sent"]),
    ],
)
async def test_every_state_is_told_with_its_time(
    program: Program,
    states: tuple[State, ...],
    failure: str,
    detail: str,
    shown: str,
    history: list[str] | None,
) -> None:
    await program.send("one")
    await program.move(*states, failure=FailureCode(failure), detail=detail)
    answer = await program.ask("GET", "messages/one")
    assert shown.encode() in answer.body
    assert answer.json["state"] == answer.json["recipients"][0]["state"]
    assert history is None or list(answer.json["states"]) == history
    listed = await program.ask("GET", f"messages?state={answer.json['state']}")
    assert [one["id"] for one in listed.json] == ["one"]
    for other in ("Pending", "Processed", "Sent", "Delivered", "Failed", "Cancelled", "Cancelling"):
        if other != answer.json["state"]:
            found = await program.ask("GET", f"messages?state={other}")
            assert (found.body, found.headers[b"x-total-count"]) == (b"[]", b"0"), other


async def test_several_recipients_have_a_state_each_and_one_together(program: Program) -> None:
    numbers = ("+4511111111", "+4522222222", "+4533333333")
    answer = await program.send("three", *numbers)
    assert [one["phoneNumber"] for one in answer.json["recipients"]] == list(numbers)
    steps = [
        (numbers[0], (State.SENT, State.DELIVERED), "Pending"),
        (numbers[1], (State.SENT,), "Pending"),
        (numbers[2], (State.REJECTED,), "Sent"),
        (numbers[1], (State.DELIVERED,), "Sent"),
    ]
    for number, states, together in steps:
        await program.move(*states, recipient=number)
        assert (await program.ask("GET", "messages/three")).json["state"] == together
        listed = await program.ask("GET", f"messages?state={together}")
        assert listed.headers[b"x-total-count"] == b"1"
    answer = await program.ask("GET", "messages/three")
    assert [one["state"] for one in answer.json["recipients"]] == [
        "Delivered",
        "Delivered",
        "Failed",
    ]


async def test_a_scheduled_message_waits_and_can_be_cancelled(program: Program) -> None:
    answer = await program.send(
        "later", scheduleAt="2026-09-21T18:13:20+03:00", validUntil="2026-09-21T16:13:20.5Z"
    )
    assert answer.status == 202
    shown = await program.ask("GET", "messages/later")
    assert shown.json == answer.json
    assert len(program.services.live) == 0
    cancelled = await program.ask("DELETE", "messages/later")
    assert cancelled.status == 200
    assert cancelled.json["state"] == "Cancelled"
    assert cancelled.json["recipients"] == [{"phoneNumber": NUMBER, "state": "Cancelled"}]
    again = await program.ask("DELETE", "messages/later")
    assert (again.status, again.body) == (409, b'{"message":"message is not pending"}')


async def test_a_message_that_waits_is_cancelled_and_one_that_is_sent_is_not(
    program: Program,
) -> None:
    await program.send("waits")
    answer = await program.ask("DELETE", "messages/waits")
    assert (answer.status, answer.json["state"]) == (200, "Cancelled")
    await program.send("sent")
    await program.move(State.SENT)
    answer = await program.ask("DELETE", "messages/sent")
    assert (answer.status, answer.body) == (409, b'{"message":"message is not pending"}')


async def test_a_list_is_paged_sorted_and_bounded(program: Program) -> None:
    for number in range(5):
        await program.send(f"m{number}")
        program.clock.advance(60)

    async def listed(query: str) -> tuple[list[str], bytes]:
        answer = await program.ask("GET", f"messages{query}")
        assert answer.status == 200, answer.body
        return [one["id"] for one in answer.json], answer.headers[b"x-total-count"]

    assert await listed("") == (["m4", "m3", "m2", "m1", "m0"], b"5")
    assert await listed("?sort=created_at&limit=2") == (["m0", "m1"], b"5")
    assert await listed("?limit=2&offset=3") == (["m1", "m0"], b"5")
    assert await listed("?limit=0&offset=-1") == (["m4"], b"5")
    assert await listed("?limit=1000")  # as much as a page has
    assert await listed("?offset=9") == ([], b"5")
    assert await listed("?from=2026-09-21T14:14:20Z&to=2026-09-21T14:16:20Z") == (
        ["m2", "m1"],
        b"2",
    )
    assert await listed("?from=2026-09-21T17:14:20+03:00&limit=1") == (["m4"], b"4")
    assert await listed("?deviceId=nobody") == ([], b"0")
    answer = await program.ask("GET", "messages?limit=1")
    assert "textMessage" not in answer.json[0]
    answer = await program.ask("GET", "messages?limit=1&includeContent=true")
    assert answer.json[0]["textMessage"] == {"text": "Hello"}


GOOD = {"textMessage": {"text": "Hello"}, "phoneNumbers": [NUMBER]}
HUGE = 1 << 70


@pytest.mark.stores_nothing
@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "the body is not JSON"),
        (b"[]", "Expected `object`, got `array`"),
        (b'{"phoneNumbers":["+4512345678"', "the body is not JSON"),
        ({"phoneNumbers": [NUMBER]}, "must specify exactly one of: textMessage or dataMessage"),
        (GOOD | {"message": "x"}, "must specify exactly one of: textMessage or dataMessage"),
        (GOOD | {"textMessage": {"text": ""}}, "textMessage.text: "),
        (GOOD | {"textMessage": {"text": "x" * 65_536}}, "textMessage.text: "),
        (GOOD | {"textMessage": {"text": "x" * 5_000}}, "33: at most 10 parts"),
        (GOOD | {"textMessage": {"text": "a\0b"}}, "text: not valid Unicode text"),
        (
            b'{"message":"\\ud800","phoneNumbers":["+447483938220"]}',
            "the body is not JSON",
        ),
        (GOOD | {"phoneNumbers": []}, "phoneNumbers: "),
        (GOOD | {"phoneNumbers": ["+4512345678"] * 101}, "phoneNumbers: "),
        (GOOD | {"phoneNumbers": [""]}, "phoneNumbers[0]: Expected `str` of length >= 1"),
        (
            GOOD | {"phoneNumbers": [NUMBER, "0751234567"]},
            "failed to use phone in row 2: not an international number",
        ),
        (GOOD | {"phoneNumbers": [NUMBER, "447483938220"]}, "phone numbers must be unique"),
        (GOOD | {"id": "x" * 37}, "id: "),
        (GOOD | {"id": "a\nb"}, "id: characters that cannot be shown"),
        (GOOD | {"simNumber": 4}, "simNumber: "),
        (GOOD | {"simNumber": 1}, "deviceId: no such device"),
        (GOOD | {"deviceId": "x" * 22}, "deviceId: "),
        (GOOD | {"deviceId": "12345"}, "deviceId: no such device"),
        (GOOD | {"deviceId": "nobody"}, "deviceId: no such device"),
        (GOOD | {"priority": 128}, "priority: "),
        (GOOD | {"ttl": 4}, "ttl: "),
        (GOOD | {"ttl": "soon"}, "ttl: "),
        (
            GOOD | {"ttl": 60, "validUntil": "2027-01-01T00:00:00Z"},
            "conflicting fields: ttl and validUntil",
        ),
        (GOOD | {"validUntil": "2026-09-21T14:13:20Z"}, "validUntil must be in the future"),
        (GOOD | {"validUntil": "tomorrow"}, "validUntil: not a date and time with a zone"),
        (GOOD | {"validUntil": "2027-01-01T00:00:00"}, "validUntil: not a date and time"),
        (GOOD | {"scheduleAt": "2020-01-01T00:00:00Z"}, "scheduleAt must be in the future"),
        (GOOD | {"scheduleAt": "9999-01-01T00:00:00Z"}, "more than two years ahead"),
        (
            GOOD | {"scheduleAt": "2026-09-22T00:00:00Z", "ttl": 60},
            "scheduleAt must be less than or equal to validUntil",
        ),
        (GOOD | {"isEncrypted": True}, "isEncrypted: end-to-end encryption is not supported"),
        (
            {"dataMessage": {"data": "!!!!", "port": 1}, "phoneNumbers": [NUMBER]},
            "dataMessage.data: not base64",
        ),
        ({"dataMessage": {"data": "SGVs", "port": 0}, "phoneNumbers": [NUMBER]}, "port: "),
    ],
)
async def test_bad_input_is_refused_with_a_reason(
    program: Program, refused: Any, body: object, reason: str
) -> None:
    answer = await refused(program.ask("POST", "messages", body))
    assert answer.status == 400
    assert reason in answer.json["message"]


@pytest.mark.parametrize("field", [{"message": ""}, {"ttl": HUGE}])
async def test_what_is_odd_but_allowed_is_taken(program: Program, field: dict[str, Any]) -> None:
    assert (await program.ask("POST", "messages", GOOD | field)).status == 202


async def test_a_body_that_is_too_large_is_refused(program: Program, refused: Any) -> None:
    answer = await refused(program.ask("POST", "messages", b" " * (256 * 1024 + 1)))
    assert answer.status == 413


@pytest.mark.stores_nothing
@pytest.mark.parametrize(
    "query",
    [
        "limit=x",
        "limit=99999999999",
        "offset=x",
        "state=Gone",
        "from=now",
        "from=2026-09-21",
        "to=99999-01-01T00:00:00Z",
        "sort=id",
        "includeContent=perhaps",
    ],
)
async def test_a_list_asked_for_badly_is_refused(
    program: Program, refused: Any, query: str
) -> None:
    assert (await refused(program.ask("GET", f"messages?{query}"))).status == 400


@pytest.mark.stores_nothing
@pytest.mark.parametrize("query", ["deviceActiveWithin=-1", "deviceActiveWithin=x"])
async def test_a_message_with_a_bad_query_is_refused(
    program: Program, refused: Any, query: str
) -> None:
    assert (await refused(program.ask("POST", f"messages?{query}", GOOD))).status == 400


@pytest.mark.parametrize("key", ["%00", "x" * 37, "%ED%A0%80"])
async def test_a_key_that_nobody_can_have_is_not_found(
    program: Program, refused: Any, key: str
) -> None:
    for method in ("GET", "DELETE"):
        assert (await refused(program.ask(method, f"messages/{key}"))).status == 404


async def test_a_message_for_a_phone_names_it(program: Program, refused: Any) -> None:
    device = await program.phone(sims=2)
    theirs = await program.phone("other")
    answer = await program.send("mine", deviceId=str(device.device_id), simNumber=2)
    assert (answer.status, answer.json["deviceId"]) == (202, str(device.device_id))
    assert (await program.ask("GET", "messages/mine")).json == answer.json
    listed = await program.ask("GET", f"messages?deviceId={device.device_id}")
    assert [one["id"] for one in listed.json] == ["mine"]
    long = {"dataMessage": {"data": "AAAA" * 45, "port": 1}, "phoneNumbers": [NUMBER]}
    answer = await program.ask("POST", "messages", long)
    assert answer.status == 202  # another carrier sends it in two parts
    long["deviceId"] = str(device.device_id)
    answer = await refused(program.ask("POST", "messages", long))
    assert answer.json["message"] == "device: phones send texts and data for a port"
    for wrong, reason in (
        ({"deviceId": str(theirs.device_id)}, "deviceId: no such device"),
        ({"deviceId": str(device.device_id), "simNumber": 3}, "the device has no SIM 3"),
        ({"simNumber": 3}, "deviceId: no such device"),
    ):
        refusal = await refused(program.send("", **wrong))
        assert refusal.status == 400
        assert reason in refusal.json["message"]


async def test_only_a_phone_that_was_heard_lately_is_chosen(program: Program, refused: Any) -> None:
    old = await program.phone()
    program.clock.advance(3 * 3600)
    target = "messages?skipPhoneValidation=true&deviceActiveWithin=2"
    answer = await refused(program.ask("POST", target, GOOD))
    assert (answer.status, answer.json["message"]) == (400, "deviceId: no such device")
    program.services.devices.presence.heard(old.device_id)
    answer = await program.ask("POST", target, GOOD)
    assert (answer.status, answer.json["deviceId"]) == (202, str(old.device_id))


async def test_what_was_deleted_is_listed_without_text_and_number(program: Program) -> None:
    await program.send("one")
    await program.move(State.SENDING, State.SENT, State.DELIVERED)
    await forget(program.services)
    shown = (await program.ask("GET", "messages/one")).json
    assert [one["phoneNumber"] for one in shown["recipients"]] == ["+0"]
    assert (shown["state"], shown["textMessage"]) == ("Delivered", {"text": ""})
    assert (await program.ask("GET", "messages")).headers[b"x-total-count"] == b"1"
