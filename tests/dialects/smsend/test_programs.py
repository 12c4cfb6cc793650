"""The manual's own programs, byte for byte as their libraries put them on the wire."""

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest

from dragoman.web.server import build_server

from .mailings.conftest import LIST as LIST_OF_THE_MANUAL

BODY = b'{"alias": {"alias": "MY ALIAS", "contact-city": "Citt%b", "company-name": "company name"}}'
UTF_8, WINDOWS = "\u00e0".encode(), b"\xe0"

GET = {
    "curl": b"GET /API/v1.0/REST/checksession HTTP/1.1\r\nHost: h\r\nUser-Agent: curl/8.5.0\r\n"
    b"Accept: */*\r\nContent-Type: application/json\r\nuser_key: {U}\r\nSession_key: {S}\r\n\r\n",
    "java": b"GET /API/v1.0/REST//checksession HTTP/1.1\r\nuser_key: {U}\r\nSession_key: {S}\r\n"
    b"User-Agent: Java/1.8.0_392\r\nHost: h\r\n"
    b"Accept: text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2\r\n"
    b"Connection: keep-alive\r\n\r\n",
    "php": b"GET /API/v1.0/REST/checksession HTTP/1.1\r\nHost: h\r\nAccept: */*\r\n"
    b"Content-type: application/json\r\nuser_key: {U}\r\nSession_key: {S}\r\n\r\n",
    "python": b"GET /API/v1.0/REST/checksession HTTP/1.1\r\nHost: h\r\n"
    b"User-Agent: python-requests/2.31.0\r\nAccept-Encoding: gzip, deflate\r\nAccept: */*\r\n"
    b"Connection: keep-alive\r\nuser_key: {U}\r\nSession_key: {S}\r\n"
    b"Content-type: application/json\r\n\r\n",
    "node": b"GET /API/v1.0/REST/checksession HTTP/1.1\r\nuser_key: {U}\r\nSession_key: {S}\r\n"
    b"host: h\r\nConnection: close\r\n\r\n",
    "ruby": b"GET /API/v1.0/REST/checksession HTTP/1.1\r\n"
    b"Accept-Encoding: gzip;q=1.0,deflate;q=0.6,identity;q=0.3\r\nAccept: */*\r\n"
    b"User-Agent: Ruby\r\nContent-Type: application/json\r\nUser_key: {U}\r\n"
    b"Session_key: {S}\r\nHost: h\r\nConnection: close\r\n\r\n",
    "c#": b"GET /API/v1.0/REST/checksession HTTP/1.1\r\nContent-Type: application/json\r\n"
    b"user_key: {U}\r\nSession_key: {S}\r\nHost: h\r\nConnection: Keep-Alive\r\n\r\n",
    "perl": b"GET /API/v1.0/REST/checksession HTTP/1.1\r\nTE: deflate,gzip;q=0.3\r\n"
    b"Connection: TE, close\r\nHost: h\r\nUser-Agent: libwww-perl/6.72\r\n"
    b"Content-Type: application/json\r\nuser_key: {U}\r\nSession_key: {S}\r\n\r\n",
}
POST = {
    "curl": (UTF_8, b"Content-Type: application/json\r\nuser_key: {U}\r\nSession_key: {S}\r\n"),
    "curl without a type": (
        UTF_8,
        b"user_key: {U}\r\nSession_key: {S}\r\nContent-Type: application/x-www-form-urlencoded\r\n",
    ),
    "java": (
        UTF_8,
        b"user_key: {U}\r\nSession_key: {S}\r\nAccept: application/json\r\n"
        b"Content-type: application/json\r\nUser-Agent: Java/1.8.0_392\r\n",
    ),
    "java on windows": (
        WINDOWS,
        b"user_key: {U}\r\nSession_key: {S}\r\nAccept: application/json\r\n"
        b"Content-type: application/json\r\nUser-Agent: Java/1.8.0_392\r\n",
    ),
    "node": (
        UTF_8,
        b"user_key: {U}\r\nSession_key: {S}\r\naccept: application/json\r\n"
        b"content-type: application/json\r\n",
    ),
    "ruby": (UTF_8, b"Content-Type: application/json\r\nUser_key: {U}\r\nSession_key: {S}\r\n"),
    "c#": (
        UTF_8,
        b"Content-Type: application/json\r\nuser_key: {U}\r\nSession_key: {S}\r\n"
        b"Expect: 100-continue\r\n",
    ),
    "perl": (
        WINDOWS,
        b"TE: deflate,gzip;q=0.3\r\nConnection: TE\r\nUser-Agent: libwww-perl/6.72\r\n"
        b"Content-Type: application/json\r\nuser_key: {U}\r\nSession_key: {S}\r\n",
    ),
}


@pytest.fixture
async def server(smsend: Any) -> AsyncIterator[Any]:
    """The dialect on a port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = build_server(smsend.app, host="127.0.0.1", port=0, grace_s=1)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:  # noqa: ASYNC110 (uvicorn has a flag, no event)
            await asyncio.sleep(0.005)
        yield listener.getsockname()
        server.should_exit = True
        await task


async def exchange(address: Any, request: bytes, smsend: Any) -> tuple[bytes, bytes]:
    """Sends a request with the customer's keys; the head and the body of the answer."""
    request = request.replace(b"{U}", smsend.user_key.encode())
    request = request.replace(b"{S}", smsend.keys[1][1].encode())
    reader, writer = await asyncio.open_connection(*address)
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    if head.startswith(b"HTTP/1.1 100"):
        head = await reader.readuntil(b"\r\n\r\n")
    lines = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:] if line)
    body = await reader.readexactly(int(lines.get(b"content-length", 0)))
    writer.close()
    await writer.wait_closed()
    return head, body


@pytest.mark.parametrize("program", GET)
async def test_question_is_answered(smsend: Any, server: Any, program: str) -> None:
    head, body = await exchange(server, GET[program], smsend)
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert body == b"true"


@pytest.mark.parametrize("program", GET)
async def test_received_texts_are_asked_for_by_sim(smsend: Any, server: Any, program: str) -> None:
    owner = await smsend.services.accounts.find("username")
    await smsend.services.keywords.add_number(owner, "393400000001", shared=False)
    target = b"newsrsmsmessage/+393400000001?limit=10"
    head, body = await exchange(server, GET[program].replace(b"checksession", target), smsend)
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert body == b'{"result":"OK","srsmshistory":[]}'


@pytest.mark.parametrize("program", POST)
async def test_body_is_read(smsend: Any, server: Any, program: str) -> None:
    letter, headers = POST[program]
    body = BODY % letter
    request = b"POST /API/v1.0/REST/alias HTTP/1.1\r\nHost: h\r\n%bContent-Length: %d\r\n\r\n%b" % (
        headers,
        len(body),
        body,
    )
    head, answer = await exchange(server, request, smsend)
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\nlocation: /alias/" in head
    assert answer == b'{"result":"OK"}'
    (alias,) = (await smsend.get("alias")).json["alias"]
    assert (alias["alias"], alias["contact-city"]) == ("MY ALIAS", "Citt\u00e0")


LIST = LIST_OF_THE_MANUAL | {"title": "old"}
SUBACCOUNT = {
    "address": "via xxx",
    "cell": "+393393939393",
    "city": "myCity",
    "company": False,
    "credit-eat-mode": 0,
    "email": "em@a.il",
    "login": "old",
    "name": "myNome",
    "province": "TN",
    "surname": "mySurname",
    "zip-code": "38010",
}
CHANGES = {
    "group": (
        {"name": "old", "description": "old"},
        b'{    "name": "new",     "description": "new"}',
        b"200 OK",
        ("groups", b'"group_name":"new","group_description":"new"'),
    ),
    "list": (
        LIST,
        b'{    "title": "new",     "id_language": "ita"}',
        b"204 No Content",
        ("list", b'"title":"new"'),
    ),
    "subaccount": (
        SUBACCOUNT,
        b'{    "login": "new",     "zip-code": "38010"}',
        b"200 OK",
        ("subaccounts", b'"login":"new"'),
    ),
}


@pytest.mark.parametrize("kind", CHANGES)
async def test_change_that_php_sends_as_a_post_is_made(smsend: Any, server: Any, kind: str) -> None:
    """The manual's programs set CURLOPT_PUT, then CURLOPT_POSTFIELDS: libcurl sends a POST."""
    old, body, status, (place, shown) = CHANGES[kind]
    location = (await smsend.post(kind, old)).location.encode()
    request = (
        b"POST /API/v1.0/REST%b HTTP/1.1\r\nHost: h\r\nAccept: */*\r\n"
        b"Content-type: application/json\r\nuser_key: {U}\r\nSession_key: {S}\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (location, len(body), body)
    )
    head, answer = await exchange(server, request, smsend)
    assert head.startswith(b"HTTP/1.1 %b\r\n" % status)
    assert b"\r\nlocation: %b\r\n" % location in head
    assert answer == (b"" if kind == "list" else b'""')
    assert shown in (await smsend.get(place)).body


async def test_bytes_that_are_not_what_is_declared_are_refused(smsend: Any) -> None:
    headers = [("Content-Type", "application/json; charset=utf-8"), *smsend.keys]
    answer = await smsend.ask("POST", "alias", BODY % WINDOWS, headers)
    assert (answer.status, answer.json["result"]) == (400, "Bad Request: the text is not utf-8")
