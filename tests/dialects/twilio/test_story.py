"""The life of a program of Twilio, on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from dragoman.assembly import build_services
from dragoman.config.sections import Storage
from dragoman.config.values import Secret
from dragoman.core.messages.model.callbacks import CallbackAnswer, TextFacts
from dragoman.core.messages.model.records import NewCallback
from dragoman.dialects.twilio import build_twilio

from .conftest import OWN_NUMBER, SID, TOKEN, Gate, settings_of

SMS_URL = "https://shop.example/sms"


@pytest.fixture
async def gate(database_url: str, tmp_path: Path) -> AsyncIterator[Gate]:
    settings = settings_of(tmp_path / "data")
    storage = Storage(url=Secret(database_url))
    services = build_services(msgspec.structs.replace(settings, storage=storage))
    await services.open(migrate=False)
    account = (await services.accounts.create("tester", credits=1_000)).account
    token = await services.auth_tokens.set(account, public_id=SID, token=TOKEN)
    await services.keywords.add_number(account, OWN_NUMBER, shared=False)
    yield Gate(services, build_twilio(services), token)
    await services.close()


async def test_a_program_sends_hears_and_tidies_up(gate: Any) -> None:
    service = await gate.service()
    first = await gate.send(MessagingServiceSid=service, From="")
    await gate.end()
    second = await gate.send(MessagingServiceSid=service, From="")
    found = [
        (await gate.call("GET", f"/Messages/{one['sid']}.json")).json for one in (first, second)
    ]
    assert found[0]["from"] == found[1]["from"]
    assert [one["status"] for one in found] == ["delivered", "queued"]
    at = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    form = {"MessagingServiceSid": service, "ScheduleType": "fixed", "SendAt": at, "From": ""}
    later = await gate.send(**form)
    cancelled = await gate.call("POST", f"/Messages/{later['sid']}.json", {"Status": "canceled"})
    assert (cancelled.json["status"], cancelled.json["to"]) == ("canceled", "+4512345678")

    calls: list[NewCallback] = []
    gate.services.callback_stored.subscribe(calls.append)
    number = {"PhoneNumber": f"+{OWN_NUMBER}", "SmsUrl": SMS_URL}
    assert (await gate.call("POST", "/IncomingPhoneNumbers.json", number)).status == 201
    await gate.receive("Hi")
    facts = msgspec.json.decode(calls[0].payload, type=TextFacts)
    twiml = b"<Response><Message>Hi back</Message><Redirect>/more</Redirect></Response>"
    answer = CallbackAnswer(
        callback_id=calls[0].callback_id,
        account_id=calls[0].account_id,
        url=calls[0].url,
        facts=facts,
        status=200,
        headers={"content-type": "text/xml"},
        body=twiml,
    )
    for _ in range(2):
        assert await gate.dialect.take_answer(answer) is False
    assert [call.url for call in calls] == [SMS_URL, *["https://shop.example/more"] * 2]

    listed = (await gate.call("GET", "/Messages.json")).json["messages"]
    assert [(one["direction"], one["status"]) for one in listed] == [
        ("outbound-reply", "queued"),
        ("inbound", "received"),
        ("outbound-api", "canceled"),
        ("outbound-api", "queued"),
        ("outbound-api", "delivered"),
    ]
    to_her = (await gate.call("GET", "/Messages.json?To=%2B4512345678&PageSize=2")).json
    assert [one["sid"] for one in to_her["messages"]] == [listed[0]["sid"], listed[2]["sid"]]
    rest = (await gate.call("GET", to_her["next_page_uri"])).json["messages"]
    assert [one["sid"] for one in rest] == [second["sid"], first["sid"]]
    today = str(datetime.now(UTC).date())
    sent_today = (await gate.call("GET", f"/Messages.json?DateSent={today}")).json["messages"]
    assert [one["sid"] for one in sent_today] == [listed[1]["sid"], first["sid"]]

    await gate.end()
    await gate.end_callbacks()
    for one in listed:
        assert (await gate.call("DELETE", f"/Messages/{one['sid']}.json")).status == 204
    assert (await gate.call("GET", "/Messages.json")).json["messages"] == []
    dump = await gate.dump()
    assert b"Hi back" not in dump
    assert b"4512345678" not in dump


async def test_a_code_is_sent_checked_and_used_up(gate: Any) -> None:
    made = await gate.call("POST", "/v2/Services", {"FriendlyName": "Shop", "CodeLength": "5"})
    path = f"/v2/Services/{made.json['sid']}"
    form = {"To": "+4512345678", "Channel": "sms"}
    sid = (await gate.call("POST", f"{path}/Verifications", form)).json["sid"]
    [message] = gate.services.live
    code = message.batch.stored.text.rpartition(" ")[2]
    assert len(code) == 5
    assert (await gate.call("GET", f"{path}/Verifications/{sid}")).json["status"] == "pending"
    given = {"To": "+4512345678", "Code": code}
    for expected in ((200, "approved"), (404, 404)):
        answer = await gate.call("POST", f"{path}/VerificationCheck", given)
        assert (answer.status, answer.json["status"]) == expected


async def test_a_key_signs_in_until_it_is_deleted(gate: Any) -> None:
    key = (await gate.call("POST", "/Keys.json", {"FriendlyName": "robot"})).json
    login = (key["sid"], key["secret"])
    assert (await gate.call("GET", "/Messages.json", login=login)).status == 200
    assert (await gate.call("DELETE", f"/Keys/{key['sid']}.json")).status == 204
    assert (await gate.call("GET", "/Messages.json", login=login)).status == 401
