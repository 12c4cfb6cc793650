"""What a cluster does while PostgreSQL or NATS is away."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import msgspec
import pytest
from nats.errors import OutboundBufferLimitError

from dragoman.cluster import nats_connection
from dragoman.cluster.nats_connection import NatsConnection
from dragoman.cluster.node import ClusterNode
from dragoman.config import Settings
from dragoman.config.values import Secret
from dragoman.core.messages.model.lifecycle import State
from dragoman.testkit.simulator import Simulator
from tests.cluster.conftest import PARTITIONS, NatsServer
from tests.cluster.test_nodes import create, owner, send, shared, states
from tests.passing_time import PATIENCE_S, until

MakeNode = Callable[..., Any]


@pytest.fixture
def nats_server(tmp_path: Any) -> Any:
    """A server of the test's own."""
    server = NatsServer(tmp_path)
    server.start()
    yield server
    server.kill()


@pytest.mark.parametrize("forget", [False, True], ids=["kept", "lost"])
async def test_nats_is_killed_and_nothing_is_lost(
    make_node: MakeNode, nats_server: NatsServer, simulator: Simulator, forget: bool
) -> None:
    a, b = await make_node("a"), await make_node("b")
    await shared(a, b)
    holder, other = (a, b) if a.carriers.held else (b, a)
    partition = next(iter(other.front.places))
    created = await create(partition, a, b)
    await until(lambda: other.carriers.is_up("smsc"), "the other hears of the carrier")
    nats_server.kill(forget=forget)
    await until(lambda: not other.carriers.is_up("smsc"), "it notices that NATS is away")
    async with aiohttp.ClientSession() as http:
        for _ in range(5):
            assert (await send(http, holder, created.api_key))[0] == 201
    assert not simulator.submits
    nats_server.start()
    await until(lambda: len(simulator.submits) == 5, "all are sent once NATS is back")


async def test_sessions_that_end_all_at_once_cost_nobody_a_partition(
    make_node: MakeNode, postgres: Any, cluster_url: str, simulator: Simulator
) -> None:
    a, b = await make_node("a"), await make_node("b")
    await shared(a, b)
    before = _epochs(a, b)
    created = await create(0, a, b)
    database = cluster_url.partition("?")[0].rpartition("/")[2]
    postgres.run(
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'"
    )
    async with aiohttp.ClientSession() as http:

        async def accepted() -> bool:
            return (await send(http, owner(0, a, b), created.api_key))[0] == 201

        await until(accepted, "messages are accepted again")
    await until(lambda: simulator.submits, "and sent")
    assert _epochs(a, b) == before


class Wire:
    """What a node reaches a server over, which may be cut; in threads, as nodes may block."""

    def __init__(self, connect: Callable[[], socket.socket]) -> None:
        self._connect = connect
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.is_cut = False
        self._moves = threading.Event()
        self._moves.set()
        self._open: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        self.is_cut = True
        for one in [*self._open]:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        self.is_cut = False

    def stall(self) -> None:
        """Lets what is open stand still, without a word to either side; new ones are carried."""
        self._moves.clear()
        self._moves = threading.Event()
        self._moves.set()

    def close(self) -> None:
        self.cut()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            if self.is_cut:
                near.close()
                continue
            far = self._connect()
            for source, sink in ((near, far), (far, near)):
                self._open.add(source)
                threading.Thread(target=self._copy, args=(source, sink), daemon=True).start()

    def _copy(self, source: socket.socket, sink: socket.socket) -> None:
        moves = self._moves
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                moves.wait()
                sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR)
        self._open.discard(source)


async def _nothing() -> None: ...


async def test_a_connection_with_nats_that_stands_still_is_made_again(
    nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bug: nats-py notices after six minutes."""
    monkeypatch.setattr(nats_connection, "PING_EVERY_S", 0.1)
    wire = Wire(lambda: socket.create_connection(("127.0.0.1", nats_server.port)))
    connection = NatsConnection([f"nats://{wire.address}"], "run", _nothing)
    await connection.open()
    client = connection.client
    wire.stall()
    await until(lambda: client.stats["reconnects"] > 0)
    await until(lambda: connection.is_up)
    await connection.jetstream.account_info()
    await connection.close()
    wire.close()


async def test_a_node_leaves_nats_although_that_stands_still(nats_server: NatsServer) -> None:
    """Bug: it waited forever for what was written to be read."""
    wire = Wire(lambda: socket.create_connection(("127.0.0.1", nats_server.port)))
    connection = NatsConnection([f"nats://{wire.address}"], "run", _nothing)
    await connection.open()
    wire.stall()
    for _ in range(64):  # more than the buffers on the way take
        publishing = asyncio.ensure_future(connection.client.publish("nobody", bytes(1 << 19)))
        await asyncio.wait({publishing}, timeout=0.02)
    async with asyncio.timeout(PATIENCE_S):
        await connection.close()
    wire.close()


async def test_a_state_that_cannot_be_said_costs_no_node(
    make_node: MakeNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bug: the worker ended that says it, and the process with it."""
    a = await make_node("a")
    await until(lambda: a.carriers.held)
    tried: list[str] = []

    async def fail(subject: str, *_: Any, **__: Any) -> None:
        tried.append(subject)
        raise OutboundBufferLimitError

    monkeypatch.setattr(a._stream._connection.client, "publish", fail)
    await until(lambda: tried.count("dragoman.carrier.smsc") > 1)
    monkeypatch.undo()
    assert not a._failure


async def test_a_carrier_that_a_reload_has_just_removed_has_nothing_overdue(
    make_node: MakeNode,
) -> None:
    """Bug: the worker ended that asks holders for one carrier after the other."""
    a = await make_node("a")
    assert a.carriers.overdue("removed", 0.0) == []


def _socket_of(url: str) -> str:
    """The socket of the PostgreSQL server of a database."""
    (folder,) = parse_qs(urlsplit(url).query)["host"]
    return str(next(Path(folder).glob(".s.PGSQL.*[0-9]")))


async def test_a_node_that_is_cut_from_postgresql_leaves_all_to_the_others(
    make_node: MakeNode, cluster_url: str, simulator: Simulator
) -> None:
    parts = urlsplit(cluster_url)
    server = _socket_of(cluster_url)

    def connect() -> socket.socket:
        made = socket.socket(socket.AF_UNIX)
        made.connect(server)
        return made

    wire = Wire(connect)

    def over_wire(settings: Settings) -> Settings:
        url = Secret(f"postgresql://postgres@{wire.address}{parts.path}")
        storage = msgspec.structs.replace(settings.storage, url=url)
        return msgspec.structs.replace(settings, storage=storage)

    a = await make_node("a", over_wire)
    await until(lambda: a.carriers.held, "the first node has the carrier")
    b = await make_node("b")
    await shared(a, b)
    accounts = [await create(partition, a, b) for partition in range(PARTITIONS)]
    wire.cut()
    await until(lambda: len(b.front.places) == PARTITIONS and b.carriers.held, "it takes all over")
    await until(lambda: not a.carriers.held, "the other has closed its links")
    async with aiohttp.ClientSession() as http:
        for created in accounts:
            assert (await send(http, b, created.api_key))[0] == 201
        await until(lambda: len(simulator.submits) == PARTITIONS, "they are sent once")
        wire.mend()
        await shared(a, b)
        for created in accounts:
            assert (await send(http, a, created.api_key))[0] == 201
    await until(lambda: len(simulator.submits) == 2 * PARTITIONS, "and so are those after it")
    await a.stop()
    wire.close()


async def test_a_node_that_is_cut_from_nats_sends_for_itself_and_later_for_others(
    make_node: MakeNode, nats_server: NatsServer, simulator: Simulator
) -> None:
    wire = Wire(lambda: socket.create_connection(("127.0.0.1", nats_server.port)))

    def over_wire(settings: Settings) -> Settings:
        cluster = msgspec.structs.replace(settings.cluster, nats=Secret(f"nats://{wire.address}"))
        return msgspec.structs.replace(settings, cluster=cluster)

    a = await make_node("a", over_wire)
    await until(lambda: a.carriers.held, "the first node has the carrier")
    b = await make_node("b")
    await shared(a, b)
    own, elsewhere = (next(iter(node.front.places)) for node in (a, b))
    near, far = [await create(partition, a, b) for partition in (own, elsewhere)]
    await until(lambda: b.carriers.is_up("smsc"), "the other hears of the carrier")
    wire.cut()
    await until(lambda: not b.carriers.is_up("smsc"), "the other hears nothing more of it")
    async with aiohttp.ClientSession() as http:
        for created in (near, far):
            assert (await send(http, a, created.api_key))[0] == 201
    await until(lambda: len(simulator.submits) == 1, "its own is sent")
    wire.mend()
    await until(lambda: len(simulator.submits) == 2, "the other's is sent once it is heard")

    async def done() -> bool:
        return {*await states(own, a, b), *await states(elsewhere, a, b)} == {State.DELIVERED}

    await until(done, "both are delivered")
    assert len(simulator.submits) == 2
    await a.stop()
    wire.close()


def _epochs(*nodes: ClusterNode) -> dict[int, int]:
    found = {n: owned.place.epoch for node in nodes for n, owned in node.owned.items()}
    assert len(found) == PARTITIONS
    return found
