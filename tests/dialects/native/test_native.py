"""The API's calls: requests in, answers out."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from tests.dialects.in_process import Answer, count_rows
from tests.dialects.native.conftest import DEAF, KEY, POOR, Gate

from dragoman.core.messages.model.lifecycle import BatchState, State
from dragoman.core.model.errors import RefusalCode
from dragoman.dialects.native import mapping, problems
from dragoman.dialects.native.schemas import Event
from dragoman.web.refusals import STATUS, RefusalKind

pytestmark = pytest.mark.asyncio(loop_scope="module")

NUMBER = "+4520123456"
PROBLEM = b"application/problem+json"


def problem_of(answer: Answer) -> str:
    """The word of a problem; its status is that of the answer."""
    assert answer.headers[b"content-type"] == PROBLEM
    body = answer.json
    assert body["status"] == answer.status
    assert body["title"]
    return str(body["type"]).removeprefix("urn:dragoman:problem:")


async def test_a_message_is_accepted_shown_and_listed(gate: Gate) -> None:
    given = {"to": "+45 20 12 34 56", "text": "Hej!", "reference": "order 7", "from": "ACME"}
    answer = await gate.call("POST", "/messages", given)
    assert answer.status == 201
    message = answer.json
    masked = re.sub(rb'"id":"\d+"', b'"id":"ID"', answer.body)
    masked = re.sub(rb"20\d\d-[^\"]*Z", b"TIME", masked)
    assert masked == (
        b'{"id":"ID","batch_id":null,"to":"+4520123456","from":"ACME","text":"Hej!",'
        b'"encoding":"auto","state":"queued","failure":null,"parts":1,"credits":1,"price":"0.00",'
        b'"reference":"order 7","possible_duplicate":false,"api":"native","created_at":"TIME",'
        b'"send_at":null,"sent_at":null,"ended_at":null}'
    )
    shown = await gate.call("GET", f"/messages/{message['id']}")
    assert shown.status == 200
    assert shown.json == message | {"created_at": shown.json["created_at"]}
    listed = await gate.call("GET", "/messages?to=%2B4520123456&limit=1")
    assert listed.json["data"][0] == shown.json


async def test_pages_follow_a_cursor(gate: Gate) -> None:
    sent = []
    for number in range(5):
        answer = await gate.call("POST", "/messages", {"to": "+4520000011", "text": f"{number}"})
        sent.append(answer.json["id"])
    seen: list[str] = []
    cursor = ""
    for _ in range(5):
        page = await gate.call("GET", f"/messages?to=%2B4520000011&limit=2&cursor={cursor}")
        seen += [one["id"] for one in page.json["data"]]
        cursor = page.json["next_cursor"]
        if cursor is None:
            break
    assert seen == sent[::-1]


async def test_a_scheduled_message_is_listed_moved_and_cancelled(gate: Gate) -> None:
    day = datetime.now(UTC).date() + timedelta(days=7)
    given = {"to": "+4520000022", "text": "later", "send_at": f"{day}T08:00:00+01:00"}
    message = (await gate.call("POST", "/messages", given)).json
    assert (message["state"], message["send_at"]) == ("scheduled", f"{day}T07:00:00.000Z")
    listed = (await gate.call("GET", "/messages?state=scheduled&to=%2B4520000022")).json["data"]
    assert [one["id"] for one in listed] == [message["id"]]
    path = f"/messages/{message['id']}"
    moved = await gate.call("PATCH", path, {"send_at": f"{day}T09:00:00Z"})
    assert moved.json["send_at"] == f"{day}T09:00:00.000Z"
    cancelled = await gate.call("POST", f"{path}/cancel")
    assert (cancelled.status, cancelled.json["state"]) == (200, "cancelled")
    again = await gate.call("POST", f"{path}/cancel")
    assert (again.status, problem_of(again)) == (409, "not-cancellable")


async def test_an_idempotency_key_is_one_message(gate: Gate) -> None:
    given = {"to": "+4520000033", "text": "once"}
    first = await gate.call("POST", "/messages", given, idempotency="key-1")
    again = await gate.call("POST", "/messages", given, idempotency="key-1")
    assert (first.status, again.status) == (201, 201)
    assert again.headers[b"idempotency-replayed"] == b"true"
    assert b"idempotency-replayed" not in first.headers
    assert again.json["id"] == first.json["id"]
    other = await gate.call("POST", "/messages", given | {"text": "two"}, idempotency="key-1")
    assert (other.status, problem_of(other)) == (409, "idempotency-key-reused")
    batch = {"to": ["+4520000033"], "text": "once"}
    elsewhere = await gate.call("POST", "/batches", batch, idempotency="key-1")
    assert problem_of(elsewhere) == "idempotency-key-reused"
    page = await gate.call("GET", "/messages?to=%2B4520000033")
    assert len(page.json["data"]) == 1


async def test_a_key_that_was_refused_is_free(gate: Gate) -> None:
    refused = await gate.call("POST", "/messages", {"to": "12", "text": "x"}, idempotency="key-2")
    assert problem_of(refused) == "invalid-recipient"
    given = {"to": "+4520000034", "text": "x"}
    assert (await gate.call("POST", "/messages", given, idempotency="key-2")).status == 201


async def test_a_batch_has_one_text_or_many(gate: Gate) -> None:
    same = {"to": ["+4520000041", "+4520000042"], "text": "all"}
    batch = (await gate.call("POST", "/batches", same)).json
    assert (batch["recipients"], batch["text"]) == (2, "all")
    each = {
        "messages": [{"to": "+4520000043", "text": "a"}, {"to": "+4520000044", "text": "b"}],
        "reference": "pair",
    }
    first = await gate.call("POST", "/batches", each, idempotency="batch-1")
    again = await gate.call("POST", "/batches", each, idempotency="batch-1")
    assert (first.status, again.status) == (202, 202)
    assert first.json["id"] == again.json["id"]
    page = (await gate.call("GET", f"/batches/{first.json['id']}/messages")).json
    assert [(one["to"], one["text"], one["reference"]) for one in page["data"]] == [
        ("+4520000043", "a", "pair"),
        ("+4520000044", "b", "pair"),
    ]
    assert page["data"][0]["batch_id"] == first.json["id"]
    one = await gate.call("GET", f"/messages/{page['data'][0]['id']}")
    assert one.json == page["data"][0]
    batches = (await gate.call("GET", "/batches?limit=1")).json
    assert batches["data"][0]["id"] == first.json["id"]
    rest = await gate.call("GET", f"/batches?limit=1&cursor={batches['next_cursor']}")
    assert rest.json["data"][0]["id"] == batch["id"]


async def test_a_thousand_texts_in_one_call_are_one_batch(gate: Gate) -> None:
    items = [{"to": f"+45201{n:05d}", "text": f"number {n}"} for n in range(1_000)]
    answer = await gate.call("POST", "/batches", {"messages": items})
    assert (answer.status, answer.json["recipients"]) == (202, 1_000)
    cancelled = await gate.call("POST", f"/batches/{answer.json['id']}/cancel")
    assert cancelled.json["state"] == "cancelled"


async def test_a_quote_sends_nothing(gate: Gate) -> None:
    before = await count_rows(gate.services.storage)
    answer = await gate.call("POST", "/messages/quote", {"to": NUMBER, "text": "Привет" * 20})
    assert answer.body == b'{"parts":2,"credits":2,"encoding":"unicode"}'
    assert await count_rows(gate.services.storage) == before


async def test_contacts_and_lists(gate: Gate) -> None:
    book = (await gate.call("POST", "/lists", {"name": "Friends"})).json
    given = {"number": "+4520000051", "list_id": book["id"], "fields": {"Name": "Ida"}}
    contact = (await gate.call("POST", "/contacts", given)).json
    assert (contact["number"], contact["fields"]) == ("+4520000051", {"Name": "Ida"})
    path = f"/contacts/{contact['id']}"
    changed = await gate.call("PATCH", path, {"fields": {"Name": "Bo"}, "list_id": None})
    assert (changed.json["fields"], changed.json["list_id"]) == ({"Name": "Bo"}, None)
    listed = (await gate.call("GET", f"/contacts?list_id={book['id']}")).json
    assert listed == {"next_cursor": None, "data": []}
    assert (await gate.call("DELETE", path)).status == 204
    assert (await gate.call("GET", path)).status == 404
    renamed = await gate.call("PATCH", f"/lists/{book['id']}", {"name": "Family"})
    assert renamed.json["name"] == "Family"
    assert (await gate.call("DELETE", f"/lists/{book['id']}")).status == 204
    assert (await gate.call("GET", "/lists")).json == {"data": []}


async def test_opt_outs(gate: Gate) -> None:
    for number in ("+4520000061", "+4520000062"):
        assert (await gate.call("PUT", f"/opt-outs/{number}")).json["origin"] == "api"
    page = (await gate.call("GET", "/opt-outs?limit=1")).json
    rest = (await gate.call("GET", f"/opt-outs?limit=1&cursor={page['next_cursor']}")).json
    numbers = [one["number"] for one in page["data"] + rest["data"]]
    assert (numbers, rest["next_cursor"]) == (["+4520000061", "+4520000062"], None)
    refused = await gate.call("POST", "/messages", {"to": "+4520000061", "text": "x"})
    assert (refused.status, problem_of(refused)) == (403, "recipient-not-allowed")
    assert (await gate.call("DELETE", "/opt-outs/+4520000061")).status == 204
    assert (await gate.call("POST", "/messages", {"to": "+4520000061", "text": "x"})).status == 201


@pytest.mark.parametrize("path", ["/webhooks", "/messages"])
async def test_a_url_may_have_a_login(gate: Gate, path: str) -> None:
    """Bug: such a URL was refused here alone."""
    url = "https://me:secret@example.com/hook"
    body = {
        "/webhooks": {"url": url, "events": ["text.received"]},
        "/messages": {"to": NUMBER, "text": "x", "callback_url": url},
    }[path]
    answer = await gate.call("POST", path, body)
    assert answer.status == 201
    if path == "/webhooks":
        assert answer.json["url"] == url
        assert (await gate.call("DELETE", f"/webhooks/{answer.json['id']}")).status == 204


async def test_opt_outs_of_both_forms_of_a_number_are_one(gate: Gate) -> None:
    first = (await gate.call("PUT", "/opt-outs/+5215512345678")).json
    assert (await gate.call("PUT", "/opt-outs/+525512345678")).json == first
    assert (await gate.call("GET", "/opt-outs")).json["data"][-1] == first
    assert (await gate.call("DELETE", "/opt-outs/+525512345678")).status == 204
    assert (await gate.call("DELETE", "/opt-outs/+5215512345678")).status == 404


async def test_webhooks_and_their_secret(gate: Gate) -> None:
    given = {"url": "https://example.com/hook", "events": ["message.delivered", "text.received"]}
    webhook = (await gate.call("POST", "/webhooks", given)).json
    assert (webhook["url"], webhook["events"]) == (given["url"], given["events"])
    assert (await gate.call("GET", "/webhooks")).json == {"data": [webhook]}
    assert (await gate.call("GET", f"/webhooks/{webhook['id']}")).json == webhook
    secret = (await gate.call("GET", "/webhooks/secret")).json
    assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=", secret["secret"])
    assert secret["previous_valid_until"] is None
    rotated = (await gate.call("POST", "/webhooks/secret/rotate")).json
    assert rotated["secret"] != secret["secret"]
    assert rotated["previous_valid_until"]
    assert (await gate.call("DELETE", f"/webhooks/{webhook['id']}")).status == 204
    assert (await gate.call("GET", f"/webhooks/{webhook['id']}")).status == 404


async def test_the_account_and_its_report(gate: Gate) -> None:
    account = (await gate.call("GET", "/account", key=POOR)).json
    assert (account["username"], account["credits"], account["reserved"]) == ("poor", 0, 0)
    await gate.call("POST", "/messages", {"to": NUMBER, "text": "counted"})
    report = (await gate.call("GET", "/reports/messages?by=day&time_zone=Europe/Oslo")).json
    assert any(one["mcc"] == "238" and one["messages"] for one in report["data"])


LONG = "x" * 8_000
REFUSED: list[tuple[str, str, str, Any, int, str, str]] = [
    # what, method, path, body, status, problem, field
    ("no number", "POST", "/messages", {"text": "x"}, 400, "malformed-request", ""),
    ("no text", "POST", "/messages", {"to": NUMBER}, 400, "malformed-request", ""),
    ("empty", "POST", "/messages", {"to": NUMBER, "text": ""}, 400, "empty-text", ""),
    ("too long", "POST", "/messages", {"to": NUMBER, "text": LONG}, 400, "text-too-long", ""),
    ("no digits", "POST", "/messages", {"to": "me", "text": "x"}, 400, "invalid-recipient", ""),
    (
        "unknown field",
        "POST",
        "/messages",
        {"to": NUMBER, "text": "x", "form": "ACME"},
        400,
        "malformed-request",
        "",
    ),
    (
        "time without a zone",
        "POST",
        "/messages",
        {"to": NUMBER, "text": "x", "send_at": "2036-01-01T00:00:00"},
        400,
        "invalid-field",
        "send_at",
    ),
    (
        "time far ahead",
        "POST",
        "/messages",
        {"to": NUMBER, "text": "x", "send_at": "2099-01-01T00:00:00Z"},
        400,
        "invalid-schedule",
        "",
    ),
    (
        "sender",
        "POST",
        "/messages",
        {"to": NUMBER, "text": "x", "from": "much too long a name"},
        400,
        "invalid-sender",
        "",
    ),
    (
        "header without octets",
        "POST",
        "/messages",
        {"to": NUMBER, "text": "x", "udh": "050003"},
        400,
        "invalid-field",
        "udh",
    ),
    (
        "callback",
        "POST",
        "/messages",
        {"to": NUMBER, "text": "x", "callback_url": "ftp://example.com"},
        400,
        "invalid-url",
        "",
    ),
    (
        "wrong type",
        "POST",
        "/messages",
        {"to": 4520123456, "text": "x"},
        400,
        "malformed-request",
        "to",
    ),
    ("no JSON", "POST", "/messages", b"to=1&text=x", 400, "malformed-request", ""),
    ("nothing to send", "POST", "/batches", {"text": "x"}, 400, "missing-field", "to"),
    ("no text for many", "POST", "/batches", {"to": [NUMBER]}, 400, "missing-field", "text"),
    (
        "both",
        "POST",
        "/batches",
        {"messages": [{"to": NUMBER, "text": "x"}], "text": "x"},
        400,
        "invalid-field",
        "text",
    ),
    (
        "one of many",
        "POST",
        "/batches",
        {"messages": [{"to": NUMBER, "text": "x"}, {"to": "12", "text": "x"}]},
        400,
        "invalid-recipient",
        "",
    ),
    ("no message", "GET", "/messages/123", None, 404, "not-found", ""),
    ("no identifier", "GET", "/messages/abc", None, 404, "not-found", ""),
    ("no batch", "GET", "/batches/123", None, 404, "not-found", ""),
    ("no batch to cancel", "POST", "/batches/123/cancel", None, 404, "not-found", ""),
    ("no text", "GET", "/inbound/123", None, 404, "not-found", ""),
    ("no contact", "GET", "/contacts/123", None, 404, "not-found", ""),
    ("no list", "DELETE", "/lists/123", None, 404, "not-found", ""),
    ("no opt-out", "DELETE", "/opt-outs/+4520999999", None, 404, "not-found", ""),
    ("no webhook", "DELETE", "/webhooks/wh_1", None, 404, "not-found", ""),
    ("event", "POST", "/webhooks", {"url": "https://example.com", "events": ["x"]}, 400, "", ""),
    ("limit", "GET", "/messages?limit=0", None, 400, "malformed-request", "limit"),
    ("parameter", "GET", "/messages?sort=asc", None, 400, "malformed-request", ""),
    ("state", "GET", "/messages?state=lost", None, 400, "malformed-request", "state"),
    ("cursor", "GET", "/messages?cursor=abc", None, 400, "invalid-cursor", "cursor"),
    ("zone", "GET", "/reports/messages?time_zone=x", None, 400, "invalid-field", "time_zone"),
    ("path", "GET", "/nothing", None, 404, "unknown-path", ""),
    ("method", "DELETE", "/messages", None, 405, "wrong-method", ""),
]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "word", "field"),
    [pytest.param(*row[1:], id=row[0]) for row in REFUSED],
)
async def test_refusals_store_nothing(
    gate: Gate, method: str, path: str, body: Any, status: int, word: str, field: str
) -> None:
    before = await count_rows(gate.services.storage)
    answer = await gate.call(method, path, body)
    assert (answer.status, problem_of(answer)) == (status, word or "malformed-request")
    assert answer.json.get("field", "") == field or not field
    assert await count_rows(gate.services.storage) == before


@pytest.mark.parametrize(
    ("call", "body", "listed"),
    [
        ("POST /messages", {"to": NUMBER, "text": "x", "encoding": "ucs3"}, "gsm_alike, unicode"),
        ("POST /webhooks", {"url": "https://example.com", "events": ["x"]}, "message.delivered"),
        ("GET /messages?state=lost", None, "delivered, expired"),
    ],
)
async def test_a_value_that_is_not_listed_is_answered_with_those_that_are(
    gate: Gate, call: str, body: Any, listed: str
) -> None:
    """Bug: the problem named only what was wrong."""
    method, _, path = call.partition(" ")
    answer = await gate.call(method, path, body)
    assert answer.status == 400
    assert listed in answer.json["detail"].partition("expected one of ")[2]


@pytest.mark.parametrize(
    ("target", "status", "word"),
    [
        ("/api/v2/messages", 404, "unknown-version"),
        ("/api/v0", 404, "unknown-version"),
        ("/api/v11/messages", 404, "unknown-version"),
        ("/api/v1", 404, "unknown-path"),
        ("/api/v1/messages", 401, "unauthorized"),
    ],
)
async def test_other_versions_and_no_key(gate: Gate, target: str, status: int, word: str) -> None:
    answer = await gate.ask("GET", target)
    assert (answer.status, problem_of(answer)) == (status, word)
    assert (answer.headers.get(b"www-authenticate") == b"Bearer") is (status == 401)


async def test_a_wrong_key_a_wrong_scheme_and_no_credits(gate: Gate) -> None:
    given = {"to": NUMBER, "text": "x"}
    assert problem_of(await gate.call("POST", "/messages", given, key="wrong")) == "unauthorized"
    basic = await gate.ask("GET", "/api/v1/account", (b"authorization", b"Basic " + KEY.encode()))
    assert problem_of(basic) == "unauthorized"
    poor = await gate.call("POST", "/messages", given, key=POOR)
    assert (poor.status, problem_of(poor)) == (402, "insufficient-credit")
    deaf = await gate.call("GET", "/inbound", key=DEAF)
    assert (deaf.status, problem_of(deaf)) == (403, "permission-denied")


async def test_what_is_another_accounts_is_not_found(gate: Gate) -> None:
    message = (await gate.call("POST", "/messages", {"to": NUMBER, "text": "mine"})).json
    page = (await gate.call("GET", "/messages?limit=1")).json
    for method, path in [
        ("GET", f"/messages/{message['id']}"),
        ("POST", f"/messages/{message['id']}/cancel"),
    ]:
        answer = await gate.call(method, path, key=DEAF)
        assert (answer.status, problem_of(answer)) == (404, "not-found")
    for target in ("/messages?limit=1&cursor=", "/messages?to=%2B4520123456&cursor="):
        stolen = await gate.call("GET", target + page["next_cursor"], key=DEAF)
        assert problem_of(stolen) == "invalid-cursor"
    elsewhere = await gate.call("GET", f"/messages?state=sent&cursor={page['next_cursor']}")
    assert problem_of(elsewhere) == "invalid-cursor"


async def test_every_state_event_and_refusal_has_its_word() -> None:
    assert set(mapping.STATES) == set(State)
    assert set(mapping.BATCH_STATES) == set(BatchState)
    assert set(problems.KINDS) == set(RefusalCode)
    assert set(mapping.EVENTS.values()) == set(msgspec.inspect.type_info(Event).values)  # type: ignore[attr-defined]
    words = [kind.word for kind in (*problems.KINDS.values(), *problems.OF_KIT.values())]
    assert len(words) == len(set(words))
    for kind in RefusalKind:
        told = problems.OF_KIT.get(kind, problems.KINDS[RefusalCode.MALFORMED_REQUEST])
        assert told.status == STATUS[kind]
