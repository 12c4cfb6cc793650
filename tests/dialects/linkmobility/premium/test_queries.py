"""The query interface tells what recipients paid, and finds messages by it."""

from __future__ import annotations

from typing import Any

import pytest

from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.premium import ContentKind, PremiumState
from dragoman.dialects.linkmobility import premium

PREMIUM = {"recipients": "+4512345678", "sender": "1272", "contenttype": 9}


@pytest.mark.parametrize("state", PremiumState)
def test_state_has_the_manuals_word(state: PremiumState) -> None:
    assert premium.STATES[state] == state.name.lower().replace("_", "-")


def test_tables_cover_their_enums() -> None:
    assert set(premium.STATES) == set(PremiumState)
    assert set(premium.KINDS) == set(ContentKind)


async def three_messages(shop: Any) -> list[str]:
    """A delivered one for 500, one without a price, a taken one for 1500; their batch ids."""
    ids = [
        await shop.sent(**PREMIUM, price=500),
        await shop.sent(),
        await shop.sent(**PREMIUM, price=1500),
    ]
    first, second, third = shop.live()
    for message in (first, second, third):
        await shop.accept(message)
    await shop.report(first, State.DELIVERED)
    return ids


async def test_outbox_shows_the_charge_of_premium_messages_only(shop: Any) -> None:
    await three_messages(shop)
    answer = await shop.get("outbox/1.json")
    head = (
        b'{"lookupid":"<lookupid>","msgid":"<msgid>","batchid":"<id>","status":"%b",'
        b'"statusreason":null,"recipient":"%b","sender":"%b","logtime":"2026-09-21 16:13:20",'
        b'"protocol":"REST","message":"Hello world!","statuscode":"0","mcc":"238","mnc":"0",'
        b'"userid":"<id>","splitcount":"1"'
    )
    assert (answer.status, answer.masked) == (
        200,
        b'{"query":['
        + head % (b"buffered", b"4512345678", b"1272")
        + b',"push_price":1500,"contenttype":"9","state":"sms-forwarded"},'
        + head % (b"buffered", b"4512721272", b"TEST")
        + b"},"
        + head % (b"received", b"4512345678", b"1272")
        + b',"push_price":500,"contenttype":"9","state":"transaction-captured"}],'
        b'"paging":{"pages":1,"offset":10,"current":1},'
        b'"stats":{"total":3,"splitcount":3},"status":200}',
    )


async def test_outbox_in_xml_shows_the_charge(shop: Any) -> None:
    await shop.sent(**PREMIUM, price=500)
    answer = await shop.get("outbox/1.xml")
    assert answer.masked.decode() == (
        '<?xml version="1.0"?>\n<response>\n  <query>\n    <lookupid><lookupid></lookupid>\n'
        "    <msgid><msgid></msgid>\n    <batchid><id></batchid>\n    <status>queued</status>\n"
        "    <statusreason/>\n    <recipient>4512345678</recipient>\n    <sender>1272</sender>\n"
        "    <logtime>2026-09-21 16:13:20</logtime>\n    <protocol>REST</protocol>\n"
        "    <message>Hello world!</message>\n    <statuscode>0</statuscode>\n"
        "    <mcc>238</mcc>\n    <mnc>0</mnc>\n    <userid><id></userid>\n"
        "    <splitcount>1</splitcount>\n    <push_price>500</push_price>\n"
        "    <contenttype>9</contenttype>\n    <state>transaction-forwarded</state>\n"
        "  </query>\n"
        "  <paging>\n    <pages>1</pages>\n    <offset>10</offset>\n"
        "    <current>1</current>\n  </paging>\n"
        "  <stats>\n    <total>1</total>\n    <splitcount>1</splitcount>\n  </stats>\n"
        "  <status>200</status>\n</response>\n"
    )


async def test_lookup_shows_the_charge_as_text(shop: Any) -> None:
    await shop.sent(**PREMIUM, price=500)
    [message] = shop.live()
    await shop.accept(message)
    await shop.report(message, State.DELIVERED)
    lookup_id = (await shop.get("outbox/1.json")).json["query"][0]["lookupid"]
    answer = await shop.get(f"outbox/lookup/{lookup_id}.json")
    assert (answer.status, answer.masked) == (
        200,
        b'{"query":{"msgid":"<msgid>","batchid":"<id>","status":"received","statusreason":"",'
        b'"recipient":"4512345678","sender":"1272","logtime":"2026-09-21 16:13:20",'
        b'"protocol":"REST","message":"Hello world!","returndata":"","statusurl":"",'
        b'"statusresponse":"","statuscode":"0","push_price":"500","userid":"<id>",'
        b'"splitcount":"1","state":"transaction-captured"},"status":200}',
    )
    in_xml = (await shop.get(f"outbox/lookup/{lookup_id}.xml")).body
    assert b"<push_price>500</push_price>" in in_xml
    assert b"<state>transaction-captured</state>" in in_xml


@pytest.mark.parametrize(
    ("query", "which"),
    [
        ("price=500", [0]),
        ("price=500&price_expression=%3D", [0]),
        ("price=0", [1]),
        ("price=501", []),
        ("price=500&price_expression=>", [2]),
        ("price=0&price_expression=>", [2, 0]),
        ("price=1500&price_expression=<", [1, 0]),
        ("price=500&price_expression=<", [1]),
        ("price=0&price_expression=<", []),
        ("price=9007199254740991&price_expression=<", [2, 1, 0]),
        ("price_expression=<", [2, 1, 0]),
    ],
)
async def test_outbox_is_searched_by_price(shop: Any, query: str, which: list[int]) -> None:
    ids = await three_messages(shop)
    answer = await shop.get(f"outbox/1.json?{query}")
    assert answer.status == 200, answer.body
    assert answer.json["stats"]["total"] == len(which)
    assert [one["batchid"] for one in answer.json["query"]] == [ids[index] for index in which]
