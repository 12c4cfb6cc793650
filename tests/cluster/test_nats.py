"""NATS servers that do not fit, and one whose store is full."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import nats
import pytest
from nats.js.errors import APIError
from structlog.testing import capture_logs

from dragoman.cluster.nats_connection import NatsConnection, NatsUnfit
from dragoman.testkit.simulator import Simulator
from tests.cluster.conftest import NatsServer
from tests.cluster.test_nodes import create, send, shared
from tests.passing_time import until

MakeNode = Callable[..., Any]

STORE_BYTES = 256 << 10


async def _nothing() -> None:
    """Hears of a change."""


@asynccontextmanager
async def _server_of(version: str) -> AsyncIterator[str]:
    """What says that it is a server of a version, and answers pings."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        info = {"server_id": "x", "version": version, "max_payload": 1 << 20, "headers": True}
        writer.write(b"INFO " + json.dumps(info).encode() + b"\r\n")
        while line := await reader.readline():
            if line.startswith(b"PING"):
                writer.write(b"PONG\r\n")
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    yield f"nats://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()


async def _refusal(url: str) -> str:
    connection = NatsConnection([url], "run", _nothing)
    try:
        with pytest.raises(NatsUnfit) as raised:
            await connection.open()
    finally:
        await connection.close()
    return str(raised.value)


async def test_a_server_that_is_too_old_is_refused() -> None:
    async with _server_of("2.9.10") as url:
        assert await _refusal(url) == "NATS is 2.9.10, older than 2.14"


async def test_a_server_without_jetstream_is_refused(tmp_path: Path) -> None:
    server = NatsServer(tmp_path, jetstream=None)
    server.start()
    try:
        assert (await _refusal(server.url)).startswith("NATS has no JetStream")
    finally:
        server.kill()


@pytest.fixture
def nats_server(tmp_path: Path) -> Any:
    """A server of the test's own, with little room."""
    server = NatsServer(tmp_path, jetstream=f"max_file_store: {STORE_BYTES}")
    server.start()
    yield server
    server.kill()


async def _fill(stream: Any) -> bool:
    """Publishes until not an octet more is taken; whether it came to that."""
    for size in (16 << 10, 1 << 10, 64, 1):
        for _ in range(STORE_BYTES // size):
            try:
                await stream.publish("filler", bytes(size))
            except APIError:
                if size == 1:
                    return True
                break
    return False


async def test_messages_wait_while_the_store_is_full(
    make_node: MakeNode, nats_server: NatsServer, simulator: Simulator
) -> None:
    a, b = await make_node("a"), await make_node("b")
    await shared(a, b)
    holder, other = (a, b) if a.carriers.held else (b, a)
    created = await create(next(iter(other.front.places)), a, b)
    await until(lambda: other.carriers.is_up("smsc"), "the other hears of the carrier")
    client = await nats.connect(nats_server.url)
    stream = client.jetstream()
    await stream.add_stream(name="filler", subjects=["filler"])
    assert await _fill(stream)
    with capture_logs() as logs:
        async with aiohttp.ClientSession() as http:
            for _ in range(3):
                assert (await send(http, holder, created.api_key))[0] == 201
        await until(
            lambda: any(one["event"] == "not_published" for one in logs), "the stream refuses one"
        )
    assert not simulator.submits
    await stream.delete_stream("filler")
    await until(lambda: len(simulator.submits) == 3, "all are sent once there is room")
    await client.close()
