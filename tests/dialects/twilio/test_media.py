"""Files of messages: fetched when one is accepted, described, downloaded and forgotten."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from dragoman.assembly import build_services
from dragoman.config.sections import Mms
from dragoman.config.tables import Mm7Table
from dragoman.dialects.twilio import build_twilio

from .conftest import SID, TOKEN, Gate, basic, settings_of

PNG = b"\x89PNG\r\n\x1a\n"
PAGE = b"<script>alert(1)</script>"
FILES = {
    "/a.png": (b"image/png", PNG),
    "/b.png": (b"image/png", PNG + b"b"),
    "/page": (b"text/html", PAGE),
}
BASE = f"/2010-04-01/Accounts/{SID}"


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    kind, content = FILES.get(head.split()[1].decode(), (b"", b""))
    status = b"200 OK" if content else b"404 Not Found"
    lines = b"HTTP/1.1 %b\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n"
    writer.write(lines % (status, kind, len(content)) + content)
    await writer.drain()
    writer.close()


@pytest.fixture
async def url() -> AsyncIterator[str]:
    """Where the files of a customer are."""
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()


@pytest.fixture
async def mms(data_dir: Path, tmp_path: Path) -> AsyncIterator[Gate]:
    """The dialect over a gateway with an SMSC and an MMSC."""
    folder = tmp_path / "data"
    shutil.copytree(data_dir, folder)
    settings = settings_of(folder)
    mm7 = Mm7Table(name="pictures", url="http://127.0.0.1:1/", report_secret="x")
    settings = msgspec.structs.replace(
        settings,
        carriers=(*settings.carriers, mm7),
        mms=Mms(max_attachments=3, max_bytes=4096, timeout_s=60),
    )
    services = build_services(settings)
    await services.open(migrate=False)
    token = await services.auth_tokens.find(SID)
    assert token is not None
    yield Gate(services, build_twilio(services), token)
    await services.close()


async def test_files_are_described_and_downloaded(mms: Any, url: str) -> None:
    sent = await mms.send(MediaUrl=[f"{url}/a.png", f"{url}/b.png"])
    assert (sent["sid"][:2], sent["num_media"]) == ("MM", "2")
    path = f"/Messages/{sent['sid']}"
    assert (await mms.call("GET", f"{path}.json")).json["num_media"] == "2"
    assert (await mms.call("GET", f"{path.replace('MM', 'SM')}.json")).status == 404
    listed = await mms.call("GET", f"{path}/Media.json?PageSize=1")
    [first] = listed.json["media_list"]
    uri = f"{BASE}{path}/Media/{first['sid']}"
    answer = await mms.call("GET", f"{uri}.json")
    assert answer.masked == (
        b'{"sid":"ME...","account_sid":"' + SID.encode() + b'","parent_sid":"MM...",'
        b'"content_type":"image/png","date_created":"DATE","date_updated":"DATE",'
        b'"uri":"' + BASE.encode() + b'/Messages/MM.../Media/ME....json"}'
    )
    assert answer.json == first
    in_xml = await mms.call("GET", f"{uri}.xml")
    assert (in_xml.status, in_xml.content_type) == (200, "application/xml")
    assert f"<Media><Sid>{first['sid']}</Sid>".encode() in in_xml.body
    assert f"<Uri>{uri}</Uri>".encode() in in_xml.body
    assert (await mms.call("GET", f"{uri}x.xml")).status == 404
    file = await mms.call("GET", uri)
    assert (file.status, file.content_type, file.body) == (200, "image/png", PNG)
    assert file.headers[b"x-content-type-options"] == b"nosniff"
    behind = (await mms.call("GET", listed.json["next_page_uri"])).json
    [second] = behind["media_list"]
    assert behind["next_page_uri"] is None
    file = await mms.call("GET", f"{path}/Media/{second['sid']}")
    assert file.body == PNG + b"b"


async def test_a_form_in_parts_has_all_its_files(mms: Any, url: str) -> None:
    pairs = [
        ("To", "+4512345678"), ("From", "+4587654321"), ("Body", "Hello"),
        ("MediaUrl", f"{url}/a.png"), ("MediaUrl", f"{url}/b.png"),
    ]  # fmt: skip
    kind = (b"content-type", b"multipart/form-data; boundary=x")
    path = f"{BASE}/Messages.json"
    answer = await mms.raw("POST", path, basic(SID, TOKEN), kind, body=in_parts(pairs))
    assert (answer.status, answer.json["sid"][:2], answer.json["num_media"]) == (201, "MM", "2")


def in_parts(pairs: list[tuple[str, str]]) -> bytes:
    parts = [
        f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in pairs
    ]
    return "".join([*parts, "--x--\r\n"]).encode()


async def test_an_empty_address_is_no_file(mms: Any) -> None:
    sent = await mms.send(MediaUrl="")
    assert (sent["sid"][:2], sent["num_media"]) == ("SM", "0")


async def test_a_text_may_be_left_out(mms: Any, url: str) -> None:
    sent = await mms.send(Body="", MediaUrl=f"{url}/a.png")
    assert (sent["body"], sent["num_media"]) == ("", "1")


@pytest.mark.parametrize("path", ["/gone.png", "/page"])
async def test_a_file_that_cannot_be_sent_refuses_the_message(
    mms: Any, url: str, path: str
) -> None:
    form = {"To": "+4512345678", "From": "+4587654321", "MediaUrl": url + path}
    answer = await mms.call("POST", "/Messages.json", form)
    assert (answer.status, answer.json["code"]) == (400, 21620)
    assert (await mms.call("GET", "/Messages.json")).json["messages"] == []


async def test_a_deleted_message_has_no_files(mms: Any, url: str) -> None:
    sent = await mms.send(MediaUrl=f"{url}/a.png")
    path = f"/Messages/{sent['sid']}"
    [file] = (await mms.call("GET", f"{path}/Media.json")).json["media_list"]
    await mms.end()
    assert (await mms.call("DELETE", f"{path}.json")).status == 204
    for gone in (f"{path}/Media.json", f"{path}/Media/{file['sid']}"):
        assert (await mms.call("GET", gone)).status == 404
    assert b"PNG" not in await mms.dump()


@pytest.mark.parametrize("ending", [".json", ".xml", ""])
async def test_a_file_is_deleted_and_the_others_keep_their_sids(
    mms: Any, url: str, ending: str
) -> None:
    """Bug: a file could not be deleted without its message."""
    sent = await mms.send(MediaUrl=[f"{url}/a.png", f"{url}/b.png"])
    path = f"/Messages/{sent['sid']}"
    first, second = (await mms.call("GET", f"{path}/Media.json")).json["media_list"]
    uri = f"{path}/Media/{first['sid']}"
    answer = await mms.call("DELETE", uri + ending)
    assert (answer.status, error_code(answer)) == (409, 20009)
    assert (await mms.call("GET", uri)).body == PNG
    await mms.end()
    answer = await mms.call("DELETE", uri + ending)
    assert (answer.status, answer.body) == (204, b"")
    for method in ("GET", "DELETE"):
        answer = await mms.call(method, f"{uri}.json")
        assert (answer.status, answer.json) == (
            404,
            {
                "code": 20404,
                "message": f"The requested resource {BASE}{uri}.json was not found",
                "more_info": "https://www.twilio.com/docs/errors/20404",
                "status": 404,
            },
        )
    assert (await mms.call("GET", f"{path}/Media.json")).json["media_list"] == [second]
    assert (await mms.call("GET", f"{path}/Media/{second['sid']}")).body == PNG + b"b"
    message = (await mms.call("GET", f"{path}.json")).json
    assert (message["sid"], message["num_media"]) == (sent["sid"], "1")


def error_code(answer: Any) -> int:
    found = re.search(rb"(?:\"code\":|<Code>)(\d+)", answer.body)
    return int(found[1]) if found else 0
