"""Texts to be sent: every call in every way, and what is refused."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from dragoman.core.devices.model.devices import MAX_SLOT
from dragoman.core.messages.model.lifecycle import State
from dragoman.work_queue.port import Lane

from .conftest import (
    BOUNDARY,
    JSON,
    MULTIPART,
    NUMBER,
    OTHER_TOKEN,
    PASSWORD,
    POOR_TOKEN,
    TOKEN,
    WAYS,
    Gate,
)

pytestmark = pytest.mark.stores_beside

SAVED = b'{"error":0,"sms_id":%d,"message":"Sms has been saved successfully"}'
SAVED_MANY = b'{"error":0,"message":"Sms has been saved successfully"}'
MANY = [
    {
        "sendto": "+4915752982212",
        "body": "Your password is 12345",
        "sim": 1,
        "timetosend": "2019-07-01 23:50:00",
        "customerid": 122,
        "urgent": 1,
    },
    {"sendto": "+4915752982212", "body": "Regular SMS. Not urgnet", "urgent": 0},
]
MANUAL_GET = (
    "/getdata/addsms?token={token}&sendto=%2B49+157+52982212&body=Hello%21&device_id={device}"
    "&timetosend=2021-08-01%2012:00&sim=1&customerid=12&urgent=1"
)


@pytest.mark.parametrize("way", WAYS)
async def test_a_text_is_stored_whichever_way_it_comes(gate: Gate, way: str) -> None:
    device = await gate.phone(sims=2)
    answer = await gate.call(
        "addsms",
        way,
        token=TOKEN,
        sendto=NUMBER,
        body="Grüße + 100%",
        device_id=device.device_id,
        sim=1,
        customerid=77,
        urgent=1,
        timetosend=None,
    )
    sms_id = answer.json["sms_id"]
    assert answer == (200, "application/json", SAVED % sms_id)
    found = await gate.sms(sms_id)
    assert (found["sendto"], found["body"]) == (NUMBER, "Grüße + 100%")
    assert (found["deviceid"], found["sim"]) == (device.device_id, 1)
    assert (found["customerid"], found["urgent"]) == (77, True)
    assert await gate.status(sms_id) == (1, "New")


async def test_the_get_of_the_manual_is_read_to_the_letter(gate: Gate) -> None:
    device = await gate.phone(sims=2)
    answer = await gate.ask("GET", MANUAL_GET.format(token=TOKEN, device=device.device_id))
    message = await gate.message(answer.json["sms_id"])
    options = message.batch.stored.options
    assert (message.recipient, message.batch.stored.text) == ("4915752982212", "Hello!")
    assert (options.device_id, options.sim) == (device.device_id, 2)
    assert message.batch.stored.lane == Lane.URGENT
    assert (await gate.sms(answer.json["sms_id"], timezone="+02:00"))["timetosend"] == {
        "date": "2021-08-01 14:00:00.000000",
        "timezone_type": 1,
        "timezone": "+02:00",
    }


@pytest.mark.parametrize("way", WAYS)
async def test_smstosend_takes_name_and_password(gate: Gate, way: str) -> None:
    given = {"email": "acme", "pass": PASSWORD, "sendto": NUMBER, "body": "Hello"}
    answer = await gate.call("smstosend", way, **given)
    assert answer.body == SAVED % answer.json["sms_id"]


async def test_smstosend_takes_the_token_that_its_page_lists(gate: Gate) -> None:
    await gate.ok("smstosend", sendto=NUMBER, body="Hello")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.own_gateway
async def test_many_texts_come_in_a_form_as_json(gate: Gate, way: str) -> None:
    content = msgspec.json.encode({"token": TOKEN, "smsdata": MANY}).decode()
    answer = await gate.call("addalotofsms", way, datajson=content)
    assert answer == (200, "application/json", SAVED_MANY)
    await _check_many(gate)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.own_gateway
async def test_many_texts_come_beside_the_token(gate: Gate, way: str) -> None:
    answer = await gate.call("addalotofsms", way, token=TOKEN, smsdata=MANY)
    assert answer.body == SAVED_MANY
    await _check_many(gate)


async def _check_many(gate: Gate) -> None:
    shown = (await gate.ok("getallsms"))["smss"].values()
    assert [(s["body"], s["customerid"], s["urgent"], s["sim"]) for s in shown] == [
        ("Your password is 12345", 122, True, 1),
        ("Regular SMS. Not urgnet", 0, None, None),  # an absent number of one's own is 0 here
    ]
    assert next(iter(shown))["timetosend"]["date"] == "2019-07-01 23:50:00.000000"


@pytest.mark.own_gateway
async def test_texts_of_many_go_each_to_its_phone(gate: Gate) -> None:
    devices = [await gate.phone() for _ in range(2)]
    items = [
        {"sendto": NUMBER, "body": "Hello", "device_id": str(one.device_id), "customerId": "5"}
        for one in devices
    ]
    await gate.ok("addalotofsms", smsdata=items)
    shown = (await gate.ok("getallsms"))["smss"].values()
    assert [s["deviceid"] for s in shown] == [one.device_id for one in devices]
    assert [s["customerid"] for s in shown] == [5, 5]


SEVERAL = "+4915752982212, +4917642111111, +1 17642031984"  # as the manual prints it


@pytest.mark.own_gateway
async def test_several_numbers_become_as_many_texts(gate: Gate) -> None:
    first = await gate.send(sendto=SEVERAL)
    shown = (await gate.ok("getallsms"))["smss"]
    numbers = [sms["sendto"] for sms in shown.values()]
    assert numbers == ["+4915752982212", "+4917642111111", "+17642031984"]
    assert next(iter(shown)) == str(first)


SPELLINGS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "customer number in camel case": ({"customerId": "8"}, {"customerid": 8}),
    "names in capitals": ({"SIM": "1", "CUSTOMERID": 9}, {"customerid": 9, "sim": 1}),
    "urgent as word": ({"urgent": "true"}, {"urgent": True}),
    "not urgent as word": ({"urgent": "false"}, {"urgent": None}),
    "urgent as truth": ({"urgent": True}, {"urgent": True}),
    "empty optionals": (
        {"urgent": "", "customerid": "", "sim": "", "timetosend": "", "device_id": ""},
        {"urgent": None, "customerid": None, "sim": None, "deviceid": None},
    ),
    "null optionals": (
        {"urgent": "null", "customerid": "undefined", "sim": "null", "device_id": "null"},
        {"urgent": None, "customerid": None, "sim": None, "deviceid": None},
    ),
    "device 0": ({"device_id": 0}, {"deviceid": None}),
    "plus that came as a space": ({"sendto": " 4915752982212"}, {"sendto": NUMBER}),
    "double zero": ({"sendto": "004915752982212"}, {"sendto": NUMBER}),
    "spaces": ({"sendto": "+49 157 52982212"}, {"sendto": NUMBER}),
    "marks and no-break spaces": (
        {"sendto": "\u202a+49\xa0157 52982212\u202c"},
        {"sendto": NUMBER},
    ),
    "comma at the end": ({"sendto": "+4915752982212,"}, {"sendto": NUMBER}),
    "the word null as text": ({"body": "null"}, {"body": "null"}),
    "number as text": ({"body": 12345}, {"body": "12345"}),
}


@pytest.mark.parametrize("way", ["form", "multipart", "json"])
@pytest.mark.parametrize("case", SPELLINGS)
async def test_every_spelling_of_real_programs_is_understood(
    gate: Gate, case: str, way: str
) -> None:
    changes, expected = SPELLINGS[case]
    given = {"token": TOKEN, "sendto": NUMBER, "body": "Hello"} | changes
    answer = await gate.call("addsms", way, **given)
    assert answer.json["error"] == 0, answer
    found = await gate.sms(answer.json["sms_id"])
    assert {name: found[name] for name in expected} == expected


async def test_a_whole_number_of_javascript_is_one(gate: Gate) -> None:
    body = b'{"token":"%s","sendto":"%s","body":"x","customerid":12.0}'
    body %= (TOKEN.encode(), NUMBER.encode())
    answer = await gate.ask("POST", "/getdata/addsms", body, JSON)
    assert (await gate.sms(answer.json["sms_id"]))["customerid"] == 12


async def test_what_the_body_says_counts_more_than_the_query(gate: Gate) -> None:
    target = f"/getdata/addsms?token={TOKEN}&sendto=%2B4917642111111&body=query"
    answer = await gate.ask("POST", target, b"body=form")
    found = await gate.sms(answer.json["sms_id"])
    assert (found["sendto"], found["body"]) == ("+4917642111111", "form")


async def test_a_text_without_a_type_or_under_a_wrong_one_is_read(gate: Gate) -> None:
    body = msgspec.json.encode({"token": TOKEN, "sendto": NUMBER, "body": "Hello"})
    for content_type in ("text/plain", "application/x-www-form-urlencoded", "application/json"):
        answer = await gate.ask("POST", "/getdata/addsms", body, content_type)
        assert answer.json["error"] == 0, content_type
    stray = ((b"apikey", b"something"),)
    assert (await gate.ask("POST", "/getdata/addsms", body, JSON, stray)).json["error"] == 0


PHONES = {
    "german phone, national number": ("4915752982212", "015752982212", "+4915752982212"),
    "german phone, without a zero": ("4915752982212", "15752982212", "+4915752982212"),
    "german phone, international": ("4915752982212", "4917642111111", "+4917642111111"),
    "german phone, another country": ("4915752982212", "+4512345678", "+4512345678"),
    "american phone, ten digits": ("12125552368", "6502530000", "+16502530000"),
    "danish phone, eight digits": ("4587654321", "22345678", "+4522345678"),
    "danish phone, a range that is not assigned": ("4587654321", "20 01 23 45", "+4520012345"),
    "danish phone, machine": ("4587654321", "371234567890", "+45371234567890"),
    "danish phone, machine with its code": ("4587654321", "45371234567890", "+45371234567890"),
    "norwegian phone, machine": ("4798765432", "580012345678", "+47580012345678"),
    "french phone, machine": ("33612345678", "07000012345678", "+337000012345678"),
    "belgian phone, machine without a zero": ("32470123456", "7700012345678", "+327700012345678"),
    "norwegian phone, like its own code": ("4798765432", "47123456", "+4747123456"),
    "danish phone, too long for Denmark": ("4587654321", "4915752982212", "+4915752982212"),
    "italian phone, a zero": ("393331234567", "0612345678", "+390612345678"),
    "hungarian phone, its prefix": ("36201234567", "06 20 123 4567", "+36201234567"),
    "phone that tells no number": ("", "4915752982212", "+4915752982212"),
}


@pytest.mark.parametrize("case", PHONES)
async def test_a_number_without_plus_is_what_the_phone_would_dial(gate: Gate, case: str) -> None:
    own_number, written, expected = PHONES[case]
    device = await gate.phone(sims=2)
    if own_number:
        await gate.services.devices.change_sim(device.device_id, 2, number=own_number)
    sms_id = await gate.send(sendto=written, device_id=device.device_id, sim=1)
    assert (await gate.sms(sms_id))["sendto"] == expected


@pytest.mark.parametrize(
    ("own_number", "written"),
    [("12125552368", "5550100"), ("4587654321", "1234567"), ("4587654321", "20123456789012")],
)
async def test_a_number_that_fits_no_country_is_refused(
    gate: Gate, own_number: str, written: str
) -> None:
    """A number too short or long for the phone's country went to Brazil, Egypt or Venezuela."""
    device = await gate.phone(sims=2)
    await gate.services.devices.change_sim(device.device_id, 2, number=own_number)
    message = await gate.refused(
        "addsms", sendto=written, body="Hello", token=TOKEN, device_id=device.device_id, sim=1
    )
    assert message.startswith(f"Phone number {written} is not valid: ")


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no token": ({"token": ""}, "Parameter token is required"),
    "unknown token": ({"token": "nobody's"}, "Token is not valid"),
    "no number": ({"sendto": ""}, "Parameter sendto is required"),
    "commas only": ({"sendto": ",,"}, "Parameter sendto is required"),
    "no text": ({"body": ""}, "Parameter body is required"),
    "not a number": (
        {"sendto": "hello"},
        "Phone number hello is not valid: not an international number",
    ),
    "national number of nowhere": (
        {"sendto": "015752982212"},
        "Phone number 015752982212 is not valid: write it with + and its country code",
    ),
    "a bad number among good ones": (
        {"sendto": f"{NUMBER},+49"},
        "Phone number +49 is not valid: not an international number",
    ),
    "a number twice": (
        {"sendto": f"{NUMBER}, +49 157 52982212"},
        "Parameter sendto is not valid: +49 157 52982212 is there twice",
    ),
    "a number without end": (
        {"sendto": "+" + "1" * 100},
        f"Phone number +{'1' * 63} is not valid: too long",
    ),
    "too many numbers": (
        {"sendto": ",".join(f"+49157529{n:05d}" for n in range(5_001))},
        "Too many messages: at most 5000",
    ),
    "no such phone": ({"device_id": 11231}, "Device not found"),
    "phone that is no number": ({"device_id": "mine"}, "Device not found"),
    "phone beyond all numbers": ({"device_id": "9" * 30}, "Device not found"),
    "negative SIM": ({"sim": -1}, "Parameter sim is not valid: not a number"),
    "SIM that no phone has": ({"sim": MAX_SLOT}, "Parameter sim is not valid: 0 to 2"),
    "customer number in words": (
        {"customerid": "mine"},
        "Parameter customerid is not valid: not a number",
    ),
    "customer number beyond 2^53": (
        {"customerid": 1 << 53},
        "Parameter customerid is not valid: more than 9007199254740991",
    ),
    "customer number without end": (
        {"customerid": "1" * 400},
        "Parameter customerid is not valid: not a number",
    ),
    "urgent as nonsense": (
        {"urgent": "very"},
        "Parameter urgent is not valid: neither 0 nor 1",
    ),
    "time as nonsense": (
        {"timetosend": "soon"},
        "Parameter timetosend is not valid: not of the form YYYY-MM-DD HH:MM:SS",
    ),
    "day that is none": (
        {"timetosend": "2024-02-30 10:00:00"},
        "Parameter timetosend is not valid: no such date",
    ),
    "time far away": (
        {"timetosend": "2999-01-01"},
        "The time to send is not valid: more than two years ahead",
    ),
    "text that is too long": (
        {"body": "x" * 1_600},
        "Parameter body is too long: at most 10 parts",
    ),
    "text that no database keeps": (
        {"body": "a\0b"},
        "Parameter body is not valid: not valid Unicode text",
    ),
    "a list for a number": (
        {"sendto": ["+4915752982212"]},
        "Parameter sendto is not valid: neither text nor number",
    ),
}


@pytest.mark.stores_nothing
@pytest.mark.parametrize("case", REFUSED)
async def test_a_bad_text_is_refused_and_nothing_is_stored(gate: Gate, case: str) -> None:
    changes, expected = REFUSED[case]
    given = {"token": TOKEN, "sendto": NUMBER, "body": "Hello"} | changes
    before = await gate.rows()
    answer = await gate.call("addsms", "json", **given)
    assert (answer.status, answer.content_type) == (200, "application/json")
    assert answer.body == msgspec.json.encode({"error": 1, "message": expected})
    assert await gate.rows() == before


@pytest.mark.parametrize("case", ["another account's", "disabled", "without such a SIM"])
async def test_a_phone_that_cannot_send_it_is_refused(gate: Gate, case: str) -> None:
    other = await gate.services.accounts.find("other")
    device = await gate.phone(other if case == "another account's" else None)
    given: dict[str, Any] = {"sendto": NUMBER, "body": "Hello", "device_id": device.device_id}
    if case == "disabled":
        await gate.services.devices.set_enabled(device.device_id, enabled=False)
    if case == "without such a SIM":
        given["sim"] = 1
    expected = {
        "another account's": "Device not found",
        "disabled": "Not allowed: the device is disabled",
        "without such a SIM": "Parameter sim is not valid: the device has no such SIM",
    }[case]
    before = await gate.rows()
    assert await gate.refused("addsms", **given) == expected
    tags = await gate.ok("savetag", title="All")
    newsletter = {**given, "title": "News", "tags": tags["tag_id"]}
    assert await gate.refused("savepaket", **newsletter) == expected
    many = await gate.refused("addalotofsms", smsdata=[{"sendto": NUMBER, "body": "1"}, given])
    assert many == f"smsdata[1]: {expected}"
    assert await gate.rows() == before


MANY_REFUSED: dict[str, tuple[Any, str]] = {
    "nothing": (None, "Parameter smsdata is required"),
    "an empty list": ([], "Parameter smsdata is required"),
    "a number": (7, "Parameter smsdata is required"),
    "nonsense": ("[{", "Parameter smsdata is not valid: not JSON"),
    "a list of texts": (
        ["hello"],
        "smsdata[0]: Parameter smsdata is not valid: not an object",
    ),
    "one without text": (
        [MANY[0], {"sendto": NUMBER}],
        "smsdata[1]: Parameter body is required",
    ),
    "one for a bad number": (
        [MANY[0], MANY[0] | {"sendto": "+4"}],
        "smsdata[1]: Phone number +4 is not valid: not an international number",
    ),
    "one that the house refuses": (
        [MANY[0], MANY[0] | {"body": "x" * 1_600}, MANY[0]],
        "smsdata[1]: Parameter body is too long: at most 10 parts",
    ),
    "too many": ([MANY[0]] * 5_001, "Too many messages: at most 5000 in a call"),
}


@pytest.mark.stores_nothing
@pytest.mark.parametrize("case", MANY_REFUSED)
async def test_many_texts_are_stored_all_or_not_at_all(gate: Gate, case: str) -> None:
    items, expected = MANY_REFUSED[case]
    before = await gate.rows()
    assert await gate.refused("addalotofsms", smsdata=items) == expected
    assert await gate.rows() == before


async def test_nothing_is_sent_of_what_the_account_can_pay_only_in_part(gate: Gate) -> None:
    poor = {"token": POOR_TOKEN}
    account = await gate.services.accounts.find("poor")
    before = await gate.rows()
    message = await gate.refused("addsms", sendto=SEVERAL, body="Hello", **poor)
    assert message == "Not enough credits"
    two = [{"sendto": NUMBER, "body": "1"}, {"sendto": NUMBER, "body": "2"}]
    assert await gate.refused("addalotofsms", smsdata=two, **poor) == "Not enough credits"
    assert await gate.rows() == before
    balance = await gate.services.accounts.balance(account)
    assert (balance.available, balance.held) == (1, 0)
    await gate.ok("addsms", sendto=NUMBER, body="Hello", **poor)


UNREADABLE = {
    "broken JSON": (b'{"token":', JSON, "The request cannot be read: the body is not JSON"),
    "a list": (b"[1]", JSON, "The request cannot be read: Expected `object`, got `array`"),
    "a cut multipart body": (
        b"--" + BOUNDARY.encode() + b"\r\n",
        MULTIPART,
        "The request cannot be read: the multipart body ends before its last boundary",
    ),
    "no boundary": (
        b"--x--",
        "multipart/form-data",
        "The request cannot be read: the multipart boundary is missing or too long",
    ),
    "a strange type": (
        b"hello",
        "image/png",
        "The request cannot be read: a body of type image/png is not accepted",
    ),
    "too much": (
        b"body=" + b"x" * 300_000,
        "application/x-www-form-urlencoded",
        "The request cannot be read: the body is larger than 262144 bytes",
    ),
}


@pytest.mark.stores_nothing
@pytest.mark.parametrize("case", UNREADABLE)
async def test_what_cannot_be_read_is_refused_in_the_same_shape(gate: Gate, case: str) -> None:
    body, content_type, expected = UNREADABLE[case]
    answer = await gate.ask("POST", "/getdata/addsms", body, content_type)
    assert answer.status == 200
    assert answer.body == msgspec.json.encode({"error": 1, "message": expected})


async def test_unknown_calls_and_methods_are_refused_in_the_same_shape(gate: Gate) -> None:
    answer = await gate.ask("GET", "/getdata/addmms")
    assert answer.json == {"error": 1, "message": "Not found: there is no such resource"}
    answer = await gate.ask("DELETE", "/getdata/addsms")
    assert answer.status == 200
    assert answer.json["message"] == "Not supported: DELETE is not a method of this resource"


async def test_an_account_never_sees_the_texts_of_another(gate: Gate) -> None:
    sms_id = await gate.send()
    assert await gate.refused("getsmsstatus", sms_id=sms_id, token=OTHER_TOKEN) == "Sms not found"
    assert (await gate.ok("getallsms", token=OTHER_TOKEN))["smss"] == {}


@pytest.mark.own_gateway
async def test_a_text_for_later_waits_and_shows_its_time(gate: Gate) -> None:
    sms_id = await gate.send(timetosend="2027-07-01 23:50:00", sendto=NUMBER)
    assert await gate.status(sms_id) == (1, "New")
    found = await gate.sms(sms_id, timezone="Europe/Berlin")
    assert found["timetosend"] == {
        "date": "2027-07-02 01:50:00.000000",
        "timezone_type": 3,
        "timezone": "Europe/Berlin",
    }
    assert (found["sendto"], found["status"], found["senttime"]) == (NUMBER, 1, None)
    assert not list(gate.services.live)


async def test_a_text_that_its_phone_was_given_keeps_its_identifier(gate: Gate) -> None:
    sms_id = await gate.send()
    message = await gate.message(sms_id)
    assert message.message_id != sms_id
    await gate.move(message, State.SENDING, State.SENT)
    assert await gate.status(sms_id) == (6, "sent")
