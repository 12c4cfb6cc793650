"""Texts that come in: the call to the number's URL, and what its answer leads to."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

import msgspec
import pytest

from dragoman.core.inbound.answers import AT_ONCE, TooManyAnswers
from dragoman.core.messages.model.callbacks import CallbackAnswer, TextFacts
from dragoman.core.messages.model.records import NewCallback
from dragoman.core.model.errors import StorageUnavailable
from dragoman.dialects.twilio.inbound import MAX_HOPS, Step
from dragoman.dialects.twilio.signing import sign
from dragoman.kit.ids import render_hex

from .conftest import OWN_NUMBER, SID, TOKEN

URL = "https://shop.example/sms?a=1"
TWIML = "text/xml"


@pytest.fixture
async def calls(gate: Any) -> list[NewCallback]:
    """The calls that are stored, in order, for a number with a URL."""
    await set_number(gate, SmsUrl=URL)
    stored: list[NewCallback] = []
    gate.services.callback_stored.subscribe(stored.append)
    return stored


async def set_number(gate: Any, **form: str) -> None:
    listed = (await gate.call("GET", "/IncomingPhoneNumbers.json")).json
    [number] = listed["incoming_phone_numbers"]
    answer = await gate.call("POST", f"/IncomingPhoneNumbers/{number['sid']}.json", form)
    assert answer.status == 200, answer.body


def facts_of(call: NewCallback) -> TextFacts:
    return msgspec.json.decode(call.payload, type=TextFacts)


async def reply(
    gate: Any, call: NewCallback, body: str, kind: str = TWIML, status: int | None = 200
) -> bool:
    """Lets the customer's server answer to a call."""
    answer = CallbackAnswer(
        callback_id=call.callback_id,
        account_id=call.account_id,
        url=call.url,
        facts=facts_of(call),
        status=status,
        headers={"content-type": kind},
        body=body.encode(),
    )
    return bool(await gate.dialect.take_answer(answer))


async def sent(gate: Any) -> list[Any]:
    listed = (await gate.call("GET", "/Messages.json")).json["messages"]
    return [message for message in listed[::-1] if message["direction"] != "inbound"]


async def test_the_call_is_exact(gate: Any, calls: list[NewCallback]) -> None:
    await gate.receive("Hi & bye å")
    [stored] = calls
    assert (stored.url, stored.dialect) == (URL, "twilio:text")
    facts = facts_of(stored)
    call = await gate.dialect.render_text(stored.url, facts)
    sid = f"SM{render_hex(facts.inbound_id)}"
    assert (call.method, call.url) == ("POST", URL)
    assert call.body.decode() == (
        f"ToCountry=DK&ToState=&SmsMessageSid={sid}&NumMedia=0&ToCity=&FromZip=&SmsSid={sid}"
        "&FromState=&SmsStatus=received&FromCity=&Body=Hi+%26+bye+%C3%A5&FromCountry=DK"
        f"&To=%2B{OWN_NUMBER}&ToZip=&NumSegments=1&MessageSid={sid}&AccountSid={SID}"
        "&From=%2B4512345678&ApiVersion=2010-04-01"
    )
    form = dict(parse_qsl(call.body.decode(), keep_blank_values=True))
    assert dict(call.headers)["X-Twilio-Signature"] == sign(TOKEN, URL, form)


async def test_a_number_may_ask_for_a_get(gate: Any, calls: list[NewCallback]) -> None:
    await set_number(gate, SmsMethod="get")
    await gate.receive("Hi")
    call = await gate.dialect.render_text(calls[0].url, facts_of(calls[0]))
    assert (call.method, call.body) == ("GET", b"")
    assert call.url.startswith(f"{URL}&ToCountry=DK&")
    assert dict(call.headers)["X-Twilio-Signature"] == sign(TOKEN, call.url, {})


async def test_a_name_as_sender_has_no_country(gate: Any, calls: list[NewCallback]) -> None:
    await gate.receive("Hi", "Bank")
    call = await gate.dialect.render_text(calls[0].url, facts_of(calls[0]))
    assert b"&FromCountry=&" in call.body
    assert b"&From=Bank&" in call.body
    await reply(gate, calls[0], "<Response><Message>x</Message></Response>")
    assert await sent(gate) == []


async def test_without_a_url_nobody_is_called(gate: Any, calls: list[NewCallback]) -> None:
    await set_number(gate, SmsUrl="")
    await gate.receive("Hi")
    assert calls == []
    await set_number(gate, SmsUrl="https://other.example/")
    await gate.receive("Hi")
    assert [call.url for call in calls] == ["https://other.example/"]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("STOP", "STOP"),
        ("stop it", "STOP"),
        ("Start", "START"),
        ("help", "HELP"),
        ("help me", ""),
        ("stopping", ""),
    ],
)
async def test_a_stop_is_told_too(
    gate: Any, calls: list[NewCallback], text: str, kind: str
) -> None:
    await gate.receive(text)
    (stored,) = calls
    assert facts_of(stored).text == text
    call = await gate.dialect.render_text(stored.url, facts_of(stored))
    form = dict(parse_qsl(call.body.decode(), keep_blank_values=True))
    assert form.get("OptOutType", "") == kind


async def test_a_reply_is_sent_once_however_often_it_is_read(
    gate: Any, calls: list[NewCallback]
) -> None:
    await gate.receive("Hi")
    twiml = (
        "<Response><Message>One</Message>"
        '<Message to="+4512345601" from="Shop" action="done?b=2">Two</Message></Response>'
    )
    for _ in range(3):  # a crash between acting and noting it has it read again
        assert await reply(gate, calls[0], twiml) is False
    one, two = await sent(gate)
    assert (one["body"], one["to"], one["from"]) == ("One", "+4512345678", f"+{OWN_NUMBER}")
    assert (two["body"], two["to"], two["from"]) == ("Two", "+4512345601", "Shop")
    assert {one["direction"], two["direction"]} == {"outbound-reply"}
    urls = {message.batch.stored.options.callback_url for message in gate.services.live}
    assert urls == {"", "https://shop.example/done?b=2"}


async def test_plain_text_is_a_reply(gate: Any, calls: list[NewCallback]) -> None:
    await gate.receive("Hi")
    await reply(gate, calls[0], "Thanks", "text/plain")
    assert [message["body"] for message in await sent(gate)] == ["Thanks"]


REFUSED = {
    "no text": "<Message/>",
    "too long": f"<Message>{'x' * 1601}</Message>",
    "no number": '<Message to="+1">x</Message>',
    "no sender": '<Message from="far too long a name">x</Message>',
    "no address": '<Message action="ftp://x.example/">x</Message>',
}


@pytest.mark.parametrize("case", REFUSED)
async def test_a_reply_that_cannot_be_sent_holds_up_no_other(
    gate: Any, calls: list[NewCallback], case: str
) -> None:
    await gate.receive("Hi")
    await reply(gate, calls[0], f"<Response>{REFUSED[case]}<Message>Good</Message></Response>")
    assert [message["body"] for message in await sent(gate)] == ["Good"]


async def test_a_reply_that_cannot_be_stored_is_tried_again(
    gate: Any, calls: list[NewCallback], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unavailable(*_: Any) -> None:
        raise StorageUnavailable("the disk is full")

    await gate.receive("Hi")
    with monkeypatch.context() as patch:
        patch.setattr(type(gate.services.single_messages), "submit", unavailable)
        with pytest.raises(StorageUnavailable):
            await reply(gate, calls[0], "<Response><Message>x</Message></Response>")


async def test_a_redirect_is_another_call(gate: Any, calls: list[NewCallback]) -> None:
    await gate.receive("Hi")
    twiml = '<Response><Message>1</Message><Redirect method="GET">../next?x=1</Redirect></Response>'
    assert await reply(gate, calls[0], twiml) is False
    first, second = calls
    assert second.url == "https://shop.example/next?x=1"
    assert second.message_id == facts_of(first).inbound_id
    call = await gate.dialect.render_text(second.url, facts_of(second))
    assert (call.method, call.url[:34]) == ("GET", "https://shop.example/next?x=1&ToCo")
    await reply(gate, second, "<Response><Message>2</Message></Response>")
    assert [message["body"] for message in await sent(gate)] == ["1", "2"]


async def test_redirects_end(gate: Any, calls: list[NewCallback]) -> None:
    await gate.receive("Hi")
    for _ in range(2 * MAX_HOPS):
        await reply(gate, calls[-1], "<Response><Redirect>/again</Redirect></Response>")
    assert len(calls) == MAX_HOPS + 1


@pytest.mark.parametrize("url", ["ftp://x.example/", "http://", ""])
async def test_a_redirect_to_nowhere_is_none(gate: Any, calls: list[NewCallback], url: str) -> None:
    await gate.receive("Hi")
    await reply(gate, calls[0], f"<Response><Redirect>{url}</Redirect></Response>")
    assert len(calls) == 1


FAILED: dict[str, tuple[str, str, int | None, int]] = {
    "no answer": ("", "", None, 11200),
    "an error": ("oops", "text/plain", 500, 11200),
    "not found": (TWIML, "<Response/>", 404, 11200),
    "no TwiML": ("<html/>", "text/html", 200, 12300),
}


@pytest.mark.parametrize("case", FAILED)
async def test_a_failure_asks_the_fallback_once(
    gate: Any, calls: list[NewCallback], case: str
) -> None:
    body, kind, status, code = FAILED[case]
    await set_number(gate, SmsFallbackUrl="https://spare.example/", SmsFallbackMethod="GET")
    await gate.receive("Hi")
    assert await reply(gate, calls[0], body, kind, status) is True
    assert calls[1].url == "https://spare.example/"
    step = Step.parse(facts_of(calls[1]).note)
    assert (step.error_code, step.error_url, step.is_fallback) == (code, URL, True)
    call = await gate.dialect.render_text(calls[1].url, facts_of(calls[1]))
    assert call.method == "GET"
    assert f"&ErrorCode={code}&ErrorUrl=https%3A%2F%2Fshop.example%2Fsms%3Fa%3D1" in call.url
    assert await reply(gate, calls[1], body, kind, status) is False
    assert len(calls) == 2


async def test_without_a_fallback_the_call_is_repeated(gate: Any, calls: list[NewCallback]) -> None:
    await gate.receive("Hi")
    assert await reply(gate, calls[0], "", "", 500) is False
    assert len(calls) == 1


async def test_a_deleted_text_leaves_nothing_in_later_calls(
    gate: Any, calls: list[NewCallback]
) -> None:
    await gate.receive("very secret", "4512345699")
    await reply(gate, calls[0], "<Response><Redirect>/again</Redirect></Response>")
    sid = f"SM{render_hex(facts_of(calls[0]).inbound_id)}"
    await gate.end_callbacks()
    assert (await gate.call("DELETE", f"/Messages/{sid}.json")).status == 204
    dump = await gate.dump()
    assert b"very secret" not in dump
    assert b"4512345699" not in dump


async def test_a_user_name_and_a_password_go_with_every_call(
    gate: Any, calls: list[NewCallback]
) -> None:
    await set_number(gate, SmsUrl="https://Me:se_cret@Shop.example/sms")
    await gate.receive("Hi")
    call = await gate.dialect.render_text(calls[0].url, facts_of(calls[0]))
    assert (call.url, call.headers[0]) == ("https://shop.example/sms", LOGIN)
    await reply(
        gate,
        calls[0],
        "<Response><Message action='/done'>1</Message><Redirect>/next</Redirect></Response>",
    )
    call = await gate.dialect.render_text(calls[1].url, facts_of(calls[1]))
    assert (call.url, call.headers[0]) == ("https://shop.example/next", LOGIN)
    await set_number(gate, SmsFallbackUrl="https://spare.example/", SmsFallbackMethod="GET")
    assert await reply(gate, calls[1], "", "", 500) is True
    step = Step.parse(facts_of(calls[2]).note)
    assert step.error_url == "https://Shop.example/next"


LOGIN = ("Authorization", "Basic TWU6c2VfY3JldA==")


NUMBERS: dict[str, tuple[dict[str, str], int]] = {
    "no address": ({"SmsUrl": "ftp://x"}, 20001),
    "another method": ({"SmsMethod": "PUT"}, 20001),
    "a long name": ({"FriendlyName": "x" * 65}, 20001),
}


@pytest.mark.parametrize("case", NUMBERS)
async def test_what_a_number_refuses(gate: Any, case: str) -> None:
    form, code = NUMBERS[case]
    [number] = (await gate.call("GET", "/IncomingPhoneNumbers.json")).json["incoming_phone_numbers"]
    answer = await gate.call("POST", f"/IncomingPhoneNumbers/{number['sid']}.json", form)
    assert (answer.status, answer.json["code"]) == (400, code)


async def test_a_number_is_exact(gate: Any) -> None:
    answer = await gate.call(
        "POST", "/IncomingPhoneNumbers.json", {"PhoneNumber": f"+{OWN_NUMBER}", "SmsUrl": URL}
    )
    assert answer.status == 201
    assert answer.masked == (
        b'{"account_sid":"' + SID.encode() + b'","api_version":"2010-04-01","beta":false,'
        b'"capabilities":{"voice":false,"sms":true,"mms":true,"fax":false},'
        b'"date_created":"DATE","date_updated":"DATE","friendly_name":"+4511112222",'
        b'"phone_number":"+4511112222","origin":"hosted","sid":"PN...","sms_application_sid":null,'
        b'"sms_fallback_method":"POST","sms_fallback_url":"","sms_method":"POST",'
        b'"sms_url":"https://shop.example/sms?a=1","status":"in-use","status_callback":"",'
        b'"status_callback_method":"POST","uri":"/2010-04-01/Accounts/'
        + SID.encode()
        + b'/IncomingPhoneNumbers/PN....json","address_requirements":"none","address_sid":null,'
        b'"bundle_sid":null,"emergency_address_sid":null,"emergency_address_status":"unregistered",'
        b'"emergency_status":"Inactive","identity_sid":null,"trunk_sid":null,"type":null,'
        b'"voice_application_sid":null,"voice_caller_id_lookup":false,'
        b'"voice_fallback_method":"POST","voice_fallback_url":null,"voice_method":"POST",'
        b'"voice_receive_mode":"voice","voice_url":null}'
    )
    for given, code in (("+4599999999", 21422), ("x", 21421), ("", 21422)):
        answer = await gate.call("POST", "/IncomingPhoneNumbers.json", {"PhoneNumber": given})
        assert (answer.status, answer.json["code"]) == (400, code), given


async def test_two_numbers_that_answer_each_other_fall_silent(
    gate: Any, calls: list[NewCallback]
) -> None:
    again = "<Response><Message>again</Message></Response>"
    for number in range(AT_ONCE):
        await gate.receive(f"round {number}")
        await reply(gate, calls[-1], again)
    await gate.receive("one more")
    with pytest.raises(TooManyAnswers):
        await reply(gate, calls[-1], again)
    assert len(await sent(gate)) == AT_ONCE
    await gate.receive("Hi", sender="4599999999")  # whom it has not answered yet
    await reply(gate, calls[-1], "<Response><Message>hello</Message></Response>")
    assert len(await sent(gate)) == AT_ONCE + 1
