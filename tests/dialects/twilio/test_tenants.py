"""What belongs to an account is nobody else's: every call that names something is tried."""

from __future__ import annotations

import re
from typing import Any

import pytest
from tests.dialects.in_process import count_rows

from dragoman.dialects.twilio import build_twilio
from dragoman.dialects.twilio.available import PATH as AVAILABLE
from dragoman.dialects.twilio.lookup import PATH as LOOKUP
from dragoman.web.operations import Operation

from .conftest import OTHER_SID, OTHER_TOKEN, OWN_NUMBER, SID

OTHER = (OTHER_SID, OTHER_TOKEN)
_NAMES = re.compile(r"\{(\w+)\}")


def operations() -> list[tuple[str, Operation]]:
    """Every call that names more than an account, but for what is about any number."""

    class Nothing:
        """Stands for the services, of which the table needs the settings only."""

        def __getattr__(self, name: str) -> Any:
            return self

        path_prefixes = ()

    found = build_twilio(Nothing()).web.operations  # type: ignore[arg-type]
    return [
        (f"{operation.methods[0]} {operation.path}", operation)
        for operation in found
        if set(_NAMES.findall(operation.path)) - {"account"}
        and not any(anybodys in operation.path for anybodys in (LOOKUP, AVAILABLE))
    ]


OPERATIONS = dict(operations())

FORMS: dict[str, dict[str, str]] = {
    "/Keys/": {"FriendlyName": "x"},
    "/Messages/": {"Body": ""},
    "/IncomingPhoneNumbers/": {"SmsUrl": "https://evil.example/"},
    "/Verifications/": {"Status": "canceled"},
    "/Verifications": {"To": "+4512345678", "Channel": "sms"},
    "/VerificationCheck": {"To": "+4512345678", "Code": "123456"},
    "/PhoneNumbers": {"PhoneNumberSid": "+4599999999"},
    "/AlphaSenders": {"AlphaSender": "Evil"},
    "/v1/Services/": {"FriendlyName": "x"},
    "/v2/Services/": {"FriendlyName": "x"},
}


def form_of(path: str) -> dict[str, str]:
    return next(form for part, form in FORMS.items() if part in path)


async def make_everything(gate: Any) -> dict[str, str]:
    """The SIDs of one of each kind of thing, by the name that paths have for them."""
    service = await gate.service()
    numbers = (await gate.call("GET", f"/v1/Services/{service}/PhoneNumbers")).json
    name = (
        await gate.call("POST", f"/v1/Services/{service}/AlphaSenders", {"AlphaSender": "Shop"})
    ).json
    verify = (await gate.call("POST", "/v2/Services", {"FriendlyName": "Shop"})).json["sid"]
    path = f"/v2/Services/{verify}/Verifications"
    started = (await gate.call("POST", path, {"To": "+4512345678", "Channel": "sms"})).json
    key = (await gate.call("POST", "/Keys.json", {"FriendlyName": "robot"})).json["sid"]
    message = await gate.send()
    await gate.end()
    own = (await gate.call("GET", "/IncomingPhoneNumbers.json")).json["incoming_phone_numbers"]
    return {
        "v1": service,
        "v2": verify,
        "number": own[0]["sid"],
        "pool number": numbers["phone_numbers"][0]["sid"],
        "sender": name["sid"],
        "verification": started["sid"],
        "key": key,
        "message": message["sid"],
        "media": "ME" + "0" * 32,
    }


def path_of(path: str, things: dict[str, str], account: str) -> str:
    is_pool = path.startswith("/v1/")
    values = {
        **things,
        "account": account,
        "service": things["v1" if is_pool else "v2"],
        "number": things["pool number" if is_pool else "number"],
    }
    return _NAMES.sub(lambda match: values[match[1]], path)


async def test_another_accounts_things_are_not_found(gate: Any) -> None:
    things = await make_everything(gate)
    before = await count_rows(gate.services.storage)
    dump = await gate.dump()
    for name, operation in OPERATIONS.items():
        [method] = operation.methods
        path = path_of(operation.path, things, OTHER_SID)
        form = form_of(operation.path) if method == "POST" else None
        answer = await gate.call(method, path, form, login=OTHER)
        assert (answer.status, answer.json["code"]) == (404, 20404), name
    assert await count_rows(gate.services.storage) == before
    assert await gate.dump() == dump


async def test_nothing_under_another_accounts_path_is_answered(gate: Any) -> None:
    things = await make_everything(gate)
    for name, operation in OPERATIONS.items():
        if "{account}" not in operation.path:
            continue
        [method] = operation.methods
        path = path_of(operation.path, things, SID)
        form = form_of(operation.path) if method == "POST" else None
        answer = await gate.call(method, path, form, login=OTHER)
        assert (answer.status, answer.json["code"]) == (401, 20003), name


NONSENSE = ["x", "SM", "%00", "..%2f", "SM" + "0" * 32, "ME" + "g" * 32, "%F0%9F%98%80", "a" * 500]


@pytest.mark.parametrize("sid", NONSENSE)
async def test_what_is_no_sid_is_not_found(gate: Any, sid: str) -> None:
    names = ("v1", "v2", "number", "pool number", "sender", "verification", "key", "message")
    things = dict.fromkeys((*names, "media"), sid)
    for name, operation in OPERATIONS.items():
        [method] = operation.methods
        path = path_of(operation.path, things, SID)
        form = form_of(operation.path) if method == "POST" else None
        answer = await gate.call(method, path, form)
        assert (answer.status, answer.json["code"]) == (404, 20404), name


async def test_its_own_account_finds_all_of_them(gate: Any) -> None:
    things = await make_everything(gate)
    for name, operation in OPERATIONS.items():
        if operation.methods != ("GET",) or "{media}" in operation.path:
            continue
        answer = await gate.call("GET", path_of(operation.path, things, SID))
        assert answer.status == 200, name


async def test_lists_hold_only_what_is_ones_own(gate: Any) -> None:
    await make_everything(gate)
    await gate.receive("Hi")
    lists = [
        f"/2010-04-01/Accounts/{OTHER_SID}/{name}.json"
        for name in ("Messages", "Keys", "IncomingPhoneNumbers")
    ]
    for path in (*lists, "/v1/Services", "/v2/Services"):
        answer = await gate.call("GET", path, login=OTHER)
        held = [value for value in answer.json.values() if isinstance(value, list)]
        assert held == [[]], path


async def test_a_service_of_another_account_sends_nothing(gate: Any) -> None:
    service = await gate.service()
    path = f"/2010-04-01/Accounts/{OTHER_SID}/Messages.json"
    form = {"To": "+4512345678", "MessagingServiceSid": service, "Body": "x"}
    answer = await gate.call("POST", path, form, login=OTHER)
    assert (answer.status, answer.json["code"]) == (400, 21701)


async def test_the_number_of_another_account_goes_into_no_pool(gate: Any) -> None:
    await gate.call("POST", "/IncomingPhoneNumbers.json", {"PhoneNumber": f"+{OWN_NUMBER}"})
    mine = (await gate.call("POST", "/v1/Services", {"FriendlyName": "x"}, login=OTHER)).json["sid"]
    things = await make_everything(gate)
    for given in (things["number"], f"+{OWN_NUMBER}"):
        form = {"PhoneNumberSid": given}
        answer = await gate.call("POST", f"/v1/Services/{mine}/PhoneNumbers", form, login=OTHER)
        assert answer.status == 404, given
