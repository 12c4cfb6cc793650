"""Who may write to a partition: the locks and epochs that everything else relies on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import psycopg
import pytest

from dragoman.core.model.errors import AlreadyInUse, StorageUnavailable
from dragoman.core.placement.membership import Membership, claimed_url, open_membership
from dragoman.core.placement.model.views import Node, PartitionsDiffer
from dragoman.core.placement.setup import set_up
from dragoman.storage.engine import Storage
from dragoman.storage.partitions import schema_of
from dragoman.storage.probe import probe
from tests.cluster.conftest import PARTITIONS

Join = Callable[[str], Membership]


@pytest.fixture
async def join(cluster_url: str) -> AsyncIterator[Callable[[str], object]]:
    """Joins as a node."""
    joined: list[Membership] = []

    async def join(name: str) -> Membership:
        node = Node(name=name, run=name, base_url="", address=f"{name}:1", pid=1, version="")
        membership = open_membership(cluster_url, node, PARTITIONS)
        joined.append(membership)
        await membership.join({"key": "value"})
        return membership

    yield join
    for membership in joined:
        await membership.close()


async def test_a_living_node_keeps_its_partition(join: Join) -> None:
    a, b = await join("a"), await join("b")
    assert await a.claim(0) == 1
    assert await b.claim(0) is None
    await a.release(0, 1)
    assert await b.claim(0) == 2
    assert await a.claim(0) is None


async def test_two_claims_of_one_partition_cannot_both_write(
    join: Join, cluster_url: str, postgres: object
) -> None:
    """A writer whose session ended opens another, and must not write what it still remembers."""
    a, b = await join("a"), await join("b")
    epoch = await a.claim(0)
    assert epoch is not None
    first = Storage(claimed_url(cluster_url, 0, epoch))
    first.start()
    await first.writer.write(probe, None)
    with pytest.raises(AlreadyInUse, match="claimed"):  # while it lives, its lock protects it
        Storage(claimed_url(cluster_url, 0, epoch + 1))
    await _forget(cluster_url, "a")
    second_epoch = await b.claim(0)  # ends the session of the first
    assert second_epoch == epoch + 1
    assert await b.is_lock_free(0, 5.0)
    second = Storage(claimed_url(cluster_url, 0, second_epoch))
    second.start()
    await second.writer.write(probe, None)
    await second.stop()  # the lock is free again, but the first has been overtaken
    for _ in range(2):
        with pytest.raises(StorageUnavailable):
            await first.writer.write(probe, None)
    assert first.writer.trouble == "another node has claimed this partition"
    first.writer.give_up("another node owns the partition")
    await first.stop()


async def test_a_carrier_has_one_holder(join: Join, cluster_url: str) -> None:
    a, b = await join("a"), await join("b")
    assert await a.claim_carrier("main", dead=False) == 1
    assert await b.claim_carrier("main", dead=False) is None
    await a.release_carrier("main", 1)
    assert await b.claim_carrier("main", dead=False) == 2
    # One that hangs has its session ended, and finds out.
    await _forget(cluster_url, "b")
    assert await a.claim_carrier("main", dead=True) == 3
    with pytest.raises(StorageUnavailable):
        await b.overview()
    _, is_new = await b.beat()
    assert is_new


async def test_a_single_gateway_does_not_run_beside_a_cluster(join: Join, cluster_url: str) -> None:
    a = await join("a")
    epoch = await a.claim(1)
    assert epoch is not None
    partition = Storage(claimed_url(cluster_url, 1, epoch))
    with pytest.raises(AlreadyInUse):
        Storage(cluster_url)
    partition.close()


def test_partitions_are_made_once(cluster_url: str) -> None:
    set_up(cluster_url, PARTITIONS)
    with pytest.raises(PartitionsDiffer, match="has 3 partitions"):
        set_up(cluster_url, PARTITIONS + 1)
    with psycopg.connect(cluster_url) as connection:
        lasts = [
            connection.execute(
                f"SELECT last FROM {schema_of(partition)}.short_id_counter".encode()
            ).fetchone()
            for partition in range(PARTITIONS)
        ]
    assert lasts == [(partition * ((1 << 31) // PARTITIONS),) for partition in range(PARTITIONS)]


async def _forget(url: str, node: str) -> None:
    """Has a node look dead to the others."""
    with psycopg.connect(url) as connection:
        connection.execute(
            "UPDATE dragoman_shared.nodes SET seen_at = seen_at - interval '1 min' WHERE name = %s",
            (node,),
        )
