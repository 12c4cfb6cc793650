"""Multimedia messages: fetched before they are accepted, stored whole, refused with a reason."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.passing_time import advance_timers, until

from dragoman.assembly import build_services
from dragoman.config.sections import Mms
from dragoman.config.settings import Settings
from dragoman.config.tables import Mm7Table
from dragoman.core.messages.model.attachments import Attachment
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.sql.tables import attachments
from dragoman.kit.clock import FixedClock

from .conftest import NOW_MS, Answer, Link

PNG = b"\x89PNG\r\n\x1a\n\0\xff"
SMIL = b"<smil><body/></smil>"
MMS = {"sender": "1272", "format": "MMS", "message": "MMS test"}


class Files:
    """A customer's web server."""

    def __init__(self) -> None:
        self.files: dict[str, tuple[str, bytes]] = {
            "/sms.png": ("image/png", PNG),
            "/show.smil": ("application/octet-stream", SMIL),
            "/empty.png": ("image/png", b""),
            "/large.png": ("image/png", b"x" * 5000),
            "/half.png": ("image/png", b"x" * 3000),
            "/page.html": ("text/html", b"<html>"),
            "/vague.jpeg": ("", b"jpeg"),
        }
        self.asked: list[str] = []
        self.port = 0

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        path = head.split()[1].decode().partition("?")[0]
        self.asked.append(path)
        if path == "/moved":
            writer.write(b"HTTP/1.1 302 Found\r\nLocation: /sms.png\r\nContent-Length: 0\r\n\r\n")
        elif path in self.files:
            kind, content = self.files[path]
            declared = f"Content-Type: {kind}\r\n" if kind else ""
            lines = f"HTTP/1.1 200 OK\r\n{declared}Content-Length: {len(content)}\r\n\r\n"
            writer.write(lines.encode() + content)
        elif path != "/silent":
            writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        else:
            await reader.read()
        await writer.drain()
        writer.close()


@pytest.fixture
async def files() -> AsyncIterator[Files]:
    files = Files()
    server = await asyncio.start_server(files.serve, "127.0.0.1", 0)
    files.port = server.sockets[0].getsockname()[1]
    yield files
    server.close()


@pytest.fixture
async def mms(prepared: Path, tmp_path: Path) -> AsyncIterator[Link]:
    """The dialect over a house with an SMSC and an MMSC."""
    folder = tmp_path / "mms"
    shutil.copytree(prepared, folder)
    settings = Settings.development(folder, http="127.0.0.1:0", smsc="127.0.0.1:2775")
    mm7 = Mm7Table(name="pictures", url="http://127.0.0.1:1/", report_secret="x")
    settings = msgspec.structs.replace(
        settings,
        carriers=(*settings.carriers, mm7),
        mms=Mms(max_attachments=3, max_bytes=4096, timeout_s=60),
    )
    clock = FixedClock(NOW_MS)
    services = build_services(settings, clock)
    await services.open(migrate=False)
    try:
        yield Link(services, clock)
    finally:
        await services.close()


async def test_the_message_of_the_manual_is_stored_with_its_attachment(
    mms: Link, files: Files
) -> None:
    batch_id = await mms.sent(**MMS, charset="UTF-8", attachment=[files.url("/sms.png")])
    (message,) = mms.live()
    assert (message.route, message.part_count, message.state) == (
        "multimedia",
        1,
        State.QUEUED,
    )
    assert message.outgoing().multimedia is not None
    assert await mms.services.attachments.load(int(batch_id)) == (
        Attachment(name="sms.png", content_type="image/png", content=PNG),
    )
    listed = (await mms.get("messages/1.json")).json["messages"][0]
    assert (listed["msg"], listed["sender"]) == ("MMS test", "1272")


async def test_xml_writes_an_array_as_repeated_elements(mms: Link, files: Files) -> None:
    urls = "".join(
        f"<attachment>{files.url(path)}</attachment>" for path in ("/show.smil", "/sms.png")
    )
    answer = await mms.ask(
        "POST",
        "message.xml?apikey={key}",
        f"<message><recipients>+4512345678</recipients><sender>1272</sender><format>MMS</format>"
        f"{urls}</message>".encode(),
        b"text/xml",
    )
    assert answer.status == 201, answer.body
    (message,) = mms.live()
    stored = await mms.services.attachments.load(message.batch.batch_id)
    assert [(one.name, one.content_type) for one in stored] == [
        ("show.smil", "application/smil"),
        ("sms.png", "image/png"),
    ]


async def test_a_single_url_and_a_type_by_its_ending_and_doubled_names(
    mms: Link, files: Files
) -> None:
    batch_id = await mms.sent(**MMS, attachment=files.url("/vague.jpeg?size=1"))
    (one,) = await mms.services.attachments.load(int(batch_id))
    assert (one.name, one.content_type) == ("vague.jpeg", "image/jpeg")
    batch_id = await mms.sent(**MMS, attachment=[files.url("/sms.png")] * 3)
    stored = await mms.services.attachments.load(int(batch_id))
    assert [one.name for one in stored] == ["sms.png", "2-sms.png", "3-sms.png"]


async def test_the_messages_of_a_batch_share_its_attachments(mms: Link, files: Files) -> None:
    await mms.sent(**MMS, recipients="+4512345671,+4512345672", attachment=[files.url("/sms.png")])
    rows = await mms.services.storage.read(lambda c: c.execute(attachments.select()).all())
    assert len(rows) == 1
    assert len(mms.live()) == 2


async def test_texts_do_not_go_over_the_multimedia_route(mms: Link) -> None:
    await mms.sent()
    assert mms.live()[0].route == "default"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"attachment": None}, "Attachment cannot be empty"),
        ({"attachment": ["/gone.png"]}, "Attachment is not valid, number 1: answered 404"),
        ({"attachment": ["/sms.png", "/moved"]}, "Attachment is not valid, number 2: answered 302"),
        ({"attachment": ["/empty.png"]}, "Attachment is not valid, number 1: empty"),
        (
            {"attachment": ["/large.png"]},
            "Attachment is not valid, number 1: larger than 4096 bytes",
        ),
        (
            {"attachment": ["/half.png", "/half.png"]},
            "Attachment is not valid, together larger than 4096 bytes",
        ),
        (
            {"attachment": ["/page.html"]},
            "Attachment is not valid, number 1: the type is not allowed",
        ),
        (
            {"attachment": ["/sms.png", "/show.smil"]},
            "Attachment is not valid, number 2: a SMIL document comes first",
        ),
        ({"attachment": ["/sms.png"] * 4}, "Attachment is not valid, at most 3"),
        (
            {"sender": "Shop", "attachment": ["/sms.png"]},
            "Sender [Shop] is not valid, an MMS needs a number or short code",
        ),
        ({"message": "x" * 5001, "attachment": ["/sms.png"]}, "Message is not valid, too long for"),
    ],
)
async def test_what_cannot_be_sent_is_refused_and_nothing_is_stored(
    mms: Link, files: Files, fields: dict[str, Any], reason: str
) -> None:
    if fields["attachment"]:
        fields = {**fields, "attachment": [files.url(path) for path in fields["attachment"]]}
    before = await mms.rows()
    answer = await mms.send(**MMS | fields)
    assert answer.status == 400
    assert answer.json["message"].startswith(reason)
    assert await mms.rows() == before
    assert mms.live() == []


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://169.254.169.254/latest", "169.254.169.254 is not a public address"),
        ("http://10.0.0.1/a.png", "10.0.0.1 is not a public address"),
        ("http://[::ffff:10.0.0.1]/a.png", "is not a public address"),
        ("file:///etc/passwd", "only http and https are called"),
        ("ftp://example.org/a.png", "only http and https are called"),
        ("http://me:secret@127.0.0.1/a.png", "a URL with a user name is not called"),
        ("http://127.0.0.1:22/a.png", "port 22 is not called"),
        ("http://", "the URL names no host"),
        ("no url", "only http and https are called"),
    ],
)
async def test_urls_that_lead_inside_are_not_fetched(mms: Link, url: str, reason: str) -> None:
    answer = await mms.send(**MMS, attachment=[url])
    assert answer.status == 400
    assert answer.json["message"].startswith("Attachment is not valid, number 1: ")
    assert answer.json["message"].endswith(reason)
    assert mms.live() == []


async def test_a_server_that_does_not_answer_is_not_waited_for(mms: Link, files: Files) -> None:
    sending = asyncio.create_task(mms.send(**MMS, attachment=[files.url("/silent")]))
    await until(lambda: files.asked)
    advance_timers(60)
    answer = await sending
    assert answer.status == 400
    assert answer.json["message"].endswith("in 60 s")


async def test_nothing_is_fetched_for_a_message_that_is_refused_anyway(
    mms: Link, files: Files
) -> None:
    assert (await mms.send(**MMS | {"sender": "x y z"}, attachment=[files.url("/a")])).status == 400
    assert files.asked == []


async def test_a_batch_for_later_is_sent_with_what_was_fetched_now(mms: Link, files: Files) -> None:
    batch_id = await mms.sent(
        **MMS, sendtime="21-09-2026 17:00", attachment=[files.url("/sms.png")]
    )
    del files.files["/sms.png"]
    mms.clock.advance(3600)
    assert await mms.services.batches._step()
    (message,) = mms.live()
    assert message.route == "multimedia"
    multimedia = message.outgoing().multimedia
    assert multimedia is not None
    assert multimedia.batch_id == int(batch_id)
    assert (await mms.services.attachments.load(multimedia.batch_id))[0].content == PNG


async def test_a_list_gets_the_attachments_with_a_text_for_each_contact(
    mms: Link, files: Files
) -> None:
    async def make(path: str, body: dict[str, Any]) -> Answer:
        return await mms.ask("POST", f"{path}.json?apikey={{key}}", msgspec.json.encode(body))

    made = await make("list", {"list": {"name": "friends", "parent": 0}})
    list_id = made.json["list"]["id"]
    contact = {"mobile": "+4512345678", "listid": list_id, "fields": {"Name": "Ann"}}
    assert (await make("contact", {"contact": contact})).status == 201
    fields = {**MMS, "message": "Hi [Name]", "attachment": [files.url("/sms.png")]}
    await mms.sent(**fields, recipients=list_id)
    for _ in range(200):
        if mms.live():
            break
        await mms.services.batches._step()
    (message,) = mms.live()
    sent = message.outgoing().multimedia
    assert sent is not None
    assert (message.route, message.part_count, sent.text) == ("multimedia", 1, "Hi Ann")
    (one,) = await mms.services.attachments.load(sent.batch_id)
    assert one.content == PNG
