"""R17: carriers that send what is no SMPP, and programs that send what is no request."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import struct
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, replace

from faults.customer import new_session
from faults.gateway import KEY, NUMBER
from faults.kills import smsend_request
from faults.ledger import Row
from faults.scene import Bench, Scene, scene, until
from faults.smsc import DELIVER_SM, HEAD, SUBMIT_SM, TEXT, Link, deliver_body

ANSWERED_WITHIN_S = 10.0
GROWS_AT_MOST_MB = 150
AT_ONCE = 8


async def hostile_carrier(bench: Bench, row: Row) -> None:
    """PDUs that are none; a link may close only where the next PDU cannot be found."""
    mutated, chance = bench.times(300, 20_000), bench.chance("R17 SMPP")
    odd = list(_odd_pdus())
    row.times = f"{len(odd)} odd PDUs, {mutated} mutated ones"
    async with scene(bench) as stage:
        await stage.gateway.start()
        before_mb = stage.gateway.memory_mb()
        for name, pdu, loses_framing in odd:
            closed = await _closes(stage, pdu)
            row.check(closed is not None, f"{name}: no answer to a probe afterwards")
            if closed is not None:
                said = "the link closed" if closed else "the link stayed"
                row.check(closed == loses_framing, f"{name}: {said}")
        closings = 0
        for _ in range(mutated):
            closed = await _closes(stage, _mutated_delivery(chance))
            row.check(closed is not None, "a mutated PDU: no answer to a probe afterwards")
            closings += bool(closed)
        row.check(not closings, f"{closings} links closed though framing was kept")
        _check_memory(stage, row, before_mb)
        await stage.customer.send_many("r17 smpp", 50)
        await stage.finish(row)


async def _closes(stage: Scene, pdu: bytes) -> bool | None:
    """Sends octets; whether the link closes. None if it neither does nor answers a probe."""
    await until(lambda: bool(stage.smsc.bound), 15)
    if not stage.smsc.bound:
        return None
    link: Link = stage.smsc.bound[0]
    answered = link.probes_answered
    link.write(pdu)
    link.probe()
    await until(lambda: link.closed or link.probes_answered > answered, 5, 0.001)
    if link.closed:
        stage.smsc.faults += 1
        return True
    return False if link.probes_answered > answered else None


def _odd_pdus() -> Iterator[tuple[str, bytes, bool]]:
    """Name, octets, and whether the next PDU cannot be found behind them."""
    text = deliver_body("4520000001", NUMBER, TEXT, b"hello")
    deliver = HEAD.pack(16 + len(text), DELIVER_SM, 0, 1000) + text

    def with_tlv(tag: int, value: bytes, length: int | None = None) -> bytes:
        tlv = struct.pack(">HH", tag, len(value) if length is None else length) + value
        return HEAD.pack(16 + len(text) + len(tlv), DELIVER_SM, 0, 1001) + text + tlv

    yield "length 0", HEAD.pack(0, DELIVER_SM, 0, 1), True
    yield "length 15", HEAD.pack(15, DELIVER_SM, 0, 1), True
    yield "length 4 GB", HEAD.pack(0xFFFFFFFF, DELIVER_SM, 0, 1), True
    yield "an unknown command", HEAD.pack(16, 0x00000ABC, 0, 1002), False
    yield "a response to nothing", HEAD.pack(16, 0x80000004, 0, 99_999), False
    yield "an unknown status", HEAD.pack(16, 0x80000015, 0x7FFFFFFF, 99_998), False
    yield "generic_nack to nothing", HEAD.pack(16, 0x80000000, 3, 99_997), False
    yield "a submit_sm", HEAD.pack(16 + len(text), SUBMIT_SM, 0, 1003) + text, False
    yield "an unknown TLV", with_tlv(0x3FFF, b"\xff" * 50), False
    yield "a TLV that ends beyond the PDU", with_tlv(0x0424, b"abc", 60_000), False
    yield "a header alone", HEAD.pack(16, DELIVER_SM, 0, 1004), False
    yield "no NUL anywhere", HEAD.pack(216, DELIVER_SM, 0, 1005) + b"a" * 200, False
    shorter = deliver.replace(b"\x05hello", b"\xffhello")
    yield "a text shorter than it says", shorter, False
    yield "UCS-2 that is none", _coded(8, b"\xd8\x00\xd8"), False
    yield "UDH longer than the text", _coded(0, b"\xff\x00\x03", 0x40), False
    yield "64 KB of payload", with_tlv(0x0424, bytes(65_000)), False


def _coded(data_coding: int, octets: bytes, esm_class: int = 0) -> bytes:
    body = bytearray(deliver_body("4520000002", NUMBER, esm_class, octets))
    body[-len(octets) - 3] = data_coding
    return HEAD.pack(16 + len(body), DELIVER_SM, 0, 1006) + bytes(body)


def _mutated_delivery(chance: random.Random) -> bytes:
    """A deliver_sm whose length is right and whose body is damaged."""
    receipt = (
        b"id:1 sub:001 dlvrd:001 submit date:2611301200 done date:2611301200 stat:DELIVRD err:0"
    )
    body = deliver_body("4520000003", NUMBER, chance.choice((0, 4, 0x40)), receipt)
    body = _mutate(body, chance)[:3000]
    return HEAD.pack(16 + len(body), DELIVER_SM, 0, chance.randrange(1, 1 << 31)) + body


# HTTP


@dataclass(frozen=True, slots=True)
class _Request:
    """A request of some API, to be damaged."""

    method: str
    path: str
    content_type: str = "application/json"
    body: bytes = b""
    fields: str = ""


_MESSAGE = {"recipients": "+4512345678", "sender": "FAULTS", "message": "hostile"}
_LINK = f"/v2/message.json?apikey={KEY}"
_FORM = "application/x-www-form-urlencoded"
_SEND = f"key={KEY}&mobile=4512345678&sender=FAULTS&msgtext=hostile&ref=x&response=json"
_MULTIPART = "multipart/form-data; boundary=faults"

REQUESTS = (
    _Request("POST", _LINK, body=json.dumps({"message": _MESSAGE}).encode()),
    _Request(
        "POST",
        _LINK.replace(".json", ".xml"),
        "application/xml",
        b"<message><recipients>+4512345678</recipients><message>hostile</message></message>",
    ),
    _Request("GET", f"/v2/outbox/1.json?apikey={KEY}&recipient=4512345678"),
    _Request("GET", f"/api/sms/send_sms.php?{_SEND}"),
    _Request("POST", "/api/sms/send_sms.php", _FORM, _SEND.encode()),
    _Request(
        "POST",
        "/api/sms/send_sms.php",
        _MULTIPART,
        b'--faults\r\nContent-Disposition: form-data; name="key"\r\n\r\nx\r\n--faults--\r\n',
    ),
    _Request(
        "POST",
        "/api/3rdparty/v1/messages",
        body=b'{"id":"x","textMessage":{"text":"x"},"phoneNumbers":["+4512345678"]}',
        fields="Authorization: Basic ZmF1bHRzOmZhdWx0cy1wYXNzd29yZA==\r\n",
    ),
    _Request("POST", "/getdata/gettoken", _MULTIPART, b"--faults\r\n\r\n--faults--\r\n"),
)


async def hostile_program(bench: Bench, row: Row) -> None:
    """Requests that are none: nothing answers 5xx, nothing hangs, memory stays."""
    mutated, chance = bench.times(500, 5_000), bench.chance("R17 HTTP")
    odd = list(_odd_requests())
    row.times = f"{len(odd)} odd requests, {mutated} mutated ones"
    async with scene(bench) as stage:
        await stage.gateway.start()
        before_mb = stage.gateway.memory_mb()
        async with new_session() as session:
            order = await smsend_request(stage.gateway.url, "hostile", session)
        requests = (
            *REQUESTS,
            _Request(
                "POST",
                "/API/v1.0/REST/sms",
                body=json.dumps(order.body | {"order_id": None}).encode(),
                fields="".join(f"{name}: {value}\r\n" for name, value in order.headers.items()),
            ),
        )
        for name, octets in odd:
            status = await _ask(stage, octets)
            row.check(status is not None and status < 500, f"{name}: answered with {status}")
        statuses: list[int | None] = []
        seeds = [chance.getrandbits(64) for _ in range(mutated)]

        async def work() -> None:
            while seeds:
                statuses.append(
                    await _ask(stage, _mutated_request(requests, random.Random(seeds.pop())))
                )

        await asyncio.gather(*(work() for _ in range(AT_ONCE)))
        failed = sum(status is not None and status >= 500 for status in statuses)
        row.check(not failed, f"{failed} answered with 5xx")
        row.check(None not in statuses, f"{statuses.count(None)} not answered")
        for flaw in await _endless(stage):
            row.check(False, flaw)
        row.check(stage.gateway.exit_code is None, "the gateway ended")
        _check_memory(stage, row, before_mb)
        await stage.settle()
        stage.smsc.submits.clear()  # what arrived so far is nobody's message
        await stage.customer.send_many("r17 http", 50)
        await stage.settle()
        row.check_verdict(stage.verdict(), window=0)


def _check_memory(stage: Scene, row: Row, before_mb: int) -> None:
    grown = stage.gateway.memory_mb() - before_mb
    row.note(f"memory grew by {grown} MB")
    row.check(grown <= GROWS_AT_MOST_MB, f"memory grew by {grown} MB")


def _odd_requests() -> Iterator[tuple[str, bytes]]:
    link, xml = REQUESTS[0], REQUESTS[1]
    bomb = b'<!DOCTYPE m [<!ENTITY a "aaaaaaaaaa">' + b"".join(
        b'<!ENTITY %c "%s">' % (98 + level, b"&%c;" % (97 + level) * 10) for level in range(12)
    )
    yield "an XML bomb", render(replace(xml, body=bomb + b"]><message>&m;</message>"))
    outside = b'<!DOCTYPE m [<!ENTITY a SYSTEM "file:///etc/passwd">]><message>&a;</message>'
    yield "an external entity", render(replace(xml, body=outside))
    yield "XML 100,000 deep", render(replace(xml, body=b"<a>" * 100_000))
    yield "JSON 100,000 deep", render(replace(link, body=b"[" * 100_000))
    deep = b'{"message":' * 50_000 + b"1" + b"}" * 50_000
    yield "objects 50,000 deep", render(replace(link, body=deep))
    yield "a number of 1 MB", render(replace(link, body=b'{"message":' + b"9" * 1_000_000 + b"}"))
    yield "bad UTF-8", render(replace(link, body=link.body.replace(b"hostile", b"\xc3\x28\xff")))
    yield "NUL in a text", render(replace(link, body=link.body.replace(b"hostile", b"\\u0000")))
    surrogate = link.body.replace(b"hostile", b"\\ud800")
    yield "half a surrogate", render(replace(link, body=surrogate))
    yield "a body of 17 MB", render(replace(link, body=b" " * (17 << 20)))
    yield "a path of 1 MB", render(replace(link, path="/" + "a" * 1_000_000))
    yield "10,000 header fields", render(replace(link, fields="X-A: b\r\n" * 10_000))
    yield "no HTTP", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 50
    yield "two lengths", render(replace(link, fields="Content-Length: 3\r\n"))
    yield "a negative length", b"POST /v2/ping.json HTTP/1.1\r\nContent-Length: -5\r\n\r\n"


def _mutated_request(requests: Sequence[_Request], chance: random.Random) -> bytes:
    request = chance.choice(requests)
    if request.body and chance.random() < 0.8:
        return render(replace(request, body=_mutate(request.body, chance)))
    path, _, query = request.path.partition("?")
    damaged = _mutate(query.encode(), chance).decode("latin-1")
    quoted = "".join(
        c if c.isascii() and c.isprintable() and c != " " else f"%{ord(c):02x}" for c in damaged
    )
    return render(replace(request, path=f"{path}?{quoted}"))


_CHUNKS = (
    b"\0",
    b"\xff\xfe",
    b"\xc3\x28",
    b'"',
    b"{",
    b"}",
    b"[",
    b"]",
    b"<",
    b"&amp;",
    b"%00",
    b"-1",
)
_MORE_CHUNKS = (b"9" * 30, b"A" * 300, b"\\ud800", b"null", b"true", b"1e999", b"\r\n", b"--faults")


def _mutate(octets: bytes, chance: random.Random) -> bytes:
    """Damages octets in one to four places."""
    data = bytearray(octets)
    for _ in range(chance.randrange(1, 5)):
        at = chance.randrange(len(data) + 1)
        end = min(len(data), at + chance.randrange(1, 20))
        match chance.randrange(4):
            case 0:
                data[at:end] = b""
            case 1:
                data[at:end] = data[at:end] * chance.randrange(2, 30)
            case 2:
                data[at:at] = chance.choice(_CHUNKS + _MORE_CHUNKS)
            case _:
                data[at:end] = chance.randbytes(end - at)
    return bytes(data)


def render(request: _Request) -> bytes:
    head = (
        f"{request.method} {request.path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{request.fields}"
        f"Content-Type: {request.content_type}\r\nContent-Length: {len(request.body)}\r\n"
        "Connection: close\r\n\r\n"
    )
    return head.encode("latin-1") + request.body


@contextlib.asynccontextmanager
async def _connection(
    stage: Scene,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", stage.gateway.http)
    try:
        yield reader, writer
    finally:
        writer.close()


async def _ask(stage: Scene, octets: bytes) -> int | None:
    """The status of the answer; 0 if the connection was closed, None if nothing came."""
    with contextlib.suppress(OSError):
        async with _connection(stage) as (reader, writer):
            writer.write(octets)
            try:
                async with asyncio.timeout(ANSWERED_WITHIN_S):
                    line = await reader.readline()
            except TimeoutError:
                return None
            return int(line.split(b" ")[1]) if line.startswith(b"HTTP/1.1 ") else 0
    return 0


async def _endless(stage: Scene) -> list[str]:
    """Sends a multipart body without an end; what was wrong with the reaction."""
    head = (
        "POST /api/sms/send_sms.php HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Content-Type: {_MULTIPART}\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    part = b'--faults\r\nContent-Disposition: form-data; name="a"\r\n\r\n' + b"x" * 65_000 + b"\r\n"
    chunk = b"%x\r\n%s\r\n" % (len(part), part)
    async with _connection(stage) as (reader, writer):
        answer = asyncio.create_task(reader.readline())
        with contextlib.suppress(OSError):
            writer.write(head.encode())
            for _ in range(2000):
                writer.write(chunk)
                await writer.drain()
                if answer.done():
                    break
            else:
                answer.cancel()
                return ["130 MB of a multipart body were read"]
        with contextlib.suppress(OSError):
            line = await answer
            if line.startswith(b"HTTP/1.1 5"):
                return [f"an endless multipart body was answered with {line!r}"]
    return []
