"""Contacts and groups: the requests of the manual and of its programs, and their exact answers."""

import re
from typing import Any

import pytest

from dragoman.core.tables import metadata
from dragoman.kit.ids import parse_base64, render_base64

_FULL = b"""{
    "email": "alessandro.magno@macedonia.com",
    "phoneNumber": "+39349123456789",
    "name": "Alessandro",
    "surname": "Magno",
    "gender": "m",
    "fax": "0461123456",
    "zip": "38122",
    "address": "Via Rosaccio 6",
    "city": "Trento",
    "province": "TN",
    "birthdate": "20170511",
    "groupIds": [
        "%s",
        "%s"
    ]
}
"""
_MANUAL = (
    b'{"email":"alessandro.magno@macedonia.com","phoneNumber":"+39349123456789",'
    b'"name":"Alessandro","surname":"Magno","groupIds":[],"gender":"m","fax":null,'
    b'"address":null,"city":null,"province":null,"birthdate":"2017-05-11","zip":null}'
)


async def make_group(smsend: Any, name: str = "vip") -> str:
    answer = await smsend.post("group", {"name": name, "description": "d"})
    assert answer.status == 201, answer.body
    return str(answer.location.removeprefix("/group/"))


async def make_contact(smsend: Any, **fields: Any) -> str:
    answer = await smsend.post("contact", {"email": "a@example.com", **fields})
    assert answer.status == 201, answer.body
    return str(answer.location.removeprefix("/contact/"))


async def test_contact_is_created_and_answered_as_printed(smsend: Any) -> None:
    body = (
        b'{"email": "alessandro.magno@macedonia.com", "phoneNumber": "+39349123456789",'
        b' "name": "Alessandro", "surname": "Magno", "gender": "m", "birthdate": "110517"}'
    )
    created = await smsend.post("contact", body)
    assert (created.status, created.body) == (201, b'""')
    assert re.fullmatch(r"/contact/[A-Za-z0-9_-]{20}", created.location)
    answer = await smsend.get(created.location.lstrip("/"))
    assert (answer.status, answer.body) == (200, _MANUAL)
    assert answer.headers[b"content-type"] == b"application/json"


@pytest.mark.parametrize(
    ("target", "headers"),
    [
        ("contact", [("Content-type", "application/json")]),
        ("//contact", [("Content-type", "application/json; charset=utf-8")]),
        ("contact", [("Content_type", "application/json")]),  # Perl
        ("contact", [("Content-Type", "application/x-www-form-urlencoded")]),
        ("contact/", []),
    ],
)
@pytest.mark.parametrize("charset", ["utf-8", "windows-1252"])
async def test_programs_of_the_manual_create_contacts(
    smsend: Any, target: str, headers: list[tuple[str, str]], charset: str
) -> None:
    if charset == "windows-1252" and any("utf-8" in value for _, value in headers):
        headers = []
    body = '{"email": "a@example.com", "name": "Nicolò"}\n'.encode(charset)
    answer = await smsend.ask("POST", target, body, [*smsend.keys, *headers])
    assert (answer.status, answer.body) == (201, b'""')
    assert (await smsend.get(answer.location.lstrip("/"))).json["name"] == "Nicolò"


async def test_contact_has_every_field_and_its_groups(smsend: Any) -> None:
    groups = [await make_group(smsend, name) for name in "ab"]
    created = await smsend.post("contact", _FULL % tuple(group.encode() for group in groups))
    answer = await smsend.get(created.location.lstrip("/"))
    assert answer.json == {
        "email": "alessandro.magno@macedonia.com",
        "phoneNumber": "+39349123456789",
        "name": "Alessandro",
        "surname": "Magno",
        "groupIds": groups,
        "gender": "m",
        "fax": "0461123456",
        "address": "Via Rosaccio 6",
        "city": "Trento",
        "province": "TN",
        "birthdate": "2017-05-11",
        "zip": "38122",
    }


async def test_contact_has_the_newer_fields_where_they_are_set(smsend: Any) -> None:
    contact = await make_contact(
        smsend,
        email=None,
        phoneNumber=393491234567,
        promotiondate="2030-01-02 03:04",
        rememberdate="010229",
        notes="n",
        custom1="one",
        custom10="ten",
        unknown="ignored",
    )
    answer = await smsend.get(f"contact/{contact}")
    assert answer.body == (
        b'{"email":null,"phoneNumber":"+393491234567","name":null,"surname":null,"groupIds":[],'
        b'"gender":null,"fax":null,"address":null,"city":null,"province":null,"birthdate":null,'
        b'"zip":null,"notes":"n","promotiondate":"2030-01-02","rememberdate":"2029-02-01",'
        b'"custom1":"one","custom10":"ten"}'
    )


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("110517", "2017-05-11"),
        ("20170511", "2017-05-11"),
        ("1105171230", "2017-05-11"),
        ("20170511123059", "2017-05-11"),
        ("2017-05-11 12:30", "2017-05-11"),
        ("2017-05-11 12:30.0", "2017-05-11"),
        ("2017-05-11 12:30:59.0", "2017-05-11"),
        ("2017-05-11T12:30:59", "2017-05-11"),
        ("2017-05-11", "2017-05-11"),
        ("210926", "2026-09-21"),  # today in Rome
        ("220926", "1926-09-22"),  # nobody is born tomorrow
        ("290200", "2000-02-29"),
        (" 110517 ", "2017-05-11"),
        ("", None),
        (None, None),
    ],
)
async def test_birth_date_is_read_in_every_form(
    smsend: Any, written: str | None, day: str | None
) -> None:
    contact = await make_contact(smsend, birthdate=written)
    assert (await smsend.get(f"contact/{contact}")).json["birthdate"] == day


@pytest.mark.stores_nothing
@pytest.mark.parametrize(
    ("fields", "status", "text"),
    [
        ({}, 400, "Missing parameter [email]"),
        ({"email": "", "phoneNumber": " "}, 400, "Missing parameter [email]"),
        (
            {"email": "nobody"},
            400,
            "Invalid value for parameter [email]: not an e-mail address",
        ),
        ({"phoneNumber": "12"}, 400, "Invalid recipient [12]"),
        *(
            (
                {"email": "a@example.com", name: "x" * (longest + 1)},
                400,
                f"Invalid value for parameter [{name}]: more than {longest} characters",
            )
            for name, longest in [
                ("name", 40),
                ("surname", 40),
                ("fax", 32),
                ("address", 256),
                ("city", 32),
                ("province", 32),
                ("zip", 16),
                ("custom3", 1000),
            ]
        ),
        (
            {"email": "a@example.com", "name": "\0"},
            400,
            "Invalid value for parameter [name]: not valid Unicode text",
        ),
        (
            {"email": "a@example.com", "gender": "x"},
            400,
            "Invalid value for parameter [gender]: neither m nor f",
        ),
        *(
            (
                {"email": "a@example.com", "birthdate": written},
                400,
                f"Invalid value for parameter [birthdate]: {reason}",
            )
            for written, reason in [
                ("yesterday", "none of the forms of a date"),
                ("2017-05", "none of the forms of a date"),
                ("\u0661\u0661\u0660\u0665\u0661\u0667", "none of the forms of a date"),
                ("20170532", "no such date"),
                ("310299", "no such date"),
                ("00010101", "no such date"),
                ("1105172561", "no such date"),
                (20171301, "no such date"),
            ]
        ),
        ({"email": "a@example.com", "groupIds": ["7"]}, 400, "Not found: group [7]"),
        ({"email": "a@example.com", "groupIds": ["x"]}, 400, "Not found: group [x]"),
        (
            {"email": "a@example.com", "groupIds": ["7"] * 101},
            400,
            "Invalid value for parameter [groupIds]: at most 100",
        ),
    ],
)
async def test_bad_contact_is_refused(
    smsend: Any, refused: Any, fields: dict[str, Any], status: int, text: str
) -> None:
    answer = await refused(smsend.post("contact", fields))
    assert (answer.status, answer.json) == (
        status,
        {"result": text, "error_code": status, "error_message": text},
    )
    bulk = [{"email": "b@example.com"}, fields]
    answer = await refused(smsend.post("contacts", {"contacts": bulk}))
    assert (answer.status, answer.json["result"]) == (status, text)


@pytest.mark.stores_nothing
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b'{"email":{}}',
        b'{"email":true}',
        b'{"groupIds":"7"}',
        b'{"groupIds":[null]}',
        b'{"contacts":{}}',
        b'{"contacts":[7]}',
        b'{"contacts":[],"updateExistingContact":"perhaps"}',
        b'{"contacts":' + b"[" * 200 + b"]" * 200 + b"}",
    ],
)
async def test_malformed_contact_is_refused(smsend: Any, refused: Any, body: bytes) -> None:
    answer = await refused(smsend.post("contact", body))
    assert answer.status == 400
    assert list(answer.json) == ["result", "error_code", "error_message"]


@pytest.mark.parametrize("text", ["x", "A" * 20, "AVvZEwZHHnl8wUZve6CT", "%00", "7"])
@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("GET", "contact/{}", 404),
        ("POST", "contact/add_to_blacklist/{}", 404),
        ("POST", "group/{group}/contact/{}", 400),
        ("DELETE", "group/{group}/contact/{}", 400),
    ],
)
async def test_unknown_contact_is_not_found(
    smsend: Any, refused: Any, method: str, target: str, status: int, text: str
) -> None:
    group = await make_group(smsend)
    target = target.format(text, group=group)
    answer = await refused(smsend.ask(method, target, headers=smsend.keys))
    shown = "?" if text == "%00" else text
    assert (answer.status, answer.json["result"]) == (status, f"Not found: contact [{shown}]")


async def test_contact_and_group_of_another_account_are_not_found(
    smsend: Any, refused: Any
) -> None:
    group, contact = await make_group(smsend), await make_contact(smsend, phoneNumber="+4511111111")
    await smsend.begin("other")
    mine, my_group = await make_contact(smsend), await make_group(smsend)
    no_contact = f"Not found: contact [{contact}]"
    no_group = f"Not found: group [{group}]"
    fields = {"name": "n", "description": ""}
    for asking, status, text in [
        (smsend.get(f"contact/{contact}"), 404, no_contact),
        (smsend.post(f"contact/add_to_blacklist/{contact}"), 404, no_contact),
        (smsend.post("contact/add_to_blacklist_batch", [mine, contact]), 400, no_contact),
        (smsend.post(f"group/{my_group}/contact/{contact}"), 400, no_contact),
        (smsend.delete(f"group/{my_group}/contact/{contact}"), 400, no_contact),
        (smsend.delete(f"group/{my_group}/contact/+4511111111"), 400,
         "Not found: contact [+4511111111]"),
        (smsend.put(f"group/{my_group}/contact", {"phoneNumber": "+4511111111"}), 400,
         "Not found: contact [+4511111111]"),
        (smsend.put(f"group/{group}", fields), 400, no_group),
        (smsend.delete(f"group/{group}"), 400, no_group),
        (smsend.post(f"group/{group}/contact/{mine}"), 400, no_group),
        (smsend.delete(f"group/{group}/contact/{mine}"), 400, no_group),
        (smsend.post("contact", {"email": "a@b.it", "groupIds": [group]}), 400, no_group),
    ]:  # fmt: skip
        answer = await refused(asking)
        assert (answer.status, answer.json["result"]) == (status, text)
    assert (await smsend.get("groups")).json["Total"] == 1
    assert (await smsend.get("contact")).json["total"] == 1


async def test_contacts_are_listed_in_pages(smsend: Any) -> None:
    empty = await smsend.get("contact")
    assert empty.body == b'{"contacts":[],"pageNumber":1,"pageSize":10,"total":0}'
    ids = [await make_contact(smsend, email=f"a{n}@example.com") for n in range(5)]
    page = await smsend.get("contact?pageNumber=2&pageSize=2")
    assert page.json | {"contacts": None} == {
        "contacts": None,
        "pageNumber": 2,
        "pageSize": 2,
        "total": 5,
    }
    assert [contact["contactId"] for contact in page.json["contacts"]] == ids[2:4]
    assert page.json["contacts"][0]["email"] == "a2@example.com"
    assert len((await smsend.get("contacts?pageSize=500")).json["contacts"]) == 5
    assert (await smsend.get("contact?pageNumber=4&pageSize=2")).json["contacts"] == []
    assert (await smsend.get("contact?pageNumber=1000000&pageSize=500")).json["contacts"] == []


@pytest.mark.stores_nothing
@pytest.mark.parametrize("target", ["contact", "contacts", "groups", "blacklist/sms"])
@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("pageNumber=0", "pageNumber"),
        ("pageNumber=-1", "pageNumber"),
        ("pageNumber=x", "pageNumber"),
        ("pageNumber=1000001", "pageNumber"),
        ("pageSize=0", "pageSize"),
        ("pageSize=501", "pageSize"),
        ("pageSize=1e9", "pageSize"),
    ],
)
async def test_page_that_is_none_is_refused(
    smsend: Any, refused: Any, target: str, query: str, name: str
) -> None:
    answer = await refused(smsend.get(f"{target}?{query}"))
    most = {"pageNumber": 1_000_000, "pageSize": 500}[name]
    text = f"Invalid value for parameter [{name}]: 1 to {most}"
    assert (answer.status, answer.json["result"]) == (400, text)


@pytest.mark.parametrize(("target", "status"), [("contact", 200), ("contacts", 200)])
async def test_contacts_are_created_together(smsend: Any, target: str, status: int) -> None:
    group = await make_group(smsend)
    first = await make_contact(smsend, email="a@example.com", name="Ann", groupIds=[group])
    body = {
        "contacts": [{"email": "A@example.com", "city": "Rome"}, {"phoneNumber": "+4512345678"}]
    }
    answer = await smsend.post(target, body)
    assert (answer.status, answer.body) == (status, b"2")
    listed = (await smsend.get("contact")).json["contacts"]
    assert [contact["name"] for contact in listed] == [None, None]
    assert first not in [contact["contactId"] for contact in listed]
    update = {"updateExistingContact": True, "keepExistingGroupsAndCampaigns": "true"}
    again = {"contacts": [{"email": "a@example.com", "surname": "B", "groupIds": [group]}]}
    assert (await smsend.post(target, again | update)).body == b"1"
    assert (await smsend.post(target, {"contacts": []})).body == b"0"
    listed = (await smsend.get("contact")).json["contacts"]
    assert [(c["city"], c["surname"], c["groupIds"]) for c in listed] == [
        ("Rome", "B", [group]),
        (None, None, []),
    ]


async def test_too_many_contacts_at_once_are_refused(smsend: Any, refused: Any) -> None:
    body = {"contacts": [{"email": "a@example.com"}] * 5_001}
    answer = await refused(smsend.post("contact", body))
    assert answer.json["result"] == "Invalid value for parameter [contacts]: at most 5000"
    answer = await refused(smsend.post("contacts", {"email": "a@example.com"}))
    assert answer.json["result"] == "Missing parameter [contacts]"


async def test_own_fields_are_listed(smsend: Any) -> None:
    answer = await smsend.get("contacts/fields")
    fields = answer.json["contactFields"]
    assert fields[0] == {
        "name": "promotiondate",
        "description": "An additional date field",
        "type": "DATE",
    }
    assert fields[-1] == {"name": "custom10", "description": "Custom field 10", "type": "TEXT"}
    assert len(fields) == 12


async def test_group_is_created_changed_listed_and_deleted(smsend: Any) -> None:
    body = b'{\n    "name": "{NAME}", \n    "description": "{DESCRIPTION}"\n}\n'
    created = await smsend.post("group", body)
    assert (created.status, created.body) == (201, b'""')
    assert re.fullmatch(r"/group/[0-9]{1,10}", created.location)
    target = created.location.lstrip("/")
    listed = await smsend.get("groups")
    assert listed.masked == (
        b'{"groups":[{"id_group":"<id>","group_name":"{NAME}",'
        b'"group_description":"{DESCRIPTION}"}],"pageNumber":1,"pageSize":5,"Total":1}'
    )
    assert listed.json["groups"][0]["id_group"] == target.removeprefix("group/")
    changed = await smsend.put(target, {"name": "new", "description": ""})
    assert (changed.status, changed.body, changed.location) == (200, b'""', created.location)
    assert (await smsend.get("groups")).json["groups"][0]["group_name"] == "new"
    deleted = await smsend.delete(target)
    assert (deleted.status, deleted.body, deleted.location) == (200, b'""', "")
    assert (await smsend.get("groups")).json["Total"] == 0
    assert (await smsend.delete(target)).status == 400


async def test_groups_are_listed_by_five(smsend: Any) -> None:
    ids = [await make_group(smsend, f"g{n}") for n in range(7)]
    first, second = await smsend.get("groups"), await smsend.get("groups?pageNumber=2")
    assert [group["id_group"] for group in first.json["groups"]] == ids[:5]
    assert [group["id_group"] for group in second.json["groups"]] == ids[5:]
    assert second.json["Total"] == 7


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({}, "Missing parameter [name]"),
        ({"name": "x"}, "Missing parameter [description]"),
        ({"name": "", "description": ""}, "Missing parameter [name]"),
        ({"name": "taken", "description": ""}, "[taken] already exists"),
        (
            {"name": "x" * 101, "description": ""},
            "Invalid value for parameter [name]: more than 100 characters",
        ),
        (
            {"name": "a\nb", "description": ""},
            "Invalid value for parameter [name]: it holds characters that do not print",
        ),
        (
            {"name": "x", "description": "x" * 1001},
            "Invalid value for parameter [description]: more than 1000 characters",
        ),
        (
            {"name": "x", "description": "\0"},
            "Invalid value for parameter [description]: not valid Unicode text",
        ),
    ],
)
async def test_bad_group_is_refused(
    smsend: Any, refused: Any, body: dict[str, str], text: str
) -> None:
    await make_group(smsend, "taken")
    group = await make_group(smsend, "other")
    for asking in (smsend.post("group", body), smsend.put(f"group/{group}", body)):
        answer = await refused(asking)
        assert (answer.status, answer.json["result"]) == (400, text)


@pytest.mark.parametrize("text", ["7", "x", "9" * 30, "%00"])
async def test_unknown_group_is_not_found(smsend: Any, refused: Any, text: str) -> None:
    contact = await make_contact(smsend)
    fields = {"name": "n", "description": "d"}
    shown = "?" if text == "%00" else text
    for asking in (
        smsend.put(f"group/{text}", fields),
        smsend.delete(f"group/{text}"),
        smsend.post(f"group/{text}/contact/{contact}"),
        smsend.delete(f"group/{text}/contact/{contact}"),
    ):
        answer = await refused(asking)
        assert (answer.status, answer.json["result"]) == (400, f"Not found: group [{shown}]")


async def test_contact_joins_and_leaves_a_group(smsend: Any, refused: Any) -> None:
    group, contact = await make_group(smsend), await make_contact(smsend, phoneNumber="+4512345678")
    target = f"group/{group}/contact/{contact}"
    for _ in range(2):  # again changes nothing
        joined = await smsend.post(target)
        assert (joined.status, joined.body) == (200, b'""')
        assert joined.location == f"/contact/{contact}"
    assert (await smsend.get(f"contact/{contact}")).json["groupIds"] == [group]
    left = await smsend.delete(target)
    assert (left.status, left.body, left.location) == (200, b'""', f"/contact/{contact}")
    assert (await smsend.get(f"contact/{contact}")).json["groupIds"] == []
    assert (await refused(smsend.delete(target))).status == 400
    by_number = await smsend.put(f"group/{group}/contact", {"phoneNumber": "004512345678"})
    assert (by_number.status, by_number.location) == (200, f"/contact/{contact}")
    assert (await smsend.get(f"contact/{contact}")).json["groupIds"] == [group]
    gone = await smsend.delete(f"group/{group}/contact/+4512345678")
    assert (gone.status, gone.location) == (200, f"/contact/{contact}")
    assert (await smsend.get(f"contact/{contact}")).json["groupIds"] == []
    for body, text in [
        ({}, "Missing parameter [phoneNumber]"),
        ({"phoneNumber": "+4587654321"}, "Not found: contact [+4587654321]"),
        ({"phoneNumber": "12"}, "Invalid recipient [12]"),
    ]:
        answer = await refused(smsend.put(f"group/{group}/contact", body))
        assert (answer.status, answer.json["result"]) == (400, text)


@pytest.mark.parametrize("form", [[], [("Content-Type", "application/x-www-form-urlencoded")]])
async def test_programs_of_the_manual_send_no_body_with_a_membership(
    smsend: Any, form: list[tuple[str, str]]
) -> None:
    """C# sends `UploadValues(url, "DELETE", new NameValueCollection())`."""
    group, contact = await make_group(smsend), await make_contact(smsend)
    for method, target in [
        ("POST", f"group/{group}/contact/{contact}"),
        ("DELETE", f"group/{group}/contact/{contact}"),
        ("DELETE", f"group/{group}"),
    ]:
        answer = await smsend.ask(method, target, headers=[*smsend.keys, *form])
        assert (answer.status, answer.body) == (200, b'""')


@pytest.mark.parametrize(
    ("query", "left"), [("", 2), ("?deletecontacts=false", 2), ("?deletecontacts=true", 1)]
)
async def test_group_takes_its_contacts_along_only_where_asked(
    smsend: Any, query: str, left: int
) -> None:
    group = await make_group(smsend)
    await make_contact(smsend, groupIds=[group])
    await make_contact(smsend, email="b@example.com")
    assert (await smsend.delete(f"group/{group}{query}")).status == 200
    assert (await smsend.get("contact")).json["total"] == left
    assert (await smsend.rows())["memberships"] == 0


async def test_deletecontacts_that_says_neither_is_refused(smsend: Any, refused: Any) -> None:
    group = await make_group(smsend)
    answer = await refused(smsend.delete(f"group/{group}?deletecontacts=some"))
    assert answer.json["result"] == ("Invalid value for parameter [deletecontacts]: true or false")


async def test_contact_id_leads_back_to_the_identifier(smsend: Any) -> None:
    contact = await make_contact(smsend)
    identifier = parse_base64(contact)
    assert identifier is not None
    assert render_base64(identifier) == contact
    table = metadata.tables["contacts"]
    rows = await smsend.services.storage.read(lambda c: c.execute(table.select()).all())
    assert [row.contact_id for row in rows] == [identifier]
