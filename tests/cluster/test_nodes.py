"""Nodes share the partitions, answer for each other, and give back what they have."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import msgspec
import pytest

from dragoman.admin.client import Failed, local_client
from dragoman.cluster.node import ClusterNode
from dragoman.config import Settings
from dragoman.config.sections import Limits
from dragoman.config.tables import SmppTable
from dragoman.config.values import Secret
from dragoman.core.accounts.accounts import CreatedAccount
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.model.errors import RefusalCode, Refused, StorageUnavailable
from dragoman.core.placement.model.views import Overview
from dragoman.core.reporting.model.outbox import OutboxFilter
from dragoman.testkit.simulator import Simulator
from tests.cluster.conftest import PARTITIONS
from tests.passing_time import MovableClock, until
from tests.ports import free_port

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


async def states(partition: int, *nodes: ClusterNode) -> list[State]:
    """The states of a partition's messages."""
    services = owner(partition, *nodes).owned[partition].gateway.services
    account = await services.accounts.find(name_in(partition))
    wanted = OutboxFilter(account_id=account.account_id)
    page = await services.queries.outbox(wanted, 0, 1000)
    return [view.state for view in page.messages]


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
    # The carrier is held by one node, and sends for the partitions of both.
    assert len(a.carriers.held) + len(b.carriers.held) == 1
    await until(lambda: len(simulator.submits) == 2 * PARTITIONS, "every message is sent")
    for partition in range(PARTITIONS):

        async def delivered(partition: int = partition) -> bool:
            return await states(partition, a, b) == [State.DELIVERED] * 2

        await until(delivered, "the receipts found their partition")


async def test_a_node_that_joins_gets_its_share_of_the_carriers(
    make_node: MakeNode, simulator: Simulator, http: aiohttp.ClientSession
) -> None:
    def with_two(settings: Settings) -> Settings:
        (first,) = settings.carriers
        assert isinstance(first, SmppTable)
        return msgspec.structs.replace(
            settings, carriers=(first, msgspec.structs.replace(first, name="second"))
        )

    a = await make_node("a", with_two)
    await until(lambda: len(a.carriers.held) == 2, "the first node holds both")
    b = await make_node("b", with_two)
    await shared(a, b)
    created = [await create(partition, a, b) for partition in range(PARTITIONS)]
    await until(lambda: len(a.carriers.held) == len(b.carriers.held) == 1, "each holds one")
    for account in created:
        assert (await send(http, a, account.api_key))[0] == 201
    await until(lambda: len(simulator.submits) == PARTITIONS, "all is sent")
    await b.stop()
    await until(lambda: len(a.carriers.held) == 2, "the first node holds both again")


async def test_a_node_stops_and_no_call_fails(
    make_node: MakeNode, http: aiohttp.ClientSession, simulator: Simulator
) -> None:
    a, b = await make_node("a"), await make_node("b")
    await shared(a, b)
    accounts = [await create(partition, a, b) for partition in range(PARTITIONS)]
    statuses: list[int] = []
    stopped = asyncio.Event()

    async def keep_sending(created: CreatedAccount) -> None:
        while not stopped.is_set():
            statuses.append((await send(http, a, created.api_key))[0])

    sending = [asyncio.create_task(keep_sending(created)) for created in accounts]
    await b.stop()
    await until(lambda: len(a.front.places) == PARTITIONS)
    await until(lambda: a.carriers.held)
    before = len(statuses)
    await until(lambda: len(statuses) > before + 20)
    stopped.set()
    await asyncio.gather(*sending)
    assert set(statuses) == {201}
    await until(lambda: len(simulator.submits) >= len(statuses), "every message is sent")
    for partition in range(PARTITIONS):

        async def done(partition: int = partition) -> bool:
            return set(await states(partition, a)) == {State.DELIVERED}

        await until(done, "all are delivered")
    assert len(simulator.submits) == len(statuses), "none was sent twice"


async def test_two_nodes_create_one_name_at_once(make_node: MakeNode) -> None:
    a, b = await make_node("a"), await make_node("b")
    await shared(a, b)
    parents = {p: (await create(p, a, b)).account for p in range(PARTITIONS)}

    async def below(partition: int) -> object:
        services = owner(partition, a, b).owned[partition].gateway.services
        return await services.accounts.create("one-name", parent=parents[partition])

    results = await asyncio.gather(*map(below, range(PARTITIONS)), return_exceptions=True)
    refused = [one for one in results if isinstance(one, Refused)]
    assert len(refused) == PARTITIONS - 1, results
    assert {one.code for one in refused} == {RefusalCode.ALREADY_EXISTS}


async def test_a_key_is_refused_once_it_is_revoked_wherever_it_is_shown(
    make_node: MakeNode, http: aiohttp.ClientSession
) -> None:
    a, b = await make_node("a"), await make_node("b")
    await shared(a, b)
    created = await create(0, a, b)
    for node in (a, b):
        assert (await send(http, node, created.api_key))[0] == 201
    services = owner(0, a, b).owned[0].gateway.services
    key = await services.accounts.rotate_key(created.account.username)
    for node in (a, b):
        answered = await send(http, node, created.api_key)
        assert answered[0] == 401, answered
        assert (await send(http, node, key))[0] == 201


def _other_limits(settings: Settings) -> Settings:
    limits = Limits(max_parts=3)
    return msgspec.structs.replace(settings, limits=limits)


def _other_partitions(settings: Settings) -> Settings:
    return _with_cluster(settings, partitions=PARTITIONS + 1)


def _same_name(settings: Settings) -> Settings:
    return _with_cluster(settings, node="a")


def _other_secret(settings: Settings) -> Settings:
    return _with_cluster(settings, secret=Secret("what another cluster has"))


def _no_nats(settings: Settings) -> Settings:
    return _with_cluster(settings, nats=Secret(f"nats://127.0.0.1:{free_port()}"))


def _with_cluster(settings: Settings, **more: Any) -> Settings:
    return msgspec.structs.replace(
        settings, cluster=msgspec.structs.replace(settings.cluster, **more)
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_other_limits, "differs from that of the other nodes in: limits.max_parts"),
        (_other_partitions, "the cluster has 3 partitions"),
        (_same_name, "another node is called a"),
        (_other_secret, "differs from that of the other nodes in: cluster.secret$"),
        (_no_nats, "NATS is not reached"),
    ],
)
async def test_a_node_that_does_not_fit_does_not_join(
    make_node: MakeNode, change: Callable[[Settings], Settings], reason: str
) -> None:
    a = await make_node("a")
    with pytest.raises(StorageUnavailable, match=reason):
        await make_node("b", change)
    overview = await a._membership.overview()
    assert [node.name for node in overview.nodes if not node.is_dead] == ["a"]


async def test_a_command_on_any_node_reaches_the_account(make_node: MakeNode) -> None:
    a, b = await make_node("a"), await make_node("b")
    await shared(a, b)
    for node in (a, b):
        for partition in range(PARTITIONS):
            username = name_in(partition, 1 if node is a else 2)
            call = local_client(node.settings.data_path).call
            body = msgspec.json.encode({"username": username})
            created = await asyncio.to_thread(call, "POST", "/admin/v1/accounts", body)
            assert msgspec.json.decode(created)["account"]["username"] == username
            await asyncio.to_thread(call, "GET", f"/admin/v1/accounts/{username}/credits")


async def test_an_operator_sees_and_moves_what_nodes_own(make_node: MakeNode) -> None:
    a, b = await make_node("a"), await make_node("b")
    await shared(a, b)

    async def call(method: str, path: str, body: dict[str, str] | None = None) -> Overview:
        client, content = local_client(a.settings.data_path), msgspec.json.encode(body or {})
        target = f"/admin/v1/cluster{path}"
        answer = await asyncio.to_thread(
            client.call, method, target, content if method == "POST" else None
        )
        return msgspec.json.decode(answer, type=Overview)

    seen = await call("GET", "")
    assert [node.name for node in seen.nodes] == ["a", "b"]
    assert {claim.node for claim in seen.partitions} == {"a", "b"}
    await call("POST", "/nodes/b/drain")
    await until(lambda: len(a.front.places) == PARTITIONS and not b.front.places)
    await until(lambda: a.carriers.held and not b.carriers.held)
    await call("POST", "/nodes/b/resume")
    await shared(a, b)
    other = next(iter(b.front.places))
    await call("POST", f"/partitions/{other}/owner", {"node": "a"})
    await until(lambda: other in a.front.places)
    await shared(a, b)
    for path, body in (
        ("/nodes/nobody/drain", {}),
        ("/partitions/0/owner", {"node": "nobody"}),
        (f"/partitions/{PARTITIONS}/owner", {"node": "a"}),
    ):
        with pytest.raises(Failed) as failed:
            await call("POST", path, body)
        assert failed.value.code == "not_found"


async def test_clocks_of_nodes_may_be_minutes_apart(
    make_node: MakeNode, simulator: Simulator, http: aiohttp.ClientSession
) -> None:
    ahead = MovableClock()
    ahead.jump(600)
    a, b = await make_node("a"), await make_node("b", clock=ahead)
    await shared(a, b)
    created = [await create(partition, a, b) for partition in range(PARTITIONS)]
    for node in (a, b):
        for account in created:
            assert (await send(http, node, account.api_key))[0] == 201
    moved = next(iter(b.front.places))
    await b.stop()  # what has the later identifiers goes to who has the earlier clock
    await shared(a)
    for account in created:
        assert (await send(http, a, account.api_key))[0] == 201

    async def delivered() -> bool:
        found = [await states(partition, a) for partition in range(PARTITIONS)]
        return found == [[State.DELIVERED] * 3] * PARTITIONS

    await until(delivered, "all are delivered, each once")
    assert len(simulator.submits) == 3 * PARTITIONS
    services = a.owned[moved].gateway.services
    wanted = OutboxFilter(account_id=created[moved].account.account_id)
    page = await services.queries.outbox(wanted, 0, 10)
    found = [message.message_id for message in page.messages]
    assert len({*found}) == 3
