"""A stop ends in time whatever hangs, and a writer process that cannot live ends the gateway."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import aiohttp
import psutil
import pytest
from tests.passing_time import PATIENCE_S, until

from dragoman.assembly import opened_services
from dragoman.config import load
from dragoman.core.writer_process import NAME
from dragoman.testkit.simulator import Answer, Behaviour, Simulator

DRAGOMAN = str(Path(sys.executable).parent / "dragoman")
KEY = "k" * 32
CONFIG = """
data_dir = "{folder}/data"
[http]
listen = "127.0.0.1:{http}"
shutdown_timeout_s = 8
[callbacks]
allow_private = ["127.0.0.0/8"]
[[carriers]]
name = "sim"
host = "127.0.0.1"
port = {smsc}
system_id = "test"
password = "test"
"""


class Served:
    """A `dragoman serve` with a mute SMSC and a customer's server that never answers."""

    def __init__(self, folder: Path, http: int, smsc: int, customer: int) -> None:
        self.port, self._customer = http, customer
        self._config = folder / "dragoman.toml"
        self._config.write_text(CONFIG.format(folder=folder, http=http, smsc=smsc))

    async def make_account(self) -> None:
        async with opened_services(load(self._config, {}), migrate=True) as services:
            await services.accounts.create("shop", api_key=KEY, password="secret")

    async def start(self) -> None:
        self.process = await asyncio.create_subprocess_exec(
            DRAGOMAN, "serve", "--config", str(self._config), stderr=asyncio.subprocess.PIPE
        )
        await until(self._is_ready)

    async def _is_ready(self) -> bool:
        assert self.process.returncode is None, await self.errors()
        with suppress(aiohttp.ClientError):
            async with aiohttp.request("GET", f"http://127.0.0.1:{self.port}/health/ready") as got:
                return got.status == 200
        return False

    async def send(self) -> int:
        fields = {
            "recipients": "+4512345678",
            "sender": "Shop",
            "message": "Hello",
            "statusurl": f"http://127.0.0.1:{self._customer}/",
        }
        url = f"http://127.0.0.1:{self.port}/v2/message.json?apikey={KEY}"
        async with aiohttp.request("POST", url, json={"message": fields}) as answer:
            await answer.read()
            return answer.status

    def writer(self) -> psutil.Process | None:
        """Its writer process."""
        for child in psutil.Process(self.process.pid).children():
            with suppress(psutil.Error):  # it has just ended
                if child.name() == NAME or "writer_process" in " ".join(child.cmdline()):
                    return child
        return None

    async def errors(self) -> str:
        assert self.process.stderr is not None
        return (await self.process.stderr.read()).decode()

    async def ended(self) -> tuple[int | None, str]:
        async with asyncio.timeout(PATIENCE_S):
            errors = await self.errors()
            await self.process.wait()
        return self.process.returncode, errors


@pytest.fixture
async def served(tmp_path: Path, unused_tcp_port: int) -> AsyncIterator[Served]:
    simulator = Simulator()
    simulator.default = Behaviour(answer=Answer.LOST)
    await simulator.start()

    async def never(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    customer = await asyncio.start_server(never, "127.0.0.1", 0)
    port = customer.sockets[0].getsockname()[1]
    gateway = Served(tmp_path, unused_tcp_port, simulator.port, port)
    await gateway.make_account()
    await gateway.start()
    yield gateway
    with suppress(ProcessLookupError):
        gateway.process.kill()
    await gateway.process.wait()
    customer.close()
    await simulator.stop()


async def test_a_stop_ends_although_carrier_and_callers_hang(served: Served) -> None:
    assert await served.send() == 201
    _, writer = await asyncio.open_connection("127.0.0.1", served.port)
    head = f"POST /v2/message.json?apikey={KEY} HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{{"
    writer.write(head.encode())
    await writer.drain()
    served.process.send_signal(signal.SIGTERM)
    status, errors = await served.ended()
    writer.close()
    assert "did not stop" not in errors
    assert status == 0, errors


async def test_a_stop_ends_although_the_database_hangs(served: Served) -> None:
    """Bug: it waited for the writer process without end."""
    writer = served.writer()
    assert writer is not None
    writer.suspend()
    sending = asyncio.ensure_future(served.send())
    await asyncio.sleep(0.1)
    served.process.send_signal(signal.SIGTERM)
    status, errors = await served.ended()
    assert "did not stop" not in errors
    assert status == 0, errors
    assert not writer.is_running()
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)


async def test_a_writer_process_that_dies_again_and_again_ends_the_gateway(served: Served) -> None:
    """Bug: the gateway stayed, and refused everything."""
    before = served.writer()
    assert before is not None
    before.kill()
    await until(lambda: served.writer() not in (None, before))
    assert await served.send() == 201
    last = served.writer()
    assert last is not None
    last.kill()
    status, errors = await served.ended()
    assert status == 1
    assert errors.splitlines()[-1] == (
        "dragoman: worker writer ended: the writer process was killed by SIGKILL,"
        " soon after it was started again"
    )


def test_a_process_that_cannot_end_by_itself_is_ended() -> None:
    program = "import time; from dragoman.cli.running import _end_within; _end_within(0.1);"
    result = subprocess.run(
        [sys.executable, "-c", f"{program} time.sleep({PATIENCE_S})"],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert result.returncode == 1
    assert result.stderr == "dragoman: did not stop within 0.1 s\n"
