"""Lists, and who is on them: the manual's requests in, exact answers out."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from dragoman.core.campaigns.model.mailings import ListState
from dragoman.core.campaigns.sql.tables import deliveries, mailing_lists, subscriptions
from dragoman.core.contacts.sql.tables import contacts

PRINTED = b"""
{
    "title": "MyNewList",
    "id_language": "ita",
    "email_sender": "ema@il.com",
    "reply_to": "ema@il.com",
    "company_name": "MyCompany",
    "company_address": "My Company Address",
    "company_url": "www.mycompany.com",
    "company_phone": "+34123456789",
    "company_fax": "+341234567810"
}
"""
FIELDS = tuple(msgspec.json.decode(PRINTED))


def _problem(text: str, status: int = 400) -> bytes:
    return msgspec.json.encode({"result": text, "error_code": status, "error_message": text})


async def _all(smsend: Any, table: Any) -> list[Any]:
    return await smsend.services.storage.read(lambda c: list(c.execute(select(table))))


async def test_create_a_list_as_printed(smsend: Any) -> None:
    answer = await smsend.post("list", PRINTED)
    assert (answer.status, answer.body) == (201, b'""')
    assert re.fullmatch(r"/list/\d{1,10}", answer.location)
    [row] = await _all(smsend, mailing_lists)
    assert answer.location == f"/list/{row.list_id}"
    assert (row.title, row.language, row.sender) == ("MyNewList", "ita", "ema@il.com")
    assert row.state == ListState.ACTIVE


async def test_change_a_list_as_printed(smsend: Any, desk: Any) -> None:
    path = await desk.list()
    answer = await smsend.put(path, PRINTED.replace(b"MyNewList", b"Renamed"))
    assert (answer.status, answer.body, answer.location) == (204, b"", f"/{path}")
    [row] = await _all(smsend, mailing_lists)
    assert row.title == "Renamed"


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (0, ListState.ACTIVE),
        (1, ListState.ARCHIVED),
        ("2", ListState.TO_ACTIVATE),
        ("ARCHIVED", ListState.ARCHIVED),
    ],
)
async def test_change_of_the_status_leaves_the_rest(
    smsend: Any, desk: Any, status: object, state: ListState
) -> None:
    path = await desk.list()
    assert (await smsend.put(path, {"status": status})).status == 204
    [row] = await _all(smsend, mailing_lists)
    assert (row.state, row.title, row.company_fax) == (state, "MyNewList", "+341234567810")


async def test_lists_are_listed_by_status(smsend: Any, desk: Any) -> None:
    first, second = await desk.list(), await desk.list()
    await smsend.put(second, {"status": 1})
    answer = await smsend.get("list?statuses=ARCHIVED,TO_ACTIVATE")
    assert answer.status == 200
    assert answer.masked == (
        b'{"lists":[{"id_list":<id>,"title":"MyNewList","id_language":"ita",'
        b'"email_sender":"ema@il.com","reply_to":"ema@il.com","company_name":"MyCompany",'
        b'"company_address":"My Company Address","company_url":"www.mycompany.com",'
        b'"company_phone":"+34123456789","company_fax":"+341234567810","status":"ARCHIVED"}]}'
    )
    everything = (await smsend.get("list")).json["lists"]
    assert [f"list/{one['id_list']}" for one in everything] == [first, second]


@pytest.mark.stores_nothing
@pytest.mark.parametrize("name", FIELDS)
async def test_list_without_a_field_is_refused(smsend: Any, refused: Any, name: str) -> None:
    body = msgspec.json.decode(PRINTED)
    for missing in ("", "   ", None):
        answer = await refused(smsend.post("list", body | {name: missing}))
        assert answer.body == _problem(f"Missing parameter [{name}]")
    del body[name]
    answer = await refused(smsend.post("list", body))
    assert answer.body == _problem(f"Missing parameter [{name}]")


@pytest.mark.stores_nothing
@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"email_sender": "ema"}, "[email_sender]: not an e-mail address"),
        ({"reply_to": "a@b.com\r\nBcc: c@d.com"}, "[reply_to]: not an e-mail address"),
        (
            {"title": "a\r\nBcc: all@example.com"},
            "[title]: it holds characters that do not print",
        ),
        ({"title": "a\0"}, "[title]: it holds characters that do not print"),
        ({"title": "a" * 256}, "[title]: more than 255 characters"),
        ({"company_name": "a\nb"}, "[company_name]: it holds characters that do not print"),
        ({"company_fax": "1" * 257}, "[company_fax]: more than 256 characters"),
        ({"id_language": "a" * 9}, "[id_language]: more than 8 characters"),
        ({"status": 3}, "[status]: 0, 1 or 2"),
        ({"status": "x"}, "[status]: 0, 1 or 2"),
    ],
)
async def test_bad_value_of_a_list_is_named(
    smsend: Any, desk: Any, refused: Any, changed: dict[str, object], text: str
) -> None:
    expected = _problem(f"Invalid value for parameter {text}")
    path = await desk.list()
    body = msgspec.json.decode(PRINTED) | changed
    assert (await refused(smsend.post("list", body))).body == expected
    assert (await refused(smsend.put(path, changed))).body == expected


async def test_register_a_contact_as_printed(smsend: Any, desk: Any) -> None:
    path = await desk.list()
    answer = await smsend.post(
        f"{path}/contact",
        b'{\n    "email": "ann@one.example",\n    "phoneNumber": "+393471234567"\n}\n',
    )
    assert (answer.status, answer.body) == (201, b'""')
    assert re.fullmatch(r"/contact/[A-Za-z0-9_-]{20}", answer.location)
    contact = await smsend.get(answer.location.removeprefix("/"))
    assert contact.json["email"] == "ann@one.example"
    [row] = await _all(smsend, subscriptions)
    assert (row.address, row.state) == ("ann@one.example", 0)
    assert await _all(smsend, deliveries) == []


async def test_register_with_opt_in_sends_a_mail_in_any_spelling(smsend: Any, desk: Any) -> None:
    path = await desk.list()
    for number, query in enumerate(("SendOptIn=true", "sendoptin=true"), start=1):
        body = {"email": f"p{number}@one.example"}
        assert (await smsend.post(f"{path}/contact?{query}", body)).status == 201
        assert len(await _all(smsend, deliveries)) == number


async def test_register_again_completes_the_contact(smsend: Any, desk: Any) -> None:
    path = await desk.list()
    first = await smsend.post(f"{path}/contact", {"email": "ann@one.example"})
    again = await smsend.post(f"{path}/contact", {"email": "Ann@one.example", "name": "Ann"})
    assert again.location == first.location
    assert len(await _all(smsend, contacts)) == 1
    assert len(await _all(smsend, subscriptions)) == 1
    contact = await smsend.get(first.location.removeprefix("/"))
    assert contact.json["name"] == "Ann"


@pytest.mark.parametrize(
    ("target", "body", "text"),
    [
        ("contact", {"phoneNumber": "+393471234567"}, "Missing parameter [email]"),
        (
            "contact",
            {"email": "ann"},
            "Invalid value for parameter [email]: not an e-mail address",
        ),
        (
            "contact?SendOptIn=maybe",
            {"email": "ann@one.example"},
            "Invalid value for parameter [sendoptin]: true or false",
        ),
        (
            "contact",
            {"email": "ann@one.example", "groupIds": ["123456789012345"]},
            "Not found: group [123456789012345]",
        ),
    ],
)
async def test_bad_registration_stores_neither_contact_nor_subscription(
    smsend: Any, desk: Any, refused: Any, target: str, body: dict[str, object], text: str
) -> None:
    path = await desk.list()
    assert (await refused(smsend.post(f"{path}/{target}", body))).body == _problem(text)


@pytest.mark.parametrize("status", [1, 2])
async def test_list_that_is_not_active_takes_nobody(
    smsend: Any, desk: Any, refused: Any, status: int
) -> None:
    path = await desk.list()
    await smsend.put(path, {"status": status})
    answer = await refused(smsend.post(f"{path}/contact", {"email": "ann@one.example"}))
    assert answer.body == _problem("Invalid value for parameter [list]: it is not active")


async def test_add_a_group_to_a_list(smsend: Any, desk: Any) -> None:
    path = await desk.list()
    group = await desk.make("group", {"name": "Friends", "description": ""})
    group_id = group.removeprefix("group/")
    await desk.contact("ann@one.example", groupIds=[group_id])
    await desk.contact("bob@two.example", groupIds=[group_id])
    await desk.make("contact", {"phoneNumber": "+393471234567", "groupIds": [group_id]})
    for opt_in, mails in (("", 0), ("?sendoptin=false", 0)):
        answer = await smsend.post(f"{path}/{group}{opt_in}")
        assert (answer.status, answer.body) == (200, b'""')
        rows = await _all(smsend, subscriptions)
        assert {row.address for row in rows} == {"ann@one.example", "bob@two.example"}
        assert len(await _all(smsend, deliveries)) == mails
    another = await desk.list()
    assert (await smsend.post(f"{another}/{group}?sendoptin=true")).status == 200
    assert len(await _all(smsend, deliveries)) == 2


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("PUT", "{list}"),
        ("POST", "{list}/contact"),
        ("POST", "{list}/group/{group}"),
        ("POST", "{list}/issue"),
        ("POST", "{list}/issue/template/{template}"),
        ("POST", "{list}/issue/{issue}"),
        ("GET", "template/{template}"),
        ("PUT", "template/{template}"),
        ("DELETE", "template/{template}"),
    ],
)
async def test_what_another_account_has_is_not_there(
    smsend: Any, desk: Any, refused: Any, method: str, target: str
) -> None:
    path = await desk.list()
    template = await desk.make(
        "template", {"name": "T", "subject": "S", "text_content": "t", "html_content": "h"}
    )
    group = await desk.make("group", {"name": "Friends", "description": "d"})
    issue = await desk.issue(path)
    body = {
        **msgspec.json.decode(PRINTED),
        "email": "ann@one.example",
        "name": "N",
        "subject": "S",
        "text_content": "t",
        "html_content": "h",
        "contactIds": ["AV3vrSlPuGYfQz6BgjeI"],
        "scheduleTime": "2027-08-17 12:30:00",
    }
    ours = {
        "list": path,
        "template": template.removeprefix("template/"),
        "group": group.removeprefix("group/"),
        "issue": issue.rpartition("/")[2],
    }
    nobody = {"list": "list/1", "template": "1", "group": "1", "issue": "1"}
    wrong = {"list": "list/x", "template": "x", "group": "x", "issue": "9" * 30}
    answers = []
    await smsend.begin("other")
    for ids in (ours, nobody, wrong):
        place = target.format(**ids)
        asking = {"GET": smsend.get, "DELETE": smsend.delete}.get(method)
        asked = asking(place) if asking else getattr(smsend, method.lower())(place, body)
        answer = await refused(asked)
        answers.append((answer.status, re.sub(rb"\[\w+\]", b"[]", answer.body)))
    documented = not target.startswith("template")
    assert {status for status, _ in answers} == {400 if documented else 404}
    assert len(set(answers)) == 1


async def test_calls_need_keys(smsend: Any) -> None:
    smsend.keys = []
    for target in ("list", "template"):
        assert (await smsend.post(target, {})).status == 401
