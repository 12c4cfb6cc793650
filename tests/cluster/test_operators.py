"""Operators see all partitions at any node, and what they do arrives where it belongs."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import quote, urlencode

import aiohttp
import msgspec
import pytest
import pytest_asyncio

from dragoman.admin.client import Failed, local_client, remote_client
from dragoman.admin.message_answers import FeedLines
from dragoman.cluster.node import ClusterNode
from dragoman.config import Settings
from dragoman.config.sections import Admin as AdminSection
from dragoman.config.sections import Console
from dragoman.core.accounts.accounts import CreatedAccount
from dragoman.core.accounts.model.accounts import DEFAULT_PERMISSIONS, Permission
from dragoman.core.messages.model.records import ParkedReceipt
from dragoman.core.messages.sql import changes
from dragoman.testkit.simulator import Simulator
from tests.cluster.conftest import PARTITIONS, NatsServer, look_often, settings_of
from tests.cluster.test_nodes import name_in, owner, send, shared
from tests.passing_time import until
from tests.postgres import PostgresServer

pytestmark = pytest.mark.asyncio(loop_scope="module")

PASSWORD = "a password of theirs"


class Cluster:
    """Two nodes, and an account in each partition."""

    def __init__(self, nodes: tuple[ClusterNode, ClusterNode], simulator: Simulator) -> None:
        self.nodes = nodes
        self.simulator = simulator
        self.accounts: dict[int, CreatedAccount] = {}

    async def create(self) -> None:
        for partition in range(PARTITIONS):
            services = owner(partition, *self.nodes).owned[partition].gateway.services
            self.accounts[partition] = await services.accounts.create(
                name_in(partition),
                password=PASSWORD,
                credits=100 + partition,
                permissions=DEFAULT_PERMISSIONS | {Permission.ADMINISTER, Permission.OPERATE},
            )

    def username(self, partition: int) -> str:
        return self.accounts[partition].account.username


class Operator:
    """Calls the admin interface of one node, as the command line does."""

    def __init__(self, node: ClusterNode) -> None:
        self._client = local_client(node.settings.data_path)

    async def call(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        target = f"/admin/v1{path}" + (f"?{urlencode(query)}" if query else "")
        content = None if body is None else msgspec.json.encode(body)
        answer = await asyncio.to_thread(self._client.call, method, target, content)
        return msgspec.json.decode(answer)

    async def get(self, path: str, **query: Any) -> Any:
        return await self.call("GET", path, **query)


@pytest.fixture(scope="module")
def module_url(postgres: PostgresServer, cluster_template: str) -> Iterator[str]:
    url = postgres.copy_of(cluster_template)
    yield url
    postgres.release(url)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cluster(
    module_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Cluster]:
    folder = tmp_path_factory.mktemp("operators")
    nats_server = NatsServer(folder)
    nats_server.start()
    simulator = Simulator()
    await simulator.start()

    def settings(name: str) -> Settings:
        usual = settings_of(name, folder / name, module_url, nats_server.url, simulator.port)
        return msgspec.structs.replace(
            usual, admin=AdminSection(remote=True), console=Console(enabled=True)
        )

    with pytest.MonkeyPatch.context() as patch:
        look_often(patch)
        nodes = ClusterNode(settings("a")), ClusterNode(settings("b"))
        try:
            for node in nodes:
                await node.start()
            await shared(*nodes)
            made = Cluster(nodes, simulator)
            await made.create()
            yield made
        finally:
            await asyncio.gather(*(node.stop() for node in nodes))
            await simulator.stop()
            nats_server.kill()


@pytest_asyncio.fixture(params=[0, 1], ids=["a", "b"], loop_scope="module")
async def operator(request: pytest.FixtureRequest, cluster: Cluster) -> Operator:
    """At one node, and then at the other."""
    return Operator(cluster.nodes[request.param])


@pytest_asyncio.fixture(loop_scope="module")
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def test_lists_have_what_every_partition_has(cluster: Cluster, operator: Operator) -> None:
    names = {cluster.username(partition) for partition in range(PARTITIONS)}
    listed = (await operator.get("/accounts"))["accounts"]
    assert {one["username"] for one in listed} == names
    assert {one["credits"] for one in listed if one["username"] in names} == {100, 101, 102}
    for partition, username in ((p, cluster.username(p)) for p in range(PARTITIONS)):
        number = f"4590{partition}"
        await operator.call("POST", "/numbers", {"account": username, "number": number})
        body = {"account": username, "name": f"{username}@example.org"}
        await operator.call("POST", "/people", body)
    numbers = (await operator.get("/numbers"))["numbers"]
    assert {one["number"] for one in numbers} == {f"4590{p}" for p in range(PARTITIONS)}
    people = (await operator.get("/people"))["people"]
    assert {one["account"] for one in people} == names
    assert (await operator.get("/people", account=cluster.username(1)))["people"] == [
        one for one in people if one["account"] == cluster.username(1)
    ]
    # Each is found by its name alone, and goes where it was.
    for partition in range(PARTITIONS):
        await operator.call("DELETE", f"/numbers/4590{partition}")
        person = quote(f"{cluster.username(partition)}@example.org")
        await operator.call("DELETE", f"/people/{person}")
    assert (await operator.get("/numbers"))["numbers"] == []
    assert (await operator.get("/people"))["people"] == []


async def test_messages_are_listed_newest_first_page_by_page(
    cluster: Cluster, operator: Operator, http: aiohttp.ClientSession
) -> None:
    for number in range(2 * PARTITIONS):
        key = cluster.accounts[number % PARTITIONS].api_key
        recipient = f"+45201000{number:02}"
        assert (await send(http, cluster.nodes[number % 2], key, recipient))[0] == 201
    whole = (await operator.get("/messages", limit=1000))["messages"]
    numbers = [one["message_id"] for one in whole]
    assert numbers == sorted(numbers, reverse=True)
    assert {one["account"] for one in whole[: 2 * PARTITIONS]} == {
        cluster.username(partition) for partition in range(PARTITIONS)
    }
    paged: list[int] = []
    after = ""
    while True:
        page = await operator.get("/messages", limit=2, after=after)
        paged += (one["message_id"] for one in page["messages"])
        after = page["next"]
        if not after:
            break
    assert paged == numbers
    for one in whole[:PARTITIONS]:
        status = await operator.get(f"/status/{one['message_id']}")
        assert (status["kind"], status["account"]) == ("message", one["account"])
        story = await operator.get(f"/messages/{one['message_id']}")
        assert story["message_id"] == one["message_id"]
    with pytest.raises(Failed) as failed:
        await operator.get("/status/9007199254740991")
    assert failed.value.code == "not_found"


async def test_a_carrier_is_held_everywhere_and_shown_with_its_links(
    cluster: Cluster, operator: Operator
) -> None:
    status = await operator.get("/status")
    (carrier,) = status["carriers"]
    assert carrier["up"], status
    assert [link["bound"] for link in carrier["links"]] == [True]
    assert status["accounts"] == PARTITIONS
    assert status["problems"] == []
    for held in (True, False):
        switched = await operator.call("PUT", "/carriers/smsc", {"held": held})
        assert switched["held"] is held
        for node in cluster.nodes:
            for owned in node.owned.values():
                assert owned.gateway.is_held("smsc") is held
    diagnosis = await operator.get("/diagnosis")
    found = {check["name"]: check for check in diagnosis["checks"]}
    assert found["carrier smsc"]["detail"] == "1 of 1 links bound"
    assert len(found) == len(diagnosis["checks"])


async def test_what_carriers_charge_is_the_same_everywhere(
    cluster: Cluster, operator: Operator
) -> None:
    await operator.call("POST", "/prices/smsc", {"content": "prefix,price\n45,0.031\n"})
    for node in cluster.nodes:
        for owned in node.owned.values():
            assert "0.031" in await owned.gateway.services.price_lists.export("smsc")
    await operator.call("DELETE", "/prices/smsc")
    for node in cluster.nodes:
        for owned in node.owned.values():
            assert all(
                not one.imported_ms for one in await owned.gateway.services.price_lists.views()
            )


async def test_a_number_is_known_and_erased_in_every_partition(
    cluster: Cluster, operator: Operator, http: aiohttp.ClientSession
) -> None:
    number = "+4520200001"
    for partition in range(PARTITIONS):
        key = cluster.accounts[partition].api_key
        assert (await send(http, cluster.nodes[0], key, number))[0] == 201
    accounts: list[str] = []
    body: dict[str, Any] = {"number": number}
    while True:
        page = await operator.call("POST", "/privacy/export", body)
        accounts += (row["account"] for row in page["rows"] if row["table"] == "messages")
        if page["cursor"] is None:
            break
        body["cursor"] = page["cursor"]
    assert set(accounts) == {cluster.username(p) for p in range(PARTITIONS)}

    async def ended() -> bool:
        page = await operator.get("/messages", recipient=number, limit=100)
        return {one["state"] for one in page["messages"]} == {"delivered"}

    await until(ended, "all are delivered")
    erased = await operator.call("POST", "/privacy/erase", {"number": number})
    assert erased["rows"]["messages"] >= PARTITIONS
    assert (await operator.get("/messages", recipient=number))["messages"] == []


async def test_events_of_all_partitions_come_in_one_stream(
    cluster: Cluster, http: aiohttp.ClientSession
) -> None:
    client = local_client(cluster.nodes[0].settings.data_path)
    seen: set[str] = set()
    follows = asyncio.Event()
    loop = asyncio.get_running_loop()

    def follow() -> None:
        for line in client.stream("/admin/v1/events?recipient=45203"):
            loop.call_soon_threadsafe(follows.set)
            seen.update(one.account for one in msgspec.json.decode(line, type=FeedLines).lines)
            if len(seen) == PARTITIONS:
                return

    following = asyncio.create_task(asyncio.to_thread(follow))
    await follows.wait()
    for partition in range(PARTITIONS):
        key = cluster.accounts[partition].api_key
        assert (await send(http, cluster.nodes[1], key, f"+4520300{partition:03}"))[0] == 201
    await following
    assert seen == {cluster.username(partition) for partition in range(PARTITIONS)}


async def test_metrics_tell_of_every_partition_once(
    cluster: Cluster, http: aiohttp.ClientSession
) -> None:
    for partition in range(PARTITIONS):
        key = cluster.accounts[partition].api_key
        assert (await send(http, cluster.nodes[0], key))[0] == 201
    line = re.compile(r'^dragoman_messages_accepted_total\{.*partition="(\d)".*\} (\S+)$', re.M)
    told: dict[str, str] = {}
    alone: list[str] = []
    for node in cluster.nodes:
        async with http.get(f"{node.node.base_url}/metrics") as answer:
            assert answer.status == 200
            told[node.node.name] = await answer.text()
        async with http.get(f"{node.node.base_url}/metrics?node") as answer:
            alone += line.findall(await answer.text())
    for text in told.values():
        found = line.findall(text)
        assert sorted(partition for partition, _ in found) == ["0", "1", "2"]
        assert text.count("# TYPE dragoman_messages_accepted_total counter") == 1
        assert all(f'dragoman_partition_owned{{partition="{p}"}} 1.0' in text for p in range(3))
        assert 'dragoman_node_up{node="b"} 1.0' in text
        assert 'dragoman_carrier_held{carrier="smsc"} 1.0' in text
    assert sorted(partition for partition, _ in alone) == ["0", "1", "2"]


async def test_a_token_is_good_at_every_node_for_every_account(cluster: Cluster) -> None:
    created = await Operator(cluster.nodes[0]).call("POST", "/tokens", {"name": "elsewhere"})
    for node in cluster.nodes:
        client = remote_client(node.node.base_url, created["token"])
        for partition in range(PARTITIONS):
            target = f"/admin/v1/accounts/{cluster.username(partition)}"
            shown = msgspec.json.decode(await asyncio.to_thread(client.call, "GET", target))
            assert shown["username"] == cluster.username(partition)
        listed = await asyncio.to_thread(client.call, "GET", "/admin/v1/accounts")
        assert len(msgspec.json.decode(listed)["accounts"]) == PARTITIONS
    left = await Operator(cluster.nodes[1]).call("DELETE", "/tokens/elsewhere")
    assert left["tokens"] == []
    for node in cluster.nodes:
        client = remote_client(node.node.base_url, created["token"])
        with pytest.raises(Failed) as failed:
            await asyncio.to_thread(client.call, "GET", "/admin/v1/accounts")
        assert failed.value.code == "authentication_failed"


async def test_receipts_that_match_no_message_are_listed(
    cluster: Cluster, operator: Operator
) -> None:
    parked: list[int] = []
    for partition in range(PARTITIONS):
        services = owner(partition, *cluster.nodes).owned[partition].gateway.services
        parked.append(services.ids.next())
        receipt = ParkedReceipt(
            receipt_id=parked[-1],
            carrier="smsc",
            carrier_message_id=f"unknown-{partition}",
            keys="",
            recipient="4520700000",
            state=2,
            error="",
            raw="",
        )
        await services.storage.writer.write(changes.park, receipt)
    page = await operator.get("/callbacks/receipts", carrier="smsc", limit=100)
    found = [one["receipt_id"] for one in page["receipts"]]
    assert found[:PARTITIONS] == sorted(parked, reverse=True)
    async with reading(cluster.nodes[0]) as reader:
        await reader.sign_in(cluster.username(2))
        shown = await reader.get("/console/callbacks/receipts")
        assert all(f"unknown-{partition}" in shown for partition in range(PARTITIONS))


async def test_without_an_account_named_there_must_be_only_one(
    cluster: Cluster, operator: Operator
) -> None:
    with pytest.raises(Failed, match="there are several"):
        await operator.call("POST", "/messages", {"recipients": ["+4520000001"], "text": "x"})


class Reader:
    """A browser at one node."""

    def __init__(self, session: aiohttp.ClientSession, node: ClusterNode) -> None:
        self._session = session
        self._url = node.node.base_url

    async def get(self, path: str, status: int = 200) -> str:
        async with self._session.get(self._url + path) as answer:
            assert answer.status == status, path
            return await answer.text()

    async def send(self, path: str, **fields: str) -> str:
        """Sends the last form of a page, and follows where it leads."""
        token = re.findall(r'name="form_token" value="([^"]+)"', await self.get(path))[-1]
        data = {"form_token": token, **fields}
        headers = {"origin": self._url}
        async with self._session.post(self._url + path, data=data, headers=headers) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.text()

    async def sign_in(self, username: str) -> str:
        return await self.send("/console/sign-in", username=username, password=PASSWORD)


@contextlib.asynccontextmanager
async def reading(node: ClusterNode) -> AsyncIterator[Reader]:
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar) as session:
        yield Reader(session, node)


async def test_the_console_shows_an_account_at_any_node(
    cluster: Cluster, http: aiohttp.ClientSession
) -> None:
    for partition in range(PARTITIONS):
        key = cluster.accounts[partition].api_key
        assert (await send(http, cluster.nodes[0], key, f"+4520400{partition:03}"))[0] == 201
    for node in cluster.nodes:
        for partition in range(PARTITIONS):
            async with reading(node) as reader:
                await reader.sign_in(cluster.username(partition))
                messages = await reader.get("/console/messages")
                assert f"+4520400{partition:03}" in messages
                assert f"+4520400{(partition + 1) % PARTITIONS:03}" not in messages
                for path in ("", "/inbox", "/callbacks", "/conversations", "/accounts", "/people"):
                    await reader.get(f"/console{path}")
                assert "smsc-1" in await reader.get("/console/carriers")


async def test_names_of_other_partitions_are_nobodys_on_the_console(cluster: Cluster) -> None:
    async with reading(cluster.nodes[1]) as reader:
        await reader.sign_in(cluster.username(0))
        foreign = cluster.username(1)
        page = await reader.get(f"/console/callbacks?account={foreign}", 400)
        assert "You have no account with this username." in page
        page = await reader.get(f"/console/routes?to=4520000001&account={foreign}")
        assert "There was a problem" in page


async def test_an_operator_drains_a_node_on_its_page(cluster: Cluster) -> None:
    a, b = cluster.nodes
    async with reading(a) as reader:
        await reader.sign_in(cluster.username(0))
        page = await reader.get("/console/cluster")
        assert a.node.base_url in page
        assert b.node.base_url in page
        await reader.send("/console/cluster", do="drain", node="b")
        await until(lambda: not b.front.places and len(a.front.places) == PARTITIONS)
        assert "draining" in await reader.get("/console/cluster")
        await reader.send("/console/cluster", do="resume", node="b")
        await shared(a, b)
        moved = next(iter(b.front.places))
        await reader.send("/console/cluster", do="move", partition=str(moved), node="a")
        await until(lambda: moved in a.front.places)
        await shared(a, b)
