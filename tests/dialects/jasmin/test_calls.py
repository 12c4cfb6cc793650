"""A gateway that calls a program: texts that come in, and the messages of a batch."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from aiohttp import web

from dragoman.config import Settings
from dragoman.config.dialects import Dialects
from dragoman.config.sections import Callbacks
from dragoman.config.tables import NumberTable
from dragoman.core.callbacks import lanes as lanes_module
from dragoman.core.callbacks import worker as worker_module
from dragoman.core.messages.model.messages import InboundPartReport
from dragoman.gateway import Gateway
from dragoman.protocols.gsm.alphabet import Alphabet


class Program:
    """A server that notes what it is told, and answers as it is told to."""

    def __init__(self) -> None:
        self.told: list[dict[str, str]] = []
        self.answers: list[tuple[int, str]] = []
        self.origin = ""

    async def answer(self, request: web.Request) -> web.Response:
        form = await request.post()
        self.told.append({**request.query, **{k: str(v) for k, v in form.items()}})
        status, text = self.answers.pop(0) if self.answers else (200, "ACK/Jasmin")
        return web.Response(status=status, text=text)


@pytest.fixture
async def program() -> AsyncIterator[Program]:
    program = Program()
    application = web.Application()
    application.router.add_route("*", "/{tail:.*}", program.answer)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
    program.origin = f"http://127.0.0.1:{port}"
    yield program
    await runner.cleanup()


@pytest.fixture
async def gateway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Gateway]:
    monkeypatch.setattr(worker_module, "POLL_S", 0.01)
    for module in (worker_module, lanes_module):
        monkeypatch.setattr(module, "FIRST_PAUSE_S", 0.05)
    base = Settings.development(tmp_path, http="127.0.0.1:0", smsc="127.0.0.1:1")
    gateway = Gateway(
        msgspec.structs.replace(
            base,
            dialects=Dialects(enabled=("jasmin",)),
            numbers=(NumberTable(number="1272", account="tester"),),
            callbacks=Callbacks(
                allow_private=("127.0.0.0/8",), first_retry_s=0.05, max_retry_s=0.1
            ),
        )
    )
    await gateway.start(migrate=True)
    await gateway.services.accounts.create("tester", password="foobar")
    await gateway.services.inbound_routing.settle()
    yield gateway
    await gateway.stop()


@pytest.mark.parametrize("way", ["webhook", "keyword"])
async def test_a_text_is_pushed_until_it_is_taken(
    gateway: Gateway, program: Program, until: Any, way: str
) -> None:
    services = gateway.services
    account = await services.accounts.find("tester")
    if way == "webhook":
        await services.webhooks.put_text_url(account, "jasmin", f"{program.origin}/mo")
    else:
        made = await services.keywords.add_forwarding(
            account, dialect="jasmin", url=f"{program.origin}/mo", charset="", continuous=False
        )
        await services.keywords.reserve(account, "1272", "hej", forwarding_id=made.forwarding_id)
    program.answers = [(404, "gone"), (500, "oops")]
    stored = asyncio.get_running_loop().create_future()
    report = InboundPartReport(
        carrier="simulator",
        source="4512345678",
        destination="1272",
        alphabet=Alphabet.GSM7,
        text="Hej æ",
    )
    services.inbound.receive(report, stored.set_result)
    assert await stored
    await until(lambda: len(program.told) == 3)
    await until(lambda: gateway.callbacks.depth() == 0)
    first, *others = program.told
    assert others == [first, first]
    assert first.pop("id")
    assert first == {
        "from": "4512345678",
        "to": "1272",
        "origin-connector": "simulator",
        "priority": "0",
        "coding": "0",
        "content": "Hej æ",
        "binary": "48656a20c3a6",
    }


async def test_a_batch_is_followed(gateway: Gateway, program: Program, until: Any) -> None:
    assert gateway._server is not None
    port = gateway._server.servers[0].sockets[0].getsockname()[1]
    body = {
        "batch_config": {
            "callback_url": f"{program.origin}/ok",
            "errback_url": f"{program.origin}/bad",
        },
        "messages": [{"to": ["4512345678", "12"], "content": "Hello"}],
    }
    headers = {"Authorization": "Basic " + b64encode(b"tester:foobar").decode()}
    async with aiohttp.ClientSession(headers=headers) as session:
        answer = await session.post(f"http://127.0.0.1:{port}/secure/sendbatch", json=body)
        assert (answer.status, (await answer.json())["data"]["messageCount"]) == (200, 2)
        batch_id = (await answer.json())["data"]["batchId"]
    await until(lambda: len(program.told) == 2)
    told = sorted(program.told, key=lambda one: one["to"])
    assert [(one["batchId"], one["to"], one["status"]) for one in told] == [
        (batch_id, "12", "0"),
        (batch_id, "4512345678", "1"),
    ]
    assert told[1]["statusText"].startswith('Success "')
