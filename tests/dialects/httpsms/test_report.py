"""`dlr.php`: exact answers for every state a message can be in."""

from __future__ import annotations

from typing import Any

import pytest

from dragoman.core.messages.model.lifecycle import State
from dragoman.core.model.errors import FailureCode

DLR = "/api/sms/dlr.php"
KEY = "0123456789abcdef0123456789abcdef"
NOT_FOUND = b'{"status":false,"queue_status":"notfound"}'
PENDING = b'{"status":true,"queue_status":"pending","queue_error":0}'


def processed(dlr_status: str, reason: str = "", cost: str = "0.05", error: str = "0") -> bytes:
    return (
        f'{{"status":true,"queue_status":"processed","queue_error":{error},'
        f'"dlr_status":"{dlr_status}","dlr_error":"{reason}","sms_cost":"{cost}"}}'
    ).encode()


SENDING = processed("sending")
DELIVERED = processed("delivered")
DELETED = (
    b'{"status":true,"queue_status":"processed","queue_error":0,'
    b'"dlr_exist":false,"dlr_status":"notfound"}'
)

S = State
STORIES: dict[str, tuple[tuple[State, ...], FailureCode, bytes]] = {
    "queued": ((), FailureCode.NONE, PENDING),
    "sending": ((S.SENDING,), FailureCode.NONE, SENDING),
    "sent": ((S.SENT,), FailureCode.NONE, SENDING),
    "sent, never reported": ((S.SENT, S.UNKNOWN), FailureCode.NO_REPORT, SENDING),
    "delivered": ((S.SENT, S.DELIVERED), FailureCode.NONE, DELIVERED),
    "delivered late": ((S.SENT, S.UNKNOWN, S.DELIVERED), FailureCode.NONE, DELIVERED),
    "undelivered": (
        (S.SENT, S.UNDELIVERED),
        FailureCode.ABSENT_SUBSCRIBER,
        processed("undelivered", "Absent subscriber"),
    ),
    "expired at the carrier": (
        (S.SENT, S.EXPIRED),
        FailureCode.EXPIRED,
        processed("expired", "Message expired"),
    ),
    "rejected after it was sent": (
        (S.SENT, S.REJECTED),
        FailureCode.REFUSED_BY_CARRIER,
        processed("rejected", "Rejected by carrier"),
    ),
    "refused by the carrier": (
        (S.REJECTED,),
        FailureCode.INVALID_SENDER,
        processed("rejected", "Invalid sender", "0.00", '"Invalid sender"'),
    ),
    "expired in our queue": (
        (S.EXPIRED,),
        FailureCode.EXPIRED,
        processed("expired", "Message expired", "0.00", '"Message expired"'),
    ),
    "rejected without a reason": (
        (S.REJECTED,),
        FailureCode.NONE,
        processed("rejected", "", "0.00", '"Unspecified error"'),
    ),
    "deleted by the user": ((S.CANCELLED,), FailureCode.CANCELLED, DELETED),
}


@pytest.mark.parametrize("story", STORIES)
async def test_the_report_says_where_the_message_is(gate: Any, story: str) -> None:
    states, failure, expected = STORIES[story]
    assert await gate.send() == b"200"
    await gate.move(*states, failure=failure)
    assert await gate.report() == expected


async def test_a_message_in_two_parts_costs_two(gate: Any) -> None:
    assert await gate.send(msgtext="x" * 161) == b"200"
    await gate.move(State.SENT)
    assert await gate.report() == processed("sending", cost="0.10")


async def test_a_reference_that_is_used_again_reports_the_first_message(gate: Any) -> None:
    await gate.send()
    await gate.move(State.SENT, State.DELIVERED)
    await gate.send(msgtext="another")
    assert await gate.report() == DELIVERED


async def test_number_and_reference_find_the_message_together(gate: Any) -> None:
    await gate.send(mobile="4512345678", ref="one")
    await gate.send(mobile="4512345679", ref="one")
    await gate.move(State.SENT, State.DELIVERED)
    assert await gate.report(ref="one", number="4512345678") == PENDING
    assert await gate.report(ref="one", number="%2B4512345679") == DELIVERED


UNFOUND = {
    "another number": f"key={KEY}&full_number=447483938221&ref=h01txyo25k",
    "another reference": f"key={KEY}&full_number=447483938220&ref=H01TXYO25K",
    "no number at all": f"key={KEY}&full_number=x&ref=h01txyo25k",
    "a reference nobody could give": f"key={KEY}&full_number=447483938220&ref=%00",
    "another account's message": "key=poor-customers-key&full_number=447483938220&ref=h01txyo25k",
}


@pytest.mark.parametrize("case", UNFOUND)
async def test_a_wrong_number_or_reference_is_not_found(gate: Any, case: str) -> None:
    await gate.send()
    answer = await gate.ask("GET", f"{DLR}?{UNFOUND[case]}")
    assert answer == (200, "application/json", NOT_FOUND)


REFUSED = {
    "full_number=447483938220&ref=r": "Missing Key Parameter",
    f"key={KEY}&ref=r": "Missing Full_number Parameter",
    f"key={KEY}&full_number=447483938220": "Missing Ref Parameter",
    "key=unknown&full_number=447483938220&ref=r": "Invalid API Key",
    "key=fenced-customers-key&full_number=447483938220&ref=r": "Remote IP not allowed",
}


@pytest.mark.parametrize("query", REFUSED)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_refusal_is_always_json(gate: Any, query: str, method: str) -> None:
    target, body = (f"{DLR}?{query}", b"") if method == "GET" else (DLR, query.encode())
    expected = b'{"status":false,"error":"%s"}' % REFUSED[query].encode()
    assert await gate.ask(method, target, body) == (200, "application/json", expected)


async def test_names_may_be_in_any_case(gate: Any) -> None:
    await gate.send()
    answer = await gate.ask("POST", DLR, f"KEY={KEY}&Full_Number=447483938220".encode() + b"&REF=")
    assert answer.body == b'{"status":false,"error":"Missing Ref Parameter"}'
    target = f"{DLR}?KEY={KEY}&Full_Number=447483938220&REF=h01txyo25k"
    assert (await gate.ask("GET", target)).body == PENDING


async def test_what_cannot_be_read_is_refused_in_json(gate: Any) -> None:
    answer = await gate.ask("POST", DLR, b"{", "application/json")
    assert answer == (
        200,
        "application/json",
        b'{"status":false,"error":"Message not accepted"}',
    )
