"""What a cluster does while PostgreSQL or NATS is away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import aiohttp
import pytest

from dragoman.cluster.node import ClusterNode
from dragoman.testkit.simulator import Simulator
from tests.cluster.conftest import PARTITIONS, NatsServer
from tests.cluster.test_nodes import create, owner, send, shared
from tests.passing_time import until

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


def _epochs(*nodes: ClusterNode) -> dict[int, int]:
    found = {n: owned.place.epoch for node in nodes for n, owned in node.owned.items()}
    assert len(found) == PARTITIONS
    return found
