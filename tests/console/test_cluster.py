"""The page of a cluster: who has what, draining, moving, and killing nodes in development."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from dragoman.console.context import ConsoleContext
from dragoman.console.routes import build_console
from dragoman.console.views import PAGES
from dragoman.console.views.cluster import build_cluster_pages
from dragoman.core.placement.model.views import Claim, Node, Overview
from dragoman.web.router import DialectApp

from .conftest import Browser, _outside

SINCE_MS = 1_790_000_000_000


class FakeCluster:
    """Two nodes that live and one that does not, four partitions, two carriers."""

    def __init__(self) -> None:
        self.nodes = [_node("a", 11), _node("b", 12, draining=True), _node("c", 13, is_dead=True)]
        self.killed: list[int] = []
        self.wanted: dict[int, str] = {}

    async def overview(self) -> Overview:
        return Overview(
            nodes=tuple(self.nodes),
            partitions=tuple(
                Claim(
                    name=str(number),
                    node=owner,
                    epoch=number + 1,
                    since_ms=SINCE_MS,
                    wanted_by=self.wanted.get(number),
                )
                for number, owner in enumerate(("a", "a", "b", "c"))
            ),
            carriers=(
                Claim(name="smsc", node="a", epoch=1, since_ms=SINCE_MS),
                Claim(name="other", node=None, epoch=2, since_ms=SINCE_MS),
            ),
        )

    async def drain(self, name: str, draining: bool) -> bool:
        known = [node.name for node in self.nodes]
        if name not in known:
            return False
        at = known.index(name)
        self.nodes[at] = msgspec.structs.replace(self.nodes[at], draining=draining)
        return True

    async def move(self, partition: int, node: str) -> None:
        self.wanted[partition] = node

    def kill(self, node: Node) -> None:
        self.killed.append(node.pid)


def _node(name: str, pid: int, **more: Any) -> Node:
    return Node(
        name=name,
        run=name * 16,
        base_url=f"http://192.0.2.{pid}:8080",
        address=f"192.0.2.{pid}:8090",
        pid=pid,
        version="1.0",
        started_ms=SINCE_MS,
        silent_s=0.4,
        **more,
    )


@pytest.fixture
def cluster(browser: Browser) -> FakeCluster:
    return put_cluster(browser, FakeCluster())


def put_cluster(browser: Browser, cluster: FakeCluster, *, may_kill: bool = True) -> FakeCluster:
    """Has the console of a browser show a cluster."""
    context = ConsoleContext(services=browser.services, machine=browser.machine)
    pages = (*PAGES, *build_cluster_pages(cluster, cluster.kill if may_kill else None))
    browser.app = DialectApp([build_console(context, pages)], _outside, body_timeout_s=30)
    return cluster


async def test_nodes_partitions_and_carriers_are_shown(
    browser: Browser, cluster: FakeCluster
) -> None:
    await browser.sign_in("olga")
    page = await browser.get("/console/cluster")
    assert page.status == 200
    assert "Nobody has partition 3, carrier other." in page.text
    assert "a alive http://192.0.2.11:8080 Partitions 2 0, 1 Carriers 1 smsc" in page.text
    assert "b draining" in page.text
    assert "c dead" in page.text
    assert "version 1.0" not in page.text.lower() or "process 11" in page.text
    assert cluster.killed == []


async def test_an_operator_drains_resumes_and_moves(browser: Browser, cluster: FakeCluster) -> None:
    await browser.sign_in("olga")
    page = await browser.get("/console/cluster")
    token = page.fields("/console/cluster")
    for do in ("drain", "resume"):
        answer = await browser.post("/console/cluster", **token | {"do": do, "node": "a"})
        assert answer.status == 303
        assert cluster.nodes[0].draining is (do == "drain")
    answer = await browser.send(page, "/console/cluster", do="move", partition="2", node="a")
    assert "on its way to a" in answer.text
    assert cluster.wanted == {2: "a"}
    account = await browser.services.accounts.find("olga")
    changes = (await browser.get(f"/console/accounts/{account.account_id}/changes")).text
    for sentence in ("drained the node a", "let the node a take its share", "moved partition 2 to"):
        assert sentence in changes


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"do": "move", "partition": "9", "node": "a"}, 422),
        ({"do": "move", "partition": "0", "node": "b"}, 422),
        ({"do": "move", "partition": "x", "node": ""}, 422),
        ({"do": "drain", "node": "z"}, 404),
        ({"do": "kill", "node": "c"}, 404),
        ({"do": "nothing", "node": "a"}, 404),
    ],
)
async def test_what_cannot_be_done_changes_nothing(
    browser: Browser, cluster: FakeCluster, fields: dict[str, str], status: int
) -> None:
    await browser.sign_in("olga")
    token = (await browser.get("/console/cluster")).fields("/console/cluster")
    before = [*cluster.nodes]
    answer = await browser.post("/console/cluster", **token | fields)
    assert answer.status == status
    assert (cluster.nodes, cluster.wanted, cluster.killed) == (before, {}, [])


async def test_a_node_is_killed_in_development_only(browser: Browser, cluster: FakeCluster) -> None:
    await browser.sign_in("olga")
    page = await browser.get("/console/cluster")
    assert "Kill" in page.text
    fields = page.fields("/console/cluster") | {"do": "kill", "node": "a"}
    assert (await browser.post("/console/cluster", **fields)).status == 303
    assert cluster.killed == [11]
    put_cluster(browser, cluster, may_kill=False)
    assert "Kill" not in (await browser.get("/console/cluster")).text
    assert (await browser.post("/console/cluster", **fields)).status == 404
    assert cluster.killed == [11]


async def test_only_operators_see_it(browser: Browser, cluster: FakeCluster) -> None:
    await browser.sign_in("adam")
    page = await browser.get("/console/cluster")
    assert page.status == 403
    assert b"/console/cluster" not in (await browser.get("/console")).body
    assert cluster.wanted == {}


async def test_without_a_cluster_there_is_no_page(browser: Browser) -> None:
    await browser.sign_in("olga")
    assert (await browser.get("/console/cluster")).status == 404
    assert b"/console/cluster" not in (await browser.get("/console")).body
