"""The query interface: searching and looking up what was sent and received."""

from typing import Any
from urllib.parse import quote

import pytest
from tests.dialects.in_process import forget

from dragoman.core.accounts.sql import account_tree
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.model.errors import FailureCode

OTHER = "b" * 64


async def three_messages(link: Any) -> list[str]:
    """A delivered, a rejected and a buffered message; their batch ids, oldest first."""
    delivered = await link.sent(message="Hello world!")
    link.clock.advance(60)
    rejected = await link.sent(message="æøå", recipients="+4512345678", sender="+4587654321")
    link.clock.advance(60)
    buffered = await link.sent(message="x" * 161, recipients="+491701234567")
    first, second, third = link.live()
    for message in (first, second, third):
        await link.accept(message)
    await link.report(first, State.DELIVERED)
    await link.report(second, State.UNDELIVERED, FailureCode.BARRED)
    return [delivered, rejected, buffered]


async def found(link: Any, query: str, key: str = "{key}") -> list[str]:
    answer = await link.ask("GET", f"outbox/1.json?apikey={key}&{query}")
    assert answer.status == 200, answer.body
    assert answer.json["stats"]["total"] == len(answer.json["query"])
    return [message["batchid"] for message in answer.json["query"]]


async def test_outbox_lists_what_was_sent_newest_first(link: Any) -> None:
    await three_messages(link)
    answer = await link.get("outbox/1.json")
    tail = b'"mnc":"0","userid":"<id>","splitcount":"%d"}'
    assert (answer.status, answer.masked) == (
        200,
        b'{"query":['
        b'{"lookupid":"<lookupid>","msgid":"<msgid>","batchid":"<id>","status":"buffered",'
        b'"statusreason":null,"recipient":"491701234567","sender":"TEST",'
        b'"logtime":"2026-09-21 16:15:20","protocol":"REST","message":"' + b"x" * 161 + b'",'
        b'"statuscode":"0","mcc":"262",' + tail % 2 + b","
        b'{"lookupid":"<lookupid>","msgid":"<msgid>","batchid":"<id>","status":"rejected",'
        b'"statusreason":"Call barred","recipient":"4512345678","sender":"+4587654321",'
        b'"logtime":"2026-09-21 16:14:20","protocol":"REST","message":"' + "æøå".encode() + b'",'
        b'"statuscode":"103","mcc":"238",' + tail % 1 + b","
        b'{"lookupid":"<lookupid>","msgid":"<msgid>","batchid":"<id>","status":"received",'
        b'"statusreason":null,"recipient":"4512721272","sender":"TEST",'
        b'"logtime":"2026-09-21 16:13:20","protocol":"REST","message":"Hello world!",'
        b'"statuscode":"0","mcc":"238",' + tail % 1 + b"],"
        b'"paging":{"pages":1,"offset":10,"current":1},'
        b'"stats":{"total":3,"splitcount":4},"status":200}',
    )


async def test_outbox_in_xml_repeats_the_query_element(link: Any) -> None:
    await link.sent()
    answer = await link.get("outbox/1.xml")
    assert answer.masked.decode() == (
        '<?xml version="1.0"?>\n<response>\n  <query>\n    <lookupid><lookupid></lookupid>\n'
        "    <msgid><msgid></msgid>\n    <batchid><id></batchid>\n    <status>queued</status>\n"
        "    <statusreason/>\n    <recipient>4512721272</recipient>\n    <sender>TEST</sender>\n"
        "    <logtime>2026-09-21 16:13:20</logtime>\n    <protocol>REST</protocol>\n"
        "    <message>Hello world!</message>\n    <statuscode>0</statuscode>\n"
        "    <mcc>238</mcc>\n    <mnc>0</mnc>\n    <userid><id></userid>\n"
        "    <splitcount>1</splitcount>\n  </query>\n"
        "  <paging>\n    <pages>1</pages>\n    <offset>10</offset>\n"
        "    <current>1</current>\n  </paging>\n"
        "  <stats>\n    <total>1</total>\n    <splitcount>1</splitcount>\n  </stats>\n"
        "  <status>200</status>\n</response>\n"
    )


@pytest.mark.parametrize(
    ("query", "which"),
    [
        ("", [2, 1, 0]),
        ("_=1790000000", [2, 1, 0]),
        ("subusers=1", [2, 1, 0]),
        ("recipient=4512345678", [1]),
        ("recipient=%2B4512345678", [1]),
        ("recipient=+4512345678", [1]),
        ("recipient=4512", []),
        ("sender=TEST", [2, 0]),
        ("sender=%2B4587654321", [1]),
        ("sender=+4587654321", [1]),
        ("sender=4587654321", [1]),
        ("starttime=21-09-2026+16:14", [2, 1]),
        ("endtime=21-09-2026+16:14:20", [1, 0]),
        ("starttime=21-09-2026+16:13:30&endtime=21-09-2026+16:15", [1]),
        ("status=received", [0]),
        ("status=REJECTED", [1]),
        ("status=queued", []),
        ("message=hello", [0]),
        ("message=*world*", [0]),
        ("message=" + quote("øå"), [1]),
        ("message=x%25x", [2]),
        ("message=HEL*ORLD", [0]),
        ("message=WORLD*hello", []),
        ("message=" + quote("ÆØÅ"), [1]),
        ("message=" + quote("[!]"), []),
        ("mcc=238", [1, 0]),
        ("mcc=262,238", [2, 1, 0]),
        ("mcc=240", []),
        ("price=0", [2, 1, 0]),
        ("price=100&price_expression=<", [2, 1, 0]),
        ("price=100&price_expression=>", []),
        ("price=100", []),
        ("msgid=" + "0" * 32, []),
        ("msgid=nonsense", []),
    ],
)
async def test_outbox_filter_narrows_the_search(link: Any, query: str, which: list[int]) -> None:
    batches = await three_messages(link)
    assert await found(link, query) == [batches[index] for index in which]


async def test_outbox_is_searched_by_batch_and_by_message(link: Any) -> None:
    batches = await three_messages(link)
    assert await found(link, f"batchid={batches[1]}") == [batches[1]]
    listed = (await link.get("outbox/1.json")).json["query"]
    assert await found(link, f"msgid={listed[0]['msgid']}") == [batches[2]]
    assert await found(link, f"batchid={batches[1]}", key=OTHER) == []


@pytest.mark.stores_nothing
@pytest.mark.parametrize(
    ("target", "text"),
    [
        ("outbox/1.json?starttime=now", "Starttime is not valid, not of the form dd-mm-YYYY HH:MM"),
        ("outbox/1.json?endtime=31-02-2026+10:00", "Endtime is not valid, no such date"),
        ("outbox/1.json?batchid=abc", "Batchid is not valid, use a number"),
        ("outbox/1.json?batchid=9999999999999999", "Batchid is not valid, use a number"),
        ("outbox/1.json?price=-1", "Price is not valid, use a number"),
        ("outbox/1.json?price_expression=!", "Price_expression is not valid, use <, > or ="),
        ("outbox/1.json?status=lost", "Status [lost] is not valid"),
        ("outbox/1.json?mcc=DK", "Mcc is not valid, use codes of three digits"),
        ("outbox/1.json?mcc=" + "1," * 101, "Mcc is not valid, use codes of three digits"),
        (
            "outbox/1.json?message=" + "*a" * 11,
            "Message is not valid, up to 500 characters and 9 wildcards",
        ),
        (
            "inbox/1.json?message=" + "a" * 501,
            "Message is not valid, up to 500 characters and 9 wildcards",
        ),
        ("inbox/1.json?starttime=now", "Starttime is not valid, not of the form dd-mm-YYYY HH:MM"),
    ],
)
async def test_impossible_filter_is_refused(
    link: Any, refused: Any, target: str, text: str
) -> None:
    answer = await refused(link.get(target))
    assert (answer.status, answer.json) == (400, {"status": 400, "message": text})


async def test_outbox_is_paged_by_ten(link: Any) -> None:
    await link.sent(recipients=",".join(f"+45{12_000_000 + n}" for n in range(25)))
    pages = [(await link.get(f"outbox/{page}.json")).json for page in (1, 2, 3)]
    assert [len(page["query"]) for page in pages] == [10, 10, 5]
    assert [page["paging"] for page in pages] == [
        {"pages": 3, "offset": 10, "current": current} for current in (1, 2, 3)
    ]
    assert {page["stats"]["total"] for page in pages} == {25}
    recipients = [one["recipient"] for page in pages for one in page["query"]]
    assert recipients == [f"45{12_000_000 + n}" for n in range(24, -1, -1)]


async def test_empty_outbox_has_one_page(link: Any) -> None:
    assert (await link.get("outbox/1.json")).body == (
        b'{"query":[],"paging":{"pages":1,"offset":10,"current":1},'
        b'"stats":{"total":0,"splitcount":0},"status":200}'
    )


async def test_outbox_lookup_tells_all_of_one_message(link: Any) -> None:
    await link.sent(
        status=True, statusurl="http://example.com/dlr.php?a=1", returndata="my-own-data"
    )
    [message] = link.live()
    await link.accept(message)
    await link.report(message, State.DELIVERED)
    lookup_id = (await link.get("outbox/1.json")).json["query"][0]["lookupid"]
    answer = await link.get(f"outbox/lookup/{lookup_id}.json")
    assert (answer.status, answer.masked) == (
        200,
        b'{"query":{"msgid":"<msgid>","batchid":"<id>","status":"received","statusreason":"",'
        b'"recipient":"4512721272","sender":"TEST","logtime":"2026-09-21 16:13:20",'
        b'"protocol":"REST","message":"Hello world!","returndata":"my-own-data",'
        b'"statusurl":"http://example.com/dlr.php?a=1","statusresponse":"","statuscode":"0",'
        b'"push_price":"0","userid":"<id>","splitcount":"1","state":""},"status":200}',
    )


async def test_inbox_lists_what_was_received(link: Any) -> None:
    await link.receive("4512345678", "+45609940305097", "Hmn")
    answer = await link.get("inbox/1.json")
    assert (answer.status, answer.masked) == (
        200,
        b'{"query":[{"lookupid":"<lookupid>","msgid":"<msgid>","recipient":"+45609940305097",'
        b'"sender":"4512345678","logtime":"21-09-2026 16:13:20","message":"Hmn"}],'
        b'"paging":{"pages":1,"offset":10,"current":1},"stats":{"total":1},"status":200}',
    )


async def test_inbox_lookup_tells_all_of_one_text(link: Any) -> None:
    await link.receive("4512345678", "1272", "Hmn <hello> & co")
    lookup_id = (await link.get("inbox/1.json")).json["query"][0]["lookupid"]
    answer = await link.get(f"inbox/lookup/{lookup_id}.json")
    assert (answer.status, answer.masked) == (
        200,
        b'{"query":{"msgid":"<msgid>","recipient":"1272","sender":"4512345678",'
        b'"logtime":"21-09-2026 16:13:20","message":"Hmn <hello> & co","keyword":"HMN",'
        b'"function":""},"status":200}',
    )
    in_xml = await link.get(f"inbox/lookup/{lookup_id}.xml")
    assert in_xml.masked == (
        b'<?xml version="1.0"?>\n<response>\n  <query>\n    <msgid><msgid></msgid>\n'
        b"    <recipient>1272</recipient>\n    <sender>4512345678</sender>\n"
        b"    <logtime>21-09-2026 16:13:20</logtime>\n"
        b"    <message>Hmn &lt;hello&gt; &amp; co</message>\n    <keyword>HMN</keyword>\n"
        b"    <function/>\n  </query>\n  <status>200</status>\n</response>\n"
    )


@pytest.mark.parametrize(
    ("query", "which"),
    [
        ("recipient=1272", ["Hmn b", "stop"]),
        ("sender=4512345678", ["Hmn b"]),
        ("sender=+4512345678", ["Hmn b"]),
        ("keyword=hmn", ["Hmn b", "HMN a"]),
        ("message=b", ["Hmn b"]),
        ("starttime=21-09-2026+16:14", ["Hmn b", "stop"]),
        ("endtime=21-09-2026+16:13:20", ["HMN a"]),
        ("msgid=nonsense", []),
    ],
)
async def test_inbox_filter_narrows_the_search(link: Any, query: str, which: list[str]) -> None:
    await link.receive("4587654321", "1919", "HMN a")
    link.clock.advance(60)
    await link.receive("4587654321", "1272", "stop")
    await link.receive("4512345678", "1272", "Hmn b")
    answer = await link.get(f"inbox/1.json?{query}")
    assert [text["message"] for text in answer.json["query"]] == which


@pytest.mark.stores_nothing
@pytest.mark.parametrize("box", ["inbox", "outbox"])
@pytest.mark.parametrize("lookup_id", ["1424185035-66418", "1790000000-5", "nonsense", "-", "1-1"])
async def test_unknown_lookup_is_not_found(
    link: Any, refused: Any, box: str, lookup_id: str
) -> None:
    answer = await refused(link.get(f"{box}/lookup/{lookup_id}.json"))
    assert answer.status == 404
    assert answer.json == {"status": 404, "message": f"Lookup id [{lookup_id}] not found"}


async def test_lookup_of_another_account_is_not_found(link: Any) -> None:
    await link.sent()
    await link.receive("4512345678", "1272", "Hmn")
    for box in ("inbox", "outbox"):
        lookup_id = (await link.get(f"{box}/1.json")).json["query"][0]["lookupid"]
        answer = await link.ask("GET", f"{box}/lookup/{lookup_id}.json?apikey={OTHER}")
        assert answer.status == 404


async def test_subusers_extends_search_and_lookup_to_the_tree(link: Any) -> None:
    above = await link.services.accounts.find("hn")
    other = await link.services.accounts.find("other")
    await link.sent(message="mine")
    values = {"parent_id": above.account_id, "path": f"{above.path}/child"}
    move = account_tree.AccountChange(account_id=other.account_id, at_ms=1, values=values)
    await link.services.storage.writer.write(account_tree.change, move)
    link.clock.advance(1)
    link.key, own_key = OTHER, link.key
    await link.sent(message="of the child")
    assert await _texts(link, "") == await _texts(link, "subusers=1") == ["of the child"]
    link.key = own_key
    assert await _texts(link, "") == await _texts(link, "subusers=0") == ["mine"]
    assert await _texts(link, "subusers=1") == ["of the child", "mine"]
    assert await _texts(link, "subusers=1&status=queued") == ["of the child", "mine"]
    assert await _texts(link, "subusers=1&recipient=4512721272") == ["of the child", "mine"]
    assert await _texts(link, "subusers=1&message=child") == ["of the child"]
    item = (await link.get("outbox/1.json?subusers=1")).json["query"][0]
    assert item["userid"] == str(other.account_id)
    lookup = f"outbox/lookup/{item['lookupid']}.json"
    assert (await link.get(f"{lookup}?subusers=1")).json["query"]["message"] == "of the child"
    assert (await link.get(lookup)).status == 404
    answer = await link.get("outbox/1.json?subusers=yes")
    assert answer.json == {"status": 400, "message": "Subusers is not valid, use 0 or 1"}


async def _texts(link: Any, query: str) -> list[str]:
    answer = await link.get(f"outbox/1.json?{query}")
    assert answer.json["stats"]["total"] == len(answer.json["query"])
    return [item["message"] for item in answer.json["query"]]


async def test_what_was_deleted_is_listed_without_text_and_number(link: Any) -> None:
    batch_id = await link.sent(recipients="+4512345678,+4587654321", message="secret")
    await link.sent(recipients="+4512345678", message="secret", returndata="to 4512345678")
    for message in link.live():
        await link.accept(message)
        await link.report(message, State.DELIVERED)
    await link.receive("+4512345678", "1272", "secret words")
    await forget(link.services)
    batch = (f"message/{batch_id}/1", "messages/1")
    for target in ("outbox/1", "inbox/1", *batch):
        for format_ in ("json", "xml"):
            answer = await link.get(f"{target}.{format_}")
            assert (answer.status, b"secret" in answer.body) == (200, False), answer.body
            assert b"4512345678" not in answer.body
