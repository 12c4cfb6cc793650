"""A changed configuration is taken by all nodes or by none."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import aiohttp
import msgspec
import pytest

from dragoman.admin.client import Failed, local_client
from dragoman.cluster import reloading
from dragoman.cluster.node import ClusterNode
from dragoman.config import Settings
from dragoman.config.sections import Limits
from dragoman.config.tables import RouteTable
from dragoman.core.delivery.running import Reloaded
from dragoman.core.model.errors import StorageUnavailable
from dragoman.testkit.simulator import Simulator
from tests.cluster.conftest import PARTITIONS
from tests.cluster.test_nodes import create, send, shared
from tests.passing_time import until

MakeNode = Callable[..., Any]


class File:
    """What the configuration of every node, or of some, says by now."""

    def __init__(self) -> None:
        self.change: Callable[[Settings], Settings] = lambda settings: settings
        self.changed_for = {"a", "b", "c"}

    def read(self, settings: Settings) -> Settings:
        return self.change(settings) if settings.cluster.node in self.changed_for else settings


def _with_second(settings: Settings, port: int, **more: Any) -> Settings:
    (first,) = settings.carriers
    second = msgspec.structs.replace(first, name="second", port=port)
    routes = (
        RouteTable(name="sweden", prefixes=("46",), carriers=("second",)),
        RouteTable(name="others", carriers=("smsc",)),
    )
    first = msgspec.structs.replace(first, **more)
    return msgspec.structs.replace(settings, carriers=(first, second), routes=routes)


async def reload(node: ClusterNode, *, check: bool = False) -> Reloaded:
    call = local_client(node.settings.data_path).call
    body = msgspec.json.encode({"check": check})
    answer = await asyncio.to_thread(call, "POST", "/admin/v1/reload", body)
    return msgspec.json.decode(answer, type=Reloaded)


async def test_all_nodes_take_a_configuration_or_none(
    make_node: MakeNode, make_simulator: Any, simulator: Simulator
) -> None:
    second = await make_simulator()
    file = File()
    a, b = await make_node("a", reload=file.read), await make_node("b", reload=file.read)
    await shared(a, b)
    accounts = [await create(partition, a, b) for partition in range(PARTITIONS)]

    def names() -> list[tuple[str, ...]]:
        return [node.carriers.names for node in (a, b)]

    file.change = lambda settings: _with_second(settings, second.port, window=7)
    file.changed_for = {"a"}
    with pytest.raises(Failed, match=r"node b: its configuration differs in: carriers"):
        await reload(a)
    file.changed_for = {"a", "b", "c"}
    told = await reload(b, check=True)
    assert "carrier second: new" in told.changes
    assert not told.applied
    assert names() == [("smsc",), ("smsc",)]

    told = await reload(b)
    assert told.applied
    assert "carrier smsc: window 20 -> 7" in told.changes
    assert names() == [("smsc", "second"), ("smsc", "second")]
    await until(lambda: len(a.carriers.held) == len(b.carriers.held) == 1, "each holds a carrier")
    async with aiohttp.ClientSession() as http:
        for created in accounts:
            for number in ("+4520000001", "+4670000001"):
                assert (await send(http, a, created.api_key, number))[0] == 201
    await until(lambda: len(simulator.submits) == len(second.submits) == PARTITIONS, "all are sent")
    (holder,) = (node for node in (a, b) if "smsc" in node.carriers.held)
    assert holder.carriers.held["smsc"].connector.capacity == 7

    # Whoever joins now has to have it too.
    file.changed_for = {"a", "b"}
    with pytest.raises(StorageUnavailable, match="differs from that of the other nodes in"):
        await make_node("c")
    file.change = lambda settings: settings
    assert "carrier second: removed" in (await reload(a)).changes

    async def nobody_has_it() -> bool:
        claims = (await a._membership.overview()).carriers
        return [one.node for one in claims if one.name == "second"] == [None]

    await until(nobody_has_it, "the carrier that is gone is given back")
    assert names() == [("smsc",), ("smsc",)]
    async with aiohttp.ClientSession() as http:
        assert (await send(http, b, accounts[0].api_key, "+4670000002"))[0] == 201
    await until(lambda: len(simulator.submits) == PARTITIONS + 1, "it takes the other carrier")


async def test_what_needs_a_restart_counts_for_nodes_that_start(
    make_node: MakeNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reloading, "LOOK_EVERY_S", 0.05)
    file = File()
    a = await make_node("a", reload=file.read)
    file.change = lambda settings: msgspec.structs.replace(settings, limits=Limits(max_parts=3))
    assert (await reload(a)).at_restart == ("limits",)
    b = await make_node("b", file.change, reload=lambda settings: settings)
    await shared(a, b)
    # A node that was not reached when others took a configuration takes it by itself.
    two = msgspec.structs.replace
    (first,) = a.settings.carriers
    changed = two(first, window=3)

    def wanted(settings: Settings) -> Settings:
        return two(settings, limits=Limits(max_parts=3), carriers=(changed,))

    file.change = wanted
    digests = reloading.digests(wanted(a.settings))
    await a._membership.put_configuration(digests)
    await until(lambda: a.settings.carriers[0].window == 3, "it takes what counts")
    assert b.settings.carriers[0].window == 20
