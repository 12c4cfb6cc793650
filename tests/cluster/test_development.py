"""`/dev` of a development cluster: the same at every node, for the accounts of all partitions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from dragoman.cluster.development import Development
from dragoman.cluster.node import ClusterNode
from dragoman.development.for_nodes import NoCaller, build_node_app
from dragoman.development.forwarding import CallbackForwarding
from dragoman.development.outbox import MailOutbox
from dragoman.development.phones import VirtualPhones
from dragoman.development.workbench import Workbench
from dragoman.kit.clock import SystemClock
from dragoman.testkit.simulator import Simulator
from dragoman.web.server import build_server
from tests.cluster.conftest import PARTITIONS
from tests.cluster.test_nodes import create, owner, send, shared
from tests.passing_time import until
from tests.ports import free_port

MakeNode = Callable[..., Any]
CUSTOMER = "http://127.0.0.1:9/reports?of=shop"


@pytest.fixture
async def development(simulator: Simulator, tmp_path: Path) -> AsyncIterator[Development]:
    """What `dragoman dev --nodes` has beside its nodes."""
    workbench = Workbench(
        phones=VirtualPhones(simulator, SystemClock(), delivered_after_s=0.0),
        outbox=MailOutbox(tmp_path),
        forwarding=CallbackForwarding(NoCaller()),
    )
    port = free_port()
    server = build_server(build_node_app(workbench), host="127.0.0.1", port=port)
    serving = asyncio.create_task(server.serve())
    await server.listening.wait()
    yield Development(f"127.0.0.1:{port}")
    workbench.close()
    server.should_exit = True
    await serving


async def test_phones_and_callbacks_are_at_every_node(
    make_node: MakeNode, development: Development
) -> None:
    a = await make_node("a", development=development)
    b = await make_node("b", development=development)
    await shared(a, b)
    accounts = [await create(partition, a, b) for partition in range(PARTITIONS)]
    services = owner(1, a, b).owned[1].gateway.services
    await services.webhooks.put_report_url(accounts[1].account, "linkmobility", CUSTOMER)
    async with aiohttp.ClientSession() as http:
        heard: list[str] = []
        listening = asyncio.create_task(_listen(http, b, heard))
        for partition, created in enumerate(accounts):
            status, _ = await send(http, a, created.api_key, f"+4520500{partition:03}")
            assert status == 201
        for node in (a, b):
            for partition in range(PARTITIONS):
                url = f"{node.node.base_url}/dev/messages?to=4520500{partition:03}&wait=60s"
                async with http.get(url) as answer:
                    texts = (await answer.json())["messages"]
                assert [text["text"] for text in texts] == ["a text"]
        gateway = owner(1, a, b).owned[1].gateway
        await until(lambda: heard, "a callback is made by who listens")
        await until(lambda: not gateway.callbacks_waiting(), "the answer counts as the customer's")
        assert all(url.startswith(CUSTOMER) for url in heard)
        listening.cancel()
        sent = {"text": "hello", "to": "1204"}
        async with http.post(f"{a.node.base_url}/dev/phones/4520500000/texts", json=sent) as answer:
            assert answer.status == 201, await answer.text()


async def _listen(http: aiohttp.ClientSession, node: ClusterNode, heard: list[str]) -> None:
    """Takes callbacks at a node, and answers them at that node."""
    base = node.node.base_url
    while True:
        async with http.get(f"{base}/dev/callbacks?wait=60s") as answer:
            calls = (await answer.json())["calls"]
        for call in calls:
            heard.append(call["url"])
            given = {"status": 200}
            async with http.post(f"{base}/dev/callbacks/{call['call_id']}", json=given) as told:
                assert told.status == 200


async def test_others_are_refused(make_node: MakeNode, development: Development) -> None:
    node = await make_node("a", development=development)
    scope: dict[str, Any] = {
        "method": "GET",
        "path": "/dev/messages",
        "raw_path": b"/dev/messages",
        "query_string": b"",
        "headers": [(b"host", b"192.0.2.1:8080")],
        "client": ("192.0.2.2", 4711),
    }
    app = node._servers[-1][0].config.app
    call = app.open(scope)
    assert call.response.status == 403
