"""Messages: exact requests, exact answers, and what was accepted."""

from __future__ import annotations

from typing import Any

from .conftest import SID


async def test_a_message_is_accepted_and_answered(gate: Any) -> None:
    answer = await gate.call(
        "POST",
        "/Messages.json",
        {"To": "+4512345678", "From": "+4587654321", "Body": "Hej", "Unknown": "x"},
    )
    assert answer.status == 201
    assert answer.masked == (
        b'{"account_sid":"' + SID.encode() + b'","api_version":"2010-04-01","body":"Hej",'
        b'"date_created":"DATE","date_sent":null,"date_updated":"DATE",'
        b'"direction":"outbound-api","error_code":null,"error_message":null,'
        b'"from":"+4587654321","num_media":"0","num_segments":"1","price":null,'
        b'"price_unit":"USD","messaging_service_sid":null,"sid":"SM...","status":"queued",'
        b'"subresource_uris":{"media":"/2010-04-01/Accounts/'
        + SID.encode()
        + b'/Messages/SM.../Media.json"},"to":"+4512345678",'
        b'"uri":"/2010-04-01/Accounts/' + SID.encode() + b'/Messages/SM....json"}'
    )
    sid = answer.json["sid"]
    fetched = await gate.call("GET", f"/Messages/{sid}.json")
    assert (fetched.status, fetched.json) == (200, answer.json)
    await gate.end()
    fetched = await gate.call("GET", f"/Messages/{sid}.json")
    assert (fetched.json["status"], fetched.json["error_code"]) == ("delivered", None)
    listed = await gate.call("GET", "/Messages.json")
    assert listed.json["messages"] == [fetched.json]
