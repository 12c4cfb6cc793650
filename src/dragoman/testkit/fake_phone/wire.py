"""Just enough of an HTTP client for a phone: one call a connection, and a stream of events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

TIMEOUT_S = 10.0
"""OkHttp's."""


class HttpAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A complete answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)


class EventFrame(msgspec.Struct, frozen=True, kw_only=True):
    """One event of a stream."""

    name: str
    data: str


async def call(
    method: str, url: str, headers: Mapping[str, str], body: bytes | None = None
) -> HttpAnswer:
    """Makes one request; raises OSError and TimeoutError without an answer."""
    async with asyncio.timeout(TIMEOUT_S):
        reader, writer = await _send(method, url, {**headers, "connection": "close"}, body)
        try:
            status, found = await _read_head(reader)
            return HttpAnswer(status=status, headers=found, body=await _read_body(reader, found))
        finally:
            writer.close()


async def listen(url: str, headers: Mapping[str, str]) -> AsyncGenerator[EventFrame, None]:
    """The events of a stream until it ends; raises OSError if there is none."""
    reader, writer = await _send("GET", url, {**headers, "accept": "text/event-stream"}, None)
    try:
        status, _ = await _read_head(reader)
        if status != 200:
            raise ConnectionRefusedError(f"HTTP {status}")
        yield EventFrame(name="", data="")  # the stream is open
        text = b""
        while (size := int((await reader.readline()).strip() or b"0", 16)) > 0:
            text += (await reader.readexactly(size + 2))[:-2]
            *frames, text = text.split(b"\n\n")
            for frame in frames:
                event = _read_frame(frame.decode())
                if event is not None:
                    yield event
    finally:
        writer.close()


async def _send(
    method: str, url: str, headers: Mapping[str, str], body: bytes | None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port or 80)
    target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    lines = [f"{method} {target} HTTP/1.1", f"host: {parts.netloc}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if body is not None:
        lines += ["content-type: application/json", f"content-length: {len(body)}"]
    writer.write("\r\n".join([*lines, "", ""]).encode() + (body or b""))
    await writer.drain()
    return reader, writer


async def _read_head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    try:
        text = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError as error:
        raise ConnectionResetError("no answer") from error
    first, *lines = text.rstrip().split("\r\n")
    pairs = (line.partition(":") for line in lines)
    return int(first.split()[1]), {name.lower(): value.strip() for name, _, value in pairs}


async def _read_body(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> bytes:
    try:
        return await reader.readexactly(int(headers.get("content-length", "0")))
    except asyncio.IncompleteReadError as error:
        raise ConnectionResetError("half an answer") from error


def _read_frame(frame: str) -> EventFrame | None:
    """An event; None for a comment. One without a name means new messages (SMSGate)."""
    fields: dict[str, list[str]] = {}
    for line in frame.splitlines():
        name, _, value = line.partition(":")
        fields.setdefault(name, []).append(value.removeprefix(" "))
    if "data" not in fields:
        return None
    name = fields.get("event", ["MessageEnqueued"])[-1]
    return EventFrame(name=name, data="\n".join(fields["data"]))
