"""`send_sms.php`: exact requests, exact answers, and what was stored."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from dragoman.core.model.errors import StorageUnavailable

SEND = "/api/sms/send_sms.php"
KEY = "0123456789abcdef0123456789abcdef"
POOR_KEY = "poor-customers-key"
FENCED_KEY = "fenced-customers-key"
SHUT_KEY = "shut-customers-key"
GOOD = f"key={KEY}&mobile=447483938220&sender=InfoSMS&msgtext=Hello+How+Are+You&ref=h01txyo25k"
STORED = ("447483938220", "InfoSMS", "Hello How Are You", "HTTP")
MULTIPART = "multipart/form-data; boundary=xYz"

ACCEPTED = b"200"
ACCEPTED_JSON = b'{"status":true,"error":0}'
UNAVAILABLE = b"503"
UNAVAILABLE_JSON = b'{"status":false,"error":"Service temporarily not available"}'
REFUSED = b"400"
REFUSED_JSON = b'{"status":false,"error":"Message not accepted"}'


def multipart(**fields: str) -> bytes:
    parts = [
        f'--xYz\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    return "".join([*parts, "--xYz--\r\n"]).encode()


WAYS = {
    "query": ("GET", f"{SEND}?{GOOD}", b"", ""),
    "post without a body": ("POST", f"{SEND}?{GOOD}", b"", ""),
    "form": ("POST", SEND, GOOD.encode(), "application/x-www-form-urlencoded"),
    "form with charset": (
        "POST",
        SEND,
        GOOD.encode(),
        "application/x-www-form-urlencoded; charset=UTF-8",
    ),
    "key in the query, the rest in the form": (
        "POST",
        f"{SEND}?key={KEY}",
        GOOD.partition("&")[2].encode(),
        "application/x-www-form-urlencoded",
    ),
    "the form wins over the query": (
        "POST",
        f"{SEND}?mobile=4500000000&msgtext=other",
        GOOD.encode(),
        "application/x-www-form-urlencoded",
    ),
    "multipart": (
        "POST",
        SEND,
        multipart(
            key=KEY,
            mobile="447483938220",
            sender="InfoSMS",
            msgtext="Hello How Are You",
            ref="h01txyo25k",
        ),
        MULTIPART,
    ),
    "json with a number as a number": (
        "POST",
        SEND,
        b'{"key":"%s","mobile":447483938220,"sender":"InfoSMS",'
        b'"msgtext":"Hello How Are You","ref":"h01txyo25k"}' % KEY.encode(),
        "application/json",
    ),
    "names in any case": (
        "GET",
        f"{SEND}?Key={KEY}&MOBILE=447483938220&Sender=InfoSMS&MsgText=Hello%20How%20Are%20You"
        "&REF=h01txyo25k",
        b"",
        "",
    ),
    "form names in any case": (
        "POST",
        SEND,
        GOOD.replace("key=", "Key=").replace("ref=", "REF=").encode(),
        "application/x-www-form-urlencoded",
    ),
    "the last of a repeated parameter": ("GET", f"{SEND}?msgtext=first&{GOOD}", b"", ""),
    "a plus before the number": ("GET", f"{SEND}?{GOOD}".replace("=44", "=%2B44"), b"", ""),
    "a bare plus before the number": ("GET", f"{SEND}?{GOOD}".replace("=44", "=+44"), b"", ""),
    "zeros before the number": ("GET", f"{SEND}?{GOOD}".replace("=44", "=0044"), b"", ""),
    "doubled slashes": ("GET", f"//api//sms/send_sms.php?{GOOD}", b"", ""),
}


@pytest.mark.parametrize("way", WAYS)
async def test_a_message_is_accepted_however_it_is_sent(gate: Any, way: str) -> None:
    answer = await gate.ask(*WAYS[way])
    assert answer == (200, "text/plain; charset=utf-8", ACCEPTED)
    assert await gate.stored() == [STORED]
    assert await gate.available() == 9
    assert gate.services.metrics.accepted == {"httpsms": 1}


RESPONSES = {
    "&response=json": ("application/json", ACCEPTED_JSON),
    "&Response=JSON": ("application/json", ACCEPTED_JSON),
    "&response=": ("text/plain; charset=utf-8", ACCEPTED),
    "&response=xml": ("text/plain; charset=utf-8", ACCEPTED),
    "": ("text/plain; charset=utf-8", ACCEPTED),
}


@pytest.mark.parametrize("parameter", RESPONSES)
async def test_the_answer_is_json_when_asked_for(gate: Any, parameter: str) -> None:
    content_type, body = RESPONSES[parameter]
    assert await gate.ask("GET", f"{SEND}?{GOOD}{parameter}") == (200, content_type, body)


async def test_json_is_asked_for_in_a_form_body_too(gate: Any) -> None:
    answer = await gate.ask("POST", SEND, GOOD.encode() + b"&response=json")
    assert answer.body == ACCEPTED_JSON


TEXTS = {
    "Hall%C3%A5+%C3%84lskling": "Hallå Älskling",
    "Hall%E5": "Hallå",  # an old program in windows-1252
    "%D9%85%D8%B1%D8%AD%D8%A8%D8%A7": "مرحبا",
    "%F0%9F%91%8D": "👍",
    "1%2B1%3D2%26more": "1+1=2&more",
    "null": "null",
}


@pytest.mark.parametrize("sent", TEXTS)
async def test_the_text_is_kept_in_any_language(gate: Any, sent: str) -> None:
    assert await gate.send(msgtext=sent) == ACCEPTED
    assert [text for _, _, text, _ in await gate.stored()] == [TEXTS[sent]]


MISSING = {
    "key": "Missing Key Parameter",
    "mobile": "Missing Mobile Parameter",
    "sender": "Missing Sender Parameter",
    "msgtext": "Missing Msgtext Parameter",
    "ref": "Missing Ref Parameter",
}


@pytest.mark.parametrize("name", MISSING)
@pytest.mark.parametrize("empty", [False, True])
async def test_a_missing_or_empty_parameter_is_named(gate: Any, name: str, empty: bool) -> None:
    pairs = [pair.split("=", 1) for pair in GOOD.split("&")]
    kept = [f"{key}={'' if key == name else value}" for key, value in pairs]
    query = "&".join(kept if empty else [pair for pair in kept if not pair.endswith("=")])
    assert (await gate.ask("GET", f"{SEND}?{query}")).body == REFUSED
    answer = await gate.ask("GET", f"{SEND}?{query}&response=json")
    expected = b'{"status":false,"error":"%s"}' % MISSING[name].encode()
    assert answer == (200, "application/json", expected)
    assert await gate.stored() == []
    assert gate.services.metrics.refused == {("httpsms", "missing_field"): 2}


REFUSALS: dict[str, tuple[dict[str, str], bytes, bytes, str]] = {
    "an unknown key": (
        {"key": "f" * 32},
        b"407",
        b'{"status":false,"error":"Invalid API Key"}',
        "authentication_failed",
    ),
    "a disabled account": (
        {"key": SHUT_KEY},
        b"407",
        b'{"status":false,"error":"Invalid API Key"}',
        "authentication_failed",
    ),
    "another address": (
        {"key": FENCED_KEY},
        b"405",
        b'{"status":false,"error":"Remote IP not allowed"}',
        "address_not_allowed",
    ),
    "no credit": (
        {"key": POOR_KEY},
        b"406",
        b'{"status":false,"error":"Not Enough Credit"}',
        "insufficient_credit",
    ),
    "letters for a number": ({"mobile": "abc"}, REFUSED, REFUSED_JSON, "invalid_recipient"),
    "a national number": ({"mobile": "0748393"}, REFUSED, REFUSED_JSON, "invalid_recipient"),
    "two numbers": (
        {"mobile": "447483938220,447483938221"},
        REFUSED,
        REFUSED_JSON,
        "invalid_recipient",
    ),
    "a number no route leads to": ({"mobile": "33612345678"}, REFUSED, REFUSED_JSON, "no_route"),
    "a sender of 12 letters": ({"sender": "TwelveLetter"}, REFUSED, REFUSED_JSON, "invalid_sender"),
    "a sender of 16 digits": (
        {"sender": "1234567890123456"},
        REFUSED,
        REFUSED_JSON,
        "invalid_sender",
    ),
    "a text of 11 parts": ({"msgtext": "x" * 1600}, REFUSED, REFUSED_JSON, "text_too_long"),
    "a text with NUL": ({"msgtext": "a%00b"}, REFUSED, REFUSED_JSON, "invalid_field"),
    "a reference of 256 characters": ({"ref": "r" * 256}, REFUSED, REFUSED_JSON, "invalid_field"),
}


@pytest.mark.parametrize("case", REFUSALS)
async def test_a_refusal_has_its_code_and_stores_nothing(gate: Any, case: str) -> None:
    changes, number, json, code = REFUSALS[case]
    assert await gate.send(**changes) == number
    assert await gate.send(**changes, response="json") == json
    assert await gate.stored() == []
    assert await gate.available() == 10
    assert gate.services.metrics.refused == {("httpsms", code): 2}
    assert not gate.services.metrics.accepted


UNREADABLE = {
    "an unknown path": ("GET", "/api/sms/other.php", b"", "", "not_found"),
    "the prefix alone": ("GET", "/api/sms", b"", "", "not_found"),
    "another method": ("DELETE", SEND, b"", "", "not_supported"),
    "a body of another type": ("POST", SEND, b"<a/>", "text/xml", "malformed_request"),
    "half a json body": ("POST", SEND, b'{"key":', "application/json", "malformed_request"),
    "a json list": ("POST", SEND, b"[1]", "application/json", "malformed_request"),
    "a json object in an object": (
        "POST",
        SEND,
        b'{"key":{"a":1}}',
        "application/json",
        "malformed_request",
    ),
    "a multipart body without an end": ("POST", SEND, b"--xYz\r\n", MULTIPART, "malformed_request"),
    "a body over the limit": (
        "POST",
        SEND,
        b"msgtext=" + b"x" * 70_000,
        "application/x-www-form-urlencoded",
        "malformed_request",
    ),
    "a text in no charset": ("GET", f"{SEND}?msgtext=%81", b"", "", "malformed_request"),
}


@pytest.mark.parametrize("case", UNREADABLE)
async def test_what_cannot_be_read_is_refused_in_the_shape_of_this_api(
    gate: Any, case: str
) -> None:
    method, target, body, content_type, code = UNREADABLE[case]
    answer = await gate.ask(method, target, body, content_type)
    assert answer == (200, "text/plain; charset=utf-8", REFUSED)
    joint = "&" if "?" in target else "?"
    answer = await gate.ask(method, f"{target}{joint}response=json", body, content_type)
    assert answer == (200, "application/json", REFUSED_JSON)
    assert await gate.stored() == []
    assert gate.services.metrics.refused == {("httpsms", code): 2}


async def test_an_error_of_ours_shows_nothing_of_itself(
    gate: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: Any) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr(gate.services.submission, "decide", fail)
    assert await gate.send() == UNAVAILABLE
    assert await gate.send(response="json") == UNAVAILABLE_JSON


async def test_an_outage_is_no_bad_number(gate: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """An outage was answered 400 like a bad number, and programs dropped their messages."""

    async def fail(*_: Any) -> None:
        raise StorageUnavailable("disk full")

    monkeypatch.setattr(gate.services.submission, "decide", fail)
    answer = await gate.ask("GET", f"{SEND}?{GOOD}")
    assert answer == (503, "text/plain; charset=utf-8", UNAVAILABLE)
    answer = await gate.ask("GET", f"{SEND}?{GOOD}&response=json")
    assert answer == (503, "application/json", UNAVAILABLE_JSON)


async def test_credits_are_taken_for_each_part(gate: Any) -> None:
    assert await gate.send(msgtext="x" * 161) == ACCEPTED
    assert await gate.available() == 8


async def test_a_call_that_is_repeated_sends_one_message(gate: Any) -> None:
    """Programs repeat a call whose answer they did not get: in parallel, or after a restart."""
    spellings = ("447483938220", "%2B44+7483+938220", "00447483938220")
    calls = [gate.send(mobile=spelling) for spelling in spellings * 2]
    assert await asyncio.gather(*calls) == [ACCEPTED] * 6
    assert await gate.send(response="json") == ACCEPTED_JSON
    assert len(await gate.stored()) == 1
    assert await gate.available() == 9
    assert await gate.send(ref="other") == await gate.send(mobile="4512345678") == ACCEPTED
    assert len(await gate.stored()) == 3


async def test_a_refused_call_may_be_repeated(gate: Any) -> None:
    """None of several at once is accepted that has no message."""
    calls = [gate.send(key=POOR_KEY) for _ in range(3)]
    assert await asyncio.gather(*calls) == [b"406"] * 3
    poor = await gate.services.accounts.find("poor")
    await gate.services.accounts.top_up(poor, 1, "")
    assert [await gate.send(key=POOR_KEY) for _ in range(3)] == [ACCEPTED] * 3
    assert (await gate.services.accounts.balance(poor)).available == 0
