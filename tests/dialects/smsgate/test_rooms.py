"""Phones, webhooks, settings, inbox and logs: exact bytes in and out, and refusals."""

from __future__ import annotations

import base64
import hmac
from typing import Any

import msgspec
import pytest

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.devices.model.devices import Device
from dragoman.core.messages.model.callbacks import EventFacts, EventKind
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.messages import Holder, InboundPartReport
from dragoman.core.model.errors import FailureCode, RefusalCode
from dragoman.core.submission.model.progress import Progress
from dragoman.dialects.smsgate import errors, mapping, webhooks
from dragoman.protocols.gsm.alphabet import Alphabet

from .conftest import NUMBER, OTHER, USERNAME, Program

URL = "https://example.org/hook"


@pytest.mark.parametrize("code", RefusalCode)
def test_every_refusal_has_a_status(code: RefusalCode) -> None:
    assert 400 <= errors.STATUSES[code] <= 503


@pytest.mark.parametrize("progress", Progress)
def test_every_progress_has_a_word(progress: Progress) -> None:
    assert mapping.PROGRESS[mapping.STATES[progress]] is progress


@pytest.mark.parametrize("kind", sorted(set(EventKind) - {EventKind.MESSAGE_CHANGED}))
def test_every_event_has_a_name_and_a_payload(kind: EventKind) -> None:
    assert mapping.KINDS[mapping.EVENTS[kind]] is kind
    assert kind in webhooks._PAYLOADS


async def test_phones_are_listed_and_removed(program: Program) -> None:
    assert (await program.ask("GET", "devices")).body == b"[]"
    device = await program.phone(sims=2)
    await program.phone(OTHER)
    await program.services.devices.change_sim(device.device_id, 2, number="+4512345678")
    answer = await program.ask("GET", "device")
    assert answer.status == 200
    assert answer.masked == (
        b'[{"id":"<device>","name":"Maker/model","createdAt":"2026-09-21T14:13:20.000Z",'
        b'"updatedAt":"2026-09-21T14:13:20.000Z","lastSeen":"2026-09-21T14:13:20.000Z",'
        b'"simCards":[{"slotIndex":0,"simNumber":1,"phoneNumber":"****0001"},'
        b'{"slotIndex":1,"simNumber":2,"phoneNumber":"+4512345678"}]}]'
    )
    answer = await program.ask("DELETE", f"devices/{device.device_id}")
    assert (answer.status, answer.body) == (204, b"")
    assert (await program.ask("GET", "devices")).body == b"[]"
    assert (await program.ask("DELETE", f"devices/{device.device_id}")).status == 404


async def test_a_phone_of_another_account_is_not_there(program: Program, refused: Any) -> None:
    theirs = await program.phone(OTHER)
    for device in (str(theirs.device_id), "1", "x", "9" * 40):
        assert (await refused(program.ask("DELETE", f"devices/{device}"))).status == 404
    assert program.services.devices.get(theirs.device_id) is not None


async def test_webhooks_are_registered_listed_replaced_and_removed(program: Program) -> None:
    device = await program.phone()
    body = b'{"id":"w1","url":"https://example.org/hook","event":"sms:received"}'
    answer = await program.ask("POST", "webhooks", body)
    assert answer.status == 201
    assert answer.body == (
        b'{"id":"w1","deviceId":null,"url":"https://example.org/hook","event":"sms:received"}'
    )
    other = {"url": URL, "event": "sms:sent", "deviceId": str(device.device_id)}
    answer = await program.ask("POST", "webhooks", other)
    assert answer.masked == (
        b'{"id":"<key>","deviceId":"<device>","url":"https://example.org/hook","event":"sms:sent"}'
    )
    replaced = {"id": "w1", "url": f"{URL}/2", "event": "sms:failed"}
    assert (await program.ask("POST", "webhooks", replaced)).status == 201
    listed = (await program.ask("GET", "webhooks")).json
    assert (listed[0]["id"], listed[0]["event"]) == ("w1", "sms:failed")
    assert len(listed) == 2

    await program.log_in(OTHER)
    assert (await program.ask("GET", "webhooks")).body == b"[]"
    assert (await program.ask("DELETE", "webhooks/w1")).status == 204
    await program.log_in()
    assert (await program.ask("GET", "webhooks")).json == listed
    for _ in range(2):
        answer = await program.ask("DELETE", "webhooks/w1")
        assert (answer.status, answer.body) == (204, b"")
    assert len((await program.ask("GET", "webhooks")).json) == 1
    before = (await program.ask("GET", "webhooks")).json
    program.services.webhooks._webhooks.clear()
    await program.services.webhooks.restore()
    assert (await program.ask("GET", "webhooks")).json == before


async def test_a_webhook_may_have_a_login(program: Program) -> None:
    await program.log_in()
    body = {"url": "https://user:pw@example.org/", "event": "sms:sent"}
    answer = await program.ask("POST", "webhooks", body)
    assert (answer.status, answer.json["url"]) == (201, body["url"])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        {"url": URL},
        {"event": "sms:sent"},
        {"url": URL, "event": "sms:eaten"},
        {"url": "ftp://example.org/", "event": "sms:sent"},
        {"url": "https://", "event": "sms:sent"},
        {"url": "https://example.org/\0", "event": "sms:sent"},
        {"url": "https://example.org/" + "x" * 2_000, "event": "sms:sent"},
        {"url": URL, "event": "sms:sent", "id": "x" * 37},
        {"url": URL, "event": "sms:sent", "id": "a\0"},
        {"url": URL, "event": "sms:sent", "deviceId": "1"},
        {"url": URL, "event": "sms:sent", "deviceId": "x"},
    ],
)
async def test_a_bad_webhook_is_refused(program: Program, refused: Any, body: object) -> None:
    account = await program.log_in()
    await program.services.phone_settings.ensure_signing_key(account)
    assert (await refused(program.ask("POST", "webhooks", body))).status == 400


async def test_a_webhook_on_plain_http_is_for_development(program: Program) -> None:
    body = {"url": "http://127.0.0.1:9/", "event": "sms:sent"}
    assert (await program.ask("POST", "webhooks", body)).status == 201
    strict = program.services.settings.dialects
    assert not type(strict)().smsgate.plain_webhooks


async def test_webhooks_have_a_bound(program: Program, refused: Any) -> None:
    for number in range(100):
        body = {"id": f"w{number}", "url": URL, "event": "sms:sent"}
        assert (await program.ask("POST", "webhooks", body)).status == 201
    body = {"id": "more", "url": URL, "event": "sms:sent"}
    assert (await refused(program.ask("POST", "webhooks", body))).status == 400
    assert (await program.ask("POST", "webhooks", body | {"id": "w7"})).status == 201


async def hook(program: Program, event: str, key: str = "", **more: Any) -> None:
    body = {"id": key or event, "url": f"{URL}/{event}", "event": event} | more
    assert (await program.ask("POST", "webhooks", body)).status == 201


def calls(program: Program, told: list[tuple[str, str]]) -> list[tuple[str, Any]]:
    """The requests that would be made: URL and body, the identifiers of events masked."""
    assert program.dialect.render_event is not None
    found = []
    for url, payload in told:
        facts = msgspec.json.decode(payload, type=EventFacts)
        call = program.dialect.render_event(url, facts)
        assert call.method == "POST"
        body = msgspec.json.decode(call.body)
        assert body.pop("id") == str(facts.event_id)
        found.append((call.url, body))
    return found


async def test_the_url_for_reports_is_told_how_messages_fare(program: Program) -> None:
    account = await program.services.accounts.find(USERNAME)
    webhooks = program.services.webhooks
    await webhooks.put_report_url(account, "smsgate", URL)
    assert webhooks.report_url(account.account_id, "smsgate") == URL
    assert program.services.phone_settings.signing_key(account.account_id)
    listed = (await program.ask("GET", "webhooks")).json
    assert {one["event"] for one in listed} == {"sms:sent", "sms:delivered", "sms:failed"}
    await program.send("one")
    await program.move(State.SENDING, State.SENT, State.UNDELIVERED)
    told = calls(program, await program.told())
    assert [(url, body["event"], body["payload"]["messageId"]) for url, body in told] == [
        (URL, "sms:sent", "one"),
        (URL, "sms:failed", "one"),
    ]
    await webhooks.put_report_url(account, "smsgate", "")
    assert (await program.ask("GET", "webhooks")).json == []


async def test_webhooks_are_told_of_a_message_on_its_way(program: Program) -> None:
    for event in ("sms:sent", "sms:delivered", "sms:failed", "sms:cancelled", "sms:received"):
        await hook(program, event)
    await hook(program, "sms:sent", key="again")
    await program.log_in(OTHER)
    await hook(program, "sms:sent")
    await program.log_in()
    await program.send("one")
    await program.move(State.SENDING, State.SENT, State.DELIVERED)
    common = {"messageId": "one", "phoneNumber": NUMBER, "recipient": NUMBER}
    sent = {
        "webhookId": "sms:sent",
        "event": "sms:sent",
        "deviceId": "",
        "payload": common | {"partsCount": 1, "sentAt": "2026-09-21T14:13:23.000Z"},
    }
    assert calls(program, await program.told()) == [
        (f"{URL}/sms:sent", sent),
        (f"{URL}/sms:sent", sent | {"webhookId": "again"}),
        (
            f"{URL}/sms:delivered",
            {
                "webhookId": "sms:delivered",
                "event": "sms:delivered",
                "deviceId": "",
                "payload": common | {"deliveredAt": "2026-09-21T14:13:24.500Z"},
            },
        ),
    ]
    await program.send("two")
    await program.move(State.REJECTED, failure=FailureCode.INVALID_DESTINATION)
    url, body = calls(program, await program.told())[-1]
    assert (url, body["event"]) == (f"{URL}/sms:failed", "sms:failed")
    assert body["payload"]["reason"] == "invalid_destination"
    await program.send("three")
    await program.ask("DELETE", "messages/three")
    url, body = calls(program, await program.told())[-1]
    assert url == f"{URL}/sms:cancelled"
    assert list(body["payload"]) == ["messageId", "phoneNumber", "recipient", "cancelledAt"]


async def test_an_opted_out_recipient_fails_with_its_acceptance(program: Program) -> None:
    account = await program.log_in()
    await hook(program, "sms:failed")
    await program.services.opt_outs.add(account, NUMBER.removeprefix("+"))
    assert (await program.send("one")).status == 202
    assert (await program.ask("GET", "messages/one")).json["state"] == "Failed"
    ((_, body),) = calls(program, await program.told())
    assert body["payload"]["reason"] == "opted_out"


async def receive(
    program: Program, account: Account, device: Device, alphabet: Alphabet, text: str
) -> None:
    """A text comes in over a phone."""
    report = InboundPartReport(
        carrier="phones",
        source="+4587654321",
        destination="4512345678",
        alphabet=alphabet,
        text=text,
        holder=Holder(
            account_id=account.account_id, device_id=device.device_id, event_id=text, sim=1
        ),
    )
    stored: list[bool] = []
    program.services.inbound.receive(report, stored.append)
    while not stored:
        await program.rows()


async def test_a_webhook_for_batches_gets_each_text_as_a_list(program: Program) -> None:
    account = await program.log_in()
    device = await program.phone()
    await hook(program, "sms:received")
    for event in ("sms:batch:received", "sms:batch:data-received", "mms:batch:received"):
        await hook(program, event)
    await receive(program, account, device, Alphabet.GSM7, "Hi")
    await receive(program, account, device, Alphabet.BINARY, b"\x01\x02".hex())
    (_, alone), (url, batch), (_, data) = calls(program, await program.told())
    assert (url, batch["event"]) == (f"{URL}/sms:batch:received", "sms:batch:received")
    assert batch["payload"] == {"messages": [alone["payload"]]}
    assert alone["payload"]["message"] == "Hi"
    assert data["event"] == "sms:batch:data-received"
    assert [one["data"] for one in data["payload"]["messages"]] == ["AQI="]


async def test_webhooks_are_told_of_a_text_that_a_phone_received(program: Program) -> None:
    account = await program.log_in()
    device = await program.phone()
    await hook(program, "sms:received")
    await hook(program, "sms:received", key="its", deviceId=str(device.device_id))
    await hook(program, "sms:data-received")
    another = await program.phone()
    await hook(program, "sms:received", key="not", deviceId=str(another.device_id))
    await receive(program, account, device, Alphabet.GSM7, "Hi")
    await receive(program, account, device, Alphabet.BINARY, b"\x01\x02".hex())
    found = calls(program, await program.told())
    assert [body["webhookId"] for _, body in found] == ["sms:received", "its", "sms:data-received"]
    first, data = found[0][1], found[2][1]
    key = first["payload"].pop("messageId")
    assert key.isdigit()
    assert first == {
        "webhookId": "sms:received",
        "event": "sms:received",
        "deviceId": str(device.device_id),
        "payload": {
            "phoneNumber": "+4587654321",
            "sender": "+4587654321",
            "recipient": "+4512345678",
            "simNumber": 1,
            "message": "Hi",
            "receivedAt": "2026-09-21T14:13:20.000Z",
        },
    }
    assert data["payload"]["data"] == base64.b64encode(b"\x01\x02").decode()


async def test_a_call_is_signed_with_the_key_of_the_account(program: Program) -> None:
    account = await program.log_in()
    body = b'{"webhooks":{"signing_key":"my own key","retry_count":3}}'
    answer = await program.ask("PATCH", "settings", body)
    assert (answer.status, answer.body) == (200, b'{"webhooks":{"retry_count":3}}')
    await hook(program, "sms:sent")
    facts = EventFacts(
        event_id=7,
        account_id=account.account_id,
        webhook="w",
        kind=EventKind.MESSAGE_SENT,
        at_ms=0,
        device_id=5,
        sim=2,
        key="k",
        recipient="4512345678",
        parts=2,
    )
    assert program.dialect.render_event is not None
    call = program.dialect.render_event(URL, facts)
    assert call.body == (
        b'{"id":"7","webhookId":"w","event":"sms:sent","deviceId":"5","payload":{"messageId":"k",'
        b'"phoneNumber":"+4512345678","recipient":"+4512345678","simNumber":2,"partsCount":2,'
        b'"sentAt":"1970-01-01T00:00:00.000Z"}}'
    )
    expected = hmac.digest(b"my own key", call.body + b"1790000000", "sha256").hex()
    assert dict(call.headers) == {
        "content-type": "application/json",
        "x-timestamp": "1790000000",
        "x-signature": expected,
    }
    program.clock.advance(60)  # a retry is signed anew
    assert dict(program.dialect.render_event(URL, facts).headers)["x-timestamp"] == "1790000060"


async def test_settings_are_replaced_changed_and_taken_away(program: Program) -> None:
    assert (await program.ask("GET", "settings")).body == b"{}"
    body = {
        "messages": {"send_interval_min": 5, "limit_period": "PerHour", "limit_value": 20},
        "ping": {"interval_seconds": 60},
        "receiver": {"content_provider_enabled": True},
        "unknown": {"x": 1},
        "logs": None,
        "encryption": {"passphrase": ""},
        "gateway": {"cloud_url": None, "notification_channel": "SSE_ONLY"},
    }
    answer = await program.ask("PUT", "settings", body)
    assert answer.status == 200
    kept = (
        b'{"messages":{"send_interval_min":5,"limit_period":"PerHour","limit_value":20},'
        b'"ping":{"interval_seconds":60},"gateway":{"notification_channel":"SSE_ONLY"},'
        b'"receiver":{"content_provider_enabled":true}}'
    )
    assert answer.body == kept
    changed = {"messages": {"limit_value": None, "send_interval_max": 9}, "ping": {}}
    answer = await program.ask("PATCH", "settings", changed)
    assert answer.json["messages"] == {
        "send_interval_min": 5,
        "limit_period": "PerHour",
        "send_interval_max": 9,
    }
    before = (await program.ask("GET", "settings")).json
    assert before == answer.json
    program.services.phone_settings._settings.clear()
    await program.services.phone_settings.restore()
    assert (await program.ask("GET", "settings")).json == before
    await program.log_in(OTHER)
    assert (await program.ask("GET", "settings")).body == b"{}"
    await program.log_in(USERNAME)
    assert (await program.ask("PUT", "settings", {})).body == b"{}"


@pytest.mark.stores_nothing
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        {"messages": 5},
        {"messages": {"send_interval_min": 0}},
        {"messages": {"send_interval_min": 9, "send_interval_max": 5}},
        {"messages": {"limit_period": "PerCentury"}},
        {"messages": {"processing_order": "FILO"}},
        {"messages": {"work_hours_start": "x" * 17}},
        {"ping": {"interval_seconds": 10**12}},
        {"encryption": {"passphrase": "secret"}},
        {"gateway": {"cloud_url": "https://elsewhere.example"}},
        {"gateway": {"private_token": "token"}},
        {"gateway": {"notification_channel": "PIGEON"}},
        {"webhooks": {"signing_key": "x" * 257}},
        {"webhooks": {"signing_key": "a\0b"}},
    ],
)
async def test_bad_settings_are_refused(program: Program, refused: Any, body: object) -> None:
    for method in ("PUT", "PATCH"):
        assert (await refused(program.ask(method, "settings", body))).status == 400


WHEN = {"since": "2026-09-01T00:00:00Z", "until": "2026-09-21T00:00:00Z"}


async def test_phones_are_asked_for_their_inbox(program: Program) -> None:
    device = await program.phone()
    answer = await program.ask("POST", "inbox/refresh", WHEN | {"messageTypes": ["SMS", "MMS"]})
    assert (answer.status, answer.body) == (202, b"{}")
    body = WHEN | {"deviceId": str(device.device_id)}
    answer = await program.ask("POST", "messages/inbox/export", body)
    assert (answer.status, answer.headers[b"deprecation"]) == (202, b"true")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        ({"since": WHEN["since"]}, 400),
        ({"since": WHEN["until"], "until": WHEN["since"]}, 400),
        (WHEN | {"since": "yesterday"}, 400),
        (WHEN | {"messageTypes": ["PIGEON"]}, 400),
        (WHEN | {"webhookDelivery": "Perhaps"}, 400),
        (WHEN | {"deviceId": "1"}, 404),
        (WHEN | {"deviceId": "x"}, 404),
        (WHEN | {"deviceId": "x" * 22}, 400),
    ],
)
async def test_an_inbox_asked_for_badly_is_refused(
    program: Program, refused: Any, body: object, status: int
) -> None:
    for target in ("inbox/refresh", "messages/inbox/export"):
        assert (await refused(program.ask("POST", target, body))).status == status


async def test_the_inbox_of_another_accounts_phone_is_not_there(
    program: Program, refused: Any
) -> None:
    theirs = await program.phone(OTHER)
    body = WHEN | {"deviceId": str(theirs.device_id)}
    assert (await refused(program.ask("POST", "inbox/refresh", body))).status == 404


@pytest.mark.parametrize("target", ["inbox", "logs"])
async def test_what_is_not_kept_is_said_to_be_missing(program: Program, target: str) -> None:
    answer = await program.ask("GET", target)
    assert answer.status == 501
    assert list(answer.json) == ["message"]
