"""Refunds: answered as printed, once, only of what was paid, with a text to the recipient."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.sql.tables import premium_messages

OTHER = "b" * 64
PRINTED = b'{"refund":{"message":"Your message will be refunded"}}'
DONE = b'{"status":200,"statusreason":"Message is now in queue for refund."}'
DONE_IN_XML = (
    b'<?xml version="1.0"?>\n<response>\n  <status>200</status>\n'
    b"  <statusreason>Message is now in queue for refund.</statusreason>\n</response>\n"
)
PREMIUM = {"recipients": "+4512345678", "sender": "1272", "price": 500, "contenttype": 9}


async def sold(shop: Any, *states: State, **fields: Any) -> str:
    """Sends a premium message that gets so far, delivered by default; its lookup id."""
    await shop.sent(**PREMIUM | fields)
    message = max(shop.live(), key=lambda live: live.message_id)
    await shop.accept(message)
    for state in states or (State.DELIVERED,):
        await shop.report(message, state)
    lookup_id: str = (await shop.get("outbox/1.json")).json["query"][0]["lookupid"]
    return lookup_id


async def refund(shop: Any, lookup_id: str, body: bytes = PRINTED, form: str = "json") -> Any:
    content_type = b"text/xml" if form == "xml" else b"application/json"
    target = f"message/refund/{lookup_id}.{form}?apikey={{key}}"
    return await shop.ask("PUT", target, body, content_type)


async def state_of(shop: Any, lookup_id: str) -> str:
    found = (await shop.get(f"outbox/lookup/{lookup_id}.json")).json["query"]
    return str(found["state"])


async def test_sold_delivered_and_refunded_with_a_notice_once(shop: Any) -> None:
    lookup_id = await sold(shop)
    assert await state_of(shop, lookup_id) == "transaction-captured"
    answer = await refund(shop, lookup_id)
    assert (answer.status, answer.body) == (200, DONE)
    assert await state_of(shop, lookup_id) == "transaction-refunded"
    [notice] = shop.live()
    outgoing = notice.outgoing()
    assert (outgoing.sender, outgoing.recipient, outgoing.premium) == ("1272", "4512345678", None)
    assert notice.batch.stored.text == "Your message will be refunded"
    listed = (await shop.get("outbox/1.json")).json["query"]
    assert [one.get("state") for one in listed] == [None, "transaction-refunded"]
    before = await shop.rows()
    again = await refund(shop, lookup_id)
    text = f"Lookup id [{lookup_id}] cannot be refunded, refunded already"
    assert (again.status, again.json) == (400, {"status": 400, "message": text})
    assert await shop.rows() == before


@pytest.mark.parametrize(
    ("body", "form", "notices"),
    [
        (PRINTED, "json", 1),
        (b"<refund><message>Your message will be refunded</message></refund>", "xml", 1),
        (b'{"refund":{"message":12}}', "json", 1),
        (b'{"refund":{}}', "json", 0),
        (b'{"refund":{"message":""}}', "json", 0),
        (b'{"refund":{"message":null}}', "json", 0),
        (b"<refund/>", "xml", 0),
        (b"<refund><message/></refund>", "xml", 0),
        (b"", "json", 0),
        (b"", "xml", 0),
    ],
)
async def test_refund_is_answered_as_printed(
    shop: Any, body: bytes, form: str, notices: int
) -> None:
    lookup_id = await sold(shop)
    answer = await refund(shop, lookup_id, body, form)
    assert (answer.status, answer.body) == (200, DONE if form == "json" else DONE_IN_XML)
    assert len(shop.live()) == notices
    assert (await shop.rows())["messages"] == 1 + notices


@pytest.mark.parametrize(
    "states", [(), (State.UNDELIVERED,), (State.EXPIRED,), (State.REJECTED,), (State.UNKNOWN,)]
)
async def test_what_was_not_charged_is_not_refunded(shop: Any, states: Any) -> None:
    await shop.sent(**PREMIUM)
    [message] = shop.live()
    await shop.accept(message)
    for state in states:
        await shop.report(message, state)
    lookup_id = (await shop.get("outbox/1.json")).json["query"][0]["lookupid"]
    before = await shop.rows()
    for form in ("json", "xml"):
        answer = await refund(shop, lookup_id, b"", form)
        assert answer.status == 400
        assert f"Lookup id [{lookup_id}] cannot be refunded, nothing was charged" in (
            answer.body.decode()
        )
    assert await shop.rows() == before


async def test_message_without_a_price_is_not_refunded(shop: Any) -> None:
    lookup_id = await sold(shop, price=0)
    answer = await refund(shop, lookup_id)
    text = f"Lookup id [{lookup_id}] cannot be refunded, nothing was charged"
    assert (answer.status, answer.json) == (400, {"status": 400, "message": text})


@pytest.mark.parametrize("lookup_id", ["1424185035-66418", "nonsense", "-", "1-1"])
async def test_unknown_lookup_is_not_found(shop: Any, refused: Any, lookup_id: str) -> None:
    answer = await refused(refund(shop, lookup_id))
    text = f"Lookup id [{lookup_id}] not found"
    assert (answer.status, answer.json) == (404, {"status": 404, "message": text})


async def test_message_of_another_account_is_not_found(shop: Any) -> None:
    lookup_id = await sold(shop)
    shop.key, own = OTHER, shop.key
    answer = await refund(shop, lookup_id)
    text = f"Lookup id [{lookup_id}] not found"
    assert (answer.status, answer.json) == (404, {"status": 404, "message": text})
    shop.key = own
    assert await state_of(shop, lookup_id) == "transaction-captured"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"{", "Request is not valid, the body is not JSON"),
        (b"{}", "Request is not valid, Object missing required field `refund`"),
        (
            b'{"refund":{"text":"x"}}',
            "Request is not valid, refund: Object contains unknown field `text`",
        ),
        (
            b'{"refund":{"message":["x"]}}',
            "Request is not valid, refund.message: Expected `int | str | null`, got `array`",
        ),
        (b'{"refund":{"message":"a\\u0000b"}}', "Message is not valid, not valid Unicode text"),
        (
            b'{"refund":{"message":"%b"}}' % (b"x" * 2000),
            "Message is too long, [14] message parts, at most 10 parts",
        ),
    ],
)
async def test_refund_that_cannot_be_read_or_told_changes_nothing(
    shop: Any, body: bytes, text: str
) -> None:
    lookup_id = await sold(shop)
    before = await shop.rows()
    answer = await refund(shop, lookup_id, body)
    assert answer.body == b'{"status":400,"message":%b}' % msgspec.json.encode(text)
    assert answer.status == 400
    assert await shop.rows() == before
    assert await state_of(shop, lookup_id) == "transaction-captured"


async def test_notice_without_credit_leaves_the_message_unrefunded(shop: Any) -> None:
    lookup_id = await sold(shop)
    account = await shop.services.accounts.find("hn")
    await shop.services.accounts.top_up(account, -999, "spent elsewhere")
    before = await shop.rows()
    answer = await refund(shop, lookup_id)
    text = "Message not created, not enough credits"
    assert (answer.status, answer.json) == (403, {"status": 403, "message": text})
    assert await shop.rows() == before
    assert (await refund(shop, lookup_id, b"")).status == 200
    assert (await shop.rows())[premium_messages.name] == 1
