"""The package android-sms-gateway from npm, run by Node.js, against a gateway."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from tests.passing_time import PATIENCE_S

from dragoman.core.messages.model.lifecycle import State

from .conftest import PASSWORD, USERNAME, Running

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.process]

FILES = Path(__file__).parent / "npm"
INSTALLING_S = 120
NUMBER = "+4512345678"


class Client:
    """The client in its own process: one call after the other."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def call(self, name: str, *given: Any) -> Any:
        answer = await self._ask(name, *given)
        assert "error" not in answer, answer
        return answer["answer"]

    async def failure(self, name: str, *given: Any) -> str:
        return str((await self._ask(name, *given))["error"])

    async def _ask(self, name: str, *given: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(msgspec.json.encode([name, *given]) + b"\n")
        async with asyncio.timeout(PATIENCE_S):
            return msgspec.json.decode(await self._process.stdout.readline())


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the client. Without npm its tests are skipped, or fail with REQUIRE_NODE=1."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        complain = pytest.fail if os.environ.get("REQUIRE_NODE") == "1" else pytest.skip
        complain("there is no Node.js with npm; install them (Debian: apt install nodejs npm)")
    folder = tmp_path_factory.mktemp("npm") / "npm"
    shutil.copytree(FILES, folder)
    async with asyncio.timeout(INSTALLING_S):
        npm = await asyncio.create_subprocess_exec("npm", "ci", "--silent", cwd=folder)
        assert await npm.wait() == 0
    # It is a module that does not say so, which only newer releases of Node.js find out.
    shutil.copy(folder / "node_modules/android-sms-gateway/dist/index.js", folder / "client.mjs")
    return folder


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(running: Running, installed: Path) -> AsyncIterator[Client]:
    process = await asyncio.create_subprocess_exec(
        *("node", "android-sms-gateway.mjs", USERNAME, PASSWORD, f"{running.url}/3rdparty/v1"),
        cwd=installed,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    yield Client(process)
    assert process.stdin is not None
    process.stdin.close()
    async with asyncio.timeout(PATIENCE_S):
        assert await process.wait() == 0


async def test_it_sends_and_follows_a_text(client: Client, running: Running) -> None:
    message = {"id": "one", "message": "Hello", "phoneNumbers": [NUMBER], "simNumber": 2}
    sent = await client.call("send", message, {"skipPhoneValidation": True})
    assert (sent["id"], sent["state"]) == ("one", "Pending")
    await running.until(State.DELIVERED)
    found = await client.call("getState", "one")
    assert (found["state"], found["recipients"][0]["phoneNumber"]) == ("Delivered", NUMBER)
    assert [(text.sim, text.text) for text in running.phone.sent] == [(2, "Hello")]
    assert (await client.failure("send", message)).startswith("409 ")
    assert (await client.failure("getState", "two")).startswith("404 ")


async def test_it_keeps_webhooks_devices_and_settings(client: Client, running: Running) -> None:
    hook = {"url": "https://example.org/x", "event": "sms:received"}
    made = await client.call("registerWebhook", hook)
    assert made == hook | {"id": made["id"], "deviceId": None}
    assert await client.call("getWebhooks") == [made]
    assert await client.call("deleteWebhook", made["id"]) is None
    assert await client.call("getWebhooks") == []
    [device] = await client.call("getDevices")
    assert (device["id"], device["name"]) == (running.phone.device_id, "Maker/model")
    await client.call("updateSettings", {"messages": {"limitPeriod": "PerHour", "limitValue": 5}})
    await client.call("patchSettings", {"ping": {"intervalSeconds": 60}})
    assert await client.call("getSettings") is not None


async def test_it_asks_for_health_the_inbox_and_logs(client: Client, running: Running) -> None:
    assert (await client.call("getHealth"))["status"] == "pass"
    now = datetime.now(UTC)
    wanted = {
        "deviceId": running.phone.device_id,
        "since": (now - timedelta(days=1)).isoformat(),
        "until": now.isoformat(),
    }
    assert await client.call("exportInbox", wanted) == {}
    assert (await client.failure("getLogs")).startswith("501 ")
