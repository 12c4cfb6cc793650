"""An earlier build of this repository beside the present one, in one cluster."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Final

import aiohttp
import msgspec
import pytest

from dragoman.admin.client import local_client
from dragoman.cluster.node import ClusterNode
from dragoman.config import Settings
from dragoman.config.tables import RouteTable, SmppTable
from dragoman.testkit.simulator import Simulator
from tests.cluster.conftest import PARTITIONS, SECRET
from tests.cluster.test_nodes import name_in
from tests.passing_time import PATIENCE_S, until
from tests.ports import free_port

pytestmark = [pytest.mark.process, pytest.mark.slow]

MakeNode = Callable[..., Any]

EARLIER: Final = "e509573b"
"""The revision of the earlier build: receipts one by one, and other heads between nodes."""
ROOT: Final = Path(__file__).parents[2]
PREFIXES: Final = {"north": "4520", "south": "4521"}
CONFIG: Final = """\
data_dir = "{folder}"

[http]
listen = "127.0.0.1:{http}"

[storage]
url = "{url}"

[cluster]
partitions = {partitions}
node = "old"
listen = "127.0.0.1:{peers}"
secret = "{secret}"
nats = "{nats}"

[dialects]
enabled = ["linkmobility", "smsend", "httpsms"]

[callbacks]
allow_private = ["127.0.0.0/8"]
"""
CARRIER: Final = """
[[carriers]]
name = "{name}"
host = "127.0.0.1"
port = {port}
system_id = "x"
password = "x"
window = 20

[[routes]]
name = "{name}"
prefixes = ["{prefix}"]
carriers = ["{name}"]
"""


def with_two_carriers(settings: Settings) -> Settings:
    """One for each node, and for each a prefix."""
    (only,) = settings.carriers
    assert isinstance(only, SmppTable)
    return msgspec.structs.replace(
        settings,
        carriers=tuple(msgspec.structs.replace(only, name=name) for name in PREFIXES),
        routes=tuple(
            RouteTable(name=name, prefixes=(prefix,), carriers=(name,))
            for name, prefix in PREFIXES.items()
        ),
    )


class OldNode:
    """A node that runs the earlier build, in a process of its own."""

    def __init__(self, source: Path, folder: Path, url: str, nats_url: str, smsc: int) -> None:
        folder.mkdir()
        self.base_url = f"http://127.0.0.1:{free_port()}"
        self.config = folder / "dragoman.toml"
        self._log = folder / "log"
        self._source = source
        carriers = "".join(
            CARRIER.format(name=name, prefix=prefix, port=smsc) for name, prefix in PREFIXES.items()
        )
        self.config.write_text(
            CONFIG.format(
                folder=folder / "data",
                http=self.base_url.rpartition(":")[2],
                url=url,
                partitions=PARTITIONS,
                peers=free_port(),
                secret=SECRET,
                nats=nats_url,
            )
            + carriers
        )
        self._process: subprocess.Popen[bytes] | None = None

    def _run(self) -> subprocess.Popen[bytes]:
        program = "from dragoman.cli import main; main()"
        command = [sys.executable, "-c", program, "serve", "--config", str(self.config)]
        environment = {**os.environ, "PYTHONPATH": str(self._source)}
        with self._log.open("wb") as log:
            return subprocess.Popen(command, env=environment, stdout=log, stderr=log)

    async def start(self) -> None:
        """Starts it and waits until it takes calls."""
        self._process = running = self._run()
        async with aiohttp.ClientSession() as http:

            async def is_ready() -> bool:
                assert running.poll() is None, self._log.read_text()
                try:
                    async with http.get(f"{self.base_url}/health/ready") as answer:
                        return answer.status == 200
                except aiohttp.ClientError:
                    return False

            await until(is_ready, "the earlier build takes calls")

    async def stop(self) -> None:
        """Has it give everything back."""
        if self._process is not None:
            self._process.terminate()
            await asyncio.to_thread(self._process.wait, PATIENCE_S)
            self._process = None


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source of the earlier build."""
    archive = ["git", "-C", str(ROOT), "archive", EARLIER, "src"]
    packed = subprocess.run(archive, capture_output=True)
    if packed.returncode:
        pytest.skip(f"revision {EARLIER} is not in the history that is here")
    folder = tmp_path_factory.mktemp("earlier")
    subprocess.run(["tar", "-x", "-C", str(folder)], input=packed.stdout, check=True)
    return folder / "src"


@pytest.fixture
async def old(
    source: Path, cluster_url: str, nats_url: str, simulator: Simulator, tmp_path: Path
) -> AsyncIterator[OldNode]:
    made = OldNode(source, tmp_path / "old", cluster_url, nats_url, simulator.port)
    await made.start()
    yield made
    await made.stop()


async def test_an_earlier_build_and_this_one_share_a_cluster(
    old: OldNode, make_node: MakeNode, simulator: Simulator
) -> None:
    new: ClusterNode = await make_node("new", with_two_carriers)
    await until(lambda: 0 < len(new.front.places) < PARTITIONS, "each has partitions")
    await until(lambda: len(new.carriers.held) == 1, "each holds a carrier")
    ask = local_client(new.settings.data_path).call
    keys = []
    for partition in range(PARTITIONS):  # through this build, for the partitions of both
        body = msgspec.json.encode({"username": name_in(partition)})
        made = await asyncio.to_thread(ask, "POST", "/admin/v1/accounts", body)
        keys.append(msgspec.json.decode(made)["api_key"])
    async with aiohttp.ClientSession() as http:

        async def send_each(*doors: str) -> int:
            """Every account sends over every carrier, each time through every node."""
            for key in keys:
                for prefix in PREFIXES.values():
                    for door in doors:
                        url = f"{door}/v2/message.json?apikey={key}"
                        message = {"recipients": f"+{prefix}000001", "sender": "Dragoman"}
                        body = {"message": {**message, "message": "a text"}}
                        async with http.post(url, json=body) as answer:
                            assert answer.status == 201, await answer.text()
            return len(keys) * len(PREFIXES) * len(doors)

        async def delivered() -> int:
            page = await asyncio.to_thread(
                ask, "GET", "/admin/v1/messages?states=delivered&limit=1000"
            )
            return len(msgspec.json.decode(page)["messages"])

        async def all_delivered() -> bool:
            return await delivered() == sent

        sent = await send_each(old.base_url, new.node.base_url)
        sent += await send_each(new.node.base_url, old.base_url)  # over connections that are kept
        await until(all_delivered, "each is delivered, and its receipt found its partition")
        await old.stop()
        await until(lambda: len(new.front.places) == PARTITIONS, "this build has all")
        await until(lambda: len(new.carriers.held) == len(PREFIXES), "and both carriers")
        sent += await send_each(new.node.base_url)
        await until(all_delivered, "all goes on without the earlier build")
    assert len(simulator.submits) == sent
