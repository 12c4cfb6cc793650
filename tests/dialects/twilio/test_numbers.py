"""Numbers of the operator that accounts take and give back."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import OTHER_SID, OTHER_TOKEN, OWN_NUMBER

OTHER = (OTHER_SID, OTHER_TOKEN)
FIRST, SECOND, AMERICAN, SWEDISH = "+4520123401", "+4520123402", "+12025550143", "+4611112222"
URL = "https://shop.example/sms"


async def listed(gate: Any, path: str) -> list[str]:
    answer = await gate.call("GET", f"/AvailablePhoneNumbers/{path}")
    assert answer.status == 200, answer.body
    return [one["phone_number"] for one in answer.json["available_phone_numbers"]]


async def take(gate: Any, **form: str) -> Any:
    answer = await gate.call("POST", "/IncomingPhoneNumbers.json", form)
    assert answer.status == 201, answer.body
    return answer.json


async def refused(gate: Any, method: str, path: str, form: dict[str, str] | None = None) -> Any:
    answer = await gate.call(method, path, form)
    return answer.status, answer.json["code"]


async def test_countries_and_their_numbers(gate: Any) -> None:
    countries = (await gate.call("GET", "/AvailablePhoneNumbers.json")).json["countries"]
    assert [one["country_code"] for one in countries] == ["DK", "SE", "US"]
    one = (await gate.call("GET", "/AvailablePhoneNumbers/DK.json")).json
    assert one["subresource_uris"]["local"].endswith("/AvailablePhoneNumbers/DK/Local.json")
    assert await refused(gate, "GET", "/AvailablePhoneNumbers/DE.json") == (404, 20404)
    assert await listed(gate, "DK/Mobile.json") == [FIRST, SECOND]
    assert await listed(gate, "DK/Mobile.json?PageSize=1") == [FIRST]
    assert await listed(gate, "DK/Mobile.json?Contains=3402") == [SECOND]
    assert await listed(gate, "DK/Mobile.json?Contains=20*2340*") == [FIRST, SECOND]
    assert await listed(gate, "US/Local.json?AreaCode=202") == [AMERICAN]
    assert await listed(gate, "US/Local.json?AreaCode=303") == []
    assert await listed(gate, "US/TollFree.json") == []
    assert await listed(gate, "DE/Local.json") == []


@pytest.mark.parametrize("size", ["0", "x", "1001"])
async def test_a_page_size_that_is_none(gate: Any, size: str) -> None:
    path = f"/AvailablePhoneNumbers/DK/Mobile.json?PageSize={size}"
    assert await refused(gate, "GET", path) == (400, 20001)


async def test_a_number_is_taken_used_and_given_back(gate: Any) -> None:
    number = await take(gate, PhoneNumber=FIRST, SmsUrl=URL)
    assert (number["phone_number"], number["sms_url"]) == (FIRST, URL)
    assert await listed(gate, "DK/Mobile.json") == [SECOND]
    stored: list[Any] = []
    gate.services.callback_stored.subscribe(stored.append)
    await gate.receive("Hi", to=FIRST.removeprefix("+"))
    assert [call.url for call in stored] == [URL]
    answer = await gate.call("DELETE", f"/IncomingPhoneNumbers/{number['sid']}.json")
    assert (answer.status, answer.body) == (204, b"")
    assert await listed(gate, "DK/Mobile.json") == [FIRST, SECOND]
    # The next one finds nothing of it.
    path = f"/2010-04-01/Accounts/{OTHER_SID}/IncomingPhoneNumbers.json"
    form = {"PhoneNumber": FIRST, "SmsUrl": URL + "/other"}
    answer = await gate.call("POST", path, form, login=OTHER)
    assert (answer.status, answer.json["sms_url"]) == (201, form["SmsUrl"])
    await gate.receive("Hi", to=FIRST.removeprefix("+"))
    assert stored[-1].url == form["SmsUrl"]


async def test_a_number_by_area_code(gate: Any) -> None:
    assert (await take(gate, AreaCode="202"))["phone_number"] == AMERICAN
    form = {"AreaCode": "202"}
    assert await refused(gate, "POST", "/IncomingPhoneNumbers.json", form) == (400, 21422)


async def test_what_cannot_be_taken_or_given_back(gate: Any) -> None:
    path = "/IncomingPhoneNumbers.json"
    answer = await gate.call(
        "POST", path.replace("/Inc", f"/2010-04-01/Accounts/{OTHER_SID}/Inc"),
        {"PhoneNumber": FIRST}, login=OTHER,
    )  # fmt: skip
    assert answer.status == 201
    for form, expected in (
        ({"PhoneNumber": FIRST}, (400, 21422)),  # another's
        ({"PhoneNumber": "+4599999999"}, (400, 21422)),  # not offered
        ({"PhoneNumber": "x"}, (400, 21421)),
        ({}, (400, 21422)),
    ):
        assert await refused(gate, "POST", path, form) == expected
    [own] = (await gate.call("GET", path)).json["incoming_phone_numbers"]
    assert own["phone_number"] == f"+{OWN_NUMBER}"
    own_path = f"/IncomingPhoneNumbers/{own['sid']}.json"
    assert await refused(gate, "DELETE", own_path) == (403, 20403)
    assert await refused(gate, "DELETE", own_path.replace(own["sid"], "PN" + "0" * 32)) == (
        404, 20404,
    )  # fmt: skip
    taken = await take(gate, PhoneNumber=SECOND)
    service = (await gate.call("POST", "/v1/Services", {"FriendlyName": "Shop"})).json["sid"]
    form = {"PhoneNumberSid": taken["sid"]}
    assert (await gate.call("POST", f"/v1/Services/{service}/PhoneNumbers", form)).status == 201
    path = f"/IncomingPhoneNumbers/{taken['sid']}.json"
    assert await refused(gate, "DELETE", path) == (409, 20409)
