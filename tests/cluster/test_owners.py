"""Receipts on their way to the owner of a partition, over a real NATS server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from nats.aio.msg import Msg
from nats.errors import NoRespondersError

from dragoman.cluster import owners as owners_module
from dragoman.cluster import wire
from dragoman.cluster.nats_connection import NatsConnection
from dragoman.cluster.owners import Owners
from dragoman.core.messages.model.messages import ReceiptReport
from dragoman.core.messages.model.outcomes import Unknown
from dragoman.core.model.stored import OnStored
from tests.cluster.conftest import NatsServer
from tests.cluster.test_seeking import receipt
from tests.passing_time import until

PARTITION = 1


class Partition:
    """What it is given in one go, and which numbers it does not store."""

    def __init__(self) -> None:
        self.given: list[list[str]] = []
        self.refused: set[str] = set()
        self.is_cut = False
        self.sink = self

    def settle(self, _message_id: int, _token: int, _outcome: Any, on_stored: OnStored) -> None:
        """Takes an outcome for a message that is in flight no more: it needs none."""
        on_stored(True)

    def receipts_came(self, receipts: Sequence[tuple[ReceiptReport, OnStored]]) -> None:
        self.given.append([report.raw for report, _ in receipts])
        for report, on_stored in receipts:
            on_stored(report.raw not in self.refused)


@pytest.fixture
async def connections(nats_url: str) -> AsyncIterator[tuple[NatsConnection, NatsConnection]]:
    made = (
        NatsConnection([nats_url], "giver", _changed),
        NatsConnection([nats_url], "owner", _changed),
    )
    for connection in made:
        await connection.open()
    yield made[0], made[1]
    for connection in made:
        await connection.close()


@pytest.fixture
def partition() -> Partition:
    return Partition()


@pytest.fixture
async def giver(
    connections: tuple[NatsConnection, NatsConnection], partition: Partition
) -> AsyncIterator[Owners]:
    """A node that gives; another one owns the partition."""
    near, far = (_owners(connection, partition) for connection in connections)
    await far.open_partition(PARTITION)
    await _subscribed(connections[1])
    yield near
    await far.close_partition(PARTITION)


async def _subscribed(connection: NatsConnection) -> None:
    """Waits until the server has what was subscribed: a flush of nats-py overtakes it."""
    await connection.jetstream.account_info()


def _owners(connection: NatsConnection, partition: Partition | None) -> Owners:
    carriers: Any = SimpleNamespace(
        shared=lambda _carrier, _number: partition,
        is_cut=lambda _number: partition is not None and partition.is_cut,
        names=("smsc",),
    )

    async def look(reports: Sequence[ReceiptReport]) -> list[wire.Look]:
        return [look_in(PARTITION, one.message_id) for one in reports]

    return Owners(connection, carriers, look, lambda: True)


def look_in(partition: int, message_id: str) -> wire.Look:
    """A partition that knows the message 20."""
    return wire.Look((partition,), 2 if message_id == "20" else 0, partition)


def named(*message_ids: str) -> list[ReceiptReport]:
    return [msgspec.structs.replace(receipt(), message_id=one) for one in message_ids]


async def give(owners: Owners, texts: Sequence[str]) -> list[bool]:
    """Gives receipts in one turn of the loop; whether each was stored."""
    heard: dict[int, bool] = {}
    for place, text in enumerate(texts):

        def stored(on_disk: bool, place: int = place) -> None:
            heard[place] = on_disk

        owners.receipt(PARTITION, receipt(raw=text), stored)
    await until(lambda: len(heard) == len(texts), "each is answered")
    return [heard[place] for place in range(len(texts))]


async def test_receipts_of_one_turn_go_together_and_each_is_answered_for_itself(
    giver: Owners, partition: Partition
) -> None:
    partition.refused = {"two"}
    assert await give(giver, ["one", "two", "three"]) == [True, False, True]
    assert partition.given == [["one", "two", "three"]]


async def test_a_receipt_that_cannot_be_written_costs_no_other_its_answer(
    giver: Owners, partition: Partition
) -> None:
    heard: list[bool] = []
    giver.receipt(PARTITION, receipt(raw="one"), heard.append)
    giver.receipt(PARTITION, receipt(error="\ud800"), heard.append)
    giver.receipt(PARTITION, receipt(raw="two"), heard.append)
    await until(lambda: len(heard) == 3, "each is answered")
    assert heard == [False, True, True]
    assert partition.given == [["one", "two"]]


async def test_many_receipts_go_in_requests_that_nats_takes(
    giver: Owners, partition: Partition, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owners_module, "MAX_TOLD", 2)
    assert await give(giver, ["1", "2", "3", "4", "5"]) == [True] * 5
    assert sorted(partition.given) == [["1", "2"], ["3", "4"], ["5"]]
    monkeypatch.setattr(owners_module, "MAX_TOLD_BYTES", 100)
    partition.given.clear()
    assert await give(giver, ["1" * 200, "2" * 200]) == [True] * 2
    assert sorted(partition.given) == [["1" * 200], ["2" * 200]]


async def test_an_owner_of_an_earlier_version_gets_one_receipt_after_the_other(
    connections: tuple[NatsConnection, NatsConnection], partition: Partition
) -> None:
    near, far = connections

    async def take(msg: Msg) -> None:
        kind, report = msg.subject.rpartition(".")[2], wire.read_receipt(msg.data).whole()
        partition.given.append([kind, report.raw])
        await msg.respond(b"-" if report.raw == "two" else b"+")

    await far.client.subscribe(f"dragoman.partition.{PARTITION}.*", cb=take)
    await _subscribed(far)
    assert await give(_owners(near, None), ["one", "two"]) == [True, False]
    assert sorted(partition.given) == [["receipt", "one"], ["receipt", "two"]]


async def test_a_partition_that_is_lost_says_of_no_outcome_that_it_is_stored(
    connections: tuple[NatsConnection, NatsConnection],
) -> None:
    """Bug: it said so at once of what its owner had yet to store, and the first answer counts."""
    near, far = connections
    partition = Partition()
    lost = _owners(far, partition)
    await lost.open_partition(PARTITION)
    partition.is_cut = True
    await _subscribed(far)
    subject = f"dragoman.partition.{PARTITION}.outcomes"
    told = wire.Told.of("smsc", 1, 1, Unknown(detail=""))
    answer = await near.client.request(subject, wire.encode([told]), timeout=30)
    assert (answer.data, partition.given) == (b"-", [])
    await lost.close_partition(PARTITION)


async def test_an_outcome_of_a_carrier_that_is_gone_is_told_where_the_partition_is_by_now(
    connections: tuple[NatsConnection, NatsConnection], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bug: it was told to nobody, ever, and the stream kept its message."""
    monkeypatch.setattr(owners_module, "AGAIN_S", 0.0)
    near = connections[0]
    owners, stored = _owners(near, None), list[bool]()
    told = wire.Told.of("gone", 1, 1, Unknown(detail=""))
    carriers: Any = owners._carriers
    carriers.tell = owners.tell  # as it does without a carrier of the name
    ask, asked = owners._ask, list[str]()

    async def fail_once(partition: int, kind: str, data: bytes) -> bool:
        asked.append(kind)
        if len(asked) == 1:  # nobody owned it then
            await owners.open_partition(PARTITION)
            return False
        return await ask(partition, kind, data)

    monkeypatch.setattr(owners, "_ask", fail_once)
    owners.tell(PARTITION, told, stored.append)
    await until(lambda: stored == [True])
    await owners.close_partition(PARTITION)


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[NatsServer]:
    """A server of the test's own."""
    server = NatsServer(tmp_path)
    server.start()
    yield server
    server.kill()


async def test_a_partition_that_is_closed_while_nats_is_away_hears_nothing_more(
    own_server: NatsServer,
) -> None:
    """Bug: its subscriptions were made again with the connection, and it answered for its owner."""
    server = own_server
    far = NatsConnection([server.url], "far", _changed)
    await far.open()
    lost = _owners(far, Partition())
    await lost.open_partition(PARTITION)
    server.kill()
    await until(lambda: not far.is_up)
    await lost.close_partition(PARTITION)
    server.start()
    await until(lambda: far.is_up)
    await _subscribed(far)
    near = NatsConnection([server.url], "near", _changed)
    await near.open()
    with pytest.raises(NoRespondersError):
        await near.client.request(f"dragoman.receipts.{PARTITION}", b"", timeout=30)
    for connection in (near, far):
        await connection.close()


async def _changed() -> None: ...


async def test_a_receipt_for_a_partition_without_an_owner_is_not_acknowledged(
    connections: tuple[NatsConnection, NatsConnection],
) -> None:
    assert await give(_owners(connections[0], None), ["one", "two"]) == [False, False]


async def _listening(far: NatsConnection) -> Owners:
    owners = _owners(far, None)
    await owners.listen()
    await _subscribed(far)
    return owners


async def test_many_receipts_are_looked_for_in_requests_that_nats_takes(
    connections: tuple[NatsConnection, NatsConnection], monkeypatch: pytest.MonkeyPatch
) -> None:
    near, far = connections
    await _listening(far)
    monkeypatch.setattr(owners_module, "MAX_TOLD", 2)
    looks = await _owners(near, None).look(named("19", "20", "21", "20", "\ud800"), {PARTITION})
    assert [look.fit for look in looks] == [0, 2, 0, 2, 0]
    assert [look.partitions for look in looks] == [(PARTITION,)] * 5


async def test_no_partition_is_waited_for_once_every_message_is_found(
    connections: tuple[NatsConnection, NatsConnection], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A partition that has no owner holds up no receipt whose message another one has."""
    near, far = connections
    await _listening(far)
    monkeypatch.setattr(owners_module, "LOOK_S", 3600)
    async with asyncio.timeout(30):
        looks = await _owners(near, None).look(named("20", "20"), {PARTITION, PARTITION + 1})
    assert [(look.fit, look.partition) for look in looks] == [(2, PARTITION)] * 2


async def test_a_node_of_an_earlier_version_is_asked_about_one_receipt_at_a_time(
    connections: tuple[NatsConnection, NatsConnection], monkeypatch: pytest.MonkeyPatch
) -> None:
    near, far = connections
    monkeypatch.setattr(owners_module, "LOOK_S", 0.2)
    asked: list[str] = []

    async def answer(msg: Msg) -> None:
        report = wire.read_receipt(msg.data).whole()
        asked.append(report.message_id)
        await msg.respond(wire.encode(look_in(PARTITION, report.message_id)))

    await far.client.subscribe("dragoman.find.*", cb=answer)
    await _subscribed(far)
    looks = await _owners(near, None).look(named("19", "20"), {PARTITION})
    assert [look.fit for look in looks] == [0, 2]
    assert sorted(asked) == ["19", "20"]


async def test_a_node_of_an_earlier_version_is_asked_about_what_newer_ones_do_not_know(
    connections: tuple[NatsConnection, NatsConnection], monkeypatch: pytest.MonkeyPatch
) -> None:
    near, far = connections
    await _listening(far)
    monkeypatch.setattr(owners_module, "LOOK_S", 0.2)
    monkeypatch.setattr(owners_module, "MAX_SINGLE", 1)
    asked: list[str] = []

    async def answer(msg: Msg) -> None:
        asked.append(wire.read_receipt(msg.data).whole().message_id)
        await msg.respond(wire.encode(wire.Look((PARTITION + 1,), 2, PARTITION + 1)))

    await far.client.subscribe("dragoman.find.*", cb=answer)
    await _subscribed(far)
    looks = await _owners(near, None).look(named("20", "19"), {PARTITION, PARTITION + 1})
    assert [look.partition for look in looks] == [PARTITION, PARTITION + 1]
    assert asked == ["19"]


async def test_a_node_of_an_earlier_version_is_answered(
    connections: tuple[NatsConnection, NatsConnection],
) -> None:
    near, far = connections
    await _listening(far)
    data = wire.encode(wire.Receipt.of(receipt()))
    answer = await near.client.request(f"dragoman.find.{near.run}", data, timeout=10)
    assert wire.read_look(answer.data) == look_in(PARTITION, "20")


async def test_partitions_that_nobody_has_are_left_out(
    connections: tuple[NatsConnection, NatsConnection], monkeypatch: pytest.MonkeyPatch
) -> None:
    near, far = connections
    await _listening(far)
    monkeypatch.setattr(owners_module, "LOOK_S", 0.1)
    looks = await _owners(near, None).look(named("20", "21"), {PARTITION, PARTITION + 1})
    assert [(set(look.partitions), look.fit) for look in looks] == [
        ({PARTITION}, 2),
        ({PARTITION}, 0),
    ]
