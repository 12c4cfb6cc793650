"""The programs that the manual prints, in every language, byte for byte as they send.

Each logs in and sends as its libraries write requests: the case of the headers, their order, the
doubled slash of the Java program, dates as the language's JSON library spells them.
"""

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import select

from dragoman.core.messages.sql.tables import batches
from dragoman.web.server import build_server

NARROW = "\u202f".encode()
JAVA = b'{"message":"Hello world!","message_type":"N","returnCredits":false,'
JAVA += b'"recipient":["+39123456789"],"scheduled_delivery_time":"%b"}'
JAVA_HEAD = (
    b"POST /API/v1.0/REST//sms HTTP/1.1\r\nuser_key: {U}\r\nSession_key: {S}\r\n"
    b"Accept: application/json\r\nContent-type: application/json\r\n"
    b"User-Agent: Java/%b\r\nHost: h\r\nConnection: keep-alive\r\nContent-Length: {L}\r\n\r\n"
)
IN_FIVE_MINUTES = 1_790_000_300_000
NOW = 1_790_000_000_000

LOGIN = {
    "java": b"GET /API/v1.0/REST//login?username=username&password=password HTTP/1.1\r\n"
    b"User-Agent: Java/1.8.0_392\r\nHost: h\r\n"
    b"Accept: text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2\r\n"
    b"Connection: keep-alive\r\n\r\n",
    "php": b"GET /API/v1.0/REST/login?username=username&password=password HTTP/1.1\r\n"
    b"Host: h\r\nAccept: */*\r\n\r\n",
    "python": b"GET /API/v1.0/REST/login?username=username&password=password HTTP/1.1\r\n"
    b"Host: h\r\nUser-Agent: python-requests/2.31.0\r\nAccept-Encoding: gzip, deflate\r\n"
    b"Accept: */*\r\nConnection: keep-alive\r\n\r\n",
    "node": b"GET /API/v1.0/REST/login?username=username&password=password HTTP/1.1\r\n"
    b"host: h\r\nConnection: close\r\n\r\n",
    "ruby": b"GET /API/v1.0/REST/login?username=username&password=password HTTP/1.1\r\n"
    b"Accept-Encoding: gzip;q=1.0,deflate;q=0.6,identity;q=0.3\r\nAccept: */*\r\n"
    b"User-Agent: Ruby\r\nContent-Type: application/json\r\nHost: h\r\n"
    b"Connection: close\r\n\r\n",
    "c#": b"GET /API/v1.0/REST/login?username=username&password=password HTTP/1.1\r\n"
    b"Host: h\r\nConnection: Keep-Alive\r\n\r\n",
    "perl": b"GET /API/v1.0/REST/login?username=username&password=password HTTP/1.1\r\n"
    b"TE: deflate,gzip;q=0.3\r\nConnection: TE, close\r\nHost: h\r\n"
    b"User-Agent: libwww-perl/6.72\r\nContent-Type: application/json\r\n\r\n",
}
SENDING = {
    "java 8": (
        JAVA_HEAD % b"1.8.0_392",
        JAVA % b"Sep 21, 2026 4:18:20 PM",
        (1, IN_FIVE_MINUTES, "Hello world!"),
    ),
    "java 17": (
        JAVA_HEAD % b"17.0.9",
        JAVA % b"Sep 21, 2026, 4:18:20 PM",
        (1, IN_FIVE_MINUTES, "Hello world!"),
    ),
    "java 21": (
        JAVA_HEAD % b"21.0.1",
        JAVA % (b"Sep 21, 2026, 4:18:20" + NARROW + b"PM"),
        (1, IN_FIVE_MINUTES, "Hello world!"),
    ),
    "php": (
        b"POST /API/v1.0/REST/sms HTTP/1.1\r\nHost: h\r\nAccept: */*\r\n"
        b"Content-type: application/json\r\nuser_key: {U}\r\nSession_key: {S}\r\n"
        b"Content-Length: {L}\r\n\r\n",
        b'{"message":"Hello world!","message_type":"N","returnCredits":false,'
        b'"recipient":["+349123456789"],"sender":null,'
        b'"scheduled_delivery_time":"20260921161820"}',
        (1, IN_FIVE_MINUTES, "Hello world!"),
    ),
    "python": (
        b"POST /API/v1.0/REST/sms HTTP/1.1\r\nHost: h\r\n"
        b"User-Agent: python-requests/2.31.0\r\nAccept-Encoding: gzip, deflate\r\n"
        b"Accept: */*\r\nConnection: keep-alive\r\nuser_key: {U}\r\nSession_key: {S}\r\n"
        b"Content-type: application/json\r\nContent-Length: {L}\r\n\r\n",
        b'{"message": "Hello world!", "message_type": "N", "returnCredits": false, '
        b'"recipient": ["+349123456789"], "sender": null, '
        b'"scheduled_delivery_time": "2026-09-21T16:18:20.123456"}',
        (1, IN_FIVE_MINUTES, "Hello world!"),
    ),
    "python on the second": (
        b"POST /API/v1.0/REST/sms HTTP/1.1\r\nHost: h\r\n"
        b"User-Agent: python-requests/2.31.0\r\nAccept-Encoding: gzip, deflate\r\n"
        b"Accept: */*\r\nConnection: keep-alive\r\nuser_key: {U}\r\nSession_key: {S}\r\n"
        b"Content-type: application/json\r\nContent-Length: {L}\r\n\r\n",
        b'{"message": "Citt\\u00e0", "message_type": "N", "returnCredits": false, '
        b'"recipient": ["+349123456789"], "sender": null, '
        b'"scheduled_delivery_time": "2026-09-21T16:18:20"}',
        (1, IN_FIVE_MINUTES, "Citt\u00e0"),
    ),
    "node": (
        b"POST /API/v1.0/REST/sms HTTP/1.1\r\nuser_key: {U}\r\nSession_key: {S}\r\nhost: h\r\n"
        b"accept: application/json\r\ncontent-type: application/json\r\n"
        b"content-length: {L}\r\nConnection: close\r\n\r\n",
        b'{"returnCredits":true,"recipient":["+393471234567","+393471234568"],'
        b'"scheduled_delivery_time":"20171223101010","message":"Hello world!",'
        b'"message_type":"N"}',
        (2, NOW, "Hello world!"),
    ),
    "ruby": (
        b"POST /API/v1.0/REST/sms HTTP/1.1\r\n"
        b"Accept-Encoding: gzip;q=1.0,deflate;q=0.6,identity;q=0.3\r\nAccept: */*\r\n"
        b"User-Agent: Ruby\r\nContent-Type: application/json\r\nUser_key: {U}\r\n"
        b"Session_key: {S}\r\nHost: h\r\nConnection: close\r\nContent-Length: {L}\r\n\r\n",
        b'{"returnCredits":true,"recipient":["+393471234567","+393471234568"],'
        b'"message":"Hello world!","message_type":"N"}',
        (2, NOW, "Hello world!"),
    ),
    "c#": (
        b"POST /API/v1.0/REST/sms HTTP/1.1\r\nContent-Type: application/json\r\n"
        b"user_key: {U}\r\nSession_key: {S}\r\nHost: h\r\nContent-Length: {L}\r\n"
        b"Expect: 100-continue\r\nConnection: Keep-Alive\r\n\r\n",
        b'{"message":"Hello World!","message_type":"N","sender":null,'
        b'"scheduled_delivery_time":"2017-08-18T13:31:00","recipient":["+39349123456789"],'
        b'"returnCredits":false}',
        (1, NOW, "Hello World!"),
    ),
    "perl": (
        b"POST /API/v1.0/REST/sms HTTP/1.1\r\nTE: deflate,gzip;q=0.3\r\n"
        b"Connection: TE, close\r\nHost: h\r\nUser-Agent: libwww-perl/6.72\r\n"
        b"Content-Length: {L}\r\nContent-Type: application/json\r\n"
        b"Session_key: {S}\r\nuser_key: {U}\r\n\r\n",
        b'{"message_type":"N","message":"Citt\xe0","recipient":["+39349123456789"]}',
        (1, NOW, "Citt\u00e0"),
    ),
}
ORDER = {
    "java": b"%b /API/v1.0/REST/sms/x HTTP/1.1\r\nuser_key: {U}\r\nSession_key: {S}\r\n"
    b"User-Agent: Java/17.0.9\r\nHost: h\r\nAccept: */*\r\nConnection: keep-alive\r\n\r\n",
    "php": b"%b /API/v1.0/REST/sms/x HTTP/1.1\r\nHost: h\r\nAccept: */*\r\n"
    b"Content-type: application/json\r\nuser_key: {U}\r\nSession_key: {S}\r\n\r\n",
    "python": b"%b /API/v1.0/REST/sms/x HTTP/1.1\r\nHost: h\r\n"
    b"User-Agent: python-requests/2.31.0\r\nAccept-Encoding: gzip, deflate\r\nAccept: */*\r\n"
    b"Connection: keep-alive\r\nuser_key: {U}\r\nSession_key: {S}\r\n"
    b"Content-type: application/json\r\nContent-Length: 0\r\n\r\n",
    "node": b"%b /API/v1.0/REST/sms/x HTTP/1.1\r\nuser_key: {U}\r\nSession_key: {S}\r\n"
    b"host: h\r\ncontent-length: 0\r\nConnection: close\r\n\r\n",
    "ruby": b"%b /API/v1.0/REST/sms/x HTTP/1.1\r\nAccept: */*\r\nUser-Agent: Ruby\r\n"
    b"Content-Type: application/json\r\nUser_key: {U}\r\nSession_key: {S}\r\nHost: h\r\n"
    b"Connection: close\r\n\r\n",
    "c#": b"%b /API/v1.0/REST/sms/x HTTP/1.1\r\nContent-Type: application/json\r\n"
    b"user_key: {U}\r\nSession_key: {S}\r\nHost: h\r\nContent-Length: 0\r\n\r\n",
    "perl": b"%b /API/v1.0/REST/sms/x HTTP/1.1\r\nTE: deflate,gzip;q=0.3\r\n"
    b"Connection: TE, close\r\nHost: h\r\nUser-Agent: libwww-perl/6.72\r\n"
    b"Content-Type: application/json\r\nSession_key: {S}\r\nuser_key: {U}\r\n\r\n",
}


class Wire:
    """Requests to the dialect's port, with the keys that a program was given at its login."""

    def __init__(self, address: Any) -> None:
        self._address = address
        self._keys = (b"", b"")

    async def log_in(self, request: bytes) -> None:
        status, body = await self.ask(request)
        assert status == b"200"
        user_key, session_key = body.split(b";")
        self._keys = user_key, session_key

    async def ask(self, head: bytes, body: bytes = b"") -> tuple[bytes, bytes]:
        """The status and the body of the answer."""
        head = head.replace(b"{U}", self._keys[0]).replace(b"{S}", self._keys[1])
        head = head.replace(b"{L}", b"%d" % len(body))
        reader, writer = await asyncio.open_connection(*self._address)
        waits = b"100-continue" in head
        writer.write(head if waits else head + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        if waits:
            assert answer == b"HTTP/1.1 100 Continue\r\n\r\n"
            writer.write(body)
            answer = await reader.readuntil(b"\r\n\r\n")
        lines = dict(line.split(b": ", 1) for line in answer.split(b"\r\n")[1:] if line)
        content = await reader.readexactly(int(lines[b"content-length"]))
        writer.close()
        await writer.wait_closed()
        return answer.split(b" ", 2)[1], content


@pytest.fixture
async def wire(smsend: Any) -> AsyncIterator[Wire]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = build_server(smsend.app, host="127.0.0.1", port=0, grace_s=1)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:  # noqa: ASYNC110 (uvicorn has a flag, no event)
            await asyncio.sleep(0.005)
        yield Wire(listener.getsockname())
        server.should_exit = True
        await task


@pytest.mark.parametrize("program", SENDING)
async def test_program_sends(smsend: Any, wire: Wire, program: str) -> None:
    head, body, (recipients, due_ms, text) = SENDING[program]
    await wire.log_in(LOGIN[program.split()[0]])
    status, answer = await wire.ask(head, body)
    assert (status, re.sub(b"[0-9a-f]{32}", b"<id>", answer)) == (
        b"201",
        b'{"result":"OK","order_id":"<id>","total_sent":%d}' % recipients,
    )
    query = select(batches.c.due_ms, batches.c.text, batches.c.sender)
    (row,) = await smsend.services.storage.read(lambda c: list(c.execute(query)))
    assert tuple(row) == (due_ms, text, "SMS")


@pytest.mark.parametrize("program", ORDER)
async def test_program_asks_and_deletes(orders: Any, wire: Wire, program: str) -> None:
    await orders.sent(order_id="x", scheduled_delivery_time="20261223101010")
    await wire.log_in(LOGIN[program])
    assert await wire.ask(ORDER[program] % b"GET") == (
        b"200",
        b'{"recipient_number":1,"result":"OK","recipients":[{"status":"SCHEDULED",'
        b'"destination":"+393471234567","delivery_date":""}]}',
    )
    assert await wire.ask(ORDER[program] % b"DELETE") == (b"200", b'{"result":"OK"}')
