"""Issues, templates and sending: the manual's requests in, exact answers out."""

from __future__ import annotations

import base64
import re
from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from dragoman.core.campaigns.model.mailings import MAX_ATTACHMENT_BYTES, EmailService
from dragoman.core.campaigns.sql.tables import issue_attachments, issues, sendings

PRINTED = b"""
{
    "title": "New title",
    "subject": "Hello world!",
    "share_social": false,
    "web_analytics": "www.google.it?a=b",
    "text_content": "Test email",
    "html_content": "<body><table><tr><td>Hello world!</td></tr><table></body>",
    "attachments": [
        {
            "file_name": "attach1.pdf",
            "file_content_base64": "ABAAC2"
        },
        {
            "file_name": "attach2.pdf",
            "file_content_base64": "PBAAC2"
        }
    ]
}
"""


def _problem(text: str, status: int = 400) -> bytes:
    return msgspec.json.encode({"result": text, "error_code": status, "error_message": text})


async def _all(smsend: Any, table: Any) -> list[Any]:
    return await smsend.services.storage.read(lambda c: list(c.execute(select(table))))


async def test_write_an_issue_as_printed(smsend: Any, desk: Any) -> None:
    path = await desk.list()
    answer = await smsend.post(f"{path}/issue", PRINTED)
    assert (answer.status, answer.body) == (201, b'""')
    assert re.fullmatch(rf"/{path}/issue/\d{{1,10}}", answer.location)
    [row] = await _all(smsend, issues)
    assert (row.title, row.subject, row.text) == ("New title", "Hello world!", "Test email")
    assert (row.share_social, row.web_analytics) == (False, "www.google.it?a=b")
    files = await _all(smsend, issue_attachments)
    # The manual's own Base64 lacks its padding.
    assert [(one.name, one.content_type, bytes(one.content)) for one in files] == [
        ("attach1.pdf", "application/pdf", b"\x00\x10\x00\x0b"),
        ("attach2.pdf", "application/pdf", b"\x3c\x10\x00\x0b"),
    ]


@pytest.mark.stores_nothing
@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"title": ""}, "Missing parameter [title]"),
        ({"subject": None}, "Missing parameter [subject]"),
        ({"text_content": " "}, "Missing parameter [text_content]"),
        ({"html_content": ""}, "Missing parameter [html_content]"),
        (
            {"subject": "Hello\r\nBcc: all@example.com"},
            "Invalid value for parameter [subject]: it holds characters that do not print",
        ),
        (
            {"subject": "=?utf-8?q?a=0D=0ABcc:_all@example.com?="},
            "Invalid value for parameter [subject]: it holds an encoded word",
        ),
        ({"subject": "é" * 256}, "Invalid value for parameter [subject]: more than 255 characters"),
        (
            {"html_content": "x" * 1_000_001},
            "Invalid value for parameter [html_content]: more than 1000000 characters",
        ),
        (
            {"text_content": "a\0b"},
            "Invalid value for parameter [text_content]: not valid Unicode text",
        ),
        ({"share_social": "so"}, "Invalid value for parameter [share_social]: true or false"),
    ],
)
async def test_bad_value_of_an_issue_is_named(
    smsend: Any, desk: Any, refused: Any, changed: dict[str, object], text: str
) -> None:
    path = await desk.list()
    body = msgspec.json.decode(PRINTED) | changed
    assert (await refused(smsend.post(f"{path}/issue", body))).body == _problem(text)


def _file(name: str = "a.pdf", content: str = "QUJD") -> dict[str, str]:
    return {"file_name": name, "file_content_base64": content}


HALF = base64.b64encode(bytes(MAX_ATTACHMENT_BYTES // 2 + 1)).decode()


@pytest.mark.stores_nothing
@pytest.mark.parametrize(
    ("files", "text"),
    [
        ([_file(content="QUJ$")], "[attachments[0]]: not Base64"),
        ([_file(content="QUJDR")], "[attachments[0]]: not Base64"),
        ([_file(content="QU=JD")], "[attachments[0]]: not Base64"),
        ([_file(content="QUJÈ")], "[attachments[0]]: not Base64"),
        ([_file(content="")], "[attachments[0]]: empty"),
        ([_file(), _file(name="")], "[attachments[1]]: its name cannot be a file's"),
        ([_file(name="../a.pdf")], "[attachments[0]]: its name cannot be a file's"),
        ([_file(name="a\r\nBcc: b@c.d")], "[attachments[0]]: its name cannot be a file's"),
        ([_file(name='a".pdf')], "[attachments[0]]: its name cannot be a file's"),
        ([_file(name="a" * 256)], "[attachments[0]]: its name cannot be a file's"),
        (
            [_file(content=HALF)] * 2,
            f"[attachments[1]]: together larger than {MAX_ATTACHMENT_BYTES} bytes",
        ),
        ([_file()] * 11, "[attachments]: at most 10"),
    ],
)
async def test_bad_attachment_is_named(
    smsend: Any, desk: Any, refused: Any, files: list[dict[str, str]], text: str
) -> None:
    path = await desk.list()
    body = msgspec.json.decode(PRINTED) | {"attachments": files}
    answer = await refused(smsend.post(f"{path}/issue", body))
    assert answer.body == _problem(f"Invalid value for parameter {text}")


async def test_base64_in_lines_is_taken(smsend: Any, desk: Any) -> None:
    path = await desk.list()
    await desk.issue(path, attachments=[_file(content="QU\r\nJD\r\nRA==\r\n")])
    [file] = await _all(smsend, issue_attachments)
    assert bytes(file.content) == b"ABCD"


async def test_issue_from_a_template_as_printed(smsend: Any, desk: Any) -> None:
    path = await desk.list()
    template = await desk.make(
        "template",
        {"name": "T", "subject": "S", "text_content": "text", "html_content": "<p>html</p>"},
    )
    answer = await smsend.post(
        f"{path}/issue/{template}",
        b'{\n    "name": "New title",\n    "subject": "Hello World!!"\n}\n',
    )
    assert (answer.status, answer.body) == (201, b'""')
    assert re.fullmatch(rf"/{path}/issue/\d{{1,10}}", answer.location)
    [row] = await _all(smsend, issues)
    assert (row.title, row.subject, row.text, row.html) == (
        *("New title", "Hello World!!"),
        *("text", "<p>html</p>"),
    )


@pytest.mark.parametrize("name", ["name", "subject"])
async def test_issue_from_a_template_needs_name_and_subject(
    smsend: Any, desk: Any, refused: Any, name: str
) -> None:
    path = await desk.list()
    template = await desk.make(
        "template", {"name": "T", "text_content": "text", "html_content": "<p>html</p>"}
    )
    body = {"name": "New title", "subject": "Hello World!!"} | {name: ""}
    answer = await refused(smsend.post(f"{path}/issue/{template}", body))
    assert answer.body == _problem(f"Missing parameter [{name}]")


async def test_template_is_created_changed_listed_and_deleted(smsend: Any, desk: Any) -> None:
    fields = {"name": "T", "subject": "S", "text_content": "text", "html_content": "<p>h</p>"}
    path = await desk.make("template", fields)
    printed = (
        b'{"id_template":<id>,"name":"T","subject":"S","text_content":"text",'
        b'"html_content":"<p>h</p>","text":"text"}'
    )
    answer = await smsend.get(path)
    assert (answer.status, answer.masked) == (200, printed)
    answer = await smsend.get("template")
    assert (answer.status, answer.masked) == (200, b'{"templates":[' + printed + b"]}")
    answer = await smsend.put(path, {"subject": "new"})
    assert (answer.status, answer.body, answer.location) == (200, b'""', f"/{path}")
    assert (await smsend.get(path)).json["subject"] == "new"
    answer = await smsend.delete(path)
    assert (answer.status, answer.body) == (200, b'""')
    assert (await smsend.get(path)).status == 404
    assert (await smsend.get("template")).body == b'{"templates":[]}'


async def test_send_an_issue_as_printed(smsend: Any, desk: Any) -> None:
    issue = await desk.issue(await desk.list())
    contact_ids = [await desk.contact("ann@one.example"), await desk.contact("bob@two.example")]
    first, second = contact_ids
    body = f"""
{{
    "contactIds": [
        "{first}",
        "{second}"
    ],
    "scheduleTime": "2026-12-17 12:30:00"
}}
""".encode()
    answer = await smsend.post(issue, body)
    assert (answer.status, answer.body, answer.location) == (201, b'""', f"/{issue}")
    [row] = await _all(smsend, sendings)
    assert row.due_ms == 1_797_507_000_000  # half past eleven in UTC: the account is in Rome
    assert len(msgspec.json.decode(row.contact_ids)) == 2


@pytest.mark.parametrize(
    "written",
    ["2026-12-17 12:30:00", "2026-12-17T12:30:00", "2026-12-17 12:30", "2026-12-17 12:30:00.0"],
)
async def test_time_of_a_sending_comes_in_some_spellings(
    smsend: Any, desk: Any, written: str
) -> None:
    issue = await desk.issue(await desk.list())
    contact_id = await desk.contact("ann@one.example")
    body = {"contactIds": [contact_id], "scheduleTime": written}
    assert (await smsend.post(issue, body)).status == 201
    [row] = await _all(smsend, sendings)
    assert row.due_ms == 1_797_507_000_000


async def test_time_that_is_past_is_now(smsend: Any, desk: Any) -> None:
    issue = await desk.issue(await desk.list())
    contact_id = await desk.contact("ann@one.example")
    body = {"contactIds": [contact_id], "scheduleTime": "2017-08-17 12:30:00"}
    assert (await smsend.post(issue, body)).status == 201
    [row] = await _all(smsend, sendings)
    assert row.due_ms == smsend.clock.now_ms()


@pytest.mark.parametrize("written", ["tomorrow", "2026-13-17 12:30:00", "20261217123000", "9" * 99])
async def test_time_that_is_none_is_refused(
    smsend: Any, desk: Any, refused: Any, written: str
) -> None:
    issue = await desk.issue(await desk.list())
    contact_id = await desk.contact("ann@one.example")
    body = {"contactIds": [contact_id], "scheduleTime": written}
    assert (await refused(smsend.post(issue, body))).body == _problem(
        "Invalid value for parameter [scheduleTime]: yyyy-MM-dd hh:mm:ss"
    )


async def test_sending_names_the_contact_that_is_not_there(
    smsend: Any, desk: Any, refused: Any
) -> None:
    issue = await desk.issue(await desk.list())
    ours = await desk.contact("ann@one.example")
    without_address = (await desk.make("contact", {"phoneNumber": "+393471234567"}))[8:]
    await smsend.begin("other")
    theirs = await desk.contact("eve@three.example")
    await smsend.begin()
    for unknown in ("AV3vrSlPuGYfQz6BgjeI", "x", theirs, without_address):
        body = {"contactIds": [ours, unknown], "scheduleTime": "2026-12-17 12:30:00"}
        answer = await refused(smsend.post(issue, body))
        assert answer.body == _problem(f"Invalid recipient [{unknown}]")


@pytest.mark.parametrize("contact_ids", [[], None])
async def test_sending_to_nobody_is_500_as_the_manual_says(
    smsend: Any, desk: Any, contact_ids: object
) -> None:
    issue = await desk.issue(await desk.list())
    before = await smsend.rows()
    body = {"contactIds": contact_ids, "scheduleTime": "2026-12-17 12:30:00"}
    answer = await smsend.post(issue, body)
    text = "The issue can't be sent: Missing parameter [contactIds]"
    assert (answer.status, answer.body) == (500, _problem(text, 500))
    assert await smsend.rows() == before


@pytest.mark.parametrize("template", ["1", "x"])
async def test_issue_from_an_unknown_template_is_500_as_the_manual_says(
    smsend: Any, desk: Any, template: str
) -> None:
    path = await desk.list()
    before = await smsend.rows()
    body = {"name": "New title", "subject": "Hello World!!"}
    answer = await smsend.post(f"{path}/issue/template/{template}", body)
    text = f"The issue can't be created: Not found: template [{template}]"
    assert (answer.status, answer.body) == (500, _problem(text, 500))
    assert await smsend.rows() == before


async def test_sending_without_the_service_is_500(smsend: Any, desk: Any) -> None:
    issue = await desk.issue(await desk.list())
    contact_id = await desk.contact("ann@one.example")
    account = await smsend.services.accounts.find("username")
    await smsend.services.mailings.put_service(account, EmailService(enabled=False))
    before = await smsend.rows()
    body = {"contactIds": [contact_id], "scheduleTime": "2026-12-17 12:30:00"}
    answer = await smsend.post(issue, body)
    text = "The issue can't be sent: Not allowed: [email]"
    assert (answer.status, answer.body) == (500, _problem(text, 500))
    assert await smsend.rows() == before
