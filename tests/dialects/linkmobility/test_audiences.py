"""POST message to lists and contacts, as the manual prints it, and the expansion of a batch."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import msgspec
import pytest
from sqlalchemy import insert, select
from tests.dialects.linkmobility.test_send import ACCEPTED, ACCEPTED_XML

from dragoman.config.values import Secret
from dragoman.core.contacts.sql.tables import contact_lists, contacts, merge_fields
from dragoman.core.messages.model.records import StoredAudience
from dragoman.core.messages.sql.tables import audiences, batches, messages

KEY = "advanced-key"
FILTER = {
    "match": "any",
    "rules": [
        {"field": "Fornavn", "operation": "is", "value": "chuck"},
        {"field": "felt77", "operation": "not", "value": "jack"},
        {"field": "Fornavn", "operation": "contains", "value": "cool"},
    ],
}
FILTER_XML = """
    <filter>
      <match>any</match>
      <rules><field>Fornavn</field><operation>is</operation><value>chuck</value></rules>
      <rules><field>felt77</field><operation>not</operation><value>jack</value></rules>
      <rules><field>Fornavn</field><operation>contains</operation><value>cool</value></rules>
    </filter>"""

HELD_XML = FILTER_XML.replace("<rules>", "<rule>").replace("</rules>", "</rule>")
HELD_XML = HELD_XML.replace("</match>", "</match><rules>").replace("</filter>", "</rules></filter>")
"""The same with one `rules` around the rules."""


@pytest.fixture
async def book(link: Any) -> Any:
    """Lists 1 and 3 (below 1), contact 123, fields 77 and 78; list 9 is another account's."""
    account = await link.services.accounts.find("hn")
    other = await link.services.accounts.find("other")

    def contact(contact_id: int, list_id: int | None, mobile: str, *names: str) -> dict[str, Any]:
        return {
            "contact_id": contact_id,
            "account_id": account.account_id,
            "list_id": list_id,
            "mobile": mobile,
            "fields": json.dumps(dict(zip(("77", "78"), names, strict=False))),
            "changed_ms": 0,
        }

    with link.services.storage._write_engine.begin() as connection:
        for list_id, owner, parent in ((1, account, None), (3, account, 1), (9, other, None)):
            connection.execute(
                insert(contact_lists).values(
                    list_id=list_id, account_id=owner.account_id, parent_id=parent, name="x"
                )
            )
        for field_id, name in ((77, "Fornavn"), (78, "By")):
            connection.execute(
                insert(merge_fields).values(
                    field_id=field_id, account_id=account.account_id, name=name
                )
            )
        connection.execute(
            insert(contacts).values(
                [
                    contact(120, 1, "4512345678", "Chuck", "Aarhus"),
                    contact(121, 1, "4512345679", "Jack", "Odense"),
                    contact(122, 3, "4512345680", "Ann", ""),
                    contact(123, None, "4512345681", "Bob"),
                ]
            )
        )
    return link


async def run(link: Any) -> None:
    while await link.services.batches._step():
        pass


async def sent_to(link: Any) -> list[tuple[str, str | None]]:
    rows = await link.services.storage.read(
        lambda c: c.execute(select(messages).order_by(messages.c.message_id)).all()
    )
    return [(row.recipient, row.text) for row in rows]


async def stored_audience(link: Any) -> StoredAudience:
    row = await link.services.storage.read(lambda c: c.execute(select(audiences)).one())
    return msgspec.json.decode(row.content, type=StoredAudience)


async def test_message_to_lists_contacts_and_numbers_is_answered_as_any_other(book: Any) -> None:
    answer = await book.post(
        b'{"message":{"recipients":"1,3,c123,+4512721272","sender":"Test","message":"Hello world"}}'
    )
    assert (answer.status, answer.masked) == (201, ACCEPTED)
    batch_id = answer.json["details"]["batchid"]
    before = (await book.get(f"message/{batch_id}/0.json")).json
    assert before["details"]["state"] == "QUEUED"
    await run(book)
    numbers = [number for number, _ in await sent_to(book)]
    assert numbers == ["4512345678", "4512345679", "4512345680", "4512345681", "4512721272"]
    after = (await book.get(f"message/{batch_id}/1.json")).json
    assert after["details"]["state"] == "RUNNING"
    assert len(after["message"]) == 5


async def test_xml_message_to_a_list_is_answered_in_xml(book: Any) -> None:
    body = (
        "<message><recipients>1</recipients><sender>TEST</sender><message>Hi [Fornavn]</message>"
        f"{FILTER_XML}<segmentation><percent>100</percent></segmentation></message>"
    )
    answer = await book.ask("POST", "message.xml?apikey={key}", body.encode(), b"text/xml")
    assert (answer.status, answer.masked) == (201, ACCEPTED_XML)
    await run(book)
    assert await sent_to(book) == [("4512345678", "Hi Chuck"), ("4512345680", "Hi Ann")]


@pytest.mark.parametrize(
    ("filter_xml", "exclude"),
    [(FILTER_XML, "<exclude>%s</exclude>"), (HELD_XML, "<exclude><batch>%s</batch></exclude>")],
    ids=["repeated", "held by one"],
)
async def test_filter_and_segmentation_say_the_same_in_json_and_xml(
    book: Any, filter_xml: str, exclude: str
) -> None:
    old = await book.sent()
    await book.sent(
        recipients="1",
        filter=FILTER,
        segmentation={"count": 5, "percent": "10", "exclude": [int(old)]},
    )
    from_json = (await stored_audience(book)).audience
    body = (
        f"<message><recipients>1</recipients><message>x</message>{filter_xml}"
        f"<segmentation><count>5</count><percent>10</percent>{exclude % old}"
        "</segmentation></message>"
    )
    await book.ask("POST", "message.xml?apikey={key}", body.encode(), b"text/xml")
    rows = await book.services.storage.read(lambda c: c.execute(select(audiences)).all())
    both = [msgspec.json.decode(row.content, type=StoredAudience).audience for row in rows]
    assert both == [from_json, from_json]
    assert [rule.field for rule in from_json.filter.rules] == ["77", "77", "77"]
    assert (from_json.segment.count, from_json.segment.percent) == (5, 10)
    assert from_json.segment.exclude == (int(old),)


async def test_keyword_is_replaced_for_each_recipient_and_shown_and_found(book: Any) -> None:
    text = "Hi [Fornavn]\n\nThis is only a test [x]"
    batch_id = await book.sent(recipients="1", message=text)
    await run(book)
    assert (await sent_to(book))[1] == ("4512345679", "Hi Jack\n\nThis is only a test [x]")
    found = (await book.get("outbox/1.json?message=jack")).json
    assert [item["recipient"] for item in found["query"]] == ["4512345679"]
    assert found["query"][0]["message"] == "Hi Jack\n\nThis is only a test [x]"
    lookup = (await book.get(f"outbox/lookup/{found['query'][0]['lookupid']}.json")).json
    assert lookup["query"]["message"] == "Hi Jack\n\nThis is only a test [x]"
    assert (await book.get("messages/1.json")).json["messages"][0]["msg"] == text
    assert (await book.get("outbox/1.json?message=[Fornavn]")).json["stats"]["total"] == 0
    assert batch_id == found["query"][0]["batchid"]


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"recipients": "9"}, "List ID 9 not found"),
        ({"recipients": "1,12"}, "List ID 12 not found"),
        ({"recipients": "1,c12"}, "Contact ID 12 not found"),
        ({"filter": "x"}, "Filter is not valid, use an object with match, rules"),
        ({"filter": [1]}, "Filter is not valid, use an object with match, rules"),
        ({"filter": {"a": 1}}, "Filter is not valid, there is no [a]"),
        ({"filter": {"match": "some"}}, "Filter is not valid, match is any or all"),
        (
            {"filter": {"rules": ["x"]}},
            "Filter is not valid, use an object with field, operation, value",
        ),
        (
            {"filter": {"rules": [{"field": "By", "operation": "starts", "value": "x"}]}},
            "Filter is not valid, there is no operation [starts]",
        ),
        (
            {"filter": {"rules": [{"operation": "is", "value": "x"}]}},
            "Filter is not valid, a rule needs a field",
        ),
        (
            {"filter": {"rules": [{"field": "Alder", "operation": "is", "value": "x"}]}},
            "Filter is not valid, there is no merge field [Alder]",
        ),
        (
            {"filter": {"rules": [{"field": "By", "operation": "less", "value": "x"}]}},
            "Filter is not valid, less needs a number",
        ),
        (
            {"filter": {"rules": [{"field": "By", "operation": "start", "value": ""}]}},
            "Filter is not valid, start needs a value",
        ),
        (
            {"filter": {"rules": [{"field": "By", "operation": "is", "value": [1]}]}},
            "Filter is not valid, a value is a text or a number",
        ),
        (
            {"filter": {"rules": [{"field": "By", "operation": "is", "value": "x" * 1001}]}},
            "Filter is not valid, a value has at most 1000 characters",
        ),
        (
            {"filter": {"rules": [{"field": "By", "operation": "is", "value": "x"}] * 101}},
            "Filter is not valid, at most 100 rules",
        ),
        (
            {"segmentation": {"percent": 101}},
            "Segmentation is not valid, percent is a number between 1 and 100",
        ),
        (
            {"segmentation": {"percent": "half"}},
            "Segmentation is not valid, percent is a number between 1 and 100",
        ),
        (
            {"segmentation": {"count": True}},
            "Segmentation is not valid, count is a number between 1 and 1000000000",
        ),
        ({"segmentation": {"of": 1}}, "Segmentation is not valid, there is no [of]"),
        (
            {"segmentation": {"exclude": [12345]}},
            "Segmentation is not valid, there is no batch [12345]",
        ),
        (
            {"segmentation": {"exclude": list(range(1, 102))}},
            "Segmentation is not valid, at most 100 batches",
        ),
    ],
    ids=lambda value: str(value)[:60],
)
async def test_audience_that_cannot_be_is_refused(
    book: Any, refused: Any, fields: dict[str, Any], text: str
) -> None:
    answer = await refused(book.send(**{"recipients": "1", **fields}))
    assert (answer.status, answer.json["message"]) == (400, text)


async def test_wap_push_is_read_as_the_manual_prints_it(link: Any) -> None:
    answer = await link.post(
        b'{"message":{"recipients":"+4512345678","sender":"TEST","message":"Jyllands Posten",'
        b'"format":"WAPPUSH","pushurl":"http://jp.dk"}}'
    )
    assert (answer.status, answer.masked) == (201, ACCEPTED)
    batch = await link.services.storage.read(lambda c: c.execute(select(batches)).one())
    week_ms = 7 * 24 * 3600 * 1000
    assert (batch.text, batch.format) == ("Jyllands Posten", "wap_push")
    assert json.loads(batch.options) == {
        "push": {"url": "http://jp.dk", "expires_ms": link.clock.now_ms() + week_ms}
    }
    [part] = link.live()[0].outgoing().parts
    assert part.udh.hex() == "0605040b8423f0"
    # 28-09-2026 14:13:20 UTC
    assert part.data.hex() == (
        "000601ae02056a0045c60c036a702e646b0010c30720260928141320"
        "01034a796c6c616e647320506f7374656e000101"
    )


async def test_return_data_is_kept_without_a_statusurl(link: Any) -> None:
    await link.sent(returndata="my-own-data")
    found = (await link.get("outbox/1.json")).json["query"][0]
    lookup = (await link.get(f"outbox/lookup/{found['lookupid']}.json")).json["query"]
    assert (lookup["returndata"], lookup["statusurl"]) == ("my-own-data", "")


def open_advanced(link: Any) -> None:
    settings = link.services.settings
    dialects = settings.dialects
    advanced = msgspec.structs.replace(dialects.linkmobility, advanced_key=Secret(KEY))
    replaced = msgspec.structs.replace(
        settings, dialects=msgspec.structs.replace(dialects, linkmobility=advanced)
    )
    link.__init__(dataclasses.replace(link.services, settings=replaced), link.clock)


async def test_protocol_needs_the_advanced_key(link: Any, refused: Any) -> None:
    denied = (403, "Access denied, [protocol] needs the advanced key")
    answer = await refused(link.send(protocol="SMTP", advanced=""))
    assert (answer.status, answer.json["message"]) == denied
    open_advanced(link)
    answer = await refused(link.send(protocol="SMTP", advanced="wrong"))
    assert (answer.status, answer.json["message"]) == denied
    await link.sent(protocol="SMTP", advanced=KEY)
    assert (await link.get("messages/1.json")).json["messages"][0]["protocol"] == "SMTP"


async def test_expansion_needs_the_advanced_key(link: Any, refused: Any) -> None:
    batch_id = await link.sent()
    for given in ("", "&advanced=wrong"):
        answer = await link.get(f"message/expand/{batch_id}.json?x=1{given}")
        assert (answer.status, answer.json["message"]) == (
            403,
            "Access denied, [expand] needs the advanced key",
        )


async def test_expansion_of_numbers_is_as_the_manual_prints_it(link: Any) -> None:
    open_advanced(link)
    for more in ({}, {"sendtime": "21-09-2026 17:00"}):
        batch_id = await link.sent(**more)
        answer = await link.get(f"message/expand/{batch_id}.json?advanced={KEY}")
        assert (answer.status, answer.body) == (
            200,
            b'{"header":["Mobile"],"data":[["+4512721272"]],"status":200}',
        )
        assert (await link.get(f"message/expand/{batch_id}.xml?advanced={KEY}")).body == (
            b'<?xml version="1.0"?>\n<response>\n  <header>Mobile</header>\n  <data>\n'
            b"    <item>+4512721272</item>\n  </data>\n  <status>200</status>\n</response>\n"
        )


async def test_expansion_of_an_audience_has_its_merge_fields_before_and_after(book: Any) -> None:
    open_advanced(book)
    batch_id = await book.sent(recipients="1,c123,+4512721272", segmentation={"count": 2})
    for _ in range(2):
        answer = await book.get(f"message/expand/{batch_id}.json?advanced={KEY}")
        assert answer.json == {
            "header": ["Mobile", "Fornavn", "By"],
            "data": [
                ["+4512345678", "Chuck", "Aarhus"],
                ["+4512345679", "Jack", "Odense"],
                ["+4512345681", "Bob", ""],
                ["+4512721272", "", ""],
            ],
            "status": 200,
        }
        after = await book.get(f"message/expand/{batch_id}.json?advanced={KEY}&after=%2B4512345679")
        assert [row[0] for row in after.json["data"]] == ["+4512345681", "+4512721272"]
        await run(book)


@pytest.mark.stores_nothing
@pytest.mark.parametrize("after", ["x", "45%2B"])
async def test_expansion_beyond_what_is_no_number_is_refused(
    link: Any, refused: Any, after: str
) -> None:
    open_advanced(link)
    answer = await refused(link.get(f"message/expand/1.json?advanced={KEY}&after={after}"))
    assert (answer.status, answer.json["message"]) == (400, "After is not valid, use a number")


async def test_expansion_of_an_unknown_or_foreign_batch_is_not_found(link: Any) -> None:
    open_advanced(link)
    batch_id = await link.sent()
    target = f"message/expand/{batch_id}.json?advanced={KEY}&apikey={'b' * 64}"
    answer = await link.ask("GET", target)
    assert (answer.status, answer.json["message"]) == (404, f"Batch id [{batch_id}] not found")
    answer = await link.get(f"message/expand/1.json?advanced={KEY}")
    assert (answer.status, answer.json["message"]) == (404, "Batch id [1] not found")
