"""Two-factor codes: sent in a message, checked a few times, good once."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import select

from dragoman.core.billing.sql.tables import ledger_entries
from dragoman.core.messages.sql.tables import batches, messages
from dragoman.core.submission.model.verifications import ENDED, MAX_CODES, MAX_TRIES, digest_of_code
from dragoman.core.submission.sql.tables import verifications
from dragoman.work_queue.port import Lane

RECIPIENT = "+393471234567"
OTHER = "other"
REQUEST = {"recipient": RECIPIENT, "senderName": "MySender", "messageBody": "Your PIN is %PIN%."}

Refused = Callable[[Awaitable[Any]], Awaitable[Any]]


@pytest.fixture(autouse=True)
def drawn(smsend: Any) -> list[int]:
    """The numbers drawn for codes: 11, 22, 33 …"""
    numbers: list[int] = []
    source = itertools.count(11, 11)

    def draw(below: int) -> int:
        assert below == 10**6
        numbers.append(next(source))
        return numbers[-1]

    smsend.services.verifications.draw = draw
    return numbers


async def request(smsend: Any, **fields: Any) -> Any:
    return await smsend.post("2fa/request", REQUEST | fields)


async def verify(smsend: Any, pin: object, recipient: str = RECIPIENT) -> Any:
    return await smsend.post("2fa/verify", {"recipient": recipient, "pin": pin})


async def rows_of(smsend: Any, table: Any) -> list[Any]:
    found: list[Any] = await smsend.services.storage.read(lambda c: c.execute(select(table)).all())
    return found


async def test_code_is_sent_and_accepted_when_the_user_enters_it(smsend: Any) -> None:
    answer = await request(smsend)
    assert (answer.status, answer.body) == (200, b'{"result":"OK"}')
    ((batch,), (message,)) = await rows_of(smsend, batches), await rows_of(smsend, messages)
    assert (batch.text, batch.sender, batch.lane) == (
        "Your PIN is 000011.",
        "MySender",
        Lane.URGENT.value,
    )
    assert batch.expires_ms == smsend.clock.now_ms() + 3_600_000
    assert (message.recipient, message.credits) == ("393471234567", 1)
    answer = await verify(smsend, "000011")
    assert (answer.status, answer.body) == (200, b'{"status":"OK"}')
    again = await verify(smsend, "000011")
    assert (again.status, again.body) == (200, b'{"status":"ERROR","triesRemaining":0}')


BODIES = [
    ({"messageBody": "Enter %PIN%, yes %PIN%"}, "Enter 000011, yes 000011"),
    ({"messageBody": "Your code is"}, "Your code is 000011"),
    ({"messageBody": ""}, "PIN: 000011"),
    ({"messageBody": None}, "PIN: 000011"),
]


@pytest.mark.parametrize(("fields", "text"), BODIES)
async def test_code_stands_in_its_place_when_a_body_is_given(
    smsend: Any, fields: dict[str, Any], text: str
) -> None:
    assert (await request(smsend, **fields)).status == 200
    assert [batch.text for batch in await rows_of(smsend, batches)] == [text]


async def test_newer_names_are_taken_when_a_program_sends_them(smsend: Any) -> None:
    body = {
        "recipient": "00393471234567",
        "sender": "MySender",
        "expiry": 5,
        "message-type": "EE",
        "messageBody": "%PIN%",
    }
    assert (await smsend.post("2fa/request", body)).status == 200
    (batch,) = await rows_of(smsend, batches)
    assert batch.sender == "MySender"
    assert batch.expires_ms == smsend.clock.now_ms() + 300_000
    assert [message.credits for message in await rows_of(smsend, messages)] == [2]
    smsend.clock.advance(299)
    await smsend.begin()
    assert (await verify(smsend, "000012")).json == {"status": "ERROR", "triesRemaining": 4}
    assert (await verify(smsend, 11)).json == {"status": "OK"}


async def test_code_is_dead_when_its_time_is_over(smsend: Any) -> None:
    await request(smsend, expiry="1")
    smsend.clock.advance(60)
    assert (await verify(smsend, "000011")).json == {"status": "ERROR", "triesRemaining": 0}


async def test_right_code_counts_no_more_when_the_tries_are_used_up(smsend: Any) -> None:
    await request(smsend)
    left = [(await verify(smsend, "999999")).json["triesRemaining"] for _ in range(MAX_TRIES)]
    assert left == [4, 3, 2, 1, 0]
    assert (await verify(smsend, "000011")).json == {"status": "ERROR", "triesRemaining": 0}


async def test_only_the_newest_code_counts_when_several_were_sent(smsend: Any) -> None:
    await request(smsend)
    await request(smsend)
    assert (await verify(smsend, "000011")).json == {"status": "ERROR", "triesRemaining": 4}
    assert (await verify(smsend, "000022")).json == {"status": "OK"}
    assert (await verify(smsend, "000011")).json == {"status": "ERROR", "triesRemaining": 0}


async def test_code_is_good_once_when_many_enter_it_at_once(smsend: Any) -> None:
    await request(smsend)
    answers = await asyncio.gather(*(verify(smsend, "000011") for _ in range(10)))
    assert sorted(answer.json["status"] for answer in answers) == ["ERROR"] * 9 + ["OK"]


async def test_exactly_one_code_lives_when_many_are_requested_at_once(
    smsend: Any, drawn: list[int]
) -> None:
    answers = await asyncio.gather(*(request(smsend) for _ in range(MAX_CODES + 2)))
    assert [answer.status for answer in answers].count(200) == MAX_CODES
    stored = await rows_of(smsend, verifications)
    assert len(stored) == MAX_CODES
    alive = max(stored, key=lambda row: row.verification_id)
    assert [row.tries_left for row in stored].count(ENDED) == MAX_CODES - 1
    assert alive.tries_left == MAX_TRIES
    codes = [f"{number:06}" for number in drawn]
    assert alive.digest in [digest_of_code(alive.verification_id, code) for code in codes]


async def test_further_code_is_refused_when_a_number_has_got_many(
    smsend: Any, refused: Refused
) -> None:
    for _ in range(MAX_CODES):
        assert (await request(smsend)).status == 200
    answer = await refused(request(smsend))
    reason = "Invalid value for parameter [recipient]: at most 5 codes an hour"
    assert answer.json["error_message"] == reason
    assert (await request(smsend, recipient="+393471234568")).status == 200
    smsend.clock.advance(3_601)
    await smsend.begin()
    assert (await request(smsend)).status == 200
    # What is too old to count is gone.
    assert len(await rows_of(smsend, verifications)) == 1


async def test_code_of_another_account_is_none_when_the_number_is_the_same(smsend: Any) -> None:
    await request(smsend)
    await smsend.begin(OTHER)
    assert (await verify(smsend, "000011")).json == {"status": "ERROR", "triesRemaining": 0}
    await smsend.begin()
    assert (await verify(smsend, "000011")).json == {"status": "OK"}


async def test_earlier_code_lives_on_when_a_further_one_cannot_be_sent(
    smsend: Any, refused: Refused
) -> None:
    await request(smsend)
    await refused(request(smsend, senderName="far too long a name"))
    assert (await verify(smsend, "000011")).json == {"status": "OK"}


async def test_nothing_is_stored_when_the_credits_do_not_suffice(
    smsend: Any, refused: Refused
) -> None:
    account = await smsend.services.accounts.find("username")
    await smsend.services.accounts.top_up(account, -1_000, "")
    answer = await refused(request(smsend))
    assert answer.json["error_message"] == "Insufficient credit"


async def test_recipient_on_the_blacklist_gets_no_code(smsend: Any, refused: Refused) -> None:
    await smsend.post(f"blacklist/sms?phoneNumber={RECIPIENT.removeprefix('+')}")
    answer = await refused(request(smsend))
    assert answer.json["error_message"] == "Recipient [393471234567] is not allowed"


async def test_code_is_stored_as_a_digest_and_not_logged(
    smsend: Any, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.DEBUG):
        await request(smsend)
        await verify(smsend, "000011")
    (row,) = await rows_of(smsend, verifications)
    assert b"000011" not in row.digest
    assert row.digest == digest_of_code(row.verification_id, "000011")
    assert row.digest != digest_of_code(row.verification_id + 1, "000011")
    assert "000011" not in caplog.text + "".join(capsys.readouterr())
    assert len(await rows_of(smsend, ledger_entries)) == 2


BAD = [
    ("2fa/request", {}, "Missing parameter [recipient]"),
    ("2fa/request", {"recipient": ""}, "Missing parameter [recipient]"),
    ("2fa/request", REQUEST | {"recipient": "hello"}, "Invalid recipient [hello]"),
    ("2fa/request", REQUEST | {"recipient": "+39\x00"}, "Invalid recipient [+39?]"),
    (
        "2fa/request",
        REQUEST | {"senderName": "far too long a name"},
        "Invalid sender [far too long a name]: more than 11 characters",
    ),
    ("2fa/request", {"recipient": RECIPIENT}, "Invalid sender []: empty"),
    *(
        (
            "2fa/request",
            REQUEST | {"expiry": expiry},
            "Invalid value for parameter [expiry]: 1 to 1440 minutes",
        )
        for expiry in (0, -1, 1441, "soon", "1.5", 1 << 60)
    ),
    (
        "2fa/request",
        REQUEST | {"message-type": "XX"},
        "Invalid value for parameter [message-type]: no such type",
    ),
    (
        "2fa/request",
        REQUEST | {"messageBody": "x" * 1_000},
        "The message is too long: at most 1000 characters",
    ),
    (
        "2fa/request",
        REQUEST | {"messageBody": "nul \x00"},
        "Invalid value for parameter [message]: not valid Unicode text",
    ),
    ("2fa/verify", {}, "Missing parameter [recipient]"),
    ("2fa/verify", {"recipient": RECIPIENT}, "Missing parameter [pin]"),
    ("2fa/verify", {"recipient": "me", "pin": "1"}, "Invalid recipient [me]"),
]


@pytest.mark.stores_nothing
@pytest.mark.parametrize(("target", "body", "reason"), BAD)
async def test_call_is_refused_when_it_makes_no_sense(
    smsend: Any, refused: Refused, target: str, body: dict[str, Any], reason: str
) -> None:
    answer = await refused(smsend.post(target, body))
    assert answer.json == {"result": reason, "error_code": 400, "error_message": reason}


@pytest.mark.parametrize("pin", ["", " ", "x" * 65, "\x00", -5, 1 << 70, "９９９９９９"])
async def test_pin_that_is_no_code_costs_no_more_than_a_try(smsend: Any, pin: object) -> None:
    await request(smsend)
    answer = await verify(smsend, pin)
    assert answer.status in (200, 400)
    assert (await verify(smsend, "000011")).json == {"status": "OK"}


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"recipient":{}}', b'{"recipient":true}'])
@pytest.mark.parametrize("target", ["2fa/request", "2fa/verify"])
async def test_body_that_is_no_request_is_refused(smsend: Any, target: str, body: bytes) -> None:
    answer = await smsend.post(target, body)
    assert answer.status == 400
    assert set(answer.json) == {"result", "error_code", "error_message"}


async def test_sender_of_a_type_without_its_own_is_ignored(smsend: Any) -> None:
    await request(smsend, **{"message-type": "LL"})
    [message] = smsend.services.live
    stored = message.batch.stored
    assert (stored.sender, stored.options.ignored_sender) == ("SMS", "MySender")
