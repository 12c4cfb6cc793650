"""The calls to the address that an order names."""

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from dragoman.core.messages.model.callbacks import CallbackFacts
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.model.errors import FailureCode
from dragoman.dialects.smsend.sending.callbacks import render_callback

FACTS: dict[str, Any] = {
    "message_id": 1,
    "batch_id": 2,
    "at_ms": 1_790_000_000_500,
    "recipient": "393471234567",
    "sender": "TEST",
}


@pytest.mark.parametrize(
    ("shape", "state", "failure", "query"),
    [
        (
            "report",
            State.DELIVERED,
            "",
            "delivery_date=20260921161320&order_id=a.b_c-1&status=DLVRD&recipient=%2B393471234567",
        ),
        (
            "report",
            State.REJECTED,
            "opted_out",
            "delivery_date=&order_id=a.b_c-1&status=BLACKLISTED&recipient=%2B393471234567",
        ),
        (
            "report",
            State.UNKNOWN,
            "no_report",
            "delivery_date=&order_id=a.b_c-1&status=TIMEOUT&recipient=%2B393471234567",
        ),
        (
            "report",
            State.SENT,
            "",
            "delivery_date=&order_id=a.b_c-1&status=SENT&recipient=%2B393471234567",
        ),
        (
            "status",
            State.DELIVERED,
            "",
            "messagereference=a.b_c-1&messagestatuscode=400&recipient=%2B393471234567",
        ),
        (
            "status",
            State.UNDELIVERED,
            "absent_subscriber",
            "messagereference=a.b_c-1&messagestatuscode=500&recipient=%2B393471234567",
        ),
        (
            "status",
            State.REJECTED,
            "opted_out",
            "messagereference=a.b_c-1&messagestatuscode=515&recipient=%2B393471234567",
        ),
        (
            "status",
            State.SENT,
            "",
            "messagereference=a.b_c-1&messagestatuscode=601&recipient=%2B393471234567",
        ),
    ],
)
def test_call_is_a_get_with_its_parameters_in_order(
    shape: str, state: State, failure: str, query: str
) -> None:
    facts = CallbackFacts(
        state=state, failure=failure, return_data=f"{shape} Europe/Rome a.b_c-1", **FACTS
    )
    call = render_callback("http://a.it/dlr", facts)
    assert (call.method, call.url, call.body) == ("GET", f"http://a.it/dlr?{query}", b"")


@pytest.mark.parametrize(
    ("url", "start"),
    [
        ("http://a.it/dlr?token=x", "http://a.it/dlr?token=x&delivery_date="),
        ("http://a.it/dlr?", "http://a.it/dlr?delivery_date="),
        ("http://a.it/dlr?a&", "http://a.it/dlr?a&delivery_date="),
        ("http://a.it/dlr#end", "http://a.it/dlr?delivery_date="),
    ],
)
def test_parameters_follow_those_of_the_address(url: str, start: str) -> None:
    facts = CallbackFacts(state=State.DELIVERED, return_data="report Europe/Rome x", **FACTS)
    assert render_callback(url, facts).url.startswith(start)


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("shape", ["report", "status"])
def test_every_state_can_be_told(state: State, shape: str) -> None:
    for failure in FailureCode:
        return_data = f"{shape} Europe/Rome x"
        facts = CallbackFacts(state=state, failure=failure, return_data=return_data, **FACTS)
        assert render_callback("http://a.it", facts).url.startswith("http://a.it?")


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"delivery_notification_url": "http://a.it/d"}, ["status=DLVRD"]),
        ({"delivery_notification_url": "http://a.it/d", "message_type": "L"}, ["status=SENT"]),
        (
            {"statusnotificationURL": "http://a.it/d"},
            ["messagestatuscode=601", "messagestatuscode=400"],
        ),
        ({}, []),
        ({"delivery_notification_url": "", "statusnotificationURL": None}, []),
    ],
)
async def test_customer_is_told_how_a_text_ends(orders: Any, fields: Any, told: Any) -> None:
    order_id = await orders.sent(**fields)
    (message,) = orders.live()
    await orders.accept(message)
    if fields.get("message_type") != "L":
        await orders.report(message, State.DELIVERED)
    calls = await orders.calls()
    assert len(calls) == len(told)
    for call, word in zip(calls, told, strict=True):
        assert word in call.url
        assert order_id in call.url


@pytest.mark.parametrize(
    ("fields", "host"),
    [
        ({}, "account.it"),
        ({"delivery_notification_url": "http://own.it/d"}, "own.it"),
        ({"statusnotificationURL": "http://own.it/d"}, "own.it"),
    ],
)
async def test_url_of_the_account_is_called_for_orders_that_name_none(
    orders: Any, fields: Any, host: str
) -> None:
    services = orders.services
    account = await services.accounts.find("username")
    url = "http://account.it/dlr?token=x"
    await services.webhooks.put_report_url(account, "smsend", url)
    order_id = await orders.sent(**fields)
    (message,) = orders.live()
    await orders.accept(message)
    await orders.report(message, State.DELIVERED)
    last = urlsplit((await orders.calls())[-1].url)
    assert last.hostname == host
    if not fields:
        given = dict(parse_qsl(last.query))
        assert given.pop("delivery_date")
        assert given == {
            "token": "x",
            "order_id": order_id,
            "status": "DLVRD",
            "recipient": f"+{message.recipient}",
        }
    await services.webhooks.put_report_url(account, "smsend", "")
    before = len(await orders.calls())
    await orders.sent(order_id="")
    await orders.report(max(orders.live(), key=lambda m: m.message_id), State.UNDELIVERED)
    assert len(await orders.calls()) == before
