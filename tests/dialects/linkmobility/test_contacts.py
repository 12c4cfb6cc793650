"""Lists, contacts and merge fields: the manual's requests in, its answers out (s. 04, 05, 07)."""

from typing import Any

import msgspec
import pytest
import pytest_asyncio

from dragoman.core.contacts.contact_profiles import ContactDraft
from dragoman.core.contacts.model.contacts import ContactProfile, ListKind

OTHER = "b" * 64
XML = b"text/xml"
HEAD = '<?xml version="1.0"?>\n<response>\n'
TIME = "2026-09-21 16:13:20"

LIST_JSON = b'{  \n   "list":{\n      "parent": 0,\n      "name":"test123"\n   }\n}'
LIST_XML = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<list>\n  <parent>0</parent>\n'
    b"  <name>test42</name>\n</list>"
)
CONTACT_XML = (
    '<?xml version="1.0"?>\n<contact>\n  <listid>%s</listid>\n  <mobile>+4512345678</mobile>\n'
    "  <fields>\n    <Fornavn>%s</Fornavn>\n    <Efternavn>%s</Efternavn>\n  </fields>\n</contact>"
)


class Desk:
    """Asks in JSON or XML, and keeps what the tests go on with."""

    def __init__(self, link: Any) -> None:
        self.link = link

    async def ask(self, method: str, target: str, body: Any = b"", key: str = "{key}") -> Any:
        joint = "&" if "?" in target else "?"
        data = body if isinstance(body, bytes) else msgspec.json.encode(body)
        form = XML if data.startswith(b"<") else b"application/json"
        return await self.link.ask(method, f"{target}{joint}apikey={key}", data, form)

    async def add_list(self, name: str = "test123", parent: str = "0") -> str:
        answer = await self.ask("POST", "list.json", {"list": {"parent": parent, "name": name}})
        assert answer.status == 201, answer.body
        made: str = answer.json["list"]["id"]
        return made

    async def add_contact(self, mobile: str = "+4512345678", **contact: Any) -> str:
        body = {"contact": {"mobile": mobile, **contact}}
        answer = await self.ask("POST", "contact.json", body)
        assert answer.status == 201, answer.body
        made: str = answer.json["contact"]["id"]
        return made

    async def add_field(self, name: str = "Test") -> str:
        answer = await self.ask("POST", "mergefield.json", {"field": {"name": name}})
        assert answer.status == 201, answer.body
        made: str = answer.json["field"]["id"]
        return made

    async def found(self, query: str = "") -> list[str]:
        answer = await self.ask("GET", f"contacts/1.json?{query}")
        assert answer.status == 200, answer.body
        assert answer.json["stats"]["total"] == str(len(answer.json["contacts"]))
        return [contact["id"] for contact in answer.json["contacts"]]


@pytest.fixture
def desk(link: Any) -> Desk:
    return Desk(link)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def four_contacts(shared_link: Any) -> tuple[list[str], dict[str, str]]:
    """Four contacts, the last one deleted, and what filters name: lists and a merge field."""
    desk = Desk(shared_link)
    one = await desk.add_list()
    ids = [
        await desk.add_contact("+4520000000", listid=one, fields={"Fornavn": "Jack"}),
        await desk.add_contact("+4520000001", listid=one, fields={"Fornavn": ""}),
        await desk.add_contact("+4520000002", fields={"By": "Søby"}),
        await desk.add_contact("+4520000003", listid=one),
    ]
    await desk.ask("DELETE", f"contact/{ids[3]}.json")
    body = {"list": {"name": "foreign"}}
    foreign = (await desk.ask("POST", "list.json", body, OTHER)).json["list"]["id"]
    key = (await desk.ask("GET", "mergefields.json")).json["field"][0]["key"]
    return ids, {"one": one, "foreign": foreign, "key": key}


def shown(contact: str, listid: str, first: str, last: str) -> bytes:
    return (
        f'{{"id":"{contact}","listid":"{listid}","mobile":"+4512345678","created":"{TIME}",'
        f'"changed":"{TIME}","fields":{{"Fornavn":"{first}","Efternavn":"{last}"}}}}'
    ).encode()


def shown_in_xml(contact: str, listid: str, first: str, last: str) -> str:
    return (
        f"<id>{contact}</id>\n    <listid>{listid}</listid>\n"
        f"    <mobile>+4512345678</mobile>\n    <created>{TIME}</created>\n"
        f"    <changed>{TIME}</changed>\n    <fields>\n      <Fornavn>{first}</Fornavn>\n"
        f"      <Efternavn>{last}</Efternavn>\n    </fields>\n"
    )


# Lists


async def test_lists_are_none_at_first(desk: Desk) -> None:
    assert (await desk.ask("GET", "lists.json")).body == b'{"list":[],"status":200}'
    assert (await desk.ask("GET", "lists.xml")).body.decode() == (
        HEAD + "  <list/>\n  <status>200</status>\n</response>\n"
    )


async def test_groups_of_other_dialects_are_no_lists(desk: Desk) -> None:
    """The address book is one: contacts are seen by all dialects, groups and tags are not lists."""
    services = desk.link.services
    account = await services.accounts.find("hn")
    top = await desk.add_list()
    contact = await desk.add_contact(listid=top)
    before = (await desk.ask("GET", f"contact/{contact}.json")).body
    for kind in (ListKind.GROUP, ListKind.TAG):
        group = await services.groups.create(account, "vip", kind=kind)
        await services.groups.add(account, group.list_id, [int(contact)], kind)
        for method, target in [
            ("GET", f"list/{group.list_id}.json"),
            ("DELETE", f"list/{group.list_id}.json"),
        ]:
            assert (await desk.ask(method, target)).status == 404
        placed = {"contact": {"mobile": "+4512345678", "listid": str(group.list_id)}}
        assert (await desk.ask("POST", "contact.json", placed)).status == 404
    assert [item["id"] for item in (await desk.ask("GET", "lists.json")).json["list"]] == [top]
    assert (await desk.ask("GET", f"contact/{contact}.json")).body == before
    profile = ContactProfile(email="a@example.com")
    silent = await services.contact_profiles.create(account, ContactDraft(profile=profile))
    assert await desk.found() == [contact, str(silent)]
    shown = (await desk.ask("GET", f"contact/{silent}.json")).json["contact"]
    assert (shown["mobile"], shown["fields"]) == ("", {})
    assert await desk.found(f"listid={top}") == [contact]


async def test_lists_are_listed_as_printed(desk: Desk) -> None:
    one = await desk.add_list("HMN")
    two = await desk.add_list("test42", one)
    assert (await desk.ask("GET", "lists.json")).body == (
        f'{{"list":[{{"id":"{one}","parent":"0","name":"HMN"}},'
        f'{{"id":"{two}","parent":"{one}","name":"test42"}}],"status":200}}'
    ).encode()
    assert (await desk.ask("GET", "lists.xml")).body.decode() == (
        f"{HEAD}  <list>\n    <id>{one}</id>\n    <parent>0</parent>\n    <name>HMN</name>\n"
        f"  </list>\n  <list>\n    <id>{two}</id>\n    <parent>{one}</parent>\n"
        "    <name>test42</name>\n  </list>\n  <status>200</status>\n</response>\n"
    )
    assert (await desk.ask("GET", "lists.json", key=OTHER)).json["list"] == []


@pytest.mark.parametrize(("method", "again"), [("POST", False), ("PUT", True)])
async def test_list_is_created_and_changed_as_printed(desk: Desk, method: str, again: bool) -> None:
    path = f"list/{await desk.add_list('old')}" if again else "list"
    answer = await desk.ask(method, f"{path}.json", LIST_JSON)
    assert (answer.status, answer.masked) == (
        201,
        b'{"list":{"id":"<id>","parent":"0","name":"test123","contacts":[]},"status":201}',
    )
    answer = await desk.ask(method, f"{path}.xml", LIST_XML)
    assert (answer.status, answer.masked.decode()) == (
        201,
        HEAD + "  <list>\n    <id><id></id>\n    <parent>0</parent>\n    <name>test42</name>\n"
        "    <contacts/>\n  </list>\n  <status>201</status>\n</response>\n",
    )


async def test_list_shows_its_own_contacts(desk: Desk) -> None:
    top = await desk.add_list("top")
    one = await desk.add_list("Underliste 2", top)
    await desk.add_contact("+4587654321", listid=top)
    contact = await desk.add_contact(listid=one, fields={"Fornavn": "Anders", "Efternavn": "And"})
    gone = await desk.add_contact(listid=one)
    await desk.ask("DELETE", f"contact/{gone}.json")
    for method, body, status in (("GET", b"", 200), ("PUT", b'{"list":{}}', 201)):
        answer = await desk.ask(method, f"list/{one}.json", body)
        assert (answer.status, answer.body) == (
            status,
            f'{{"list":{{"id":"{one}","parent":"{top}","name":"Underliste 2","contacts":['.encode()
            + shown(contact, one, "Anders", "And")
            + b']},"status":%d}' % status,
        )
    item = shown_in_xml(contact, one, "Anders", "And").replace("\n  ", "\n    ")
    assert (await desk.ask("GET", f"list/{one}.xml")).body.decode() == (
        f"{HEAD}  <list>\n    <id>{one}</id>\n    <parent>{top}</parent>\n"
        f"    <name>Underliste 2</name>\n    <contacts>\n      {item}    </contacts>\n"
        "  </list>\n  <status>200</status>\n</response>\n"
    )


async def test_list_too_long_for_one_answer_is_refused(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dragoman.dialects.linkmobility.contacts.book.MAX_SHOWN", 2)
    one = await desk.add_list()
    for n in range(3):
        await desk.add_contact(f"+452000000{n}", listid=one)
    answer = await desk.ask("GET", f"list/{one}.json")
    text = f"List id [{one}] has more than 2 contacts, use contacts/1 with listid={one}"
    assert (answer.status, answer.json["message"]) == (400, text)
    assert len(await desk.found(f"listid={one}")) == 3


async def test_list_is_deleted_with_its_contacts_as_printed(desk: Desk) -> None:
    top = await desk.add_list("top")
    one = await desk.add_list("one", top)
    low = await desk.add_list("low", one)
    contact = await desk.add_contact(listid=one)
    kept = await desk.add_contact(listid=low)
    answer = await desk.ask("DELETE", f"list/{one}.json")
    assert (answer.status, answer.body) == (
        200,
        f'{{"message":"List id [{one}] deleted","status":200}}'.encode(),
    )
    assert await desk.found() == [kept]
    assert await desk.found("deleted=1") == [contact]
    lists = (await desk.ask("GET", "lists.json")).json["list"]
    assert [(item["id"], item["parent"]) for item in lists] == [(top, "0"), (low, top)]
    answer = await desk.ask("DELETE", f"list/{low}.xml")
    assert answer.body.decode() == (
        f"{HEAD}  <message>List id [{low}] deleted</message>\n  <status>200</status>\n</response>\n"
    )


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        ({}, 400, "Name cannot be empty"),
        ({"name": "  "}, 400, "Name cannot be empty"),
        ({"name": "x" * 101}, 400, "Name is not valid, more than 100 characters"),
        ({"name": "a\0b"}, 400, "Name is not valid, it holds characters that do not print"),
        ({"name": "x", "parent": "9"}, 404, "List id [9] not found"),
        ({"name": "x", "parent": "9" * 18}, 404, f"List id [{'9' * 18}] not found"),
        ({"name": "x", "parent": "abc"}, 400, "Parent is not valid, use a number"),
        ({"name": "x", "parent": -1}, 400, "Parent is not valid, use a number"),
    ],
)
async def test_impossible_list_is_refused(
    desk: Desk, refused: Any, body: Any, status: int, text: str
) -> None:
    for suffix in ("json", "xml"):
        answer = await refused(desk.ask("POST", f"list.{suffix}", {"list": body}))
        assert answer.status == status
        assert text in answer.body.decode()
    assert (await refused(desk.ask("POST", "list.json", {"list": body}))).json == {
        "status": status,
        "message": text,
    }


async def test_list_cannot_lie_within_itself(desk: Desk, refused: Any) -> None:
    top = await desk.add_list("top")
    low = await desk.add_list("low", top)
    body = {"list": {"parent": low}}
    answer = await refused(desk.ask("PUT", f"list/{top}.json", body))
    assert answer.json == {
        "status": 400,
        "message": "Parent is not valid, a list cannot be within itself",
    }


# Contacts


async def test_contact_is_created_shown_changed_and_deleted_as_printed(desk: Desk) -> None:
    one = await desk.add_list()
    body = {
        "contact": {
            "listid": one,
            "mobile": "+4512345678",
            "fields": {"Fornavn": "Jack", "Efternavn": "Bauer"},
        }
    }
    answer = await desk.ask("POST", "contact.json", body)
    contact = answer.json["contact"]["id"]
    jack = shown(contact, one, "Jack", "Bauer")
    assert (answer.status, answer.body) == (201, b'{"contact":' + jack + b',"status":201}')
    answer = await desk.ask("GET", f"contact/{contact}.json")
    assert (answer.status, answer.body) == (200, b'{"contact":' + jack + b',"status":200}')
    body["contact"]["fields"] = {"Fornavn": "Anders", "Efternavn": "And"}  # type: ignore[assignment]
    answer = await desk.ask("PUT", f"contact/{contact}.json", body)
    anders = shown(contact, one, "Anders", "And")
    assert (answer.status, answer.body) == (201, b'{"contact":' + anders + b',"status":201}')
    answer = await desk.ask("DELETE", f"contact/{contact}.json")
    assert (answer.status, answer.body) == (
        200,
        f'{{"message":"Contact id [{contact}] deleted","status":200}}'.encode(),
    )
    for method in ("GET", "DELETE"):
        answer = await desk.ask(method, f"contact/{contact}.json")
        assert (answer.status, answer.body) == (
            404,
            f'{{"status":404,"message":"Contact id [{contact}] not found"}}'.encode(),
        )


async def test_contact_in_xml_is_as_printed(desk: Desk) -> None:
    one = await desk.add_list()
    answer = await desk.ask("POST", "contact.xml", (CONTACT_XML % (one, "Jack", "Bauer")).encode())
    (contact,) = await desk.found()

    def page(status: int, first: str, last: str) -> str:
        item = shown_in_xml(contact, one, first, last)
        return (
            f"{HEAD}  <contact>\n    {item}  </contact>\n  <status>{status}</status>\n</response>\n"
        )

    assert (answer.status, answer.body.decode()) == (201, page(201, "Jack", "Bauer"))
    answer = await desk.ask("GET", f"contact/{contact}.xml")
    assert (answer.status, answer.body.decode()) == (200, page(200, "Jack", "Bauer"))
    change = (CONTACT_XML % (one, "Anders", "And")).encode()
    answer = await desk.ask("PUT", f"contact/{contact}.xml", change)
    assert (answer.status, answer.body.decode()) == (201, page(201, "Anders", "And"))
    answer = await desk.ask("DELETE", f"contact/{contact}.xml")
    assert answer.body.decode() == (
        f"{HEAD}  <message>Contact id [{contact}] deleted</message>\n"
        "  <status>200</status>\n</response>\n"
    )
    answer = await desk.ask("DELETE", f"contact/{contact}.xml")
    assert (answer.status, answer.body.decode()) == (
        404,
        f"{HEAD}  <status>404</status>\n  <message>Contact id [{contact}] not found</message>\n"
        "</response>\n",
    )


async def test_change_keeps_what_is_not_given(desk: Desk) -> None:
    one = await desk.add_list()
    contact = await desk.add_contact(listid=one, fields={"Fornavn": "Jack", "Efternavn": "Bauer"})
    desk.link.clock.advance(60)
    for change, field, value in (
        ({"fields": {"Fornavn": "Chuck"}}, "fields", {"Fornavn": "Chuck", "Efternavn": "Bauer"}),
        ({"mobile": "+4587654321"}, "mobile", "+4587654321"),
        ({"listid": 0}, "listid", "0"),
        ({"fields": []}, "changed", "2026-09-21 16:14:20"),
        ({}, "created", TIME),
    ):
        before = (await desk.ask("GET", f"contact/{contact}.json")).json["contact"]
        answer = await desk.ask("PUT", f"contact/{contact}.json", {"contact": change})
        expected = before | {"changed": "2026-09-21 16:14:20", field: value}
        assert (answer.status, answer.json["contact"]) == (201, expected)


async def test_answer_can_be_sent_back(desk: Desk) -> None:
    contact = await desk.add_contact(fields={"Fornavn": "Jack"})
    for form in ("json", "xml"):
        shown_ = (await desk.ask("GET", f"contact/{contact}.{form}")).body
        if form == "xml":
            shown_ = b"<contact>" + shown_.split(b"<contact>")[1].split(b"</contact>")[0]
            shown_ += b"</contact>"
        else:
            shown_ = msgspec.json.encode({"contact": msgspec.json.decode(shown_)["contact"]})
        answer = await desk.ask("PUT", f"contact/{contact}.json", shown_)
        assert (answer.status, answer.json["contact"]["fields"]) == (201, {"Fornavn": "Jack"})


async def test_fields_are_named_by_name_key_or_element(desk: Desk) -> None:
    field = await desk.add_field("By og nr.")
    contact = await desk.add_contact(fields={f"felt{field}": "Aarhus", "Ny": 8000})
    fields = (await desk.ask("GET", f"contact/{contact}.json")).json["contact"]["fields"]
    assert fields == {"By og nr.": "Aarhus", "Ny": "8000"}
    answer = await desk.ask("GET", f"contact/{contact}.xml")
    assert b"      <By_og_nr.>Aarhus</By_og_nr.>\n      <Ny>8000</Ny>\n" in answer.body
    body = b"<contact><fields><By_og_nr.>Odense</By_og_nr.><Ny/></fields></contact>"
    answer = await desk.ask("PUT", f"contact/{contact}.json", body)
    assert answer.json["contact"]["fields"] == {"By og nr.": "Odense", "Ny": ""}
    names = [item["name"] for item in (await desk.ask("GET", "mergefields.json")).json["field"]]
    assert names == ["By og nr.", "Ny"]


MOBILE = "Mobile is not valid! Remember a valid number must contain a countrycode like +4512345678"


@pytest.mark.stores_nothing
@pytest.mark.parametrize(
    ("contact", "status", "text"),
    [
        ({}, 400, "Mobile cannot be empty"),
        ({"mobile": "4512345678"}, 400, MOBILE),
        ({"mobile": 4512345678}, 400, MOBILE),
        ({"mobile": "+45123"}, 400, MOBILE),
        ({"mobile": "+999123456789"}, 400, MOBILE),
        ({"mobile": "+4512345678,+4512345679"}, 400, MOBILE),
        ({"mobile": "+4512345678", "listid": "12"}, 404, "List id [12] not found"),
        ({"mobile": "+4512345678", "listid": "x"}, 400, "Listid is not valid, use a number"),
        (
            {"mobile": "+4512345678", "fields": {"Note": "x" * 1001}},
            400,
            "Note is not valid, more than 1000 characters",
        ),
        ({"mobile": "+4512345678", "fields": {"Note": []}}, 400, "Note is not valid, use a text"),
        ({"mobile": "+4512345678", "fields": {"Note": True}}, 400, "Note is not valid, use a text"),
        (
            {"mobile": "+4512345678", "fields": {"Note": "a\0b"}},
            400,
            "Note is not valid, not valid Unicode text",
        ),
        ({"mobile": "+4512345678", "fields": {"": "x"}}, 400, "Name cannot be empty"),
        (
            {"mobile": "+4512345678", "fields": {"[A]": "x"}},
            400,
            "Name is not valid, it holds a bracket",
        ),
        (
            {"mobile": "+4512345678", "fields": {"mobile": "x"}},
            400,
            "Name [mobile] is not valid, it has a meaning of its own",
        ),
        (
            {"mobile": "+4512345678", "fields": {"felt77": "x"}},
            404,
            "Merge field id [77] not found",
        ),
        (
            {"mobile": "+4512345678", "fields": "text"},
            400,
            "Fields is not valid, use names with values",
        ),
        (
            {"mobile": "+4512345678", "fields": {f"f{n}": "" for n in range(201)}},
            400,
            "Fields is not valid, at most 200 merge fields",
        ),
    ],
)
async def test_impossible_contact_is_refused(
    desk: Desk, refused: Any, contact: Any, status: int, text: str
) -> None:
    answer = await refused(desk.ask("POST", "contact.json", {"contact": contact}))
    assert (answer.status, answer.json) == (status, {"status": status, "message": text})


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"[]", b'{"contact":[]}', b'{"contact":{"feilds":{}}}', b"<list/>", b"<contact>"],
)
async def test_body_that_is_no_contact_is_refused(link: Any, body: bytes) -> None:
    for form in (b"application/json", XML):
        answer = await link.ask("POST", "contact.json?apikey={key}", body, form)
        assert answer.status in {400, 415}
        assert answer.json["message"].startswith("Request is not valid, ")


@pytest.mark.parametrize(
    ("method", "target", "body", "text"),
    [
        ("GET", "list/{list}", {}, "List id [{list}] not found"),
        ("PUT", "list/{list}", {"list": {"name": "x"}}, "List id [{list}] not found"),
        ("DELETE", "list/{list}", {}, "List id [{list}] not found"),
        ("GET", "contact/{contact}", {}, "Contact id [{contact}] not found"),
        ("PUT", "contact/{contact}", {"contact": {}}, "Contact id [{contact}] not found"),
        ("DELETE", "contact/{contact}", {}, "Contact id [{contact}] not found"),
        (
            "PUT",
            "mergefield/{field}",
            {"field": {"name": "x"}},
            "Merge field id [{field}] not found",
        ),
        ("DELETE", "mergefield/{field}", {}, "Merge field id [{field}] not found"),
    ],
)
async def test_what_is_another_accounts_is_not_found(
    desk: Desk, refused: Any, method: str, target: str, body: Any, text: str
) -> None:
    ids = {"list": await desk.add_list(), "contact": await desk.add_contact()}
    ids["field"] = await desk.add_field()
    nowhere = dict.fromkeys(ids, "9" * 30) | {"contact": "0"}
    for given, key in ((ids, OTHER), (nowhere, "{key}")):
        path = f"{target.format(**given)}.json"
        answer = await refused(desk.ask(method, path, body, key))
        assert answer.json == {"status": 404, "message": text.format(**given)}


# Search


async def test_search_answers_as_printed(desk: Desk) -> None:
    one = await desk.add_list()
    ids = [
        await desk.add_contact(
            "+4512721272", listid=one, fields={"Fornavn": "TEST", "Efternavn": ""}
        )
        for _ in range(2)
    ]
    items = ",".join(
        f'{{"id":"{contact}","listid":"{one}","mobile":"+4512721272","created":"{TIME}",'
        f'"changed":"{TIME}","deleted":false,"fields":{{"Fornavn":"TEST","Efternavn":""}}}}'
        for contact in ids
    )
    assert (await desk.ask("GET", "contacts/1.json")).body.decode() == (
        f'{{"contacts":[{items}],"paging":{{"pages":1,"offset":100,"current":1}},'
        '"stats":{"total":"2"},"status":200}'
    )
    items = "".join(
        f"  <contacts>\n    <id>{contact}</id>\n    <listid>{one}</listid>\n"
        f"    <mobile>+4512721272</mobile>\n    <created>{TIME}</created>\n"
        f"    <changed>{TIME}</changed>\n    <deleted>false</deleted>\n    <fields>\n"
        "      <Fornavn>TEST</Fornavn>\n      <Efternavn/>\n    </fields>\n  </contacts>\n"
        for contact in ids
    )
    assert (await desk.ask("GET", "contacts/1.xml")).body.decode() == (
        f"{HEAD}{items}  <paging>\n    <pages>1</pages>\n    <offset>100</offset>\n"
        "    <current>1</current>\n  </paging>\n  <stats>\n    <total>2</total>\n  </stats>\n"
        "  <status>200</status>\n</response>\n"
    )
    assert (await desk.ask("GET", "contacts/1.xml?listid=9")).body.decode() == (
        f"{HEAD}  <contacts/>\n  <paging>\n    <pages>1</pages>\n    <offset>100</offset>\n"
        "    <current>1</current>\n  </paging>\n  <stats>\n    <total>0</total>\n  </stats>\n"
        "  <status>200</status>\n</response>\n"
    )


@pytest.mark.stores_nothing
@pytest.mark.parametrize(
    ("query", "which"),
    [
        ("", [0, 1, 2]),
        ("listid={one}", [0, 1]),
        ("listid=0", [2]),
        ("listid=12", []),
        ("listid={foreign}", []),
        ("mobile=%2B4520000001", [1]),
        ("mobile=+4520000001", [1]),
        ("mobile=004520000001", [1]),
        ("mobile=4520000001", [1]),
        ("mobile=%2B4520000001&listid={one}", [1]),
        ("mobile=%2B4520000009", []),
        ("deleted=0", [0, 1, 2]),
        ("deleted=false", [0, 1, 2]),
        ("deleted=1", [3]),
        ("deleted=true&listid={one}", [3]),
        ("deleted=1&mobile=%2B4520000001", []),
        ("field_key=Fornavn", [0, 1]),
        ("field_key={key}", [0, 1]),
        ("field_key=Fornavn&field_value=Jack", [0]),
        ("field_key={key}&field_value=Jack", [0]),
        ("field_key={key}&field_value=jack", []),
        ("field_key=By&field_value=S%C3%B8by", [2]),
        ("field_key=Fornavn&field_value=S%C3%B8by", []),
        ("field_value=S%C3%B8by", [2]),
        ("field_value=Jack&listid={one}", [0]),
        ("field_value=%00", []),
        ("_=1790000000", [0, 1, 2]),
    ],
)
async def test_filter_narrows_the_search(
    desk: Desk, four_contacts: tuple[list[str], dict[str, str]], query: str, which: list[int]
) -> None:
    ids, values = four_contacts
    found = await desk.found(query.format(**values))
    assert found == [ids[index] for index in which]


async def test_search_is_paged_by_a_hundred(desk: Desk) -> None:
    one = await desk.add_list()
    values = [[f"+45{20_000_000 + n}"] for n in range(250)]
    opened = await desk.ask("POST", "import.json", {"import": {"listid": int(one)}})
    body = {"import": {"keys": ["Mobile"], "values": values}}
    await desk.ask("PUT", f"import/{opened.json['import']['hash']}.json", body)
    pages = [(await desk.ask("GET", f"contacts/{page}.json")).json for page in (1, 2, 3, 4)]
    assert [len(page["contacts"]) for page in pages] == [100, 100, 50, 0]
    assert [page["paging"] for page in pages] == [
        {"pages": 3, "offset": 100, "current": current} for current in (1, 2, 3, 4)
    ]
    assert {page["stats"]["total"] for page in pages} == {"250"}
    mobiles = [[contact["mobile"]] for page in pages for contact in page["contacts"]]
    assert mobiles == values
    far = await desk.ask("GET", f"contacts/{'9' * 30}.json")
    assert (far.status, far.json["contacts"]) == (200, [])


@pytest.mark.stores_nothing
@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("listid=abc", "Listid is not valid, use a number"),
        ("deleted=maybe", "Deleted is not valid, use true or false"),
        ("field_key=Nope", "Field_key is not valid, no such merge field"),
        ("field_key=felt12&field_value=x", "Field_key is not valid, no such merge field"),
        ("mobile=abc", MOBILE),
        ("mobile=%00", MOBILE),
    ],
)
async def test_impossible_filter_is_refused(
    desk: Desk, refused: Any, query: str, text: str
) -> None:
    answer = await refused(desk.ask("GET", f"contacts/1.json?{query}"))
    assert (answer.status, answer.json) == (400, {"status": 400, "message": text})


# Merge fields


async def test_merge_field_is_created_renamed_and_deleted_as_printed(desk: Desk) -> None:
    answer = await desk.ask("POST", "mergefield.json", b'{  \n "field":{\n "name":"Test"\n }\n}')
    field = answer.json["field"]["id"]
    assert (answer.status, answer.body) == (
        201,
        f'{{"field":{{"id":"{field}","name":"Test","key":"felt{field}"}},"status":201}}'.encode(),
    )
    answer = await desk.ask("PUT", f"mergefield/{field}.json", {"field": {"name": "Test changed"}})
    item = f'{{"id":"{field}","name":"Test changed","key":"felt{field}"}}'
    assert (answer.status, answer.body) == (200, f'{{"field":{item},"status":200}}'.encode())
    answer = await desk.ask("GET", "mergefields.json")
    assert (answer.status, answer.body) == (200, f'{{"field":[{item}],"status":200}}'.encode())
    contact = await desk.add_contact(fields={"Test changed": "x", "Other": "y"})
    answer = await desk.ask("DELETE", f"mergefield/{field}.json")
    assert (answer.status, answer.body) == (
        200,
        f'{{"message":"Merge field id [{field}] deleted","status":200}}'.encode(),
    )
    fields = (await desk.ask("GET", f"contact/{contact}.json")).json["contact"]["fields"]
    assert fields == {"Other": "y"}
    answer = await desk.ask("DELETE", f"mergefield/{field}.json")
    assert (answer.status, answer.body) == (
        404,
        f'{{"status":404,"message":"Merge field id [{field}] not found"}}'.encode(),
    )


async def test_merge_field_in_xml(desk: Desk) -> None:
    empty = f"{HEAD}  <field/>\n  <status>200</status>\n</response>\n"
    assert (await desk.ask("GET", "mergefields.xml")).body.decode() == empty
    answer = await desk.ask("POST", "mergefield.xml", b"<field><name>Test</name></field>")
    field = (await desk.ask("GET", "mergefields.json")).json["field"][0]["id"]
    item = "  <field>\n    <id>{0}</id>\n    <name>{1}</name>\n    <key>felt{0}</key>\n  </field>\n"
    tail = "  <status>{}</status>\n</response>\n"
    created = HEAD + item.format(field, "Test") + tail.format(201)
    assert (answer.status, answer.body.decode()) == (201, created)
    body = b"<field><name>Test changed</name></field>"
    answer = await desk.ask("PUT", f"mergefield/{field}.xml", body)
    changed = HEAD + item.format(field, "Test changed") + tail.format(200)
    assert (answer.status, answer.body.decode()) == (200, changed)
    assert (await desk.ask("GET", "mergefields.xml")).body.decode() == changed
    answer = await desk.ask("DELETE", f"mergefield/{field}.xml")
    assert answer.body.decode() == (
        f"{HEAD}  <message>Merge field id [{field}] deleted</message>\n{tail.format(200)}"
    )


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("", "Name cannot be empty"),
        (None, "Name cannot be empty"),
        ("x" * 51, "Name is not valid, more than 50 characters"),
        ("a\nb", "Name is not valid, it holds characters that do not print"),
        ("a]", "Name is not valid, it holds a bracket"),
        ("Mobile", "Name [Mobile] is not valid, it has a meaning of its own"),
        ("felt77", "Name [felt77] is not valid, it has a meaning of its own"),
        ("Taken", "Name is already taken"),
    ],
)
async def test_impossible_name_of_a_merge_field_is_refused(
    desk: Desk, refused: Any, name: Any, text: str
) -> None:
    await desk.add_field("Taken")
    field = await desk.add_field("Other")
    for method, path in (("POST", "mergefield"), ("PUT", f"mergefield/{field}")):
        answer = await refused(desk.ask(method, f"{path}.json", {"field": {"name": name}}))
        assert (answer.status, answer.json) == (400, {"status": 400, "message": text})


async def test_merge_fields_are_bounded(desk: Desk, refused: Any) -> None:
    await desk.add_contact(fields={f"f{n}": "" for n in range(200)})
    answer = await refused(desk.ask("POST", "mergefield.json", {"field": {"name": "one more"}}))
    assert answer.json["message"] == "Fields is not valid, at most 200 merge fields"
