"""Nodes share the partitions, answer for each other, and give back what they have."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest

from dragoman.cluster.node import ClusterNode
from dragoman.core.accounts.accounts import CreatedAccount
from dragoman.testkit.simulator import Simulator
from tests.cluster.conftest import PARTITIONS
from tests.passing_time import until

MakeNode = Callable[..., Any]


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


def name_in(partition: int, number: int = 0) -> str:
    """A user name whose tree of accounts lives in a partition."""
    names = (f"account{n}" for n in range(number * 1000, 100_000))
    return next(n for n in names if zlib.crc32(n.encode()) % PARTITIONS == partition)


async def shared(*nodes: ClusterNode) -> None:
    """Waits until the nodes have divided all partitions."""

    def divided() -> bool:
        shares = [len(node.front.places) for node in nodes]
        return sum(shares) == PARTITIONS and max(shares) - min(shares) <= 1

    await until(divided, "each node has its share")


def owner(partition: int, *nodes: ClusterNode) -> ClusterNode:
    return next(node for node in nodes if partition in node.front.places)


async def create(partition: int, *nodes: ClusterNode) -> CreatedAccount:
    services = owner(partition, *nodes).owned[partition].gateway.services
    return await services.accounts.create(name_in(partition), password="a password of theirs")


async def send(
    http: aiohttp.ClientSession, node: ClusterNode, key: str, number: str = "+4520000001"
) -> tuple[int, Any]:
    url = f"{node.node.base_url}/v2/message.json?apikey={key}"
    body = {"message": {"recipients": number, "sender": "Dragoman", "message": "a text"}}
    async with http.post(url, json=body) as answer:
        return answer.status, await answer.json(content_type=None)


async def test_nodes_divide_the_partitions_and_answer_for_each_other(
    make_node: MakeNode, http: aiohttp.ClientSession, simulator: Simulator
) -> None:
    a = await make_node("a")
    await until(lambda: len(a.front.places) == PARTITIONS)
    b = await make_node("b")
    await shared(a, b)
    accounts = [await create(partition, a, b) for partition in range(PARTITIONS)]
    for created in accounts:
        for node in (a, b):
            status, answer = await send(http, node, created.api_key)
            assert status == 201, answer

    # The carrier is held by one node only; what partitions elsewhere accept waits for it.
    assert len(a.carriers.held) + len(b.carriers.held) == 1
