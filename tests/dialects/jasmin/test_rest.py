"""The REST API: the calls of the HTTP API in JSON, and batches."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from sqlalchemy import Connection, select
from tests.dialects.in_process import Answer, ask

from dragoman.core.accounts.account_fields import AccountFields
from dragoman.core.messages.model.callbacks import EventFacts
from dragoman.core.messages.model.records import NewCallback
from dragoman.core.messages.sql.tables import batches
from dragoman.dialects.jasmin.inbound import render_event

UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
FORM = b"application/x-www-form-urlencoded"
"""What curl says of a body, whatever it is."""


async def call(
    gate: Any, method: str, target: str, body: Any = None, login: str | None = "tester:foobar"
) -> Answer:
    headers = [(b"content-type", FORM)]
    if login is not None:
        headers.append((b"authorization", b"Basic " + b64encode(login.encode())))
    octets = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    return await ask(gate._app, method, target, octets, headers)


async def test_a_message_is_sent_as_the_manual_shows(gate: Any) -> None:
    body = {
        "to": 4512345678,
        "from": "Jookies",
        "content": "Hello",
        "dlr": "yes",
        "dlr-url": "http://192.168.202.54/dlr_receiver.php",
        "dlr-level": 3,
    }
    answer = await call(gate, "POST", "/secure/send", body)
    assert answer.status == 200
    # As there, the quotation mark at the end is gone.
    assert re.fullmatch(rf'{{"data":"Success \\"{UUID}"}}', answer.body.decode())
    [message] = await gate.accepted()
    assert (message.sender, message.recipient, message.text) == ("Jookies", "4512345678", "Hello")


async def test_underscores_stand_for_hyphens(gate: Any) -> None:
    body = {"to": "4512345678", "coding": 8, "hex_content": "0623063106460628"}
    assert (await call(gate, "POST", "/secure/send", body)).status == 200
    [message] = await gate.accepted()
    assert message.text == "أرنب"


async def test_balance_and_rate(gate: Any) -> None:
    answer = await call(gate, "GET", "/secure/balance")
    assert (answer.status, answer.json) == (200, {"data": {"balance": "ND", "sms_count": "ND"}})
    answer = await call(gate, "GET", "/secure/balance", login="poor:foobar")
    assert answer.json == {"data": {"balance": 0, "sms_count": "ND"}}
    answer = await call(gate, "GET", "/secure/rate?to=4512345678")
    assert answer.json == {"data": {"unit_rate": 1, "submit_sm_count": 1}}


REFUSALS: dict[str, tuple[str, str, Any, str | None, int, dict[str, str]]] = {
    "no login": (
        "POST", "/secure/send", {}, None, 401,
        {
            "title": "Authentication required",
            "description": "Please provide a valid Basic auth token",
        },
    ),
    "a wrong password": (
        "POST", "/secure/send", {"to": "45", "content": "x"}, "tester:x", 403,
        {"message": 'Error "Authentication failure for username:tester'},
    ),
    "a wrong password for a batch": (
        "POST", "/secure/sendbatch", {}, "tester:x", 412,
        {
            "title": "Authentication failed",
            "description": "Authentication failed for user: tester",
        },
    ),
    "no JSON": (
        "POST", "/secure/send", b"to=45", "tester:foobar", 412,
        {"title": "Cannot parse JSON data", "description": "Got unparseable json data"},
    ),
    "no object": (
        "POST", "/secure/sendbatch", [1], "tester:foobar", 412,
        {"title": "Cannot parse JSON data", "description": "Got unparseable json data"},
    ),
    "no content": (
        "POST", "/secure/send", {"to": "4512345678"}, "tester:foobar", 400,
        {"message": 'Error "content or hex-content not present.'},
    ),
    "a strange argument": (
        "POST", "/secure/send", {"to": "45", "content": "x", "wat": 1}, "tester:foobar", 400,
        {"message": 'Error "Argument [wat] is unknown.'},
    ),
    "a rate of nothing": (
        "GET", "/secure/rate", None, "tester:foobar", 400,
        {"message": "Mandatory argument [to] is not found."},
    ),
    "a batch in the past": (
        "POST", "/secure/sendbatch",
        {"batch_config": {"schedule_at": "2001-01-01 00:00:00"}, "messages": []},
        "tester:foobar", 412,
        {
            "title": "Cannot schedule batch in past date",
            "description": "Invalid past date given: 2001-01-01 00:00:00",
        },
    ),
    "a batch at some time": (
        "POST", "/secure/sendbatch", {"batch_config": {"schedule_at": "soon"}},
        "tester:foobar", 412,
        {
            "title": "Cannot parse scheduled_at value",
            "description": "Got unknown format: soon, correct formats are 'YYYY-MM-DD HH:MM:SS'"
            " or a number of seconds such as '60s'",
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("method", "target", "body", "login", "status", "answer"), REFUSALS.values(), ids=REFUSALS
)
async def test_refusals(
    gate: Any, method: str, target: str, body: Any, login: str | None, status: int, answer: Any
) -> None:
    answered = await call(gate, method, target, body, login)
    assert (answered.status, answered.json) == (status, answer)
    assert (b"www-authenticate" in answered.headers) is (status == 401)
    assert await gate.accepted() == []


@pytest.mark.parametrize("token", [b"Bearer abc", b"Basic", b"Basic ???", b"Basic Zm9v", b""])
async def test_a_login_that_is_none(gate: Any, token: bytes) -> None:
    answer = await ask(
        gate._app, "GET", "/secure/balance", b"", [(b"authorization", token)] if token else []
    )
    assert answer.status == 401


async def test_a_batch(gate: Any) -> None:
    stored: list[NewCallback] = []
    gate.services.callback_stored.subscribe(stored.append)
    body = {
        "globals": {"from": "Brand2", "dlr-level": 3, "dlr_url": "http://a.example/dlr"},
        "batch_config": {
            "callback_url": "http://me:pw@127.0.0.1:7877/ok",
            "errback_url": "http://127.0.0.1:7877/bad?x=1",
        },
        "messages": [
            {"from": "Brand1", "to": ["4555555551", 4555555552], "content": "Hello"},
            {"to": "4577777771", "content": "Holà"},
            {"to": "12", "content": "no number"},
            {"to": "4577777771"},
            "nothing",
        ],
    }
    answer = await call(gate, "POST", "/secure/sendbatch", body)
    assert answer.status == 200
    batch_id = answer.json["data"]["batchId"]
    assert answer.json == {"data": {"batchId": batch_id, "messageCount": 4}}
    sent = [(m.sender, m.recipient, m.text) for m in await gate.accepted()]
    assert sorted(sent) == [
        ("Brand1", "4555555551", "Hello"),
        ("Brand1", "4555555552", "Hello"),
        ("Brand2", "4577777771", "Holà"),
    ]
    urls = [_rendered(callback) for callback in stored]
    head = f"?batchId={batch_id}&to="
    assert [url.partition("&status=")[0] for url in urls] == [
        f"http://me:pw@127.0.0.1:7877/ok{head}4555555551",
        f"http://me:pw@127.0.0.1:7877/ok{head}4555555552",
        f"http://me:pw@127.0.0.1:7877/ok{head}4577777771",
        f"http://127.0.0.1:7877/bad?x=1&{head[1:]}12",
    ]
    assert re.search(rf"&status=1&statusText=Success\+%22{UUID}%22$", urls[0])
    assert "&status=0&statusText=HTTPAPI+error" in urls[3]


def _rendered(callback: NewCallback) -> str:
    facts = msgspec.json.decode(callback.payload, type=EventFacts)
    return render_event(callback.url, facts, method="POST").url


@pytest.mark.parametrize("form", ["seconds", "a time"])
async def test_a_batch_for_later(gate: Any, form: str) -> None:
    now_ms = gate.services.clock.now_ms()
    at = datetime.fromtimestamp(now_ms / 1000 + 3600, UTC)
    body = {
        "batch_config": {
            "schedule_at": "3600s" if form == "seconds" else f"{at:%Y-%m-%d %H:%M:%S}"
        },
        "messages": [{"to": "4512345678", "content": "later"}],
    }
    answer = await call(gate, "POST", "/secure/sendbatch", body)
    assert re.fullmatch("3[56][0-9]{2}s", answer.json["data"]["scheduled"])
    [due_ms] = await _batches(gate)
    assert now_ms + 3_590_000 < due_ms < now_ms + 3_660_000


async def _batches(gate: Any) -> list[int]:
    def read(connection: Connection) -> list[int]:
        return list(connection.execute(select(batches.c.due_ms)).scalars())

    return await gate.services.storage.read(read)  # type: ignore[no-any-return]


async def test_a_batch_has_a_limit(gate: Any) -> None:
    await gate.services.accounts.change("tester", AccountFields(max_recipients=2))
    body = {"messages": [{"to": ["4511111111", "4511111112", "4511111113"], "content": "x"}]}
    answer = await call(gate, "POST", "/secure/sendbatch", body)
    assert (answer.status, answer.json["title"]) == (412, "Batch too large")
    assert await gate.accepted() == []


@pytest.mark.parametrize(
    ("method", "target", "size", "status"),
    [
        ("GET", "/secure/send", 0, 405),
        ("POST", "/secure/balance", 0, 405),
        ("GET", "/secure/nothing", 0, 404),
        ("POST", "/secure/send", 100_000, 400),
    ],
)
async def test_requests_that_are_none(
    gate: Any, method: str, target: str, size: int, status: int
) -> None:
    answer = await call(gate, method, target, b"x" * size)
    assert answer.status == status
    assert answer.json.keys() == {"message"}
