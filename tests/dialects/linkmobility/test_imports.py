"""Imports of contacts: the manual's requests in, its answers out (LINK v2 s. 06)."""

from typing import Any

import msgspec
import pytest

OTHER = "b" * 64
XML = b"text/xml"
HEAD = '<?xml version="1.0"?>\n<response>\n'
TIME = "2026-09-21 16:13:20"
MOBILE = "Mobile is not valid! Remember a valid number must contain a countrycode like +4512345678"
ROWS = (
    b'{\n "import": {\n "keys": [\n "Mobile",\n "Fornavn",\n "Efternavn"\n ],\n "values": [\n'
    b' [\n "+4512345678",\n "Jack",\n "Bauer"\n ],\n [\n "+4587654321",\n "Chuck",\n "Norris"\n'
    b" ]\n ]\n }\n}"
)
XML_ROWS = (
    b'<?xml version="1.0"?>\n<import>\n  <keys>Mobile</keys>\n  <keys>Fornavn</keys>\n'
    b"  <keys>Efternavn</keys>\n"
    b"  <values><item>+4512345678</item><item>Jack</item><item>Bauer</item></values>\n"
    b"  <values><item>4587654321</item><item>Chuck</item><item>Norris</item></values>\n</import>"
)

XML_FORMS = {
    "repeated": XML_ROWS,
    "held by one": b"<import><keys><item>Mobile</item><item>Fornavn</item><item>Efternavn</item>"
    b"</keys><values><item><item>+4512345678</item><item>Jack</item><item>Bauer</item></item>"
    b"<item><item>4587654321</item><item>Chuck</item><item>Norris</item></item></values></import>",
    "held by one, with names": b"<import><keys><key>Mobile</key><key>Fornavn</key>"
    b"<key>Efternavn</key></keys><values><row><Mobile>+4512345678</Mobile><Fornavn>Jack</Fornavn>"
    b"<Efternavn>Bauer</Efternavn></row><row><Mobile>4587654321</Mobile><Fornavn>Chuck</Fornavn>"
    b"<Efternavn>Norris</Efternavn></row></values></import>",
}


async def ask(link: Any, method: str, target: str, body: Any = b"", key: str = "{key}") -> Any:
    data = body if isinstance(body, bytes) else msgspec.json.encode(body)
    form = XML if data.startswith(b"<") else b"application/json"
    return await link.ask(method, f"{target}?apikey={key}", data, form)


async def opened(link: Any, **more: Any) -> str:
    job = {"listid": 0, "name": "TEST", "clean": 0, "duplicate": 0} | more
    answer = await ask(link, "POST", "import.json", {"import": job})
    assert answer.status == 201, answer.body
    key: str = answer.json["import"]["hash"]
    assert len(key) == 64
    assert int(key, 16)
    return key


async def contacts(link: Any) -> list[Any]:
    found: list[Any] = (await link.get("contacts/1.json")).json["contacts"]
    return found


async def test_import_is_opened_and_shown_as_printed(link: Any) -> None:
    body = {"import": {"listid": 0, "name": "TEST", "clean": 0, "duplicate": 0}}
    answer = await ask(link, "POST", "import.json", body)
    key = answer.json["import"]["hash"]
    shown = (
        f'{{"import":{{"hash":"{key}","created":"{TIME}","listid":0,"name":"TEST","clean":0,'
        '"total":0,"processed":0},"status":%d}'
    )
    assert (answer.status, answer.body.decode()) == (201, shown % 201)
    answer = await link.get(f"import/{key}.json")
    assert (answer.status, answer.body.decode()) == (200, shown % 200)
    assert (await link.get("lists.json")).json["list"] == []


@pytest.mark.parametrize("form", XML_FORMS)
async def test_import_in_xml(link: Any, form: str) -> None:
    body = b"<import><name>TEST</name><clean>1</clean><duplicate>1</duplicate></import>"
    answer = await ask(link, "POST", "import.xml", body)
    text = answer.body.decode()
    key = text.partition("<hash>")[2].partition("</hash>")[0]
    shown = (
        f"{HEAD}  <import>\n    <hash>{key}</hash>\n    <created>{TIME}</created>\n"
        "    <listid>0</listid>\n    <name>TEST</name>\n    <clean>1</clean>\n"
        "    <total>0</total>\n    <processed>0</processed>\n  </import>\n"
        "  <status>%d</status>\n</response>\n"
    )
    assert (answer.status, text) == (201, shown % 201)
    assert (await link.get(f"import/{key}.xml")).body.decode() == shown % 200
    answer = await ask(link, "PUT", f"import/{key}.xml", XML_FORMS[form])
    (made,) = (await link.get("lists.json")).json["list"]
    assert (answer.status, answer.body.decode()) == (
        200,
        f"{HEAD}  <import>\n    <hash>{key}</hash>\n    <created>{TIME}</created>\n"
        f"    <listid>{made['id']}</listid>\n    <name>TEST</name>\n    <clean>1</clean>\n"
        "    <duplicate>1</duplicate>\n    <total>2</total>\n    <processed>2</processed>\n"
        f"  </import>\n  <errors>\n    <message>{MOBILE}</message>\n    <count>1</count>\n"
        "    <errors>\n      <_1>4587654321</_1>\n    </errors>\n  </errors>\n"
        "  <status>200</status>\n</response>\n",
    )
    (contact,) = await contacts(link)
    assert contact["fields"] == {"Fornavn": "Jack", "Efternavn": "Bauer"}


async def test_rows_are_imported_as_printed(link: Any) -> None:
    key = await opened(link, duplicate=1)
    answer = await ask(link, "PUT", f"import/{key}.json", ROWS)
    (made,) = (await link.get("lists.json")).json["list"]
    state = (
        f'{{"import":{{"hash":"{key}","created":"{TIME}","listid":{made["id"]},"name":"TEST",'
        '"clean":0,"duplicate":1,"total":%d,"processed":%d},"errors":%s,"status":200}'
    )
    assert (answer.status, answer.body.decode()) == (200, state % (2, 2, "[]"))
    row = {"keys": ["Mobile"], "values": [["+4512345679"], ["4587654321"]]}
    answer = await ask(link, "PUT", f"import/{key}.json", {"import": row})
    errors = f'[{{"message":"{MOBILE}","count":1,"errors":{{"1":"4587654321"}}}}]'
    assert (answer.status, answer.body.decode()) == (200, state % (4, 4, errors))
    assert [(one["mobile"], one["listid"], one["fields"]) for one in await contacts(link)] == [
        ("+4512345678", made["id"], {"Fornavn": "Jack", "Efternavn": "Bauer"}),
        ("+4587654321", made["id"], {"Fornavn": "Chuck", "Efternavn": "Norris"}),
        ("+4512345679", made["id"], {}),
    ]
    fields = (await link.get("mergefields.json")).json["field"]
    assert [field["name"] for field in fields] == ["Fornavn", "Efternavn"]


async def test_rows_put_twice_are_imported_once(link: Any) -> None:
    key = await opened(link)
    first = await ask(link, "PUT", f"import/{key}.json", ROWS)
    assert (await ask(link, "PUT", f"import/{key}.json", ROWS)).body == first.body
    assert len(await contacts(link)) == 2


async def test_import_into_a_list_cleans_it_first(link: Any) -> None:
    one = (await ask(link, "POST", "list.json", {"list": {"name": "one"}})).json["list"]["id"]
    contact = {"contact": {"listid": one, "mobile": "+4520000000"}}
    await ask(link, "POST", "contact.json", contact)
    key = await opened(link, listid=int(one), clean="true")
    state = (await ask(link, "PUT", f"import/{key}.json", ROWS)).json["import"]
    assert (state["listid"], state["clean"], state["name"]) == (int(one), 1, "TEST")
    assert {contact["mobile"] for contact in await contacts(link)} == {
        "+4512345678",
        "+4587654321",
    }


async def test_every_kind_of_fault_is_reported(link: Any) -> None:
    key = await opened(link)
    values = [
        ["+4520000000", "x" * 1001],
        ["+4520000001", "a", "b"],
        {"Mobile": "+4520000002"},
        ["+4520000003", {"nested": []}],
        [None, "a"],
        ["<b>\u2028", "a"],
        ["+4520000004", 8000.5],
    ]
    body = {"import": {"keys": ["mobile", "Note"], "values": values}}
    answer = await ask(link, "PUT", f"import/{key}.json", body)
    shape = "Row is not valid! Remember a row must be a list with a value for each key"
    value = "Note is not valid! Remember a value must be a text of at most 1000 characters"
    assert answer.json["errors"] == [
        {"message": value, "count": 1, "errors": {"0": "x" * 100}},
        {"message": shape, "count": 3, "errors": {"1": "+4520000001", "2": "", "3": ""}},
        {"message": MOBILE, "count": 2, "errors": {"4": "None", "5": "<b>?"}},
    ]
    assert [contact["fields"] for contact in await contacts(link)] == [{"Note": "8000.5"}]


@pytest.mark.stores_nothing
@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        ({}, 400, "Name cannot be empty"),
        ({"name": ""}, 400, "Name cannot be empty"),
        ({"name": "x" * 101}, 400, "Name is not valid, more than 100 characters"),
        ({"listid": 33, "name": "TEST"}, 404, "List id [33] not found"),
        ({"listid": "x"}, 400, "Listid is not valid, use a number"),
        ({"name": "x", "clean": 2}, 400, "Clean is not valid, use true or false"),
        ({"name": "x", "duplicate": "maybe"}, 400, "Duplicate is not valid, use true or false"),
    ],
)
async def test_impossible_import_is_refused(
    link: Any, refused: Any, body: Any, status: int, text: str
) -> None:
    answer = await refused(ask(link, "POST", "import.json", {"import": body}))
    assert (answer.status, answer.json) == (status, {"status": status, "message": text})


ELSEWHERE = {
    "JSON": b'{"import":{"keys":["Fornavn","Mobile","Efternavn"],"values":'
    b'[["Jack","+4512345678","Bauer"],["Chuck","4587654321"],["Anders"],"x",["Ann","+4512345679"]]}}',
    "XML": b"<import><keys>Fornavn</keys><keys>Mobile</keys><keys>Efternavn</keys>"
    b"<values><a>Jack</a><b>+4512345678</b><c>Bauer</c></values>"
    b"<values><a>Chuck</a><b>4587654321</b></values><values><a>Anders</a></values><values><a/>"
    b"<b/><c/><d/></values><values><a>Ann</a><b>+4512345679</b></values></import>",
}


@pytest.mark.parametrize("form", ELSEWHERE)
async def test_the_number_may_stand_in_any_column(link: Any, form: str) -> None:
    key = await opened(link)
    answer = await ask(link, "PUT", f"import/{key}.json", ELSEWHERE[form])
    assert (answer.status, answer.json["import"]["processed"]) == (200, 5)
    errors = {error["message"]: error["errors"] for error in answer.json["errors"]}
    assert errors[MOBILE] == {"1": "4587654321", "2": ""}
    assert [list(faulty) for faulty in errors.values()] == [["1", "2"], ["3"]]
    assert [(one["mobile"], one["fields"]) for one in await contacts(link)] == [
        ("+4512345678", {"Fornavn": "Jack", "Efternavn": "Bauer"}),
        ("+4512345679", {"Fornavn": "Ann"}),
    ]


@pytest.mark.parametrize(
    ("keys", "status", "text"),
    [
        ([], 400, "Keys is not valid, one must be Mobile"),
        (["Fornavn", "Efternavn"], 400, "Keys is not valid, one must be Mobile"),
        (["Mobile", "A", "A"], 400, "Keys is not valid, one comes twice"),
        (["Mobile", ""], 400, "Name cannot be empty"),
        (["Mobile", "[A]"], 400, "Name is not valid, it holds a bracket"),
        (
            ["Mobile", "mobile"],
            400,
            "Name [mobile] is not valid, it has a meaning of its own",
        ),
        (["Mobile", "felt1"], 404, "Merge field id [1] not found"),
        (
            ["Mobile", *(f"f{n}" for n in range(201))],
            400,
            "Fields is not valid, at most 200 merge fields",
        ),
    ],
)
async def test_impossible_keys_are_refused(
    link: Any, refused: Any, keys: list[str], status: int, text: str
) -> None:
    key = await opened(link)
    body = {"import": {"keys": keys, "values": [["+4520000000"]]}}
    answer = await refused(ask(link, "PUT", f"import/{key}.json", body))
    assert (answer.status, answer.json) == (status, {"status": status, "message": text})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b'{"import":{"keys":["Mobile"],"values":{"0":["+4520000000"]}}}',
        b'{"import":{"keys":"Mobile","values":[]}}',
        b'{"import":{"keys":["Mobile"],"rows":[]}}',
        b'{"import":{"keys":["Mobile"],"values":[[}}',
        b'{"import":{"keys":["Mobile"],"values":' + b"[" * 100_000,
        b"<import><keys>Mobile</keys><rows/></import>",
    ],
    ids=lambda body: body[:40].decode(),
)
async def test_body_that_is_no_rows_is_refused(link: Any, body: bytes) -> None:
    key = await opened(link)
    answer = await ask(link, "PUT", f"import/{key}.json", body)
    assert answer.status in {400, 415}
    assert answer.json["message"].startswith("Request is not valid, ")
    assert await contacts(link) == []


async def test_more_rows_than_a_put_may_have_are_refused(link: Any, refused: Any) -> None:
    key = await opened(link)
    values = ",".join(['["+4520000000"]'] * 100_001)
    body = f'{{"import":{{"keys":["Mobile"],"values":[{values}]}}}}'.encode()
    answer = await refused(ask(link, "PUT", f"import/{key}.json", body))
    assert answer.json["message"] == "Values is not valid, at most 100000 rows"


async def test_import_is_unknown_to_others_and_after_a_day(link: Any, refused: Any) -> None:
    key = await opened(link)
    expected = {"status": 404, "message": f"Import id [{key}] not found"}
    for method, body in (("GET", b""), ("PUT", ROWS)):
        answer = await refused(ask(link, method, f"import/{key}.json", body, OTHER))
        assert answer.json == expected
    link.clock.advance(24 * 3600 + 1)
    for method, body in (("GET", b""), ("PUT", ROWS)):
        answer = await refused(ask(link, method, f"import/{key}.json", body))
        assert answer.json == expected
    answer = await refused(ask(link, "GET", "import/nothing.json"))
    assert answer.json["message"] == "Import id [nothing] not found"
