"""A simulated MMSC with parsers of its own: lxml for SOAP, `email` for MIME.

It answers each submit as scripted, keeps what it read, and calls back with reports.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Callable
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from itertools import count
from typing import Any, Final

import msgspec
from lxml import etree

from dragoman.web.server import Server, build_server

SOAP: Final = "{http://schemas.xmlsoap.org/soap/envelope/}"
MM7: Final = "{http://www.3gpp.org/ftp/Specs/archive/23_series/23.140/schema/REL-6-MM7-1-4}"
_ENVELOPE: Final = (
    '<?xml version="1.0"?><e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/">'
    '<e:Header><m:TransactionID xmlns:m="urn:any" e:mustUnderstand="1">{transaction}'
    "</m:TransactionID></e:Header><e:Body>{body}</e:Body></e:Envelope>"
)


class MmsPart(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a message's content, as `email` reads it."""

    content_type: str
    content_id: str
    location: str
    content: bytes


class ReceivedMms(msgspec.Struct, frozen=True, kw_only=True):
    """A submit as the MMSC read it."""

    headers: dict[str, str]
    transaction_id: str
    order: tuple[str, ...]
    """Names of the SubmitReq's children, as they came."""
    values: dict[str, str]
    """Leaves by path below SubmitReq, such as `Recipients/To/Number`."""
    content_type: str
    parts: tuple[MmsPart, ...]


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """How a submit is answered: with a status, or with given octets."""

    status_code: int = 1000
    status_text: str = "Success"
    http_status: int = 200
    body: bytes | None = None
    fault: bool = False
    hold: asyncio.Event | None = None
    """Is waited for before the answer."""


class Mmsc:
    """Takes submits at `url`; `answers` are used up first, then every submit succeeds."""

    def __init__(self) -> None:
        self.received: list[ReceivedMms] = []
        self.answers: deque[Answer] = deque()
        self.mistakes: list[str] = []
        """What was wrong with requests."""
        self._ids = count(1)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._server: Server | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Where submits go."""
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}/mm7"

    async def start(self) -> None:
        """Begins to answer."""
        self._server = build_server(self, host="127.0.0.1", port=0, grace_s=1)
        self._task = asyncio.create_task(self._server.serve(sockets=[self._socket]))

    async def stop(self) -> None:
        if self._server is not None and self._task is not None:
            self._server.should_exit = True
            self._server.force_exit = True
            await self._task

    def report(self, message_id: str, status: str, number: str = "+4512345678") -> bytes:
        """The body of a delivery report."""
        body = (
            '<DeliveryReportReq xmlns="urn:any"><MM7Version>6.8.0</MM7Version>'
            f"<MessageID>{message_id}</MessageID><Recipient><Number>{number}</Number></Recipient>"
            "<Sender><ShortCode>1272</ShortCode></Sender><Date>2026-09-21T14:13:20Z</Date>"
            f"<MMStatus>{status}</MMStatus></DeliveryReportReq>"
        )
        return _ENVELOPE.format(transaction="report-1", body=body).encode()

    async def __call__(
        self, scope: Any, receive: Callable[[], Any], send: Callable[..., Any]
    ) -> None:
        """Answers a request (ASGI 3.0)."""
        octets, more = b"", True
        while more:
            message = await receive()
            octets += message.get("body", b"")
            more = message.get("more_body", False)
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        transaction = ""
        try:
            submit = read_submit(headers, octets)
        except (ValueError, KeyError, AssertionError, etree.XMLSyntaxError) as error:
            self.mistakes.append(repr(error))
        else:
            self.received.append(submit)
            transaction = submit.transaction_id
        answer = self.answers.popleft() if self.answers else Answer()
        if answer.hold is not None:
            await answer.hold.wait()
        body = answer.body
        if body is None:
            body = self._render(answer, transaction)
        await send(
            {
                "type": "http.response.start",
                "status": answer.http_status,
                "headers": [(b"content-type", b"text/xml"), (b"content-length", b"%d" % len(body))],
            }
        )
        await send({"type": "http.response.body", "body": body})

    def _render(self, answer: Answer, transaction: str) -> bytes:
        status = (
            f"<Status><StatusCode>{answer.status_code}</StatusCode>"
            f"<StatusText>{answer.status_text}</StatusText></Status>"
        )
        if answer.fault:
            body = (
                "<e:Fault><faultcode>e:Client</faultcode><faultstring>x</faultstring><detail>"
                f'<RSErrorRsp xmlns="urn:any">{status}</RSErrorRsp></detail></e:Fault>'
            )
        else:
            message_id = f"<MessageID>MMS-{next(self._ids):04}</MessageID>"
            body = f'<SubmitRsp xmlns="urn:any">{status}{message_id}</SubmitRsp>'
        return _ENVELOPE.format(transaction=transaction, body=body).encode()


def read_submit(headers: dict[str, str], octets: bytes) -> ReceivedMms:
    """Reads a request; raises ValueError, KeyError or AssertionError for what should not be."""
    assert headers["soapaction"] == '""', headers["soapaction"]
    whole = _read_mime(headers["content-type"], octets)
    assert whole.get_content_type() == "multipart/related"
    soap_part, content_part = whole.iter_parts()
    assert whole.get_param("start") == soap_part["content-id"]
    assert soap_part.get_content_type() == whole.get_param("type") == "text/xml"
    root = etree.fromstring(_octets_of(soap_part))
    transaction = root.findtext(f"{SOAP}Header/{MM7}TransactionID")
    submit = root.find(f"{SOAP}Body/{MM7}SubmitReq")
    assert transaction
    assert submit is not None
    href = submit.find(f"{MM7}Content").get("href")
    assert href == f"cid:{content_part['content-id'][1:-1]}", href
    tree = etree.ElementTree(submit)
    return ReceivedMms(
        headers=headers,
        transaction_id=transaction,
        order=tuple(child.tag.removeprefix(MM7) for child in submit),
        values={
            tree.getelementpath(leaf).replace(MM7, ""): leaf.text or ""
            for leaf in submit.iter()
            if len(leaf) == 0
        },
        content_type=str(content_part["content-type"]),
        parts=tuple(
            MmsPart(
                content_type=part.get_content_type(),
                content_id=str(part["content-id"]),
                location=str(part["content-location"]),
                content=_octets_of(part),
            )
            for part in content_part.iter_parts()
        ),
    )


def _read_mime(content_type: str, octets: bytes) -> EmailMessage:
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    message = BytesParser(policy=policy.HTTP).parsebytes(head + octets)
    assert not message.defects, message.defects
    return message


def _octets_of(part: Any) -> bytes:
    octets = part.get_payload(decode=True)
    assert isinstance(octets, bytes)
    return octets
