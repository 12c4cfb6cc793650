"""Delivery reports to the URL of an account: what `dlr.php` would have said, as parameters."""

from __future__ import annotations

import msgspec
import pytest
from tests.dialects.in_process import forget

from dragoman.core.callbacks.sql import callbacks
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.model.errors import FailureCode
from dragoman.core.tables import metadata
from dragoman.dialects.httpsms import mapping

from .conftest import Gate

URL = "https://shop.example/dlr?shop=7"
ANSWERED = {
    "delivered": (
        (State.SENDING, State.SENT, State.DELIVERED),
        FailureCode.NONE,
        "queue_error=0&dlr_status=delivered&dlr_error=&sms_cost=0.05",
    ),
    "not delivered": (
        (State.SENDING, State.SENT, State.UNDELIVERED),
        FailureCode.ABSENT_SUBSCRIBER,
        "queue_error=0&dlr_status=undelivered&dlr_error=Absent+subscriber&sms_cost=0.05",
    ),
    "never sent": (
        (State.REJECTED,),
        FailureCode.NO_ROUTE,
        "queue_error=No+route+to+destination&dlr_status=rejected"
        "&dlr_error=No+route+to+destination&sms_cost=0.00",
    ),
}


async def called(gate: Gate) -> list[str]:
    """The calls that would be made, oldest first."""
    table = metadata.tables["callbacks"]
    query = callbacks.select_new().order_by(table.c.callback_id)
    rows = await gate.services.storage.read(lambda c: list(c.execute(query)))
    render = gate.dialect.render_callback
    assert render is not None
    calls = [render(one.url, one.payload) for one in map(callbacks.read_new, rows)]
    assert {(call.method, call.body) for call in calls} <= {("GET", b"")}
    return [call.url for call in calls]


@pytest.mark.parametrize("case", ANSWERED)
async def test_the_end_of_a_message_is_reported_once_and_as_asked(gate: Gate, case: str) -> None:
    states, failure, expected = ANSWERED[case]
    await gate.services.webhooks.put_report_url(gate.account, "httpsms", URL)
    await gate.send(ref="order%2012")
    await gate.move(*states, failure=failure)
    head = "&full_number=447483938220&ref=order+12&queue_status=processed&"
    assert await called(gate) == [URL + head + expected]
    answer = msgspec.json.decode(await gate.report("order%2012"))
    said = dict(pair.split("=") for pair in expected.replace("+", " ").split("&"))
    assert {name: str(answer[name]) for name in said} == said


async def test_without_a_url_nobody_is_called(gate: Gate) -> None:
    webhooks = gate.services.webhooks
    await webhooks.put_report_url(gate.account, "linkmobility", URL)
    await webhooks.put_report_url(gate.account, "httpsms", URL)
    await webhooks.put_report_url(gate.account, "httpsms", "")
    await gate.send()
    await gate.move(State.SENDING, State.SENT, State.DELIVERED)
    assert await called(gate) == []


async def test_a_number_that_was_deleted_is_not_found(gate: Gate) -> None:
    await gate.send()
    await gate.move(State.SENDING, State.SENT, State.DELIVERED)
    await forget(gate.services)
    assert await gate.stored() == [("0", "InfoSMS", "", "HTTP")]
    assert await gate.report() == mapping.NOT_FOUND
