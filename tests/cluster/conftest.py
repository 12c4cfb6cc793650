"""Nodes of one cluster in this process, over one PostgreSQL server and one simulated SMSC."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import nats
import pytest
from nats.js.errors import NotFoundError

from dragoman.cluster import front as front_module
from dragoman.cluster import heartbeat as heartbeat_module
from dragoman.cluster import holding as holding_module
from dragoman.cluster import node as node_module
from dragoman.cluster import pages as pages_module
from dragoman.cluster import partitions as partitions_module
from dragoman.cluster import quota_counts as quotas_module
from dragoman.cluster import stream as stream_module
from dragoman.cluster.development import Development
from dragoman.cluster.node import ClusterNode
from dragoman.config import Settings
from dragoman.config.dialects import Dialects
from dragoman.config.sections import Callbacks, Cluster, Http
from dragoman.config.sections import Storage as StorageSection
from dragoman.config.tables import SmppTable
from dragoman.config.values import Secret
from dragoman.core.placement.setup import set_up
from dragoman.kit.clock import Clock
from dragoman.testkit.simulator import Simulator
from tests.passing_time import PATIENCE_S
from tests.ports import free_port
from tests.postgres import PostgresServer

PARTITIONS = 3
SECRET = "shown by nodes to each other"


@pytest.fixture(scope="session")
def cluster_template(postgres: PostgresServer) -> str:
    """The name of a database with partitions, to be copied."""
    return postgres.template("clustered", lambda url: set_up(url, PARTITIONS))


@pytest.fixture
def cluster_url(postgres: PostgresServer, cluster_template: str) -> Iterator[str]:
    """The URL of a cluster's database that nobody has used."""
    with new_database(postgres, cluster_template) as url:
        yield url


@contextlib.contextmanager
def new_database(postgres: PostgresServer, cluster_template: str) -> Iterator[str]:
    """A copy of the template."""
    url = postgres.copy_of(cluster_template)
    yield url
    postgres.release(url)


class NatsServer:
    """A NATS server with JetStream, which may be killed and started again."""

    def __init__(self, folder: Path, jetstream: str | None = "sync_interval: always") -> None:
        """`jetstream` is what its section says besides; without it, the server has none."""
        self.folder = folder
        self._jetstream = jetstream
        self.port = free_port()
        self.url = f"nats://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        config = self.folder / "nats.conf"
        config.write_text(
            f'listen: "127.0.0.1:{self.port}"\n'
            + (
                ""
                if self._jetstream is None
                else f'jetstream {{ store_dir: "{self.folder}/store", {self._jetstream} }}\n'
            )
        )
        program = Path(sys.executable).with_name("nats-server")
        self._process = subprocess.Popen(
            [program, "-c", config, "-l", self.folder / "nats.log"], stdin=subprocess.DEVNULL
        )
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                return
            time.sleep(0.02)
        raise AssertionError("the NATS server did not start")

    def kill(self, *, forget: bool = False) -> None:
        """Kills it; with `forget`, its store is lost too."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        if forget:
            shutil.rmtree(self.folder / "store", ignore_errors=True)


@pytest.fixture(scope="session")
def nats_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    """A server from a wheel, for all tests that leave it alone."""
    server = NatsServer(tmp_path_factory.mktemp("nats"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
async def nats_url(nats_server: NatsServer) -> str:
    """The address of a NATS server that runs and whose stream is empty."""
    await empty(nats_server)
    return nats_server.url


async def empty(server: NatsServer) -> None:
    """Deletes what earlier tests left in the stream."""
    client = await nats.connect(server.url)
    with contextlib.suppress(NotFoundError):
        await client.jetstream().delete_stream("submit")
    await client.close()


"""No two workers draw the same, whatever their tests seed."""


def look_often(patch: pytest.MonkeyPatch) -> None:
    """Has nodes look ten times as often as in earnest, so that tests wait for nothing.

    What is given up after a while is given more time: the machine may be busy.
    """
    patch.setattr(node_module, "STOP_S", 60.0)
    patch.setattr(partitions_module, "STOP_S", 60.0)
    patch.setattr(heartbeat_module, "RELEASE_S", 60.0)
    patch.setattr(holding_module, "RELEASE_S", 60.0)
    patch.setattr(front_module, "HOLD_S", 60.0)
    patch.setattr(front_module, "OPERATORS_HOLD_S", 60.0)
    patch.setattr(pages_module, "TOLD_WITHIN_S", 60.0)
    patch.setattr(heartbeat_module, "BEAT_S", 0.1)
    patch.setattr(stream_module, "STATE_EVERY_S", 0.1)
    patch.setattr(quotas_module, "TELL_EVERY_S", 0.05)


@pytest.fixture(autouse=True)
def nodes_look_often(monkeypatch: pytest.MonkeyPatch) -> None:
    look_often(monkeypatch)


def settings_of(name: str, folder: Path, url: str, nats_url: str, smsc: int) -> Settings:
    """The settings of a node whose carrier `smsc` is the simulator at a port."""
    folder.mkdir(exist_ok=True)
    return Settings(
        data_dir=str(folder),
        http=Http(listen=f"127.0.0.1:{free_port()}", shutdown_timeout_s=60.0),
        storage=StorageSection(url=Secret(url)),
        cluster=Cluster(
            partitions=PARTITIONS,
            node=name,
            listen=f"127.0.0.1:{free_port()}",
            secret=Secret(SECRET),
            nats=Secret(nats_url),
        ),
        dialects=Dialects(enabled=("linkmobility", "smsend", "httpsms")),
        carriers=(
            SmppTable(
                name="smsc",
                host="127.0.0.1",
                port=smsc,
                system_id="x",
                password=Secret("x"),
                window=20,
            ),
        ),
        callbacks=Callbacks(allow_private=("127.0.0.0/8",)),
    )


async def start(node: ClusterNode) -> None:
    try:
        await node.start()
    except SystemExit as error:  # would end the loop of the tests, and so fail all that follow
        raise AssertionError(str(error)) from error


@pytest.fixture
async def make_node(
    cluster_url: str, nats_url: str, simulator: Simulator, tmp_path: Path
) -> AsyncIterator[Callable[..., Any]]:
    """Starts a node by its name; `change` is made to its settings before.

    `reload` makes of these what it reads when it is told to reload.
    """
    made: list[ClusterNode] = []

    async def make(
        name: str,
        change: Callable[[Settings], Settings] = lambda settings: settings,
        reload: Callable[[Settings], Settings] | None = None,
        development: Development | None = None,
        clock: Clock | None = None,
    ) -> ClusterNode:
        first = settings_of(name, tmp_path / name, cluster_url, nats_url, simulator.port)
        settings = change(first)
        read = None if reload is None else partial(reload, settings)
        node = ClusterNode(settings, clock, reload_settings=read, development=development)
        made.append(node)
        await start(node)
        return node

    yield make
    await asyncio.gather(*(node.stop() for node in made if node.ready))
