"""Who may write to a partition: the locks and epochs that everything else relies on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

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
from tests.passing_time import until
from tests.postgres import PostgresServer

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


async def test_a_carrier_that_its_holder_claimed_twice_is_free_once_given_back(join: Join) -> None:
    """Bug: each claim locked it once more, so nobody else ever got it while that node lived."""
    a, b = await join("a"), await join("b")
    assert await a.claim_carrier("main", dead=False) == 1
    assert await a.claim_carrier("main", dead=False) == 2  # it had let its links go meanwhile
    await a.release_carrier("main", 2)
    assert await b.claim_carrier("main", dead=False) == 3


async def test_a_session_claims_no_carrier_before_it_is_known_to_be_new(
    join: Join, postgres: PostgresServer, cluster_url: str
) -> None:
    """Whoever hears that it is new gives up what was claimed: with it, what was claimed in it."""
    a = await join("a")
    assert await a.claim_carrier("main", dead=False) == 1
    _end_sessions(postgres, cluster_url)
    with pytest.raises(StorageUnavailable):
        await a.overview()
    assert await a.claim_carrier("other", dead=False) is None
    _, is_new = await a.beat()
    assert is_new
    assert await a.claim_carrier("other", dead=False) == 1
    _, is_new = await a.beat()
    assert not is_new


async def test_a_carrier_claimed_in_a_session_that_is_lost_by_then_is_not_held(
    join: Join, postgres: PostgresServer, cluster_url: str
) -> None:
    """The answer to a claim may come after the beat that says that its session is gone."""
    a = await join("a")
    run, answer = a.session.run, asyncio.Event()

    async def run_late(work: Any) -> Any:
        result = await run(work)
        await answer.wait()
        return result

    a.session.run = run_late  # type: ignore[method-assign]
    claiming = asyncio.create_task(a.claim_carrier("main", dead=False))

    def is_claimed() -> bool:
        with psycopg.connect(cluster_url) as connection:
            return bool(connection.execute("SELECT 1 FROM dragoman_shared.carriers").fetchone())

    await until(is_claimed)
    a.session.run = run  # type: ignore[method-assign]
    _end_sessions(postgres, cluster_url)
    with pytest.raises(StorageUnavailable):
        await a.beat()
    _, is_new = await a.beat()
    answer.set()
    assert (is_new, await claiming) == (True, None)


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


def _end_sessions(postgres: PostgresServer, url: str) -> None:
    """Ends every session with a database."""
    database = url.partition("?")[0].rpartition("/")[2]
    postgres.run(
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'"
    )


async def _forget(url: str, node: str) -> None:
    """Has a node look dead to the others."""
    with psycopg.connect(url) as connection:
        connection.execute(
            "UPDATE dragoman_shared.nodes SET seen_at = seen_at - interval '1 min' WHERE name = %s",
            (node,),
        )
