"""What was sent, as the manual prints it, and in pages."""

from typing import Any

import pytest

from dragoman.core.messages.model.lifecycle import State

FROM = "20260921000000"


async def test_history_answers_as_printed(smsend: Any, orders: Any) -> None:
    await orders.sent(
        order_id="XYZABCQWERTY",
        message_type="GP",
        sender="MySender",
        recipient=["+393471234567", "+393471234568"],
        scheduled_delivery_time="20261223101010",
    )
    answer = await smsend.get(f"smshistory?from={FROM}")
    assert (answer.status, answer.body) == (
        200,
        b'{"total":1,"pageNumber":1,"result":"OK","pageSize":10,"smshistory":[{'
        b'"order_id":"XYZABCQWERTY","create_time":"20260921161320",'
        b'"schedule_time":"20261223101010","message_type":"GP","sender":"MySender",'
        b'"num_recipients":2}]}',
    )


async def test_history_of_nothing_is_empty(smsend: Any) -> None:
    answer = await smsend.get(f"smshistory?from={FROM}")
    assert answer.body == (
        b'{"total":0,"pageNumber":1,"result":"OK","pageSize":10,"smshistory":[]}'
    )


async def test_history_comes_in_pages_with_the_newest_first(smsend: Any, orders: Any) -> None:
    for name in "abcdefghijkl":
        await orders.sent(order_id=name)
        smsend.clock.advance(60)

    async def found(query: str) -> tuple[str, int]:
        answer = (await smsend.get(f"smshistory?{query}")).json
        return "".join(one["order_id"] for one in answer["smshistory"]), answer["total"]

    assert await found(f"from={FROM}") == ("lkjihgfedc", 12)
    assert await found(f"from={FROM}&pageNumber=2") == ("ba", 12)
    assert await found(f"from={FROM}&to=now&pageNumber=2&pageSize=5") == ("gfedc", 12)
    assert await found(f"from={FROM}&pageNumber=9") == ("", 12)
    assert await found("from=20260921161420&to=20260921161620") == ("dcb", 3)
    assert await found("from=20260921161421&to=20260921161619") == ("c", 1)
    assert await found("from=20260921231420&to=20260921231420&timezone=Asia/Tokyo") == ("b", 1)
    assert await found("from=20260921171400&to=2026-09-21T14:14:20Z") == ("", 0)


async def test_history_has_only_the_accounts_own_orders(smsend: Any, orders: Any) -> None:
    await orders.sent()
    await smsend.begin("other")
    for query in (f"smshistory?from={FROM}", f"rcptHistory?recipient=393471234567&from={FROM}"):
        assert (await smsend.get(query)).json["total"] == 0


async def test_history_of_a_recipient_tells_how_each_text_ended(smsend: Any, orders: Any) -> None:
    await orders.sent(order_id="a", sender="MySender")
    (message,) = orders.live()
    await orders.accept(message)
    await orders.report(message, State.DELIVERED)
    await orders.sent(order_id="b", message_type="GP")
    await orders.sent(order_id="c", recipient="+393471234568")
    answer = await smsend.get(f"rcptHistory?recipient=%2B393471234567&from={FROM}&pageSize=1000")
    assert (answer.status, answer.body) == (
        200,
        b'{"total":2,"pageNumber":1,"result":"OK","pageSize":1000,"rcpthistory":[{'
        b'"order_id":"b","create_time":"20260921161320","schedule_time":"20260921161320",'
        b'"message_type":"GP","sender":"SMS","recipient":"+393471234567","status":2,'
        b'"delivery_date":""},{"order_id":"a","create_time":"20260921161320",'
        b'"schedule_time":"20260921161320","message_type":"N","sender":"MySender",'
        b'"recipient":"+393471234567","status":4,"delivery_date":"20260921161320"}]}',
    )


@pytest.mark.stores_nothing
@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("smshistory", "Missing parameter [from]"),
        ("smshistory?from=", "Missing parameter [from]"),
        ("smshistory?to=20260921161420", "Missing parameter [from]"),
        (
            "smshistory?from=yesterday",
            "Invalid value for parameter [from]: none of the forms of a date",
        ),
        ("smshistory?from=20261321000000", "Invalid value for parameter [from]: no such date"),
        (
            f"smshistory?from={FROM}&to=later",
            "Invalid value for parameter [to]: none of the forms of a date",
        ),
        (
            f"smshistory?from={FROM}&timezone=Mars",
            "Invalid value for parameter [timezone]: not an IANA zone",
        ),
        (
            f"smshistory?from={FROM}&timezone=..%2F..%2Fetc%2Fpasswd",
            "Invalid value for parameter [timezone]: not an IANA zone",
        ),
        (
            f"smshistory?from={FROM}&pageNumber=0",
            "Invalid value for parameter [pageNumber]: 1 to 1000000",
        ),
        (
            f"smshistory?from={FROM}&pageSize=1001",
            "Invalid value for parameter [pageSize]: 1 to 1000",
        ),
        (f"rcptHistory?from={FROM}", "Missing parameter [recipient]"),
        (f"rcptHistory?from={FROM}&recipient=x", "Invalid recipient [x]"),
        ("rcptHistory?recipient=393471234567", "Missing parameter [from]"),
    ],
)
async def test_question_that_cannot_be_read_is_refused(
    smsend: Any, refused: Any, query: str, text: str
) -> None:
    answer = await refused(smsend.get(query))
    assert (answer.status, answer.json["result"]) == (400, text)
