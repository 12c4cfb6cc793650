"""A node takes partitions and gives them back, whatever comes in between."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import psycopg
import pytest
from nats.errors import ConnectionClosedError

from dragoman.cluster import partitions as partitions_module
from dragoman.cluster.owners import Owners
from dragoman.core.model.errors import StorageUnavailable
from dragoman.core.placement.membership import Membership
from dragoman.gateway import Gateway
from tests.cluster.conftest import PARTITIONS
from tests.cluster.test_nodes import shared
from tests.passing_time import until

MakeNode = Callable[..., Any]


async def test_a_node_that_stops_waits_for_what_it_is_giving_back(make_node: MakeNode) -> None:
    """Bug: that was cut short, and the node ended without having given back the rest."""
    a, b = await make_node("a"), await make_node("b")
    await shared(a, b)
    number = next(iter(a.front.places))
    gateway = a.owned[number].gateway
    stop, cut = gateway.stop, list[int]()
    closing, may_close = asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        closing.set()
        try:
            await may_close.wait()
        except asyncio.CancelledError:
            cut.append(number)
            raise
        await stop()

    gateway.stop = slow
    await b._membership.move(number, "b")
    await closing.wait()
    stopping = asyncio.create_task(a.stop())
    for _ in range(10):
        await asyncio.sleep(0)
    may_close.set()
    await stopping
    assert not cut
    await until(lambda: len(b.front.places) == PARTITIONS)


async def test_a_partition_that_cannot_hear_others_is_closed_and_taken_again(
    make_node: MakeNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bug: its gateway ran on, beside the one of the next claim, and nothing was said."""
    monkeypatch.setattr(partitions_module, "TAKE_AGAIN_S", 0.0)
    open_partition, failed = Owners.open_partition, list[int]()
    stop, stopped = Gateway.stop, list[Gateway]()

    async def fail_once(self: Owners, number: int) -> None:
        if not failed:
            failed.append(number)
            raise ConnectionClosedError
        await open_partition(self, number)

    async def note(self: Gateway) -> None:
        stopped.append(self)
        await stop(self)

    monkeypatch.setattr(Owners, "open_partition", fail_once)
    monkeypatch.setattr(Gateway, "stop", note)
    a = await make_node("a")
    await shared(a)
    assert [one.services.placement.partition for one in stopped] == failed


async def test_a_partition_that_is_lost_sends_nothing_from_then_on(make_node: MakeNode) -> None:
    """Bug: it was cut off a turn of the loop after its node counted as heard again."""
    a = await make_node("a")
    await shared(a)
    overview = await a._membership.overview()
    claims = [
        msgspec.structs.replace(claim, node="b", epoch=claim.epoch + 1)
        for claim in overview.partitions
    ]
    lost = msgspec.structs.replace(overview, partitions=tuple(claims))
    a._partitions.let_go_of_lost(lost, "a")
    assert all(a.carriers.shared("smsc", number).is_cut for number in range(PARTITIONS))
    await until(lambda: not a._partitions._moving)
    await shared(a)


async def test_a_partition_that_is_lost_while_it_opens_sends_nothing(
    make_node: MakeNode, monkeypatch: pytest.MonkeyPatch, cluster_url: str
) -> None:
    """Bug: nobody looked at its claim before it was open."""
    opening, may_open = asyncio.Event(), asyncio.Event()
    open_partition = Owners.open_partition

    async def slow(self: Owners, number: int) -> None:
        if number == 1:
            opening.set()
            await may_open.wait()
        await open_partition(self, number)

    monkeypatch.setattr(Owners, "open_partition", slow)
    a = await make_node("a")
    await opening.wait()
    with psycopg.connect(cluster_url) as connection:
        connection.execute(
            "UPDATE dragoman_shared.partitions SET node = 'b', epoch = epoch + 1"
            " WHERE partition = 1"
        )
    await until(lambda: a.carriers.shared("smsc", 1).is_cut)
    may_open.set()
    await until(lambda: 1 in a.owned and a.owned[1].place.epoch == 3)  # and takes it again


async def test_what_was_given_back_is_not_taken_by_an_overview_from_before(
    make_node: MakeNode,
) -> None:
    """Bug: it still looked like the node's own, and went to and fro."""
    a = await make_node("a")
    await shared(a)
    await a._heartbeat.take_no_more()
    before = await a._membership.overview()
    await a._partitions._give_back(0)
    a._partitions.adjust(before, "a", may_claim=True)
    assert 0 not in a._partitions._moving
    a._partitions.adjust(await a._membership.overview(), "a", may_claim=True)
    assert 0 in a._partitions._moving
    await until(lambda: 0 in a.front.places)


async def test_a_node_that_is_drained_keeps_nothing_that_it_could_not_give_back(
    make_node: MakeNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bug: PostgreSQL was away for that moment, and nobody had it until the node ended."""
    a, b = await make_node("a"), await make_node("b")
    await shared(a, b)
    tried = set[int | str]()
    for name in ("release", "release_carrier"):
        release = getattr(Membership, name)

        async def away_once(
            self: Membership, what: int | str, epoch: int, release: Any = release
        ) -> None:
            if self.node.name == "a" and what not in tried:
                tried.add(what)
                raise StorageUnavailable("away")
            await release(self, what, epoch)

        monkeypatch.setattr(Membership, name, away_once)
    was_here = {*a.owned} | {*a.carriers.held}
    await b._membership.drain("a", True)
    await until(lambda: len(b.owned) == PARTITIONS and "smsc" in b.carriers.held)
    assert tried == was_here
