"""What became of an order, and taking it back: every literal, and what may be deleted."""

from typing import Any

import msgspec
import pytest
from tests.dialects.in_process import forget

from dragoman.core.messages.model.lifecycle import State
from dragoman.core.model.errors import FailureCode
from dragoman.core.submission import batches as batches_module
from dragoman.dialects.smsend.sending import statuses
from dragoman.dialects.smsend.sending.statuses import history_code_of, status_of

LATER = "20261001100000"
NOT_REMOVED = msgspec.json.encode(
    {
        "result": (
            "The given order_id was not found, or the message sending could not be removed"
            ' (e.g. Message status is not "SCHEDULED")'
        ),
        "error_code": 404,
        "error_message": (
            "The given order_id was not found, or the message sending could not be removed"
            ' (e.g. Message status is not "SCHEDULED")'
        ),
    }
)
PRINTED = {
    "WAITING", "SENT", "WAIT4DLVR", "DLVRD", "TOOM4USER", "TOOM4NUM", "ERROR", "TIMEOUT",
    "UNKNRCPT", "UNKNPFX", "DEMO", "SCHEDULED", "INVALIDDST", "BLACKLISTED", "KO",
    "INVALIDCONTENTS",
}  # fmt: skip


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("wants_receipt", [True, False])
def test_every_state_has_a_printed_word(state: State, wants_receipt: bool) -> None:
    for failure in FailureCode:
        assert status_of(state, failure, wants_receipt=wants_receipt) in PRINTED
        assert history_code_of(state, failure, wants_receipt=wants_receipt) in {2, 4, 9, 10}


def test_tables_are_complete() -> None:
    assert set(statuses.STATUSES) == set(statuses.HISTORY_CODES) == set(State)
    assert set(statuses.FAILURES) == set(FailureCode)


@pytest.mark.parametrize(
    ("state", "failure", "word"),
    [
        (State.QUEUED, FailureCode.NONE, "WAITING"),
        (State.SENT, FailureCode.NONE, "WAIT4DLVR"),
        (State.DELIVERED, FailureCode.NONE, "DLVRD"),
        (State.UNDELIVERED, FailureCode.ABSENT_SUBSCRIBER, "ERROR"),
        (State.UNDELIVERED, FailureCode.UNKNOWN_SUBSCRIBER, "INVALIDDST"),
        (State.EXPIRED, FailureCode.EXPIRED, "TIMEOUT"),
        (State.UNKNOWN, FailureCode.NO_REPORT, "TIMEOUT"),
        (State.REJECTED, FailureCode.REFUSED_BY_CARRIER, "KO"),
        (State.REJECTED, FailureCode.INVALID_CONTENT, "INVALIDCONTENTS"),
        (State.REJECTED, FailureCode.INVALID_DESTINATION, "INVALIDDST"),
        (State.REJECTED, FailureCode.OPTED_OUT, "BLACKLISTED"),
        (State.REJECTED, FailureCode.NO_ROUTE, "UNKNPFX"),
        (State.CANCELLED, FailureCode.CANCELLED, "ERROR"),
    ],
)
async def test_status_says_what_became_of_a_text(
    smsend: Any, orders: Any, state: State, failure: FailureCode, word: str
) -> None:
    order_id = await orders.sent()
    (message,) = orders.live()
    if state not in {State.QUEUED, State.REJECTED, State.CANCELLED}:
        await orders.accept(message)
    if state not in {State.QUEUED, State.SENT}:
        await orders.report(message, state, failure)
    date = "20260921161320" if word == "DLVRD" else ""
    answer = await smsend.get(f"sms/{order_id}")
    assert (answer.status, answer.body) == (
        200,
        b'{"recipient_number":1,"result":"OK","recipients":[{"status":"%b",'
        b'"destination":"+393471234567","delivery_date":"%b"}]}' % (word.encode(), date.encode()),
    )


@pytest.mark.parametrize(
    ("message_type", "then", "word"),
    [("L", None, "SENT"), ("L", State.UNKNOWN, "SENT"), ("N", None, "WAIT4DLVR")],
)
async def test_sent_is_the_end_where_nobody_reports(
    orders: Any, message_type: str, then: State | None, word: str
) -> None:
    order_id = await orders.sent(message_type=message_type)
    (message,) = orders.live()
    await orders.accept(message)
    if then is not None:
        await orders.report(message, then, FailureCode.NO_REPORT)
    assert await orders.statuses(order_id) == [word]


async def test_blacklisted_number_is_named_so_and_costs_nothing(smsend: Any, orders: Any) -> None:
    await smsend.post("blacklist/sms?phoneNumber=393471234568")
    before = (await smsend.rows())["credits available"]
    order_id = await orders.sent(recipient=["+393471234567", "+393471234568"])
    assert await orders.statuses(order_id) == ["WAITING", "BLACKLISTED"]
    assert (await smsend.rows())["credits available"] == before - 1


async def test_delivery_date_is_in_the_accounts_own_zone(smsend: Any, orders: Any) -> None:
    await smsend.services.accounts.create("z", password="p", time_zone="Asia/Tokyo")
    await smsend.begin("z")
    order_id = await orders.sent()
    (message,) = orders.live()
    await orders.accept(message)
    await orders.report(message, State.DELIVERED)
    answer = await smsend.get(f"sms/{order_id}")
    assert answer.json["recipients"][0]["delivery_date"] == "20260921231320"


async def test_order_that_waits_is_scheduled_then_waiting(smsend: Any, orders: Any) -> None:
    order_id = await orders.sent(
        scheduled_delivery_time=LATER, recipient=["+393471234567", "+393471234568"]
    )
    assert await orders.statuses(order_id) == ["SCHEDULED", "SCHEDULED"]
    smsend.clock.advance(10 * 24 * 3600)
    await smsend.begin()
    assert await orders.statuses(order_id) == ["WAITING", "WAITING"]


async def test_order_that_is_partly_expanded_has_every_recipient_once(
    smsend: Any, orders: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = [f"+39347{number:07}" for number in range(999)]
    order_id = await orders.sent(recipient=numbers)
    monkeypatch.setattr(batches_module, "CHUNK", 400)
    assert await orders.services.batches._step()
    answer = (await smsend.get(f"sms/{order_id}")).json
    assert answer["recipient_number"] == 999
    assert [one["destination"] for one in answer["recipients"]] == numbers
    assert {one["status"] for one in answer["recipients"]} == {"WAITING"}


@pytest.mark.parametrize("order_id", ["unknown", "a%00b", "%F0%9F%98%80", "a" * 200])
async def test_unknown_order_is_not_found(smsend: Any, order_id: str) -> None:
    answer = await smsend.get(f"sms/{order_id}")
    assert answer.status == 404
    assert answer.json["result"].startswith("Not found: order [")
    answer = await smsend.delete(f"sms/{order_id}")
    assert (answer.status, answer.body) == (404, NOT_REMOVED)


async def test_scheduled_order_is_deleted_and_paid_back(smsend: Any, orders: Any) -> None:
    before = await smsend.rows()
    order_id = await orders.sent(scheduled_delivery_time=LATER, order_id="x")
    answer = await smsend.delete(f"sms/{order_id}")
    assert (answer.status, answer.body) == (200, b'{"result":"OK"}')
    after = await smsend.rows()
    assert after["credits available"] == before["credits available"]
    assert (await smsend.get(f"sms/{order_id}")).status == 404
    assert (await smsend.delete(f"sms/{order_id}")).body == NOT_REMOVED
    assert (await orders.send(order_id="x")).status == 400


async def test_order_that_is_no_longer_scheduled_is_not_deleted(
    smsend: Any, orders: Any, refused: Any
) -> None:
    sent = await orders.sent()
    waiting = await orders.sent(scheduled_delivery_time=LATER)
    answer = await refused(smsend.delete(f"sms/{sent}"))
    assert (answer.status, answer.body) == (404, NOT_REMOVED)
    smsend.clock.advance(10 * 24 * 3600)
    await smsend.begin()
    assert (await refused(smsend.delete(f"sms/{waiting}"))).body == NOT_REMOVED


async def test_order_of_another_account_is_not_found(
    smsend: Any, orders: Any, refused: Any
) -> None:
    await orders.sent(scheduled_delivery_time=LATER, order_id="x")
    await smsend.begin("other")
    assert (await refused(smsend.get("sms/x"))).status == 404
    assert (await refused(smsend.delete("sms/x"))).body == NOT_REMOVED
    assert (await smsend.delete("sms/bulk")).status == 200
    await smsend.begin()
    assert await orders.statuses("x") == ["SCHEDULED"]


async def test_all_scheduled_orders_are_deleted_together(smsend: Any, orders: Any) -> None:
    sent = await orders.sent()
    available = (await smsend.rows())["credits available"]
    scheduled = [await orders.sent(scheduled_delivery_time=LATER) for _ in range(3)]
    answer = await smsend.delete("sms/bulk")
    assert (answer.status, answer.body) == (200, b'{"result":"OK"}')
    assert [(await smsend.get(f"sms/{one}")).status for one in scheduled] == [404] * 3
    assert await orders.statuses(sent) == ["WAITING"]
    assert (await smsend.delete("sms/bulk")).status == 200
    assert (await smsend.rows())["credits available"] == available


async def test_what_was_deleted_is_listed_without_numbers(orders: Any) -> None:
    order_id = await orders.sent(recipient=["+393471234567", "+393471234568"])
    for message in orders.live():
        await orders.accept(message)
        await orders.report(message, State.DELIVERED)
    await forget(orders.services)
    answer = await orders.customer.get(f"sms/{order_id}")
    assert [one["destination"] for one in answer.json["recipients"]] == ["+0", "+0"]
    assert [one["status"] for one in answer.json["recipients"]] == ["DLVRD", "DLVRD"]
    history = await orders.customer.get("smshistory?from=20200101000000")
    assert [one["order_id"] for one in history.json["smshistory"]] == [order_id]
    empty = await orders.customer.get("rcptHistory?recipient=%2B393471234567&from=20200101000000")
    assert empty.json["rcpthistory"] == []
