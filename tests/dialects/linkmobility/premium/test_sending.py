"""A price on a message: taken as the manual prints it, refused in its manner."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.premium import Premium
from dragoman.core.messages.sql.tables import premium_messages

OTHER = "b" * 64
PRINTED = (
    b'{"message":{"recipients":"+4512345678","sender":"1272","message":"Hello world",'
    b'"price":1000,"contenttype":9,"invoicetext":""}}'
)
PRINTED_IN_XML = (
    b"<message><recipients>+4512345678</recipients><sender>1272</sender>"
    b"<message>Hello world</message><price>1000</price><contenttype>9</contenttype>"
    b"<invoicetext/></message>"
)
ACCEPTED = (
    b'{"stat":{"sendtime":"21-09-2026 16:13:20","buffered":0,"received":0,"rejected":0},'
    b'"details":{"sendtime":"21-09-2026 16:13:20","batchid":"<id>","state":"QUEUED"},"status":201}'
)
PREMIUM = {"sender": "1272", "price": 1000, "contenttype": 9}
PRICE_RANGE = "Price is not valid, use a number between 100 and 1000000"


async def test_printed_message_with_a_price_is_accepted(shop: Any) -> None:
    answer = await shop.post(PRINTED)
    assert (answer.status, answer.masked) == (201, ACCEPTED)
    [message] = shop.live()
    assert message.outgoing().premium == Premium(price=1000, content_type=9)
    assert message.batch.stored.sender == "1272"
    assert (await shop.rows())[premium_messages.name] == 1


async def test_printed_message_with_a_price_is_accepted_in_xml(shop: Any) -> None:
    answer = await shop.ask("POST", "message.xml?apikey={key}", PRINTED_IN_XML, b"text/xml")
    assert (answer.status, answer.masked.decode()) == (
        201,
        '<?xml version="1.0"?>\n<response>\n  <stat>\n'
        "    <sendtime>21-09-2026 16:13:20</sendtime>\n    <buffered>0</buffered>\n"
        "    <received>0</received>\n    <rejected>0</rejected>\n  </stat>\n  <details>\n"
        "    <sendtime>21-09-2026 16:13:20</sendtime>\n    <batchid><id></batchid>\n"
        "    <state>QUEUED</state>\n  </details>\n  <status>201</status>\n</response>\n",
    )


@pytest.mark.parametrize(
    ("fields", "premium"),
    [
        ({"price": "100", "contenttype": "9"}, Premium(price=100, content_type=9)),
        ({"price": 1_000_000}, Premium(price=1_000_000, content_type=9)),
        ({"charity": "true"}, Premium(price=1000, content_type=9, charity=True)),
        ({"charity": 0}, Premium(price=1000, content_type=9)),
        (
            {"invoicetext": "Æ" * 40, "revenuetext": "€" * 255},
            Premium(price=1000, content_type=9, invoice_text="Æ" * 40, revenue_text="€" * 255),
        ),
        ({"revenuetext": 7}, Premium(price=1000, content_type=9, revenue_text="7")),
        ({"message": "x" * 160}, Premium(price=1000, content_type=9)),
    ],
)
async def test_price_and_what_belongs_to_it_is_kept(
    shop: Any, fields: Any, premium: Premium
) -> None:
    await shop.sent(**PREMIUM | fields)
    [message] = shop.live()
    assert message.outgoing().premium == premium


@pytest.mark.parametrize("sender", ["2333", "+472333", "472333"])
async def test_short_code_may_be_given_with_its_country(shop: Any, sender: str) -> None:
    await shop.sent(recipients="+4740612345", sender=sender, price=500, contenttype=17)
    [message] = shop.live()
    assert message.outgoing().sender == "2333"


@pytest.mark.parametrize("price", [None, "", 0, "0"])
async def test_without_a_price_what_belongs_to_it_has_no_effect(link: Any, price: Any) -> None:
    await link.sent(
        price=price,
        charity=True,
        contenttype=99,
        invoicetext="x" * 41,
        revenuetext="spring",
    )
    [message] = link.live()
    assert message.outgoing().premium is None
    assert (await link.rows())[premium_messages.name] == 0


@pytest.mark.parametrize(
    ("fields", "status", "text"),
    [
        ({"price": 99}, 400, PRICE_RANGE),
        ({"price": 1_000_001}, 400, PRICE_RANGE),
        ({"price": -1}, 400, "Price is not valid, use a number between 0 and 999999999"),
        ({"price": "10,00"}, 400, "Price is not valid, use a number between 0 and 999999999"),
        ({"price": 10**30}, 400, "Price is not valid, use a number between 0 and 999999999"),
        ({"contenttype": None}, 400, "Contenttype cannot be empty"),
        ({"contenttype": "0"}, 400, "Contenttype cannot be empty"),
        (
            {"contenttype": "tickets"},
            400,
            "Contenttype is not valid, use a number between 0 and 999999999",
        ),
        ({"contenttype": 16}, 400, "Contenttype is not valid, unknown on short code 1272"),
        (
            {"sender": "2333", "recipients": "+4740612345", "contenttype": 1},
            400,
            "Contenttype is not valid, expired on short code 2333",
        ),
        ({"sender": "TEST"}, 400, "Sender [TEST] is not valid, a price needs a short code"),
        ({"sender": None}, 400, "Sender [Service SMS] is not valid, a price needs a short code"),
        ({"sender": "1919"}, 403, "User cannot access sender [1919]"),
        (
            {"recipients": "+4740612345"},
            400,
            "Recipient [4740612345] cannot be charged, not in the country of short code 1272",
        ),
        (
            {"recipients": "+4512345678,+4740612345"},
            400,
            "Recipient [4740612345] cannot be charged, not in the country of short code 1272",
        ),
        (
            {"sender": "72272", "recipients": "+46701234567", "contenttype": 2},
            400,
            "Recipient [46701234567] cannot be charged, no carrier that bills this price",
        ),
        ({"invoicetext": "x" * 41}, 400, "Invoicetext is not valid, more than 40 characters"),
        ({"invoicetext": "€"}, 400, "Invoicetext is not valid, characters outside Latin-1"),
        ({"invoicetext": "a\tb"}, 400, "Invoicetext is not valid, characters outside Latin-1"),
        ({"invoicetext": "a\0b"}, 400, "Invoicetext is not valid, not valid Unicode text"),
        ({"revenuetext": "x" * 256}, 400, "Revenuetext is not valid, more than 255 characters"),
        ({"revenuetext": "a\0b"}, 400, "Revenuetext is not valid, not valid Unicode text"),
        ({"charity": "perhaps"}, 400, "Charity is not valid, use true or false"),
        (
            {"message": "x" * 161},
            400,
            "Message is too long, [2] message parts, a price needs a single part",
        ),
    ],
)
async def test_price_is_refused_in_the_manuals_manner(
    shop: Any, refused: Any, fields: Any, status: int, text: str
) -> None:
    answer = await refused(shop.send(**PREMIUM | {"recipients": "+4512345678"} | fields))
    assert answer.body == b'{"status":%d,"message":%b}' % (status, msgspec.json.encode(text))
    assert answer.status == status


@pytest.mark.parametrize(
    ("permissions", "fields", "acl"),
    [
        ("any_sender send", {}, "aclBilling"),
        ("any_sender send premium_high charity", {}, "aclBilling"),
        ("any_sender send premium charity", {"price": 1201}, "aclBillingHigh"),
        ("any_sender send premium premium_high", {"charity": True}, "aclCharity"),
    ],
)
async def test_price_needs_its_permission(
    link: Any, refused: Any, permit: Any, permissions: str, fields: Any, acl: str
) -> None:
    permit(permissions)
    answer = await refused(link.send(**PREMIUM | fields))
    text = f"Message not created, [{acl}] access is denied for user"
    assert (answer.status, answer.json) == (403, {"status": 403, "message": text})


async def test_price_up_to_the_bound_needs_no_high_permission(link: Any, permit: Any) -> None:
    permit("any_sender send premium")
    await link.sent(**PREMIUM | {"price": 1200})


async def test_sender_named_like_a_permission_is_quoted_as_it_is(link: Any, permit: Any) -> None:
    permit("send")
    answer = await link.send(sender="premium")
    assert answer.json == {"status": 403, "message": "User cannot access sender [premium]"}


async def test_content_type_must_still_be_valid_when_the_message_is_due(
    shop: Any, refused: Any
) -> None:
    fields = {"recipients": "+46701234567", "sender": "72272", "price": 100, "contenttype": 1}
    bills_not = "Recipient [46701234567] cannot be charged, no carrier that bills this price"
    assert (await refused(shop.send(**fields))).json["message"] == bills_not  # valid today
    answer = await refused(shop.send(**fields, sendtime="23-09-2026 10:00"))
    expired = "Contenttype is not valid, expired on short code 72272"
    assert answer.json == {"status": 400, "message": expired}


async def test_delivery_report_tells_the_price(shop: Any) -> None:
    await shop.sent(**PREMIUM, status=True, statusurl="http://example.com/")
    [message] = shop.live()
    await shop.accept(message)
    await shop.report(message, State.DELIVERED)
    assert [call.url.rpartition("&")[2] for call in shop.calls()] == ["push_price=1000"] * 2
