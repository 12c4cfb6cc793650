"""Sending as the manual prints it: its requests in, its answers out, what is stored."""

import asyncio
import re
from typing import Any

import pytest
from sqlalchemy import select

from dragoman.assembly import build_services
from dragoman.core.accounts.account_fields import AccountFields
from dragoman.core.accounts.model.accounts import DEFAULT_PERMISSIONS, Permission
from dragoman.core.messages.sql.tables import batches
from dragoman.core.submission.sql.tables import orders as order_table

SMS = b"""
{
    "returnCredits": true,
    "order_id": "123456789",
    "recipient": [
        "+393471234567",
        "+393471234568"
    ],
    "scheduled_delivery_time": "20161223101010",
    "message": "Hello world!",
    "message_type": "GP",
    "sender": "MySender"
}
"""
PARAMETRIC = b"""
{
    "message_type": "GP",
    "message": "Hello {name}, welcome to {nation}",
    "sender": "MySender",
    "scheduled_delivery_time": "20161223101010",
    "order_id": "123456789",
    "returnCredits": true,
    "allowInvalidRecipients": false,
    "returnRemaining": true,
    "recipients": {
        "0": {
            "recipient": "+393471234567",
            "name": "Mark"
        },
        "1": {
            "recipient": "+393477654321",
            "nation": "Alabama"
        }
    }
}
"""
GROUPS = SMS.replace(b'"+393471234567"', b'"Group1"').replace(b'"+393471234568"', b'"Group2"')
ACCEPTED = b'{"result":"OK","order_id":"123456789","total_sent":2}'


async def stored(orders: Any, *columns: str) -> list[tuple[Any, ...]]:
    """Some columns of the batches, oldest first."""
    query = select(*(batches.c[name] for name in columns)).order_by(batches.c.batch_id)
    return [tuple(row) for row in await orders.services.storage.read(lambda c: c.execute(query))]


async def group(smsend: Any, name: str, *numbers: str) -> str:
    """Makes a group with contacts and returns its identifier."""
    answer = await smsend.post("group", {"name": name, "description": "d"})
    group_id: str = answer.location.removeprefix("/group/")
    for number in numbers:
        fields = {"email": "a@b.it", "phoneNumber": number, "groupIds": [group_id]}
        assert (await smsend.post("contact", fields)).status == 201
    return group_id


async def test_printed_text_is_sent(smsend: Any, orders: Any) -> None:
    answer = await smsend.post("sms", SMS)
    assert (answer.status, answer.body) == (201, ACCEPTED)
    assert answer.headers[b"content-type"] == b"application/json"
    assert await orders.texts() == [("393471234567", None), ("393471234568", None)]
    assert await stored(orders, "sender", "text", "dialect", "due_ms") == [
        ("MySender", "Hello world!", "smsend", smsend.clock.now_ms())
    ]


async def test_printed_text_is_sent_with_a_token(smsend: Any) -> None:
    account = await smsend.services.accounts.find("username")
    token = await smsend.services.access_tokens.issue(account)
    smsend.keys = [("user_key", smsend.user_key), ("Access_token", token)]
    assert (await smsend.post("sms", SMS)).body == ACCEPTED


async def test_printed_text_with_places_is_sent(smsend: Any, orders: Any) -> None:
    answer = await smsend.post("paramsms", PARAMETRIC)
    assert answer.status == 201
    assert answer.masked == (
        b'{"result":"OK","order_id":"123456789","total_sent":2,"remaining_credits":998,'
        b'"internal_order_id":"<id>"}'
    )
    assert await orders.texts() == [
        ("393471234567", "Hello Mark, welcome to "),
        ("393477654321", "Hello , welcome to Alabama"),
    ]


async def test_printed_text_with_places_answers_as_printed_without_what_is_left(
    smsend: Any,
) -> None:
    body = PARAMETRIC.replace(b'"returnRemaining": true', b'"returnRemaining": false')
    assert (await smsend.post("paramsms", body)).body == ACCEPTED


async def test_printed_text_to_groups_is_sent(smsend: Any, orders: Any) -> None:
    await group(smsend, "Group1", "+393471234567")
    await group(smsend, "Group2", "+393471234568", "+393471234567", "")
    answer = await smsend.post("smstogroups", GROUPS)
    assert (answer.status, answer.body) == (201, ACCEPTED)
    assert await orders.texts() == [("393471234567", None), ("393471234568", None)]


@pytest.mark.parametrize("spelt", [str, int, lambda group_id: [group_id]])
async def test_groups_may_be_named_by_identifier(smsend: Any, orders: Any, spelt: Any) -> None:
    group_id = await group(smsend, "Group1", "+393471234567")
    body = {"message_type": "N", "message": "Hi", "recipientsGroupdIds": spelt(group_id)}
    answer = await smsend.post("smstogroups", body)
    assert (answer.status, answer.json["total_sent"]) == (201, 1)
    assert await orders.texts() == [("393471234567", None)]


@pytest.mark.parametrize(
    "recipients",
    [
        {"a": {"recipient": "+393471234567", "name": "Mark"}},
        [{"recipient": "+393471234567", "name": "Mark"}],
        [{"recipient": 393471234567, "name": "Mark", "Other": None}],
    ],
)
@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("Hello {name}", "Hello Mark"),
        ("Hello ${name}", "Hello Mark"),
        ("Hello ${name}{name} {Name}.", "Hello MarkMark ."),
        ("$ {} {recipient}", None),
        ("5$ for {name}$", "5$ for Mark$"),
    ],
)
async def test_places_are_filled(
    smsend: Any, orders: Any, recipients: Any, text: str, sent: str | None
) -> None:
    body = {"message_type": "N", "message": text, "recipients": recipients}
    assert (await smsend.post("paramsms", body)).status == 201
    ((_, stored_text),) = await orders.texts()
    number = next(iter(recipients.values() if isinstance(recipients, dict) else recipients))
    assert stored_text == (sent or f"$ {{}} {number['recipient']}")


@pytest.mark.parametrize(
    ("value", "written"),
    [("Mark", "Mark"), ("7", "7"), (7, "7"), (2.5, "2.5"), (True, "true"), (None, ""), ("", "")],
)
async def test_values_are_written_as_they_came(
    smsend: Any, orders: Any, value: Any, written: str
) -> None:
    recipient = {"recipient": "+393471234567", "x": value}
    body = {"message_type": "N", "message": "<{x}>", "recipients": {"0": recipient}}
    assert (await smsend.post("paramsms", body)).status == 201
    assert await orders.texts() == [("393471234567", f"<{written}>")]


async def test_place_in_a_value_stays_as_it_is(smsend: Any, orders: Any) -> None:
    recipient = {"recipient": "+393471234567", "a": "{b}", "b": "no"}
    body = {"message_type": "N", "message": "{a}", "recipients": [recipient]}
    assert (await smsend.post("paramsms", body)).status == 201
    assert await orders.texts() == [("393471234567", "{b}")]


@pytest.mark.parametrize(
    "recipient",
    ["+393471234567", ["+393471234567"], "00393471234567", ["393471234567"], 393471234567],
)
async def test_recipient_is_read_as_programs_write_it(orders: Any, recipient: Any) -> None:
    assert (await orders.send(recipient=recipient)).status == 201
    assert await orders.texts() == [("393471234567", None)]


async def test_order_without_a_name_is_given_one(orders: Any) -> None:
    names = {await orders.sent(order_id=order_id) for order_id in (None, "", None)}
    assert len(names) == 3
    assert all(re.fullmatch("[0-9a-f]{32}", name) for name in names)


@pytest.mark.parametrize("order_id", ["a", "A" * 32, "x-1_2.3", 123])
async def test_order_has_the_name_it_was_given(orders: Any, order_id: Any) -> None:
    assert await orders.sent(order_id=order_id) == str(order_id)


async def test_repeated_order_is_refused_and_sends_nothing(
    smsend: Any, orders: Any, refused: Any
) -> None:
    await smsend.post("sms", SMS)
    answer = await refused(smsend.post("sms", SMS))
    assert answer.body == (
        b'{"result":"Order [123456789] already exists","error_code":400,'
        b'"error_message":"Order [123456789] already exists"}'
    )
    assert len(await orders.texts()) == len(orders.live()) == 2


async def test_of_orders_that_race_for_a_name_one_is_sent(orders: Any) -> None:
    answers = await asyncio.gather(*(orders.send(order_id="x") for _ in range(8)))
    assert sorted(answer.status for answer in answers) == [201] + [400] * 7
    assert len(await orders.texts()) == len(orders.live()) == 1


async def test_another_account_may_use_the_same_name(smsend: Any, orders: Any) -> None:
    await orders.sent(order_id="x")
    await smsend.begin("other")
    assert (await smsend.get("sms/x")).status == 404
    assert await orders.sent(order_id="x") == "x"


@pytest.mark.parametrize(
    ("fields", "total"),
    [
        ({}, 1),
        ({"returnCredits": True}, 1),
        ({"message": "a" * 161}, 1),
        ({"message": "a" * 161, "returnCredits": True}, 2),
        ({"message": "a" * 161, "returnCredits": "true", "message_type": "EE"}, 4),
        ({"recipient": ["+393471234567", "+393471234567", "00393471234567"]}, 1),
    ],
)
async def test_total_sent_counts_recipients_or_credits(
    orders: Any, fields: Any, total: int
) -> None:
    assert (await orders.send(**fields)).json["total_sent"] == total


async def test_what_is_left_of_a_type_is_told(smsend: Any, orders: Any) -> None:
    account = await smsend.services.accounts.find("username")
    await smsend.services.credits.top_up(account, smsend.services.credits.types.find("EE"), 50)
    answer = await orders.send(returnRemaining=True, message_type="EE")
    assert answer.json["remaining_credits"] == 48
    answer = await orders.send(returnRemaining="true")
    assert answer.json["remaining_credits"] == 999
    await smsend.begin("other")
    answer = await orders.send(returnRemaining=1)
    assert answer.json["remaining_credits"] == 2**31 - 1


@pytest.mark.parametrize(
    ("call", "fields"),
    [
        ("sms", {"recipient": ["+393471234567", "nonsense", "", "+39347123456789012", "+1"]}),
        (
            "paramsms",
            {
                "recipients": [
                    {"recipient": "nonsense"},
                    {"recipient": "+393471234567"},
                    {"name": "nobody"},
                ]
            },
        ),
    ],
)
async def test_invalid_recipients_are_left_out_where_that_is_allowed(
    smsend: Any, orders: Any, refused: Any, call: str, fields: Any
) -> None:
    body = {"message_type": "N", "message": "Hi", **fields}
    answer = await refused(smsend.post(call, body))
    assert answer.json["result"].startswith("Invalid recipient [")
    answer = await smsend.post(call, body | {"allowInvalidRecipients": True})
    assert (answer.status, answer.json["total_sent"]) == (201, 1)
    assert [number for number, _ in await orders.texts()] == ["393471234567"]


async def test_recipients_that_the_account_may_not_send_to_are_left_out_too(
    smsend: Any, orders: Any, refused: Any
) -> None:
    fields = AccountFields(prefixes="39")
    await smsend.services.accounts.create("limited", password="p", fields=fields)
    await smsend.begin("limited")
    numbers = ["+4512345678", "+393471234567"]
    answer = await refused(orders.send(recipient=numbers))
    assert answer.json["result"] == "Recipient [4512345678] is not allowed"
    answer = await orders.send(recipient=numbers, allowInvalidRecipients=True)
    assert (answer.status, answer.json["total_sent"]) == (201, 1)


async def test_sender_left_out_is_the_preferred_alias(smsend: Any, orders: Any) -> None:
    await smsend.services.accounts.create("p", password="p", default_sender="Preferred")
    await smsend.begin("p")
    for sender in ("", None, "Own"):
        await orders.sent(sender=sender)
    await orders.sent(message_type="LL")
    assert await stored(orders, "sender") == [("Preferred",), ("Preferred",), ("Own",), ("SMS",)]


async def test_sender_without_a_preferred_alias_is_the_houses_own(
    smsend: Any, orders: Any, refused: Any
) -> None:
    await smsend.services.accounts.create(
        "strict", password="p", permissions=DEFAULT_PERMISSIONS - {Permission.ANY_SENDER}
    )
    await smsend.begin("strict")
    await orders.sent(sender=None)
    assert await stored(orders, "sender") == [("SMS",)]
    answer = await refused(orders.send(sender="SMS"))
    assert answer.json["result"] == "Sender [SMS] is not an approved alias"


@pytest.mark.parametrize("message_type", ["LL", "SI", "AD"])
async def test_sender_of_a_type_without_its_own_is_ignored_and_shown(
    smsend: Any, orders: Any, message_type: str
) -> None:
    """Three public clients write one with every type."""
    await orders.sent(sender="Sender\0of\u00e9" + "x" * 200, message_type=message_type)
    assert await stored(orders, "sender") == [("SMS",)]
    [message] = orders.live()
    account = await smsend.services.accounts.find("username")
    story = await smsend.services.timelines.of_message(account, message.message_id)
    assert story.request.ignored_sender == ("Sender?of\u00e9" + "x" * 200)[:100]
    await orders.sent(sender="Own")
    story = await smsend.services.timelines.of_message(account, orders.live()[1].message_id)
    assert (story.request.sender, story.request.ignored_sender) == ("Own", "")


@pytest.mark.parametrize(
    ("message_type", "stored_type", "listed"),
    [("N", "N", "N"), ("GP", "N", "GP"), ("SI", "LL", "SI"), ("EE", "EE", "EE")],
)
async def test_type_is_found_by_every_name_and_listed_as_it_was_called(
    smsend: Any, orders: Any, message_type: str, stored_type: str, listed: str
) -> None:
    await orders.sent(message_type=message_type)
    ((options,),) = await stored(orders, "options")
    assert f'"message_type":"{stored_type}"' in options
    assert ('"wants_receipt":false' in options) is (stored_type == "LL")
    query = select(order_table.c.message_type)
    assert await orders.services.storage.read(lambda c: c.execute(query).scalar()) == listed


async def test_order_survives_a_restart(smsend: Any, orders: Any) -> None:
    await orders.sent(order_id="x")
    settings, clock = smsend.services.settings, smsend.clock
    await smsend.services.close()
    again = build_services(settings, clock)
    await again.open(migrate=False)
    try:
        customer = type(smsend)(again, clock)
        await customer.begin()
        body = {"message_type": "N", "message": "Hi", "recipient": "+393471234567"}
        assert (await customer.post("sms", body | {"order_id": "x"})).status == 400
        assert (await customer.get("sms/x")).status == 200
        assert (await customer.post("sms", body | {"order_id": "y"})).status == 201
    finally:
        await again.close()
