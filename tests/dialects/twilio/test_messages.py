"""Messages: exact requests, exact answers, and what was accepted."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from tests.dialects.in_process import count_rows, forget

from dragoman.core.messages.model.lifecycle import State
from dragoman.core.model.errors import FailureCode
from dragoman.core.reporting.model.outbox import OutboxFilter
from dragoman.dialects.twilio import errors

from .conftest import (
    FENCED_SID,
    FORM,
    NAMED_SID,
    OTHER_SID,
    OTHER_TOKEN,
    OWN_NUMBER,
    POOR_SID,
    SID,
    TOKEN,
    basic,
)

BASE = f"/2010-04-01/Accounts/{SID}"
TO, FROM = "+4512345678", "+4587654321"
GOOD = {"To": TO, "From": FROM, "Body": "Hello"}


async def test_a_message_is_accepted_and_answered(gate: Any) -> None:
    answer = await gate.call("POST", "/Messages.json", GOOD | {"Unknown": "x"})
    assert answer.status == 201
    assert answer.masked == (
        b'{"account_sid":"' + SID.encode() + b'","api_version":"2010-04-01","body":"Hello",'
        b'"date_created":"DATE","date_sent":null,"date_updated":"DATE",'
        b'"direction":"outbound-api","error_code":null,"error_message":null,'
        b'"from":"+4587654321","num_media":"0","num_segments":"1","price":null,'
        b'"price_unit":"USD","messaging_service_sid":null,"sid":"SM...","status":"queued",'
        b'"subresource_uris":{"media":"' + BASE.encode() + b'/Messages/SM.../Media.json"},'
        b'"to":"+4512345678","uri":"' + BASE.encode() + b'/Messages/SM....json"}'
    )
    sid = answer.json["sid"]
    fetched = await gate.call("GET", f"/Messages/{sid}.json")
    assert (fetched.status, fetched.json) == (200, answer.json)
    await gate.end()
    fetched = await gate.call("GET", f"/Messages/{sid}.json")
    assert (fetched.json["status"], fetched.json["error_code"]) == ("delivered", None)
    assert fetched.json["date_sent"].endswith(" +0000")
    listed = await gate.call("GET", "/Messages.json")
    assert listed.json["messages"] == [fetched.json]


SENT = {
    "a plus that was not escaped": ({"To": " 4512345678", "From": " 4587654321"}, TO, FROM, "auto"),
    "digits alone": ({"To": "4512345678", "From": "4587654321"}, TO, FROM, "auto"),
    "a name": ({"From": "My Shop"}, TO, "My Shop", "auto"),
    "a short code": ({"From": "1272"}, TO, "1272", "auto"),
    "look-alikes": ({"SmartEncoded": "true"}, TO, FROM, "gsm_alike"),
    "what is ignored": (
        {"ProvideFeedback": "true", "MaxPrice": "1", "PersistentAction": "x", "RiskCheck": "y"},
        TO,
        FROM,
        "auto",
    ),
}


@pytest.mark.parametrize("case", SENT)
async def test_what_is_sent(gate: Any, case: str) -> None:
    form, to, sender, kind = SENT[case]
    answer = await gate.send(**form)
    assert (answer["to"], answer["from"]) == (to, sender)
    wanted = OutboxFilter(account_id=gate.token.account_id)
    [message] = (await gate.services.queries.outbox(wanted, 0, 10)).messages
    assert (message.recipient, message.sender, message.format) == (to[1:], sender, kind)
    assert (message.dialect, message.protocol) == ("twilio", "single")


async def test_validity_is_in_seconds(gate: Any) -> None:
    for given, kept_s in (("", 36_000), ("36000", 36_000), ("600", 600), ("1", 60)):
        await gate.send(ValidityPeriod=given)
        newest = max(gate.services.live, key=lambda message: message.message_id)
        batch = newest.batch.stored
        assert batch.expires_ms - batch.due_ms == kept_s * 1000


def problem(code: int, message: str, status: int = 400) -> tuple[int, bytes]:
    page = f"https://www.twilio.com/docs/errors/{code}"
    text = f'{{"code":{code},"message":"{message}","more_info":"{page}","status":{status}}}'
    return status, text.encode()


REFUSED: dict[str, tuple[dict[str, Any], tuple[int, bytes]]] = {
    "no recipient": ({"To": ""}, problem(21604, "A 'To' phone number is required.")),
    "no sender": ({"From": ""}, problem(21603, "A 'From' phone number is required.")),
    "no text": ({"Body": ""}, problem(21602, "Message body is required.")),
    "a text that is too long": (
        {"Body": "x" * 1601},
        problem(21617, "The concatenated message body exceeds the 1600 character limit"),
    ),
    "a recipient that is none": (
        {"To": "+1"}, problem(21211, "Invalid 'To' Phone Number: +1"),
    ),
    "a recipient of too many digits": (
        {"To": "+4512345678901234567"},
        problem(21211, "Invalid 'To' Phone Number: +451234567890123XXXX"),
    ),
    "another channel": (
        {"To": "whatsapp:+4512345678"},
        problem(21211, "Invalid 'To' Phone Number: whatsapp:+4512345678"),
    ),
    "itself": (
        {"From": TO}, problem(21266, "'To' and 'From' number cannot be the same: +451234XXXX"),
    ),
    "a sender that is none": (
        {"From": "far too long a name"},
        problem(21212, "Invalid From Number (caller ID): far too long a name"),
    ),
    "a service that is none": (
        {"MessagingServiceSid": "MG1"}, problem(21701, "The Messaging Service does not exist"),
    ),
    "a callback that is none": (
        {"StatusCallback": "ftp://x.example"},
        problem(21609, "The StatusCallback URL ftp://x.example is not a valid URL."),
    ),
    "a callback to a host with an underscore": (
        {"StatusCallback": "https://my_host.example/"},
        problem(21609, "The StatusCallback URL https://my_host.example/ is not a valid URL."),
    ),
    "a template": (
        {"ContentSid": "HX1"}, problem(21655, "The ContentSid HX1 is invalid"),
    ),
    "a schedule without a service": (
        {"ScheduleType": "fixed", "SendAt": "2030-01-01T00:00:00Z"},
        problem(35118, "MessagingServiceSid is required to schedule a message"),
    ),
    "a validity of words": (
        {"ValidityPeriod": "long"},
        problem(20001, "Invalid parameter ValidityPeriod: 1 to 36000"),
    ),
    "a validity of nothing": (
        {"ValidityPeriod": "0"}, problem(20001, "Invalid parameter ValidityPeriod: 1 to 36000"),
    ),
    "half a surrogate pair": (
        {"Body": "\0"}, problem(20001, "Invalid parameter Body: not valid Unicode text"),
    ),
    "too many files": (
        {"MediaUrl": ["https://a.example/x.png"] * 11},
        problem(21623, "Number of media files exceeds allowed limit"),
    ),
    "a file that is none": (
        {"MediaUrl": ["x.png"]}, problem(21620, "Invalid media URL(s)"),
    ),
    "a file without a carrier for it": (
        {"MediaUrl": ["https://a.example/x.png"]},
        problem(
            21612,
            "The 'To' phone number: +451234XXXX, is not currently reachable using the 'From'"
            " phone number via SMS.",
        ),
    ),
}  # fmt: skip


async def test_refusals_have_twilios_words_and_store_nothing(gate: Any) -> None:
    before = await count_rows(gate.services.storage)
    for name, (form, expected) in REFUSED.items():
        answer = await gate.call("POST", "/Messages.json", GOOD | form)
        assert (answer.status, answer.body) == expected, name
    assert await count_rows(gate.services.storage) == before


LOGINS = {
    "a wrong token": (SID, "wrong"),
    "another's token": (SID, OTHER_TOKEN),
    "no account": ("AC" + "0" * 32, TOKEN),
    "a user name": ("tester", TOKEN),
    "a key that is none": ("SK" + "0" * 32, TOKEN),
    "another account": (OTHER_SID, OTHER_TOKEN),
}
UNAUTHORISED = problem(20003, "Authenticate", 401)


@pytest.mark.parametrize("case", LOGINS)
async def test_a_stranger_is_refused(gate: Any, case: str) -> None:
    answer = await gate.call("POST", "/Messages.json", GOOD, login=LOGINS[case])
    assert (answer.status, answer.body) == UNAUTHORISED
    assert answer.headers[b"www-authenticate"] == b'Basic realm="Twilio API"'


HEADERS = {
    "nothing": (),
    "a bearer": ((b"authorization", b"Bearer x"),),
    "no base64": ((b"authorization", b"Basic !"),),
    "no colon": ((b"authorization", b"Basic YWJj"),),
    "no text": ((b"authorization", b"Basic /w=="),),
}


@pytest.mark.parametrize("case", HEADERS)
async def test_a_login_of_another_kind_is_refused(gate: Any, case: str) -> None:
    answer = await gate.raw("GET", f"{BASE}/Messages.json", *HEADERS[case])
    assert (answer.status, answer.body) == UNAUTHORISED


ACCOUNTS = {
    POOR_SID: problem(20005, "Account not active", 403),
    FENCED_SID: UNAUTHORISED,
    NAMED_SID: problem(
        21606,
        "The 'From' phone number provided (+4587654321) is not a valid message-capable phone"
        " number for this destination/account",
    ),
}


@pytest.mark.parametrize("sid", ACCOUNTS)
async def test_an_account_that_may_not(gate: Any, sid: str) -> None:
    path = f"/2010-04-01/Accounts/{sid}/Messages.json"
    answer = await gate.call("POST", path, GOOD, login=(sid, OTHER_TOKEN))
    assert (answer.status, answer.body) == ACCOUNTS[sid]


UNREADABLE = {
    "an unknown path": (
        ("GET", f"{BASE}/Calls.json", b""),
        problem(20404, f"The requested resource {BASE}/Calls.json was not found", 404),
    ),
    "a wrong method": (
        ("PUT", f"{BASE}/Messages.json", b""), problem(20004, "Method not allowed", 405),
    ),
    "what is no form": (
        ("POST", f"{BASE}/Messages.json", b"To=%ff%fe"),
        problem(20001, "Invalid parameter: the text is not utf-8"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", UNREADABLE)
async def test_what_cannot_be_read(gate: Any, case: str) -> None:
    (method, path, body), expected = UNREADABLE[case]
    answer = await gate.raw(method, path, basic(SID, TOKEN), FORM, body=body)
    assert (answer.status, answer.body) == expected


async def test_json_is_no_form(gate: Any) -> None:
    headers = (basic(SID, TOKEN), (b"content-type", b"application/json"))
    answer = await gate.raw("POST", f"{BASE}/Messages.json", *headers, body=b'{"To":"x"}')
    assert (answer.status, answer.json["code"]) == (400, 20001)


async def test_a_recipient_that_opted_out_is_refused(gate: Any) -> None:
    await gate.receive("STOP")
    before = await count_rows(gate.services.storage)
    answer = await gate.call("POST", "/Messages.json", GOOD)
    assert (answer.status, answer.body) == problem(
        21610, "Attempt to send to unsubscribed recipient"
    )
    assert await count_rows(gate.services.storage) == before
    await gate.receive("START")
    await gate.send()


async def test_a_prefix_in_front_of_the_path(gate: Any) -> None:
    answer = await gate.call("POST", f"/api/laml{BASE}/Messages.json", GOOD)
    assert (answer.status, answer.json["uri"][:12]) == (201, "/2010-04-01/")
    listed = await gate.call("GET", f"/api/laml{BASE}/Messages.json?PageSize=1")
    assert listed.json["first_page_uri"] == f"{BASE}/Messages.json?PageSize=1&Page=0"


# Outcomes


@pytest.mark.parametrize(
    ("state", "failure", "told"),
    [
        (State.DELIVERED, FailureCode.NONE, ("delivered", None, None)),
        (
            State.UNDELIVERED,
            FailureCode.ABSENT_SUBSCRIBER,
            ("undelivered", 30003, "Unreachable destination handset"),
        ),
        (State.EXPIRED, FailureCode.EXPIRED, ("undelivered", 30036, "Validity period expired")),
        (State.UNKNOWN, FailureCode.NO_REPORT, ("sent", None, None)),
    ],
)
async def test_what_became_of_a_message(
    gate: Any, state: State, failure: FailureCode, told: tuple[Any, ...]
) -> None:
    sent = await gate.send()
    await gate.end(state, failure)
    found = (await gate.call("GET", f"/Messages/{sent['sid']}.json")).json
    assert (found["status"], found["error_code"], found["error_message"]) == told


async def test_what_never_left_has_failed(gate: Any) -> None:
    sent = await gate.send()
    [message] = gate.services.live
    done = asyncio.get_running_loop().create_future()
    gate.services.delivery.change(
        message, State.REJECTED, done.set_result, failure=FailureCode.INVALID_SENDER
    )
    assert await done
    found = (await gate.call("GET", f"/Messages/{sent['sid']}.json")).json
    assert (found["status"], found["error_code"]) == ("failed", 30018)
    assert found["date_sent"] is None


# Redacting, deleting, cancelling


async def test_a_message_that_is_not_over_is_neither_redacted_nor_deleted(gate: Any) -> None:
    path = f"/Messages/{(await gate.send())['sid']}.json"
    expected = problem(20009, "Cannot delete or change a resource that is not complete", 409)
    for method, form in (("POST", {"Body": ""}), ("DELETE", None)):
        answer = await gate.call(method, path, form)
        assert (answer.status, answer.body) == expected


async def test_a_redacted_message_has_no_text_anywhere(gate: Any) -> None:
    path = f"/Messages/{(await gate.send(Body='very secret'))['sid']}.json"
    await gate.end()
    answer = await gate.call("POST", path, {"Body": ""})
    assert (answer.status, answer.json["body"], answer.json["to"]) == (200, "", TO)
    assert b"very secret" not in await gate.dump()


async def test_a_deleted_message_is_gone(gate: Any) -> None:
    path = f"/Messages/{(await gate.send(To='+4512345699', Body='very secret'))['sid']}.json"
    await gate.end()
    answer = await gate.call("DELETE", path)
    assert (answer.status, answer.body) == (204, b"")
    for method, form in (("GET", None), ("POST", {"Body": ""}), ("DELETE", None)):
        answer = await gate.call(method, path, form)
        assert (answer.status, answer.body) == problem(
            20404, f"The requested resource {BASE}{path} was not found", 404
        )
    assert (await gate.call("GET", "/Messages.json")).json["messages"] == []
    dump = await gate.dump()
    assert b"very secret" not in dump
    assert b"4512345699" not in dump


async def test_a_received_text_can_be_redacted_and_deleted(gate: Any) -> None:
    await gate.receive("very secret", "4512345699")
    [received] = (await gate.call("GET", "/Messages.json")).json["messages"]
    path = f"/Messages/{received['sid']}.json"
    assert (received["from"], received["to"]) == ("+4512345699", f"+{OWN_NUMBER}")
    answer = await gate.call("POST", path, {"Body": ""})
    assert (answer.json["body"], answer.json["direction"]) == ("", "inbound")
    assert b"very secret" not in await gate.dump()
    assert (await gate.call("DELETE", path)).status == 204
    assert (await gate.call("GET", path)).status == 404
    assert b"4512345699" not in await gate.dump()


CHANGES = {
    "another text": ({"Body": "x"}, "Invalid parameter Body: it can only be emptied"),
    "another status": ({"Status": "sent"}, "Invalid parameter Status: use canceled"),
}


@pytest.mark.parametrize("case", CHANGES)
async def test_nothing_else_can_be_changed(gate: Any, case: str) -> None:
    path = f"/Messages/{(await gate.send())['sid']}.json"
    await gate.end()
    form, text = CHANGES[case]
    answer = await gate.call("POST", path, form)
    assert (answer.status, answer.body) == problem(20001, text)


async def test_only_what_waits_in_a_service_can_be_cancelled(gate: Any) -> None:
    sent = await gate.send()
    answer = await gate.call("POST", f"/Messages/{sent['sid']}.json", {"Status": "canceled"})
    assert (answer.status, answer.body) == problem(30409, "This message cannot be canceled")
    service = await gate.service()
    sent = await gate.send(MessagingServiceSid=service)
    path = f"/Messages/{sent['sid']}.json"
    answer = await gate.call("POST", path, {"Status": "canceled"})
    assert (answer.status, answer.json["status"]) == (200, "canceled")


async def test_a_cancelled_schedule_keeps_its_number_until_it_is_deleted(gate: Any) -> None:
    service = await gate.service()
    at = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    form = {"MessagingServiceSid": service, "ScheduleType": "fixed", "SendAt": at}
    sent = await gate.send(To="+4512345699", From="", **form)
    assert (sent["status"], sent["from"], sent["num_segments"]) == ("scheduled", None, "0")
    path = f"/Messages/{sent['sid']}.json"
    assert (await gate.call("DELETE", path)).json["code"] == 20009
    answer = await gate.call("POST", path, {"Status": "canceled"})
    assert (answer.json["status"], answer.json["to"]) == ("canceled", "+4512345699")
    listed = await gate.call("GET", "/Messages.json?To=%2B4512345699")
    assert [one["sid"] for one in listed.json["messages"]] == [sent["sid"]]
    assert (await gate.call("DELETE", path)).status == 204
    assert b"4512345699" not in await gate.dump()


SCHEDULES = {
    "too soon": (timedelta(minutes=14), 35114),
    "too late": (timedelta(days=36), 35114),
    "in the past": (timedelta(days=-1), 35114),
}


@pytest.mark.parametrize("case", SCHEDULES)
async def test_a_schedule_has_bounds(gate: Any, case: str) -> None:
    ahead, code = SCHEDULES[case]
    form = {"MessagingServiceSid": await gate.service(), "ScheduleType": "fixed"}
    at = (datetime.now(UTC) + ahead).isoformat()
    for given in (at, "tomorrow", "2026-99-99", "9" * 400):
        answer = await gate.call("POST", "/Messages.json", GOOD | form | {"SendAt": given})
        assert answer.json["code"] == code, given
    answer = await gate.call("POST", "/Messages.json", GOOD | form)
    assert answer.json["code"] == 35111


# Listing


async def test_a_list_is_exact(gate: Any) -> None:
    answer = await gate.call("GET", "/Messages.json?PageSize=2&To=%2B4512345678")
    query = "To=%2B4512345678&PageSize=2&Page=0"
    link = f'"{BASE}/Messages.json?{query}"'.encode()
    assert answer.body == (
        b'{"first_page_uri":'
        + link
        + b',"end":0,"previous_page_uri":null,"uri":'
        + link
        + b',"page_size":2,"start":0,"next_page_uri":null,"page":0,"messages":[]}'
    )


async def test_pages_lead_to_each_other(gate: Any) -> None:
    sent = [(await gate.send(Body=str(number)))["sid"] for number in range(5)][::-1]
    page = (await gate.call("GET", "/Messages.json?PageSize=2")).json
    seen, pages = [], []
    while True:
        pages.append(page)
        seen += [one["sid"] for one in page["messages"]]
        if page["next_page_uri"] is None:
            break
        page = (await gate.call("GET", page["next_page_uri"])).json
    assert seen == sent
    assert [(one["page"], one["start"], one["end"]) for one in pages] == [
        (0, 0, 1), (1, 2, 3), (2, 4, 4),
    ]  # fmt: skip
    # What comes in between moves no page.
    await gate.send(Body="new")
    again = (await gate.call("GET", pages[1]["uri"])).json
    assert again["messages"] == pages[1]["messages"]
    before = (await gate.call("GET", pages[2]["previous_page_uri"])).json
    assert before["messages"] == pages[1]["messages"]
    first = (await gate.call("GET", before["previous_page_uri"])).json
    assert first["messages"] == pages[0]["messages"]


async def test_filters_choose(gate: Any) -> None:
    to_one = await gate.send(To="+4512345601")
    from_shop = await gate.send(From="Shop")
    await gate.end()
    waiting = await gate.send()
    await gate.receive("Hi", "4512345601")
    [received] = (await gate.call("GET", f"/Messages.json?To=%2B{OWN_NUMBER}")).json["messages"]
    today = datetime.now(UTC).date()
    day, later = str(today), str(today + timedelta(days=1))
    earlier = str(today - timedelta(days=1))
    everything = [received["sid"], waiting["sid"], from_shop["sid"], to_one["sid"]]
    over = [received["sid"], from_shop["sid"], to_one["sid"]]
    cases = {
        "": everything,
        "To=%2B4512345601": [to_one["sid"]],
        "To=4512345601": [to_one["sid"]],
        "From=%2B4512345601": [received["sid"]],
        "From=Shop": [from_shop["sid"]],
        "From=Shop&To=%2B4512345601": [],
        f"DateSent={day}": over,
        f"DateSent={earlier}": [],
        f"DateSent%3E={day}": over,
        f"DateSent>={day}": over,
        f"DateSent%3C={day}": [],
        f"DateSent%3C={later}&DateSent%3E={earlier}": over,
        f"DateSent%3C={later}T00:00:00Z": over,
        f"DateSent={day}T00:00:00Z": over,
        f"DateSent={day}&From=Shop": [from_shop["sid"]],
        "To=%00": [],
        f"From={quote('x' * 5000)}": [],
    }
    for query, expected in cases.items():
        answer = await gate.call("GET", f"/Messages.json?{query}")
        assert [one["sid"] for one in answer.json["messages"]] == expected, query


QUERIES = {
    "PageSize=0": "Invalid parameter PageSize: 1 to 1000",
    "PageSize=1001": "Invalid parameter PageSize: 1 to 1000",
    "PageSize=x": "Invalid parameter PageSize: use a number",
    "Page=-1": "Invalid parameter Page: use a number",
    "PageToken=PASMx": "Invalid parameter PageToken: take it from an answer",
    f"PageToken=PAMG{'0' * 32}": "Invalid parameter PageToken: take it from an answer",
    "DateSent=yesterday": "Invalid parameter DateSent: use YYYY-MM-DD or ISO 8601",
    "DateSent%3C=1": "Invalid parameter DateSent<: use YYYY-MM-DD or ISO 8601",
    f"DateSent%3E={'9' * 99}": "Invalid parameter DateSent>: use YYYY-MM-DD or ISO 8601",
}


@pytest.mark.parametrize("query", QUERIES)
async def test_what_cannot_be_listed(gate: Any, query: str) -> None:
    answer = await gate.call("GET", f"/Messages.json?{query}")
    assert (answer.status, answer.body) == problem(20001, QUERIES[query])


async def test_what_was_forgotten_is_not_there(gate: Any) -> None:
    sent = await gate.send()
    await gate.receive("Hi")
    await gate.end()
    await forget(gate.services)
    assert (await gate.call("GET", "/Messages.json")).json["messages"] == []
    assert (await gate.call("GET", f"/Messages/{sent['sid']}.json")).status == 404


@pytest.mark.parametrize("number", errors.WORDINGS)
def test_every_code_has_a_text_that_can_be_filled_in(number: int) -> None:
    text, status = errors.WORDINGS[number]
    assert text.format(path="/", subject="x", masked="x", named=" x", because=": x")
    assert 400 <= status < 600


async def test_feedback_stands_in_the_story(gate: Any) -> None:
    sid = (await gate.send())["sid"]
    path = f"/Messages/{sid}/Feedback.json"
    for form, outcome in (({}, "unconfirmed"), ({"Outcome": "confirmed"}, "confirmed")):
        answer = await gate.call("POST", path, form)
        assert (answer.status, answer.json["outcome"]) == (200, outcome)
        assert answer.json["message_sid"] == sid
        (message,) = gate.services.live
        story = await gate.services.timelines.of_any_message(message.message_id)
        assert story.feedback == outcome
    answer = await gate.call("POST", path, {"Outcome": "x"})
    assert (answer.status, answer.json["code"]) == (400, 20001)
    await gate.receive("Hi")
    received = (await gate.call("GET", "/Messages.json")).json["messages"][0]["sid"]
    answer = await gate.call("POST", path.replace(sid, received), {})
    assert (answer.status, answer.json["code"]) == (400, 20001)
