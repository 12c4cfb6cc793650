"""Jasmin's calls: exact requests, exact answers, what was accepted, and the calls to a URL."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from tests.dialects.in_process import count_rows

from dragoman.core.messages.model.callbacks import CallbackFacts
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.model.errors import FailureCode, RefusalCode
from dragoman.dialects.jasmin.arguments import STATES
from dragoman.dialects.jasmin.callbacks import message_uuid, render_callback
from dragoman.dialects.jasmin.errors import REFUSALS

LOGIN = "username=tester&password=foobar"
TO = "to=4512345678"
NO_FIELDS = "Mandatory arguments not found, please refer to the HTTPAPI specifications."

TEXTS = {
    "utf-8": ("content=Hello%20w%C3%B6rld", "Hello wörld", "auto"),
    "a text that Jasmin would garble": ("content=%D0%9F", "П", "auto"),
    "ucs-2": ("coding=8&content=%04%1F%04%40", "Пр", "unicode"),
    "ucs-2 in digits": ("coding=8&hex-content=041f0440", "Пр", "unicode"),
    "latin-1": ("coding=3&content=%E5", "å", "auto"),
    "cyrillic": ("coding=6&content=%BF", "П", "auto"),
    "the GSM alphabet in digits": ("hex-content=001b65", "@€", "auto"),
    "octets": ("coding=4&hex-content=00FF", "00ff", "binary"),
}


@pytest.mark.parametrize(("query", "text", "kind"), TEXTS.values(), ids=TEXTS)
async def test_content_is_read_by_its_coding(gate: Any, query: str, text: str, kind: str) -> None:
    (message,) = await gate.send(f"{TO}&{query}")
    assert (message.text, message.format, message.recipient) == (text, kind, "4512345678")


BODIES = {
    "form": (f"{LOGIN}&{TO}&content=Hej".encode(), "application/x-www-form-urlencoded", "Hej"),
    "json": (
        b'{"username":"tester","password":"foobar","to":4512345678,"content":"Hej","dlr":"no",'
        b'"custom_tlvs":[[3000,null,"Integer1",1]]}',
        "application/json",
        "Hej",
    ),
    "json with a null": (
        b'{"username":"tester","password":"foobar","to":"4512345678","from":null,"content":"Hej"}',
        "application/json",
        "Hej",
    ),
    "json, ucs-2": (
        '{"username":"tester","password":"foobar","to":"4512345678","coding":8,"content":"Пр"}'.encode(),
        "application/json",
        "Пр",
    ),
}


@pytest.mark.parametrize(("body", "content_type", "text"), BODIES.values(), ids=BODIES)
async def test_bodies(gate: Any, body: bytes, content_type: str, text: str) -> None:
    answer = await gate.post("/send", body, content_type)
    assert answer.status == 200, answer.body
    assert [(m.text, m.sender) for m in await gate.accepted()] == [(text, "Shop")]


async def test_the_answer_has_the_identifier_of_reports(gate: Any) -> None:
    answer = await gate.get(f"/send?{LOGIN}&{TO}&content=a")
    (message,) = await gate.accepted()
    assert answer.body == f'Success "{message_uuid(message.batch_id)}"'.encode()
    assert answer.content_type == "text/plain"
    assert re.fullmatch(rb'Success "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"', answer.body)


def _invalid(name: str, value: str) -> str:
    return f"Argument [{name}] has an invalid value: [{value}]."


REFUSED = {
    "nothing": ("", 400, NO_FIELDS),
    "an unknown argument first": ("x=1", 400, "Argument [x] is unknown."),
    "an unknown argument later": (f"{LOGIN}&{TO}&content=a&x=1", 400, "Argument [x] is unknown."),
    "no to": (f"{LOGIN}&content=a", 400, "Mandatory argument [to] is not found."),
    "no user": (f"{TO}&password=a", 400, "Mandatory argument [username] is not found."),
    "several numbers": (f"{LOGIN}&to=1,2&content=a", 400, _invalid("to", "1,2")),
    "a coding": (f"{LOGIN}&{TO}&coding=11&content=a", 400, _invalid("coding", "11")),
    "a priority": (f"{LOGIN}&{TO}&priority=4&content=a", 400, _invalid("priority", "4")),
    "a level": (f"{LOGIN}&{TO}&content=a&dlr-level=4", 400, _invalid("dlr-level", "4")),
    "a method": (f"{LOGIN}&{TO}&content=a&dlr-method=put", 400, _invalid("dlr-method", "put")),
    "a url": (f"{LOGIN}&{TO}&content=a&dlr-url=ftp://a", 400, _invalid("dlr-url", "ftp://a")),
    "a time": (f"{LOGIN}&{TO}&content=a&sdt=tomorrow", 400, _invalid("sdt", "tomorrow")),
    "digits": (f"{LOGIN}&{TO}&hex-content=xy", 400, _invalid("hex-content", "xy")),
    "a password is not repeated": (
        f"username=tester&password=&{TO}&content=a", 400, _invalid("password", ""),
    ),
    "no content": (f"{LOGIN}&{TO}", 400, "content or hex-content not present."),
    "both contents": (
        f"{LOGIN}&{TO}&content=a&hex-content=61",
        400, "content and hex-content cannot be used both in same request.",
    ),
    "a wrong password": (
        f"username=tester&password=x&{TO}&content=a",
        403, "Authentication failure for username:tester",
    ),
    "no credit": (
        f"username=poor&password=foobar&{TO}&content=a",
        403, "Cannot charge submit_sm, check RouterPB log file for details",
    ),
    "no number": (
        f"{LOGIN}&to=1&content=a",
        400, "Value filter failed for user [tester] (destination_address filter mismatch).",
    ),
    "a sender": (
        f"{LOGIN}&{TO}&content=a&from=much+longer+than+11",
        400, "Value filter failed for user [tester] (source_address filter mismatch).",
    ),
    "an empty text": (
        f"{LOGIN}&{TO}&content=",
        400, "Value filter failed for user [tester] (content filter mismatch).",
    ),
}  # fmt: skip


async def test_refusals_have_jasmins_words_and_store_nothing(gate: Any) -> None:
    before = await count_rows(gate.services.storage)
    for name, (query, status, text) in REFUSED.items():
        answer = await gate.get(f"/send?{query}")
        assert (answer.status, answer.body) == (status, f'Error "{text}"'.encode()), name
    assert await count_rows(gate.services.storage) == before


async def test_a_coding_in_json_that_is_none_is_refused(gate: Any) -> None:
    for coding in ('"8x"', "[8]", "9" * 5000, '"' + "9" * 5000 + '"'):
        body = (
            f'{{"username":"tester","password":"foobar","to":"1","coding":{coding},"content":"a"}}'
        )
        assert (await gate.post("/send", body.encode(), "application/json")).status == 400


@pytest.mark.parametrize("code", RefusalCode)
def test_every_refusal_has_an_answer(code: RefusalCode) -> None:
    assert REFUSALS[code].status in {400, 403, 404, 405, 412, 500}


ASKED = {
    "a balance": (f"/balance?{LOGIN}", 200, b'{"balance":"ND","sms_count":"ND"}'),
    "an empty balance": (
        "/balance?username=poor&password=foobar", 200, b'{"balance":0,"sms_count":"ND"}',
    ),
    "a balance of nobody": (
        "/balance?username=nobody&password=x", 403, b'"Authentication failure for username:nobody"',
    ),
    "a rate": (f"/rate?{LOGIN}&{TO}", 200, b'{"unit_rate":1,"submit_sm_count":1}'),
    "a rate of two parts": (
        f"/rate?{LOGIN}&{TO}&content={'a' * 161}", 200, b'{"unit_rate":1,"submit_sm_count":2}',
    ),
    "a rate of nothing": ("/rate", 400, f'"{NO_FIELDS}"'.encode()),
    "a sign of life": ("/ping", 200, b"Jasmin/PONG"),
}  # fmt: skip


async def test_what_can_be_asked(gate: Any) -> None:
    for name, (target, status, body) in ASKED.items():
        answer = await gate.get(target)
        assert (answer.status, answer.body) == (status, body), name


@pytest.mark.parametrize("sdt", ["000000001000000R", "991231235959000-"])
async def test_a_message_for_later_waits(gate: Any, sdt: str) -> None:
    answer = await gate.get(f"/send?{LOGIN}&{TO}&content=a&sdt={sdt}")
    accepted = sdt.endswith("R")  # the other is too far ahead
    assert (answer.status == 200) == accepted
    assert await gate.accepted() == []
    assert (await count_rows(gate.services.storage))["batches"] == accepted


URL = "http://a.example/dlr"
REPORTS = {
    "a url alone": ("", "POST 1", STATES[1]),
    "a level": ("&dlr-level=3&dlr-method=get", "GET 3", STATES[3]),
    "a no that a url overrules": ("&dlr=no&dlr-level=2", "POST 2", STATES[2]),
}


@pytest.mark.parametrize(("query", "data", "states"), REPORTS.values(), ids=REPORTS)
async def test_reports_are_asked_for(gate: Any, query: str, data: str, states: set[State]) -> None:
    (message,) = await gate.send(f"{TO}&content=a&dlr-url={quote(URL, safe='')}{query}")
    options = message.options
    assert (options.callback_url, options.return_data) == (URL, data)
    assert set(options.reported_states) == states


FACTS = CallbackFacts(
    message_id=869_020_467_200_010,
    batch_id=869_020_467_200_009,
    state=State.DELIVERED,
    at_ms=1_790_000_000_500,
    recipient="4512345678",
    sender="TEST",
    return_data="POST 3",
)
IDENTIFIER = message_uuid(FACTS.batch_id)
TAKEN = f"message_status=ESME_ROK&level=1&id={IDENTIFIER}&connector=dragoman"


def _render(**changes: Any) -> Any:
    return render_callback(URL, msgspec.structs.replace(FACTS, **changes))


def test_a_report_is_a_form() -> None:
    call = _render()
    assert (call.method, call.url) == ("POST", URL)
    assert call.headers == (("Content-Type", "application/x-www-form-urlencoded"),)
    head, _, tail = call.body.decode().partition("&id_smsc=")
    assert head == f"message_status=DELIVRD&level=2&id={IDENTIFIER}&connector=dragoman"
    _, _, rest = tail.partition("&")
    assert re.fullmatch(r"sub=001&dlvrd=001&subdate=\d{10}&donedate=2609211413&err=000&text=", rest)


@pytest.mark.parametrize(
    ("url", "called"),
    [
        (URL, f"{URL}?{TAKEN}"),
        (f"{URL}?a=b", f"{URL}?a=b&{TAKEN}"),
        (f"{URL}?", f"{URL}?{TAKEN}"),
        (f"{URL}#x", f"{URL}?{TAKEN}"),
    ],
)
def test_a_report_by_get(url: str, called: str) -> None:
    facts = msgspec.structs.replace(FACTS, state=State.SENT, return_data="GET 1")
    call = render_callback(url, facts)
    assert (call.method, call.url, call.body) == ("GET", called, b"")


@pytest.mark.parametrize(
    ("data", "failure", "status", "level"),
    [
        ("POST 1", FailureCode.INVALID_DESTINATION, "ESME_RINVDSTADR", 1),
        ("POST 3", FailureCode.OPTED_OUT, "ESME_RSUBMITFAIL", 1),
        ("POST 2", FailureCode.OPTED_OUT, "REJECTD", 2),
    ],
)
def test_a_refused_message_is_reported_at_the_level_asked_for(
    data: str, failure: FailureCode, status: str, level: int
) -> None:
    call = _render(state=State.REJECTED, return_data=data, failure=str(failure))
    assert call.body.startswith(f"message_status={status}&level={level}&".encode())


@pytest.mark.parametrize("state", State)
def test_every_state_can_be_reported(state: State) -> None:
    assert _render(state=state).body.startswith(b"message_status=")


async def test_the_url_of_the_account_is_called_where_a_request_names_none(gate: Any) -> None:
    url = "http://account.example/dlr"
    await gate.services.webhooks.put_report_url(gate.account, "jasmin", url)
    for query in ("", f"&dlr-url={quote(URL, safe='')}"):
        sent = await gate.send(f"{TO}&content=a{query}")
    first, second = sorted(sent, key=lambda message: message.message_id)
    assert (first.options.callback_url, first.options.return_data) == (url, "POST 3")
    assert (second.options.callback_url, second.options.return_data) == (URL, "POST 1")
