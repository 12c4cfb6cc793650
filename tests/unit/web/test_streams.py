"""Answers that stay open, over real sockets: pieces, ends, slow and leaving clients, a stop."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from tests.passing_time import PATIENCE_S

from dragoman.web import direct as direct_module
from dragoman.web import router as router_module
from dragoman.web.events import KEEP_ALIVE, EventChannel, render_event
from dragoman.web.operations import Dialect, Operation
from dragoman.web.responses import TEXT, Response, Stream
from dragoman.web.router import DialectApp

HEAD = b"HTTP/1.1 200 OK\r\n"
SHORT, ASGI = b"/s/events", b"http://x/s/events"  # an absolute target takes uvicorn's way


class Desk:
    """A dialect with one open answer, and what becomes of its pieces."""

    def __init__(self) -> None:
        self.channel = EventChannel()
        self.closed = asyncio.Event()
        self.large = False

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        try:
            while self.large:
                yield b"x" * 65536
            async for frame in self.channel.frames():
                yield frame
        finally:
            self.closed.set()

    async def events(self, _request: Any) -> Response:
        return Stream(self.pieces(), headers=((b"cache-control", b"no-store"),))

    async def fail(self, _request: Any) -> Response:
        async def broken() -> AsyncGenerator[bytes, None]:
            yield b"one"
            raise RuntimeError("secret")

        return Stream(broken(), TEXT)

    async def plain(self, _request: Any) -> Response:
        return Response(200, b"plain", TEXT)

    def build_app(self, fallback: Any) -> DialectApp:
        calls = {"events": self.events, "fail": self.fail, "plain": self.plain}
        dialect = Dialect(
            name="desk",
            title="",
            description="",
            prefixes=("/s",),
            operations=tuple(
                Operation(methods=("GET",), path=f"/s/{name}", handler=call, summary="")
                for name, call in calls.items()
            ),
            refuse=lambda _request, refusal: Response(refusal.status),
        )
        return DialectApp([dialect], fallback, body_timeout_s=30)


@pytest.fixture
async def desk() -> Desk:
    return Desk()


def ask(target: bytes, version: bytes = b"1.1") -> bytes:
    return b"GET %b HTTP/%b\r\nhost: x\r\n\r\n" % (target, version)


@pytest.mark.parametrize("target", [SHORT, ASGI])
async def test_stream_sends_each_piece_at_once_and_ends_with_its_pieces(
    desk: Desk, serve: Any, fallback: Any, target: bytes
) -> None:
    async with serve(desk.build_app(fallback)) as wire:
        reader, writer = await asyncio.open_connection("127.0.0.1", wire.port)
        writer.write(ask(target))
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(HEAD)
        assert b"content-type: text/event-stream\r\n" in head
        assert b"cache-control: no-store\r\n" in head
        assert b"transfer-encoding: chunked\r\n" in head
        assert b"content-length" not in head
        assert await reader.readexactly(8) == b"3\r\n:\n\n\r\n"
        desk.channel.put(render_event("Hello", b'{"a":1}'))
        event = b'event: Hello\ndata: {"a":1}\n\n'
        expected = b"%x\r\n%b\r\n" % (len(event), event)
        assert await reader.readexactly(len(expected)) == expected
        desk.channel.close()
        assert await reader.readexactly(5) == b"0\r\n\r\n"
        writer.write(b"GET /s/plain HTTP/1.1\r\nhost: x\r\n\r\n")  # the connection goes on
        assert (await reader.readuntil(b"plain")).startswith(HEAD)
        writer.close()
    assert desk.closed.is_set()


async def test_stream_has_no_chunks_and_closes_for_http_1_0(
    desk: Desk, serve: Any, fallback: Any
) -> None:
    async with serve(desk.build_app(fallback)) as wire:
        reader, writer = await asyncio.open_connection("127.0.0.1", wire.port)
        writer.write(ask(SHORT, b"1.0"))
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"connection: close\r\n" in head
        assert b"chunked" not in head
        assert await reader.readexactly(3) == KEEP_ALIVE
        desk.channel.close()
        assert await reader.read() == b""
        writer.close()


@pytest.mark.parametrize("target", [SHORT, ASGI])
async def test_stream_ends_when_its_client_leaves(
    desk: Desk, serve: Any, fallback: Any, target: bytes
) -> None:
    async with serve(desk.build_app(fallback)) as wire:
        reader, writer = await asyncio.open_connection("127.0.0.1", wire.port)
        writer.write(ask(target))
        await reader.readuntil(KEEP_ALIVE)
        writer.close()
        async with asyncio.timeout(PATIENCE_S):
            await desk.closed.wait()


@pytest.mark.parametrize("target", [SHORT, ASGI])
async def test_stream_is_cut_off_where_its_client_does_not_read(
    desk: Desk, serve: Any, fallback: Any, target: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(direct_module, "STALL_S", 0.1)
    monkeypatch.setattr(router_module, "STALL_S", 0.1)
    desk.large = True
    async with serve(desk.build_app(fallback)) as wire:
        reader, writer = await asyncio.open_connection("127.0.0.1", wire.port, limit=1024)
        writer.write(ask(target))
        async with asyncio.timeout(PATIENCE_S):
            await desk.closed.wait()
        with contextlib.suppress(ConnectionError):
            assert not (await reader.read()).endswith(b"0\r\n\r\n")
        writer.close()


@pytest.mark.parametrize("target", [b"/s/fail", b"http://x/s/fail"])
async def test_stream_breaks_off_without_an_end_when_its_pieces_fail(
    desk: Desk, serve: Any, fallback: Any, target: bytes
) -> None:
    async with serve(desk.build_app(fallback)) as wire:
        reader, writer = await asyncio.open_connection("127.0.0.1", wire.port)
        writer.write(ask(target))
        found = b""
        with contextlib.suppress(ConnectionError):
            while piece := await reader.read(1000):
                found += piece
        assert b"0\r\n\r\n" not in found
        assert b"secret" not in found
        writer.close()


async def test_streams_end_whole_when_the_server_stops(
    desk: Desk, serve: Any, fallback: Any
) -> None:
    app = desk.build_app(fallback)
    async with serve(app) as wire:
        opened = []
        for target in (SHORT, ASGI):
            reader, writer = await asyncio.open_connection("127.0.0.1", wire.port)
            writer.write(ask(target))
            await reader.readuntil(KEEP_ALIVE)
            opened.append((reader, writer))
        app.end_streams()
        for connection in list(wire.connections()):
            connection.shutdown()
        for reader, writer in opened:
            async with asyncio.timeout(PATIENCE_S):
                assert (await reader.read()).endswith(b"0\r\n\r\n")
            writer.close()


@pytest.mark.parametrize(
    ("data", "frame"),
    [
        (b"null", b"event: E\ndata: null\n\n"),
        (b"", b"event: E\ndata: \n\n"),
        (b"a\nb\r\nc", b"event: E\ndata: a\ndata: b\ndata: c\n\n"),
    ],
)
def test_render_event_gives_every_line_its_field(data: bytes, frame: bytes) -> None:
    assert render_event("E", data) == frame


async def test_channel_ends_a_stream_whose_reader_is_too_slow() -> None:
    channel = EventChannel(limit_bytes=10)
    frames = channel.frames()
    assert await anext(frames) == KEEP_ALIVE
    channel.put(b"12345")
    assert await anext(frames) == b"12345"
    channel.put(b"123456")
    channel.put(b"123456")
    assert [frame async for frame in frames] == []


async def test_channel_says_something_where_nothing_happens() -> None:
    channel = EventChannel(keep_alive_s=0.01)
    frames = channel.frames()
    assert [await anext(frames) for _ in range(3)] == [KEEP_ALIVE] * 3
    await frames.aclose()
