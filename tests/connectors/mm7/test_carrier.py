"""What comes of a submit: every answer of an MMSC, and every way of not answering."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from typing import Any

import pytest
from tests.passing_time import advance_timers

from dragoman.connectors.mm7.carrier import RETRY_IN_S
from dragoman.core.messages.model.outcomes import Accepted, Deferred, Rejected, Unknown
from dragoman.core.model.errors import FailureCode, RetryCode
from dragoman.testkit.mmsc import Answer, Mmsc

from .conftest import PNG, MakeCarrier, RecordedEvents, outgoing


async def test_a_message_is_submitted_and_its_id_kept(
    make_carrier: MakeCarrier, events: RecordedEvents, mmsc: Mmsc
) -> None:
    carrier = await make_carrier(username="me", password="secret")
    carrier.send(outgoing())
    assert await events.next_outcome() == Accepted(carrier_ids=("MMS-0001",))
    (submit,) = mmsc.received
    assert submit.transaction_id == "abc-1"
    assert submit.values["Recipients/To/Number"] == "+4512345678"
    assert submit.values["SenderIdentification/SenderAddress/ShortCode"] == "1272"
    assert [(part.location, part.content) for part in submit.parts] == [
        ("message.txt", b"MMS test"),
        ("sms.png", PNG.content),
    ]
    assert submit.headers["authorization"] == f"Basic {b64encode(b'me:secret').decode()}"


REJECTED = [
    (2000, FailureCode.REFUSED_BY_CARRIER),
    (2001, FailureCode.BARRED),
    (2002, FailureCode.INVALID_DESTINATION),
    (2003, FailureCode.UNKNOWN_SUBSCRIBER),
    (2004, FailureCode.INVALID_CONTENT),
    (2007, FailureCode.INVALID_CONTENT),
    (2999, FailureCode.REFUSED_BY_CARRIER),
    (3002, FailureCode.REFUSED_BY_CARRIER),
    (4004, FailureCode.INVALID_CONTENT),
    (4007, FailureCode.REFUSED_BY_CARRIER),
]


@pytest.mark.parametrize("fault", [False, True])
@pytest.mark.parametrize(("status", "code"), REJECTED)
async def test_a_definite_status_rejects_the_message(
    make_carrier: MakeCarrier,
    events: RecordedEvents,
    mmsc: Mmsc,
    status: int,
    code: FailureCode,
    fault: bool,
) -> None:
    carrier = await make_carrier()
    http_status = 500 if fault else 200
    mmsc.answers.append(
        Answer(status_code=status, status_text="No", fault=fault, http_status=http_status)
    )
    carrier.send(outgoing())
    assert await events.next_outcome() == Rejected(code=code, detail=f"status {status} No")
    assert carrier.up


@pytest.mark.parametrize("status", [3000, 3001, 4000, 4001, 4002, 4005, 4006, 9999])
async def test_a_failure_of_the_mmsc_defers_and_pauses(
    make_carrier: MakeCarrier, events: RecordedEvents, mmsc: Mmsc, status: int, until: Any
) -> None:
    carrier = await make_carrier()
    mmsc.answers.append(Answer(status_code=status, status_text="Later"))
    carrier.send(outgoing())
    assert await events.next_outcome() == Deferred(
        code=RetryCode.CARRIER_BUSY, retry_in_s=RETRY_IN_S, detail=f"status {status} Later"
    )
    await until(lambda: carrier.up)
    carrier.send(outgoing())
    assert isinstance(await events.next_outcome(), Accepted)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 503])
async def test_an_http_status_that_took_nothing_defers(
    make_carrier: MakeCarrier, events: RecordedEvents, mmsc: Mmsc, status: int
) -> None:
    carrier = await make_carrier(retry_s=60)
    mmsc.answers.append(Answer(http_status=status, body=b"no"))
    carrier.send(outgoing())
    outcome = await events.next_outcome()
    assert isinstance(outcome, Deferred)
    assert outcome.detail == f"HTTP {status}"
    assert (carrier.up, carrier.capacity) == (False, 0)


async def test_a_message_too_large_for_the_mmsc_is_rejected(
    make_carrier: MakeCarrier, events: RecordedEvents, mmsc: Mmsc
) -> None:
    carrier = await make_carrier()
    mmsc.answers.append(Answer(http_status=413, body=b""))
    carrier.send(outgoing())
    assert await events.next_outcome() == Rejected(
        code=FailureCode.INVALID_CONTENT, detail="HTTP 413"
    )


@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        (Answer(body=b""), "HTTP 200 without an MM7 status"),
        (Answer(body=b"<html>"), "HTTP 200 without an MM7 status"),
        (Answer(body=b"<html/>", http_status=500), "HTTP 500 without an MM7 status"),
        (
            Answer(body=b'<!DOCTYPE a [<!ENTITY b "1000">]><Envelope><Body>&b;</Body></Envelope>'),
            "HTTP 200 without an MM7 status",
        ),
        (Answer(body=b"", http_status=502), "HTTP 502"),
        (Answer(body=b"", http_status=302), "HTTP 302"),
    ],
)
async def test_an_answer_that_says_nothing_leaves_the_message_unknown(
    make_carrier: MakeCarrier, events: RecordedEvents, mmsc: Mmsc, answer: Answer, detail: str
) -> None:
    carrier = await make_carrier()
    mmsc.answers.append(answer)
    carrier.send(outgoing())
    assert await events.next_outcome() == Unknown(detail=detail)


async def test_no_answer_in_time_leaves_the_message_unknown(
    make_carrier: MakeCarrier, events: RecordedEvents, mmsc: Mmsc
) -> None:
    carrier = await make_carrier(timeout_s=0.2)
    hold = asyncio.Event()
    mmsc.answers.append(Answer(hold=hold))
    carrier.send(outgoing())
    outcome = await events.next_outcome()
    assert isinstance(outcome, Unknown)
    assert outcome.detail.endswith("in 0.2 s")
    hold.set()


async def test_no_connection_defers(make_carrier: MakeCarrier, events: RecordedEvents) -> None:
    carrier = await make_carrier(url="http://127.0.0.1:1/mm7")
    carrier.send(outgoing())
    outcome = await events.next_outcome()
    assert isinstance(outcome, Deferred)
    assert outcome.code is RetryCode.LINK_DOWN


async def test_pauses_grow_while_the_mmsc_is_away(
    make_carrier: MakeCarrier, events: RecordedEvents, until: Any
) -> None:
    carrier = await make_carrier(url="http://127.0.0.1:1/mm7", retry_s=0.01)
    for failures in (1, 2, 3):
        carrier.send(outgoing())
        await events.next_outcome()
        assert carrier.failures == failures
        await until(lambda: carrier.up)


async def test_storage_that_is_away_defers(
    make_carrier: MakeCarrier, events: RecordedEvents
) -> None:
    carrier = await make_carrier()
    events.away = True
    carrier.send(outgoing())
    assert isinstance(await events.next_outcome(), Deferred)


async def test_a_plain_text_is_rejected(make_carrier: MakeCarrier, events: RecordedEvents) -> None:
    carrier = await make_carrier()
    carrier.send(outgoing(multimedia=None))
    outcome = await events.next_outcome()
    assert isinstance(outcome, Rejected)


async def test_stopping_waits_for_answers_and_gives_the_late_up_as_unknown(
    make_carrier: MakeCarrier, events: RecordedEvents, mmsc: Mmsc, until: Any
) -> None:
    carrier = await make_carrier()
    soon, never = asyncio.Event(), asyncio.Event()
    mmsc.answers.extend([Answer(hold=soon), Answer(hold=never)])
    carrier.send(outgoing(1))
    await until(lambda: len(mmsc.received) == 1)
    carrier.send(outgoing(2))
    await until(lambda: len(mmsc.received) == 2)
    stopping = asyncio.create_task(carrier.stop(20))
    soon.set()
    await until(lambda: len(events.outcomes) == 1)
    advance_timers(20)
    await stopping
    assert sorted(events.outcomes) == [
        (1, Accepted(carrier_ids=("MMS-0001",))),
        (2, Unknown(detail="stopped before the answer came")),
    ]
    carrier.send(outgoing(3))
    events.outcomes.clear()
    assert isinstance(await events.next_outcome(), Deferred)
    never.set()
