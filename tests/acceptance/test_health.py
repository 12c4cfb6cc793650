"""What a load balancer sees: ready means that messages are accepted, and only that."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from tests.passing_time import until
from tests.ports import free_port

from dragoman.config import Settings
from dragoman.config.sections import Storage
from dragoman.config.values import Secret
from dragoman.core.writer_process import start_writer
from dragoman.gateway import Gateway
from dragoman.storage.runners import ChildRunner
from dragoman.storage.writer import AGAIN_S

KEY = "k" * 32
CREATED = 201
UNAVAILABLE = 503


class Caller:
    """A gateway whose carrier is down, and a customer."""

    def __init__(self, folder: Path, storage: Storage) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        self._settings = msgspec.structs.replace(
            Settings.development(
                folder, http=self.url.removeprefix("http://"), smsc=f"127.0.0.1:{free_port()}"
            ),
            storage=storage,
        )
        self.gateway = Gateway(self._settings, writer=start_writer())

    async def start(self, before_ready: Callable[[], Awaitable[None]] | None = None) -> None:
        await self.gateway.start(migrate=True, before_ready=before_ready)
        await self.gateway.services.accounts.create("shop", api_key=KEY, password="secret")

    async def get(self, path: str) -> tuple[int, bytes]:
        async with aiohttp.request("GET", f"{self.url}{path}") as answer:
            return answer.status, await answer.read()

    async def ready(self) -> tuple[int, dict[str, Any]]:
        status, body = await self.get("/health/ready")
        return status, msgspec.json.decode(body)

    async def is_ready(self) -> bool:
        return (await self.ready())[0] == 200

    async def send(self) -> int:
        message = {"recipients": "+4512345678", "sender": "Shop", "message": "Hello"}
        url = f"{self.url}/v2/message.json?apikey={KEY}"
        async with aiohttp.request("POST", url, json={"message": message}) as answer:
            await answer.read()
            return answer.status

    def kill_writer(self) -> None:
        runner = self.gateway.services.storage.writer._runner
        assert isinstance(runner, ChildRunner)
        runner._child.kill()


@pytest.fixture
async def make_caller(tmp_path: Path) -> AsyncIterator[Callable[..., Caller]]:
    made: list[Caller] = []

    def make(**storage: Any) -> Caller:
        caller = Caller(tmp_path, Storage(**storage))
        made.append(caller)
        return caller

    yield make
    for caller in made:
        await caller.gateway.stop()


async def test_a_gateway_whose_carriers_are_down_is_ready_with_a_warning(
    make_caller: Callable[..., Caller],
) -> None:
    """Bug: proxies took it out of service, although it would have kept every message."""
    caller = make_caller()
    before: list[int] = []

    async def look() -> None:
        before.append((await caller.ready())[0])

    await caller.start(before_ready=look)
    assert before == [UNAVAILABLE]
    assert await caller.send() == CREATED
    assert await caller.ready() == (
        200,
        {"ready": True, "problems": [], "warnings": ["carrier simulator is down"]},
    )
    _, metrics = await caller.get("/metrics")
    assert b'\ndragoman_carrier_up{carrier="simulator"} 0.0\n' in metrics
    assert b"\ndragoman_ready 1.0\n" in metrics


async def test_little_space_on_the_disk_stops_what_comes_in_and_nothing_else(
    make_caller: Callable[..., Caller],
) -> None:
    caller = make_caller(min_free_mb=1 << 24)
    await caller.start()
    assert await caller.send() == UNAVAILABLE
    reason = "less than 16777216 MB are free on the disk of the database"
    status, body = await caller.ready()
    assert (status, body["problems"]) == (UNAVAILABLE, [reason])
    assert (await caller.get(f"/v2/ping.json?apikey={KEY}"))[0] == 200
    account = await caller.gateway.services.accounts.find("shop")
    await caller.gateway.services.opt_outs.add(account, "4512345678")
    assert b"\ndragoman_ready 0.0\n" in (await caller.get("/metrics"))[1]


async def test_a_gateway_without_its_database_is_not_ready_until_it_is_back(
    make_caller: Callable[..., Caller], own_postgres: Any
) -> None:
    caller = make_caller(url=Secret(own_postgres.url))
    await caller.start()
    assert await caller.send() == CREATED
    await asyncio.to_thread(own_postgres.kill)
    await until(lambda: _is(caller.ready(), UNAVAILABLE))  # nobody sends: it looks by itself
    assert await caller.send() == UNAVAILABLE
    await asyncio.to_thread(own_postgres.start)
    await until(caller.is_ready)
    assert await caller.send() == CREATED


async def _is(asked: Awaitable[tuple[int, Any]], status: int) -> bool:
    return (await asked)[0] == status


async def _is_created(caller: Caller) -> bool:
    return await caller.send() == CREATED


async def test_a_writer_process_that_dies_once_costs_nobody_anything(
    make_caller: Callable[..., Caller],
) -> None:
    caller = make_caller()
    await caller.start()
    caller.kill_writer()
    began = time.monotonic()
    answer = await caller.send()
    if answer != CREATED:  # the next one was long in coming, and so who waits was told to ask again
        assert (answer, time.monotonic() - began >= AGAIN_S) == (UNAVAILABLE, True)
        await until(lambda: _is_created(caller))
    assert await caller.is_ready()
