"""Calls to customers: exactly what they hold, and how they are signed."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from dragoman.core.messages.model.callbacks import CallbackFacts
from dragoman.core.messages.model.lifecycle import State
from dragoman.dialects.twilio.callbacks import render_call
from dragoman.dialects.twilio.signing import sign, with_digest
from dragoman.dialects.twilio.submissions import REPORTED, Note
from dragoman.kit.ids import render_hex

from .conftest import SID, TOKEN

# The example of the provider's page about the security of webhooks.
EXAMPLE_TOKEN = "12345"
EXAMPLE_URL = "https://example.com/myapp.php?foo=1&bar=2"
EXAMPLE = {
    "CallSid": "CA1234567890ABCDE",
    "Caller": "+14158675310",
    "Digits": "1234",
    "From": "+14158675310",
    "To": "+18005551212",
}


def test_the_providers_example_has_the_providers_signature() -> None:
    assert sign(EXAMPLE_TOKEN, EXAMPLE_URL, EXAMPLE) == "L/OH5YylLD5NRKLltdqwSvS0BnU="


DIGESTS = {
    "https://a.example/": "https://a.example/?bodySHA256=",
    "https://a.example/?a=1": "https://a.example/?a=1&bodySHA256=",
    "https://a.example/?": "https://a.example/?bodySHA256=",
}


@pytest.mark.parametrize("url", DIGESTS)
def test_the_url_of_json_names_its_digest(url: str) -> None:
    digest = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    assert with_digest(url, b"{}") == DIGESTS[url] + digest


CALLS = {
    "a form": (
        ("POST", "https://a.example/cb"),
        ("POST", "https://a.example/cb", b"A=1&B=x+%C3%A5"),
    ),
    "a form with a query and overrides": (
        ("POST", "https://a.example/cb?q=%20#rc=5&rp=all"),
        ("POST", "https://a.example/cb?q=%20", b"A=1&B=x+%C3%A5"),
    ),
    "a GET": (
        ("GET", "https://a.example/cb"),
        ("GET", "https://a.example/cb?A=1&B=x+%C3%A5", b""),
    ),
    "a GET with a query": (
        ("GET", "https://a.example/cb?q=1#rc=1"),
        ("GET", "https://a.example/cb?q=1&A=1&B=x+%C3%A5", b""),
    ),
    "a URL without a path": (
        ("GET", "https://A.example:8443"),
        ("GET", "https://a.example:8443/?A=1&B=x+%C3%A5", b""),
    ),
    "a URL with letters": (
        ("GET", "https://a.example/ø?q=å"),
        ("GET", "https://a.example/%C3%B8?q=%C3%A5&A=1&B=x+%C3%A5", b""),
    ),
    "JSON": (
        ("POST", "https://a.example/cb#body=json"),
        (
            "POST",
            "https://a.example/cb?bodySHA256=…",
            '{"A":"1","B":"x å"}'.encode(),
        ),
    ),
}


@pytest.mark.parametrize("case", CALLS)
def test_a_call_is_signed_as_it_is_sent(case: str) -> None:
    (method, url), (called, address, body) = CALLS[case]
    parameters = {"A": "1", "B": "x å"}
    call = render_call(method, url, parameters, "token", "key")
    address = with_digest("https://a.example/cb", body) if case == "JSON" else address
    assert (call.method, call.url, call.body) == (called, address, body)
    headers = dict(call.headers)
    assert headers["I-Twilio-Idempotency-Token"] == "key"
    in_form = case.startswith("a form")
    signed = sign("token", address, parameters if in_form else {})
    assert headers["X-Twilio-Signature"] == signed
    kinds = {"GET": None, "POST": "application/x-www-form-urlencoded; charset=utf-8"}
    expected = "application/json" if case == "JSON" else kinds[method]
    assert headers.get("Content-Type") == expected


FACTS = CallbackFacts(
    message_id=869_020_467_200_010,
    batch_id=869_020_467_200_009,
    state=State.DELIVERED,
    at_ms=1_790_000_000_500,
    recipient="4512345678",
    sender="+4587654321",
)
MESSAGE = f"SM{render_hex(FACTS.batch_id)}"


async def render(gate: Any, service: str = "", **changes: Any) -> str:
    note = Note(gate.token.account_id, service, "outbound-api").render()
    facts = msgspec.structs.replace(FACTS, return_data=note, **changes)
    call = await gate.dialect.render_callback("https://a.example/", facts)
    assert dict(call.headers)["I-Twilio-Idempotency-Token"].startswith(f"{FACTS.message_id}-")
    return call.body.decode()  # type: ignore[no-any-return]


def test_a_user_name_and_a_password_are_a_header_and_not_signed() -> None:
    call = render_call("POST", "https://me:se_cret@a.example/", {"A": "b"}, "token", "key")
    plain = render_call("POST", "https://a.example/", {"A": "b"}, "token", "key")
    login = ("Authorization", "Basic bWU6c2VfY3JldA==")
    assert (call.url, call.body) == (plain.url, plain.body)
    assert call.headers == (login, *plain.headers)


async def test_the_url_of_a_message_may_name_a_user(gate: Any) -> None:
    sent = await gate.send(StatusCallback="https://me:se_cret@a.example/")
    assert sent["status"] == "queued"


async def test_a_delivery_is_told_exactly(gate: Any) -> None:
    assert await render(gate) == (
        f"SmsSid={MESSAGE}&SmsStatus=delivered&MessageStatus=delivered&To=%2B4512345678"
        f"&MessageSid={MESSAGE}&AccountSid={SID}&From=%2B4587654321&ApiVersion=2010-04-01"
        "&RawDlrDoneDate=2609211413"
    )


async def test_a_message_with_files_is_told_by_its_own_sid(gate: Any) -> None:
    note = Note(gate.token.account_id, "", "outbound-api", "MM").render()
    facts = msgspec.structs.replace(FACTS, return_data=note)
    call = await gate.dialect.render_callback("https://a.example/", facts)
    assert f"&MessageSid=MM{MESSAGE[2:]}&".encode() in call.body


async def test_a_failure_is_told_with_its_code_and_service(gate: Any) -> None:
    service = "MG" + "0" * 32
    failed = {"state": State.UNDELIVERED, "failure": "absent_subscriber", "sender": "Shop"}
    assert await render(gate, service, **failed) == (
        f"SmsSid={MESSAGE}&SmsStatus=undelivered&MessageStatus=undelivered&To=%2B4512345678"
        f"&MessageSid={MESSAGE}&AccountSid={SID}&From=Shop&ApiVersion=2010-04-01"
        f"&MessagingServiceSid={service}&ErrorCode=30003"
    )


@pytest.mark.parametrize("state", REPORTED)
@pytest.mark.parametrize("sent", [False, True])
async def test_every_state_that_is_told_has_a_status(gate: Any, state: State, sent: bool) -> None:
    body = await render(gate, state=state, sent=sent)
    told = {
        State.SENT: "sent",
        State.DELIVERED: "delivered",
        State.UNDELIVERED: "undelivered",
        State.EXPIRED: "undelivered" if sent else "failed",
        State.REJECTED: "undelivered" if sent else "failed",
    }[state]
    assert f"&MessageStatus={told}&" in body


async def test_the_token_signs_that_is_valid_when_it_is_called(gate: Any) -> None:
    account = await gate.services.accounts.find("tester")
    await gate.services.auth_tokens.set(account, token="another-token-of-it")
    facts = msgspec.structs.replace(
        FACTS, return_data=Note(account.account_id, "", "outbound-api").render()
    )
    call = await gate.dialect.render_callback("https://a.example/", facts)
    parameters = dict(pair.split("=") for pair in call.body.decode().split("&"))
    plain = {name: value.replace("%2B", "+") for name, value in parameters.items()}
    signature = dict(call.headers)["X-Twilio-Signature"]
    assert signature == sign("another-token-of-it", "https://a.example/", plain)
    assert signature != sign(TOKEN, "https://a.example/", plain)


async def test_the_url_of_the_account_is_called_where_a_message_names_none(gate: Any) -> None:
    account = await gate.services.accounts.find("tester")
    put = gate.services.webhooks.put_report_url
    await put(account, "twilio", "https://account.example/")
    urls = []
    for form in ({}, {"StatusCallback": "https://own.example/"}):
        await gate.send(**form)
        newest = max(gate.services.live, key=lambda message: message.message_id)
        options = newest.batch.stored.options
        urls.append(options.callback_url)
        assert set(options.reported_states) == REPORTED
    assert urls == ["https://account.example/", "https://own.example/"]
