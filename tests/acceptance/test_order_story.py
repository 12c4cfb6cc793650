"""A program of smSend's over real HTTP and SMPP, with a gateway that is killed under its orders.

The program repeats each order until it hears an answer, under the same name: each is one order,
whatever was heard of it.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from tests.passing_time import until

from dragoman.testkit.simulator import Behaviour, Simulator

from .command_line import run_beside

DRAGOMAN = str(Path(sys.executable).parent / "dragoman")
PASSWORD = "story-password"
PREFIX = "/API/v1.0/REST"
CONFIG = """
data_dir = "{folder}/data"

[http]
listen = "127.0.0.1:{http}"

[dialects]
enabled = ["smsend"]

[callbacks]
allow_private = ["127.0.0.0/8"]

[[carriers]]
name = "sim"
host = "127.0.0.1"
port = {smsc}
system_id = "test"
password = "test"
reconnect_min_s = 0.1

[log]
level = "error"
"""
ORDERS = 60


class Gateway:
    """A real `dragoman serve` that can be killed and started again."""

    def __init__(self, folder: Path, http: int, smsc: int) -> None:
        self.url = f"http://127.0.0.1:{http}{PREFIX}"
        self._ready = f"http://127.0.0.1:{http}/health/ready"
        self._config = folder / "dragoman.toml"
        self._config.write_text(CONFIG.format(folder=folder, http=http, smsc=smsc))
        self._process: asyncio.subprocess.Process | None = None

    async def run(self, *arguments: str) -> None:
        await run_beside(self._config.parent, *arguments, "--config", str(self._config))

    async def start(self, session: aiohttp.ClientSession) -> None:
        process = self._process = await asyncio.create_subprocess_exec(
            DRAGOMAN, "serve", "--config", str(self._config)
        )

        async def ready() -> bool:
            assert process.returncode is None, "the gateway ended by itself"
            with suppress(aiohttp.ClientError):
                async with session.get(self._ready) as answer:
                    return answer.status == 200
            return False

        await until(ready, "ready")

    async def kill(self) -> None:
        assert self._process is not None
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()


class Program:
    """A customer's program: it logs in, and again at a 401, and repeats what was not answered."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url
        self._keys: dict[str, str] = {}

    async def log_in(self) -> None:
        query = {"username": "story", "password": PASSWORD}
        async with self._session.get(f"{self._url}/login", params=query) as answer:
            assert answer.status == 200
            user_key, session_key = (await answer.text()).split(";")
        self._keys = {"user_key": user_key, "Session_key": session_key}

    async def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Calls until there is an answer."""
        while True:
            try:
                async with self._session.request(
                    method, f"{self._url}/{path}", json=body, headers=self._keys
                ) as answer:
                    if answer.status == 401:
                        await self.log_in()
                        continue
                    return answer.status, await answer.json()
            except aiohttp.ClientError:
                await asyncio.sleep(0.05)

    async def status(self, order_id: str) -> str:
        _, said = await self.call("GET", f"sms/{order_id}")
        return str(said["recipients"][0]["status"])


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    simulator = Simulator()
    simulator.default = Behaviour(receipt_delay_s=0.01)
    await simulator.start()
    yield simulator
    await simulator.stop()


@pytest.fixture
async def reports(unused_tcp_port_factory: Callable[[], int]) -> AsyncIterator[tuple[str, Any]]:
    """The customer's own web server: its address, and the queries it was called with."""
    told: list[dict[str, str]] = []

    async def note(request: web.Request) -> web.Response:
        told.append(dict(request.query))
        return web.Response()

    app = web.Application()
    app.router.add_get("/dlr", note)
    runner = web.AppRunner(app)
    await runner.setup()
    port = unused_tcp_port_factory()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield f"http://127.0.0.1:{port}/dlr?token=x", told
    await runner.cleanup()


async def test_order_that_is_repeated_until_it_is_answered_is_one_order(
    tmp_path: Path, simulator: Simulator, reports: Any, unused_tcp_port: int
) -> None:
    address, told = reports
    gateway = Gateway(tmp_path, unused_tcp_port, simulator.port)
    await gateway.run("migrate")
    await gateway.run("account", "create", "story", "--password", PASSWORD)
    async with aiohttp.ClientSession() as session:
        await gateway.start(session)
        program = Program(session, gateway.url)
        await program.log_in()
        answered: Counter[int] = Counter()

        async def place(number: int) -> None:
            body = {
                "message_type": "N",
                "message": f"Order {number}",
                "recipient": [f"+39347{number:07}"],
                "order_id": f"order-{number}",
                "delivery_notification_url": address,
            }
            status, _ = await program.call("POST", "sms", body)
            answered[status] += 1

        async def place_some(numbers: range) -> None:
            for number in numbers:
                await place(number)

        workers = [asyncio.create_task(place_some(range(n, ORDERS, 6))) for n in range(6)]
        await until(lambda: _has(answered, ORDERS // 3), "some orders")
        await gateway.kill()
        await gateway.start(session)
        await asyncio.gather(*workers)
        # A repeat of what had been accepted unheard is refused, by its name.
        assert set(answered) <= {201, 400}
        assert answered.total() == ORDERS

        async def arrived() -> bool:
            statuses = {await program.status(f"order-{n}") for n in range(ORDERS)}
            return statuses == {"DLVRD"}

        await until(arrived, "every order is delivered")
        await until(lambda: _has(Counter(told_orders(told)), ORDERS), "every order is reported")
        _, history = await program.call("GET", "smshistory?from=20200101000000&pageSize=1000")
        names = {f"order-{n}" for n in range(ORDERS)}
        assert history["total"] == ORDERS
        assert {one["order_id"] for one in history["smshistory"]} == names
        assert {one["status"] for one in told} == {"DLVRD"}
        assert set(told_orders(told)) == names
        await gateway.kill()


def told_orders(told: list[dict[str, str]]) -> list[str]:
    return sorted({one["order_id"] for one in told})


async def _has(counter: Counter[Any], count: int) -> bool:
    return counter.total() >= count
