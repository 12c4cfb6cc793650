"""Messaging services, codes, look-ups, keys and the account: exact answers and refusals."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from dragoman.dialects.twilio import services as services_module
from dragoman.dialects.twilio.submissions import REPORTED

from .conftest import NAMED_SID, OTHER_TOKEN, SID, TOKEN, basic

HOST = (b"host", b"sms.example:8080")
KEYS = "/2010-04-01/Accounts/" + SID


def code_of(answer: Any) -> tuple[int, int]:
    return answer.status, answer.json["code"]


# Messaging services


async def test_a_service_is_exact(gate: Any) -> None:
    answer = await gate.call("POST", "/v1/Services", {"FriendlyName": "Shop"})
    assert answer.status == 201
    url = b'"http://localhost/v1/Services/MG...'
    assert answer.masked == (
        b'{"sid":"MG...","account_sid":"' + SID.encode() + b'","friendly_name":"Shop",'
        b'"date_created":"DATE","date_updated":"DATE","inbound_request_url":null,'
        b'"inbound_method":"POST","fallback_url":null,"fallback_method":"POST",'
        b'"status_callback":null,"sticky_sender":true,"mms_converter":true,'
        b'"smart_encoding":true,"scan_message_content":"inherit","fallback_to_long_code":true,'
        b'"area_code_geomatch":true,"synchronous_validation":false,"validity_period":36000,'
        b'"usecase":"undeclared","us_app_to_person_registered":false,'
        b'"use_inbound_webhook_on_number":false,"url":'
        + url
        + b'","links":{"phone_numbers":'
        + url
        + b'/PhoneNumbers","alpha_senders":'
        + url
        + b'/AlphaSenders"}}'
    )
    [stamp] = {answer.json[name] for name in ("date_created", "date_updated")}
    assert (len(stamp), stamp[10], stamp[-1]) == (20, "T", "Z")


async def test_links_lead_to_the_host_that_was_called(gate: Any) -> None:
    for number in range(3):
        await gate.call("POST", "/v1/Services", {"FriendlyName": str(number)})
    login = basic(SID, TOKEN)
    first = (await gate.raw("GET", "/v1/Services?PageSize=2", login, HOST)).json
    meta = first["meta"]
    assert [one["friendly_name"] for one in first["services"]] == ["2", "1"]
    base = "http://sms.example:8080/v1/Services?PageSize=2"
    last = first["services"][-1]["sid"]
    assert meta == {
        "page": 0,
        "page_size": 2,
        "first_page_url": f"{base}&Page=0",
        "previous_page_url": None,
        "url": f"{base}&Page=0",
        "next_page_url": f"{base}&Page=1&PageToken=PA{last}",
        "key": "services",
    }
    target = meta["next_page_url"].removeprefix("http://sms.example:8080")
    second = (await gate.raw("GET", target, login, HOST)).json
    assert [one["friendly_name"] for one in second["services"]] == ["0"]
    assert second["meta"]["next_page_url"] is None
    target = second["meta"]["previous_page_url"].removeprefix("http://sms.example:8080")
    assert (await gate.raw("GET", target, login, HOST)).json["services"] == first["services"]


@pytest.mark.parametrize("host", [b"", b"evil.example/x", b'a"b', b"[::1", b"x" * 300])
async def test_a_strange_host_is_not_repeated(gate: Any, host: bytes) -> None:
    answer = await gate.raw("GET", "/v1/Services", basic(SID, TOKEN), (b"host", host))
    assert answer.json["meta"]["url"].startswith("http://localhost/v1/Services?")


SERVICES = {
    "no name": ({}, 20001),
    "an address": ({"FriendlyName": "x", "InboundRequestUrl": "x"}, 20001),
    "a callback": ({"FriendlyName": "x", "StatusCallback": "ftp://x.example/"}, 20001),
    "a method": ({"FriendlyName": "x", "InboundMethod": "PUT"}, 20001),
    "a yes or no": ({"FriendlyName": "x", "StickySender": "perhaps"}, 20001),
    "a validity": ({"FriendlyName": "x", "ValidityPeriod": "36001"}, 20001),
    "no validity": ({"FriendlyName": "x", "ValidityPeriod": "0"}, 20001),
    "a long name": ({"FriendlyName": "x" * 65}, 20001),
}


@pytest.mark.parametrize("case", SERVICES)
async def test_what_a_service_refuses(gate: Any, case: str) -> None:
    form, code = SERVICES[case]
    assert code_of(await gate.call("POST", "/v1/Services", form)) == (400, code)
    assert (await gate.call("GET", "/v1/Services")).json["services"] == []


async def test_a_pool_takes_each_sender_once(gate: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    service = await gate.service()
    path = f"/v1/Services/{service}"
    other = (await gate.call("POST", "/v1/Services", {"FriendlyName": "x"})).json["sid"]
    for target in (path, f"/v1/Services/{other}"):
        answer = await gate.call(
            "POST", f"{target}/PhoneNumbers", {"PhoneNumberSid": "+4587654321"}
        )
        assert code_of(answer) == (409, 21710)
    assert (await gate.call("POST", f"{path}/AlphaSenders", {"AlphaSender": "Shop"})).status == 201
    answer = await gate.call("POST", f"{path}/AlphaSenders", {"AlphaSender": "Shop"})
    assert code_of(answer) == (409, 21710)
    for name in ("", "+4512345678", "far too long a name", "λ"):
        answer = await gate.call("POST", f"{path}/AlphaSenders", {"AlphaSender": name})
        assert code_of(answer) == (400, 21212), name
    monkeypatch.setattr(services_module, "MAX_SENDERS", 3)
    answer = await gate.call("POST", f"{path}/AlphaSenders", {"AlphaSender": "More"})
    assert code_of(answer) == (400, 20001)


async def test_a_number_of_a_pool_is_exact(gate: Any) -> None:
    service = await gate.service()
    listed = await gate.call("GET", f"/v1/Services/{service}/PhoneNumbers?PageSize=1")
    [number] = listed.json["phone_numbers"]
    answer = await gate.call("GET", f"/v1/Services/{service}/PhoneNumbers/{number['sid']}")
    url = b"http://localhost/v1/Services/MG.../PhoneNumbers/PN..."
    assert answer.masked == (
        b'{"sid":"PN...","account_sid":"' + SID.encode() + b'","service_sid":"MG...",'
        b'"date_created":"DATE","date_updated":"DATE","phone_number":"+4587654321",'
        b'"country_code":"DK","capabilities":["SMS","MMS"],"url":"' + url + b'"}'
    )


async def test_a_sender_must_be_of_the_pool(gate: Any) -> None:
    service = await gate.service()
    form = {"To": "+4512345678", "Body": "x", "MessagingServiceSid": service}
    answer = await gate.call("POST", "/Messages.json", form | {"From": "+4500000000"})
    assert code_of(answer) == (400, 21712)
    sent = await gate.send(MessagingServiceSid=service, From="+4587654322")
    assert sent["from"] is None
    found = (await gate.call("GET", f"/Messages/{sent['sid']}.json")).json
    assert (found["from"], found["messaging_service_sid"]) == ("+4587654322", service)


async def test_an_empty_pool_sends_nothing(gate: Any) -> None:
    service = (await gate.call("POST", "/v1/Services", {"FriendlyName": "x"})).json["sid"]
    form = {"To": "+4512345678", "Body": "x", "MessagingServiceSid": service}
    assert code_of(await gate.call("POST", "/Messages.json", form)) == (400, 21703)


async def test_a_number_keeps_its_sender_when_the_pool_grows(gate: Any) -> None:
    service = await gate.service()
    path = f"/v1/Services/{service}"

    async def senders(numbers: range) -> list[str]:
        found = []
        for number in numbers:
            sent = await gate.send(To=f"+45200000{number:02}", From="", MessagingServiceSid=service)
            message = (await gate.call("GET", f"/Messages/{sent['sid']}.json")).json
            found.append(message["from"])
        return found

    before = await senders(range(12))
    assert set(before) == {"+4587654321", "+4587654322"}
    for number in range(10):
        form = {"PhoneNumberSid": f"+45300000{number:02}"}
        assert (await gate.call("POST", f"{path}/PhoneNumbers", form)).status == 201
    assert await senders(range(12)) == before
    await gate.call("POST", path, {"StickySender": "false"})
    assert await senders(range(12)) != before


async def test_a_service_has_settings_for_its_messages(gate: Any) -> None:
    service = await gate.service()
    form = {
        "StatusCallback": "https://service.example/",
        "ValidityPeriod": "600",
        "SmartEncoding": "false",
    }
    await gate.call("POST", f"/v1/Services/{service}", form)
    own = {"StatusCallback": "https://own.example/", "ValidityPeriod": "900"}
    for given in ({}, own | {"SmartEncoded": "true"}):
        await gate.send(MessagingServiceSid=service, From="", **given)
    first, second = sorted(gate.services.live, key=lambda message: message.message_id)
    told = [
        (
            one.batch.stored.options.callback_url,
            one.batch.stored.expires_ms - one.batch.stored.due_ms,
        )
        for one in (first, second)
    ]
    assert told == [("https://service.example/", 600_000), ("https://own.example/", 900_000)]
    assert [one.batch.stored.format for one in (first, second)] == ["auto", "gsm_alike"]
    assert set(first.batch.stored.options.reported_states) == REPORTED


async def test_an_account_that_may_not_receive_has_no_urls(gate: Any) -> None:
    path = f"/2010-04-01/Accounts/{NAMED_SID}/IncomingPhoneNumbers.json"
    account = await gate.services.accounts.find("named")
    await gate.services.keywords.add_number(account, "4599990000", shared=False)
    form = {"PhoneNumber": "+4599990000", "SmsUrl": "https://x.example/"}
    answer = await gate.call("POST", path, form, login=(NAMED_SID, OTHER_TOKEN))
    assert code_of(answer) == (403, 20403)


# Codes


async def verify_service(gate: Any, **form: str) -> str:
    answer = await gate.call("POST", "/v2/Services", {"FriendlyName": "Shop"} | form)
    return f"/v2/Services/{answer.json['sid']}"


async def start(gate: Any, path: str, to: str = "+4512345678") -> Any:
    form = {"To": to, "Channel": "sms"}
    answer = await gate.call("POST", f"{path}/Verifications", form)
    assert answer.status == 201, answer.body
    return answer


def code_sent(gate: Any) -> str:
    newest = max(gate.services.live, key=lambda message: message.message_id)
    return str(newest.batch.stored.text).rpartition(" ")[2]


async def test_a_verification_and_a_check_are_exact(gate: Any) -> None:
    path = await verify_service(gate)
    answer = await start(gate, path)
    url = b'"http://localhost/v2/Services/VA.../Verifications/VE..."'
    assert answer.masked.replace(answer.json["date_created"].encode(), b"DATE") == (
        b'{"sid":"VE...","service_sid":"VA...","account_sid":"' + SID.encode() + b'",'
        b'"to":"+4512345678","channel":"sms","status":"pending","valid":false,"lookup":{},'
        b'"amount":null,"payee":null,"send_code_attempts":[{"time":"DATE","channel":"sms",'
        b'"attempt_sid":null}],"date_created":"DATE","date_updated":"DATE","sna":null,'
        b'"url":' + url + b"}"
    )
    form = {"To": "+4512345678", "Code": code_sent(gate)}
    answer = await gate.call("POST", f"{path}/VerificationCheck", form)
    assert answer.masked == (
        b'{"sid":"VE...","service_sid":"VA...","account_sid":"' + SID.encode() + b'",'
        b'"to":"+4512345678","channel":"sms","status":"approved","valid":true,"amount":null,'
        b'"payee":null,"date_created":"DATE","date_updated":"DATE","sna_attempts_error_codes":[]}'
    )


async def test_codes_of_two_services_do_not_touch_each_other(gate: Any) -> None:
    one, two = await verify_service(gate), await verify_service(gate, CodeLength="8")
    started = (await start(gate, one)).json
    first = code_sent(gate)
    await start(gate, two)
    second = code_sent(gate)
    assert (len(first), len(second)) == (6, 8)
    for path, code, right in ((two, first, False), (one, second, False), (one, first, True)):
        answer = await gate.call(
            "POST", f"{path}/VerificationCheck", {"To": "+4512345678", "Code": code}
        )
        assert answer.json["valid"] is right
    stranger = await gate.call("GET", f"{two}/Verifications/{started['sid']}")
    assert code_of(stranger) == (404, 20404)


async def test_a_code_is_checked_by_its_sid_too(gate: Any) -> None:
    path = await verify_service(gate)
    sid = (await start(gate, path)).json["sid"]
    form = {"VerificationSid": sid, "Code": code_sent(gate)}
    answer = await gate.call("POST", f"{path}/VerificationCheck", form)
    assert answer.json["status"] == "approved"
    assert code_of(await gate.call("GET", f"{path}/Verifications/{sid}")) == (404, 20404)


async def test_a_second_start_sends_the_same_code(gate: Any) -> None:
    path = await verify_service(gate)
    first, code = (await start(gate, path)).json, code_sent(gate)
    wrong = f"{(int(code) + 1) % 10**6:06}"
    form = {"To": "+4512345678", "Code": wrong}
    assert (await gate.call("POST", f"{path}/VerificationCheck", form)).json["valid"] is False
    second = (await start(gate, path)).json
    assert (second["sid"], code_sent(gate)) == (first["sid"], code)
    assert len(second["send_code_attempts"]) == 2
    fetched = (await gate.call("GET", f"{path}/Verifications/{first['sid']}")).json
    assert len(fetched["send_code_attempts"]) == 2
    # Tries count on; what was accepted once is not sent again.
    for _ in range(3):
        await gate.call("POST", f"{path}/VerificationCheck", form)
    form["Code"] = code
    assert (await gate.call("POST", f"{path}/VerificationCheck", form)).json["valid"] is True
    third = (await start(gate, path)).json
    assert third["sid"] != first["sid"]
    assert len(third["send_code_attempts"]) == 1


CHECKS = {
    "no code": ({"To": "+4512345678"}, (400, 60200)),
    "no number": ({"Code": "123456"}, (400, 60200)),
    "a number that is none": ({"To": "x", "Code": "123456"}, (400, 60200)),
    "a number without a code": ({"To": "+4599999999", "Code": "123456"}, (404, 20404)),
    "a code of nonsense": ({"To": "+4512345678", "Code": "\0" * 9999}, (200, 0)),
}


@pytest.mark.parametrize("case", CHECKS)
async def test_what_a_check_refuses(gate: Any, case: str) -> None:
    path = await verify_service(gate)
    await start(gate, path)
    form, expected = CHECKS[case]
    answer = await gate.call("POST", f"{path}/VerificationCheck", form)
    assert (answer.status, answer.json.get("code", 0)) == expected


STARTS = {
    "no number": ({"Channel": "sms"}, (400, 60200)),
    "no channel": ({"To": "+4512345678"}, (400, 60200)),
    "another channel": ({"To": "+4512345678", "Channel": "call"}, (400, 60200)),
    "a code of its own": (
        {"To": "+4512345678", "Channel": "sms", "CustomCode": "1234"},
        (400, 60200),
    ),
}


@pytest.mark.parametrize("case", STARTS)
async def test_what_a_start_refuses(gate: Any, case: str) -> None:
    path = await verify_service(gate)
    form, expected = STARTS[case]
    assert code_of(await gate.call("POST", f"{path}/Verifications", form)) == expected


async def test_there_are_five_codes_an_hour(gate: Any) -> None:
    path = await verify_service(gate)
    for _ in range(5):
        await start(gate, path)
    form = {"To": "+4512345678", "Channel": "sms"}
    assert code_of(await gate.call("POST", f"{path}/Verifications", form)) == (429, 60203)
    await start(gate, path, "+4512345601")


async def test_who_opted_out_gets_no_code(gate: Any) -> None:
    path = await verify_service(gate)
    await gate.receive("STOP")
    form = {"To": "+4512345678", "Channel": "sms"}
    assert code_of(await gate.call("POST", f"{path}/Verifications", form)) == (400, 21610)


async def test_a_verification_can_be_ended(gate: Any) -> None:
    path = await verify_service(gate)
    sid = (await start(gate, path)).json["sid"]
    one = f"{path}/Verifications/{sid}"
    assert code_of(await gate.call("POST", one, {"Status": "pending"})) == (400, 60200)
    answer = await gate.call("POST", one, {"Status": "approved"})
    assert (answer.json["status"], answer.json["valid"]) == ("approved", True)
    assert code_of(await gate.call("POST", one, {"Status": "canceled"})) == (404, 20404)
    form = {"To": "+4512345678", "Code": code_sent(gate)}
    assert code_of(await gate.call("POST", f"{path}/VerificationCheck", form)) == (404, 20404)


VERIFY_SERVICES = {
    "no name": {"FriendlyName": ""},
    "a long name": {"FriendlyName": "x" * 33},
    "a short code": {"CodeLength": "3"},
    "a long code": {"CodeLength": "11"},
    "a length of words": {"CodeLength": "six"},
}


@pytest.mark.parametrize("case", VERIFY_SERVICES)
async def test_what_a_service_of_codes_refuses(gate: Any, case: str) -> None:
    form = {"FriendlyName": "Shop"} | VERIFY_SERVICES[case]
    assert code_of(await gate.call("POST", "/v2/Services", form)) == (400, 60200)


# Look-ups


async def test_a_look_up_is_exact(gate: Any) -> None:
    answer = await gate.call("GET", "/v2/PhoneNumbers/%2B4532123456")
    assert answer.body == (
        b'{"calling_country_code":"45","country_code":"DK","phone_number":"+4532123456",'
        b'"national_format":"32 12 34 56","valid":true,"validation_errors":[],'
        b'"caller_name":null,"sim_swap":null,"call_forwarding":null,"line_status":null,'
        b'"line_type_intelligence":null,"identity_match":null,"reassigned_number":null,'
        b'"sms_pumping_risk":null,"phone_number_quality_score":null,"pre_fill":null,'
        b'"url":"http://localhost/v2/PhoneNumbers/+4532123456"}'
    )


LOOKUPS: dict[str, tuple[str, bool, list[str]]] = {
    "+45321": ("+45321", False, ["TOO_SHORT"]),
    "+453212345678901": ("+453212345678901", False, ["TOO_LONG"]),
    "+15551234567": ("+15551234567", False, ["INVALID_BUT_POSSIBLE"]),
    "4532123456": ("+4532123456", True, []),
    "nonsense": ("nonsense", False, ["NOT_A_NUMBER"]),
    "+999123456": ("+999123456", False, ["NOT_A_NUMBER"]),
    "32123456?CountryCode=dk": ("+4532123456", True, []),
    "32123456?CountryCode=XX": ("+32123456", False, ["TOO_SHORT"]),
}


@pytest.mark.parametrize("number", LOOKUPS)
async def test_what_is_known_of_a_number(gate: Any, number: str) -> None:
    answer = await gate.call("GET", f"/v2/PhoneNumbers/{number.replace('+', '%2B')}")
    found = answer.json
    assert answer.status == 200
    expected = LOOKUPS[number]
    assert (found["phone_number"], found["valid"], found["validation_errors"]) == expected


async def test_a_look_up_of_too_much_is_none(gate: Any) -> None:
    assert code_of(await gate.call("GET", f"/v2/PhoneNumbers/{'1' * 41}")) == (404, 20404)


# Keys and the account


async def test_a_key_is_shown_with_its_secret_once(gate: Any) -> None:
    made = await gate.call("POST", "/Keys.json", {"FriendlyName": "robot"})
    secret = made.json["secret"]
    assert made.masked == (
        b'{"sid":"SK...","friendly_name":"robot","date_created":"DATE","date_updated":"DATE",'
        b'"secret":"' + secret.encode() + b'"}'
    )
    assert secret.encode() not in await gate.dump()
    sid = made.json["sid"]
    assert "secret" not in (await gate.call("GET", f"/Keys/{sid}.json")).json
    login = (sid, secret)
    assert (await gate.call("GET", "/Messages.json", login=login)).status == 200
    assert (await gate.call("GET", "/v1/Services", login=login)).status == 200
    for method, path in (
        ("GET", "/Keys.json"),
        ("POST", "/Keys.json"),
        ("DELETE", f"/Keys/{sid}.json"),
    ):
        form = {} if method == "POST" else None
        assert code_of(await gate.call(method, path, form, login=login)) == (401, 20003)
    account = (await gate.call("GET", f"{KEYS}.json", login=login)).json
    assert account["auth_token"] is None
    for wrong in ((sid, "x"), (sid, ""), ("SK" + "0" * 32, secret)):
        assert code_of(await gate.call("GET", "/Messages.json", login=wrong)) == (401, 20003)
    assert (await gate.call("DELETE", f"/Keys/{sid}.json")).status == 204
    assert code_of(await gate.call("GET", "/Messages.json", login=login)) == (401, 20003)


async def test_the_account_is_exact(gate: Any) -> None:
    answer = await gate.call("GET", f"{KEYS}.json")
    base = f"/2010-04-01/Accounts/{SID}"
    assert (
        answer.masked
        == (
            f'{{"auth_token":"{TOKEN}","date_created":"DATE","date_updated":"DATE",'
            f'"friendly_name":"tester","owner_account_sid":"{SID}","sid":"{SID}","status":"active",'
            f'"subresource_uris":{{"messages":"{base}/Messages.json","incoming_phone_numbers":'
            f'"{base}/IncomingPhoneNumbers.json","keys":"{base}/Keys.json","balance":'
            f'"{base}/Balance.json"}},"type":"Full","uri":"{base}.json"}}'
        ).encode()
    )
    listed = await gate.call("GET", "/2010-04-01/Accounts.json")
    assert listed.json["accounts"] == [answer.json]
    balance = await gate.call("GET", "/Balance.json")
    assert balance.body == (
        b'{"account_sid":"' + SID.encode() + b'","balance":"1000.00","currency":"USD"}'
    )


async def test_a_disabled_account_is_out_at_once(gate: Any) -> None:
    key = (await gate.call("POST", "/Keys.json", {})).json
    await gate.services.accounts.set_enabled("tester", False)
    for login in ((SID, TOKEN), (key["sid"], key["secret"])):
        assert code_of(await gate.call("GET", "/Messages.json", login=login)) == (401, 20003)


async def test_without_the_key_file_calls_wait_and_nothing_is_lost(gate: Any) -> None:
    path = gate.services.settings.key_path
    hidden = path.rename(path.with_suffix(".hidden"))
    gate.services.auth_tokens._forget()
    gate.services.auth_tokens.sealer._key = None
    answer = await gate.call("GET", "/Messages.json")
    assert code_of(answer) == (503, 20503)
    hidden.rename(path)
    assert (await gate.call("GET", "/Messages.json")).status == 200


async def test_two_services_that_want_a_number_at_once_share_it_not(gate: Any) -> None:
    paths = []
    for name in ("A", "B"):
        made = await gate.call("POST", "/v1/Services", {"FriendlyName": name})
        paths.append(f"/v1/Services/{made.json['sid']}/PhoneNumbers")
    form = {"PhoneNumberSid": "+4587654321"}
    answers = await asyncio.gather(*(gate.call("POST", path, form) for path in paths * 3))
    assert sorted(answer.status for answer in answers) == [201, *[409] * 5]
    pools = [(await gate.call("GET", path)).json["phone_numbers"] for path in paths]
    assert sorted(map(len, pools)) == [0, 1]
