"""Orders that are refused: in which words, and that nothing is stored and no credit moves."""

import dataclasses
from typing import Any

import msgspec
import pytest

from dragoman.core.accounts.account_fields import AccountFields
from dragoman.core.accounts.model.accounts import DEFAULT_PERMISSIONS, Permission
from dragoman.core.accounts.model.senders import SenderDetails, SenderState

N: dict[str, Any] = {"message_type": "N", "message": "Hi", "recipient": ["+393471234567"]}
LONG = "a" * 1001
MANY = [f"+39347{number:07}" for number in range(10_001)]


def refusal(text: str) -> bytes:
    return msgspec.json.encode({"result": text, "error_code": 400, "error_message": text})


@pytest.mark.stores_nothing
@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"message_type": None}, "Missing parameter [message_type]"),
        ({"message_type": ""}, "Missing parameter [message_type]"),
        (
            {"message_type": "XX"},
            "Invalid value for parameter [message_type]: there is no such type",
        ),
        ({"message": None}, "Missing parameter [message]"),
        ({"message": ""}, "Missing parameter [message]"),
        ({"message": "a\0"}, "Invalid value for parameter [message]: not valid Unicode text"),
        ({"recipient": None}, "Missing parameter [recipient]"),
        ({"recipient": []}, "Missing parameter [recipient]"),
        ({"recipient": ""}, "Missing parameter [recipient]"),
        ({"recipient": ["nonsense"]}, "Invalid recipient [nonsense]"),
        ({"recipient": ["+393471234567", ""]}, "Invalid recipient []"),
        ({"recipient": ["+39347\x00234567"]}, "Invalid recipient [+39347?234567]"),
        ({"recipient": ["x"], "allowInvalidRecipients": True}, "Invalid recipient [x]"),
        ({"recipient": MANY}, "Too many recipients [10001]: at most 10000"),
        ({"sender": "TwelveLetter"}, "Invalid sender [TwelveLetter]: more than 11 characters"),
        (
            {"order_id": "a" * 33},
            "Invalid value for parameter [order_id]: at most 32 letters, digits, _ . and -",
        ),
        (
            {"order_id": "a b"},
            "Invalid value for parameter [order_id]: at most 32 letters, digits, _ . and -",
        ),
        (
            {"order_id": "bulk"},
            "Invalid value for parameter [order_id]: at most 32 letters, digits, _ . and -",
        ),
        (
            {"order_id": "\u00e8"},
            "Invalid value for parameter [order_id]: at most 32 letters, digits, _ . and -",
        ),
        (
            {"returnCredits": "perhaps"},
            "Invalid value for parameter [returnCredits]: true or false",
        ),
        ({"returnRemaining": 2}, "Invalid value for parameter [returnRemaining]: true or false"),
        (
            {"allowInvalidRecipients": "x"},
            "Invalid value for parameter [allowInvalidRecipients]: true or false",
        ),
        ({"truncate": "x"}, "Invalid value for parameter [truncate]: true or false"),
        ({"encoding": "utf8"}, "Invalid value for parameter [encoding]: gsm or ucs2"),
        ({"message": LONG}, "The message is too long: at most 1000 characters"),
        ({"message": "\u20ac" * 501}, "The message is too long: at most 1000 characters"),
        ({"message": "\u4f60" * 451}, "The message is too long: at most 450 characters in ucs2"),
        (
            {"message": "a" * 451, "encoding": "ucs2"},
            "The message is too long: at most 450 characters in ucs2",
        ),
        (
            {"message": "a" * 161, "message_type": "LL"},
            "The message is too long: at most 160 characters",
        ),
        (
            {"message": "\u4f60" * 71, "message_type": "SI"},
            "The message is too long: at most 70 characters in ucs2",
        ),
        (
            {"message": "a" * 161, "max_fragments": 1},
            "The message is too long: at most 1 fragments",
        ),
        ({"max_fragments": 0}, "Invalid value for parameter [max_fragments]: 1 to 255"),
        ({"max_fragments": "many"}, "Invalid value for parameter [max_fragments]: 1 to 255"),
        (
            {"scheduled_delivery_time": "tomorrow"},
            "Invalid value for parameter [scheduled_delivery_time]: none of the forms of a date",
        ),
        (
            {"scheduled_delivery_time": "20260231101010"},
            "Invalid value for parameter [scheduled_delivery_time]: no such date",
        ),
        (
            {"scheduled_delivery_time": "20300101000000"},
            "Invalid value for parameter [scheduled_delivery_time]: more than two years ahead",
        ),
        (
            {"scheduled_delivery_timezone": "Mars/Olympus"},
            "Invalid value for parameter [scheduled_delivery_timezone]: not an IANA zone",
        ),
        (
            {"validity_period_min": 20161},
            "Invalid value for parameter [validity_period_min]: 1 to 20160",
        ),
        ({"validity_period": "-1"}, "Invalid value for parameter [validity_period]: 1 to 20160"),
        (
            {"campaign_name": "a" * 256},
            "Invalid value for parameter [campaign_name]: at most 255 characters",
        ),
        (
            {"delivery_notification_url": "ftp://a.it"},
            "Invalid value for parameter [delivery_notification_url]: not an http or https address",
        ),
        (
            {"delivery_notification_url": "http://a.it", "statusnotificationURL": "http://b.it"},
            "Invalid value for parameter [statusnotificationURL]:"
            " there is a delivery_notification_url",
        ),
        ({"id_landing": 7}, "[id_landing] is not supported"),
        ({"short_link_url": "http://a.it"}, "[short_link_url] is not supported"),
        ({"richsms_url": "http://a.it"}, "[richsms_url] is not supported"),
        ({"message": "a" * 1000, "recipient": MANY[:300]}, "Insufficient credit"),
    ],
)
async def test_order_is_refused(smsend: Any, refused: Any, fields: Any, text: str) -> None:
    answer = await refused(smsend.post("sms", N | fields))
    assert (answer.status, answer.body) == (400, refusal(text))


@pytest.mark.stores_nothing
@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"recipients": None}, "Missing parameter [recipients]"),
        ({"recipients": {}}, "Missing parameter [recipients]"),
        ({"recipients": []}, "Missing parameter [recipients]"),
        ({"recipients": [{}]}, "Invalid recipient []"),
        ({"recipients": {"0": {"name": "x"}}}, "Invalid recipient []"),
        ({"recipients": {"0": {"recipient": "x"}}}, "Invalid recipient [x]"),
        (
            {"recipients": [{"recipient": number} for number in MANY]},
            "Too many recipients [10001]: at most 10000",
        ),
        ({"message": "{x}"}, "Missing parameter [message]"),
        (
            {"message": "{name}" * 10},
            "The message is too long: at most 1000 characters",
        ),
        (
            {"recipients": [{"recipient": "+393471234567", "name": "\0"}]},
            "Invalid value for parameter [message]: not valid Unicode text",
        ),
        (
            {"message_type": "XX"},
            "Invalid value for parameter [message_type]: there is no such type",
        ),
    ],
)
async def test_order_with_places_is_refused(
    smsend: Any, refused: Any, fields: Any, text: str
) -> None:
    recipients = [{"recipient": "+393471234567", "name": "a" * 101}]
    body = {"message_type": "N", "message": "Hi {name}", "recipients": recipients} | fields
    answer = await refused(smsend.post("paramsms", body))
    assert (answer.status, answer.body) == (400, refusal(text))


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({}, "Missing parameter [recipient]"),
        ({"recipient": []}, "Missing parameter [recipient]"),
        ({"recipient": ["None"]}, "Groups could not be found: [None]"),
        ({"recipient": ["Empty", "None"]}, "Groups could not be found: [None]"),
        ({"recipient": ["\0"]}, "Groups could not be found: [?]"),
        ({"recipient": "Empty"}, "Missing parameter [recipient]"),
        ({"recipientsGroupdIds": ["7"]}, "Groups could not be found: [7]"),
        ({"recipientsGroupdIds": ["x"]}, "Groups could not be found: [x]"),
        ({"recipientsGroupdIds": 2**60}, f"Groups could not be found: [{2**60}]"),
        (
            {"recipient": [str(number) for number in range(101)]},
            "Invalid value for parameter [recipient]: at most 100 groups",
        ),
        ({"recipient": ["Empty"], "message": None}, "Missing parameter [message]"),
    ],
)
async def test_order_to_groups_is_refused(
    smsend: Any, refused: Any, fields: Any, text: str
) -> None:
    await smsend.post("group", {"name": "Empty", "description": "d"})
    body = {"message_type": "N", "message": "Hi"} | fields
    answer = await refused(smsend.post("smstogroups", body))
    assert (answer.status, answer.body) == (400, refusal(text))


async def test_groups_of_another_account_are_unknown(smsend: Any, refused: Any) -> None:
    answer = await smsend.post("group", {"name": "Mine", "description": "d"})
    group_id = answer.location.removeprefix("/group/")
    await smsend.begin("other")
    for fields in ({"recipient": "Mine"}, {"recipientsGroupdIds": group_id}):
        body = {"message_type": "N", "message": "Hi"} | fields
        answer = await refused(smsend.post("smstogroups", body))
        assert answer.json["result"].startswith("Groups could not be found: [")


@pytest.mark.stores_nothing
@pytest.mark.parametrize("call", ["sms", "paramsms", "smstogroups"])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"x"',
        b"{}",
        b'{"message_type":["N"]}',
        b'{"message_type":"N","message":{"a":1}}',
        b'{"message_type":"N","message":"x","recipient":{"a":1},"recipients":7}',
        b'{"message_type":"N","message":"x","recipient":[null],"recipients":[null]}',
        b'{"message_type":"N","message":"x","recipient":[["a"]],"recipients":[{"recipient":[]}]}',
        b"<message/>",
        b'{"message_type":"N","message":"\\ud800","recipient":"+393471234567","recipients":[]}',
        b'{"message_type":"N","message":"x","recipients":[{"recipient":"+39347","x":"\\ud800"}]}',
    ],
)
async def test_body_of_another_shape_is_refused(
    smsend: Any, refused: Any, call: str, body: bytes
) -> None:
    answer = await refused(smsend.post(call, body))
    assert answer.status in {400, 415}
    assert set(answer.json) == {"result", "error_code", "error_message"}


async def test_unapproved_alias_is_refused_until_it_is_approved(smsend: Any, refused: Any) -> None:
    services = smsend.services
    permissions = DEFAULT_PERMISSIONS - {Permission.ANY_SENDER}
    created = await services.accounts.create("s", password="p", permissions=permissions)
    await services.senders.ask_for(created.account, "MySender", SenderDetails())
    await smsend.begin("s")
    answer = await refused(smsend.post("sms", N | {"sender": "MySender"}))
    assert answer.json["result"] == "Sender [MySender] is not an approved alias"
    await services.senders.decide(created.account, "MySender", SenderState.APPROVED)
    assert (await smsend.post("sms", N | {"sender": "MySender"})).status == 201


async def test_type_that_the_account_may_not_send_is_refused(smsend: Any, refused: Any) -> None:
    fields = AccountFields(message_types="L")
    await smsend.services.accounts.create("t", password="p", fields=fields)
    await smsend.begin("t")
    answer = await refused(smsend.post("sms", N))
    assert answer.body == refusal("Not allowed: [message_type]")
    assert (await smsend.post("sms", N | {"message_type": "L"})).status == 201


@pytest.mark.stores_nothing
@pytest.mark.parametrize("call", ["sms", "paramsms", "smstogroups"])
async def test_call_without_keys_is_refused(smsend: Any, refused: Any, call: str) -> None:
    smsend.keys = []
    assert (await refused(smsend.post(call, N))).status == 401


async def test_what_is_otherwise_put_right_is_refused_where_the_operator_wants_it(
    smsend: Any, refused: Any
) -> None:
    settings = smsend.services.settings
    strict = msgspec.structs.replace(
        settings.dialects.smsend, refuse_sender=True, refuse_other_characters=True
    )
    dialects = msgspec.structs.replace(settings.dialects, smsend=strict)
    replaced = msgspec.structs.replace(settings, dialects=dialects)
    smsend.__init__(dataclasses.replace(smsend.services, settings=replaced), smsend.clock)
    await smsend.begin()
    answer = await refused(smsend.post("sms", N | {"sender": "Any", "message_type": "SI"}))
    assert answer.body == refusal(
        "Invalid sender [Any]: messages of type LL have no sender of their own"
    )
    assert (await smsend.post("sms", N | {"sender": "", "message_type": "SI"})).status == 201
    for text in ("\u4f60", "1\u20132"):
        answer = await refused(smsend.post("sms", N | {"encoding": "gsm", "message": text}))
        assert answer.body == refusal("The message has characters outside the gsm alphabet")
