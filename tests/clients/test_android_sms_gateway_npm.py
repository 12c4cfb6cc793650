"""The package android-sms-gateway from npm, run by Node.js, against a gateway."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from dragoman.core.messages.model.lifecycle import State

from .conftest import PASSWORD, USERNAME, Running
from .node import NodeClient, node_client

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.process]

NUMBER = "+4512345678"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(running: Running, npm: Path) -> AsyncIterator[NodeClient]:
    # It is a module that does not say so, which only newer releases of Node.js find out.
    shutil.copy(npm / "node_modules/android-sms-gateway/dist/index.js", npm / "client.mjs")
    script, url = "android-sms-gateway.mjs", f"{running.url}/3rdparty/v1"
    async with node_client(npm, script, USERNAME, PASSWORD, url) as client:
        yield client


async def test_it_sends_and_follows_a_text(client: NodeClient, running: Running) -> None:
    message = {"id": "one", "message": "Hello", "phoneNumbers": [NUMBER], "simNumber": 2}
    sent = await client.call("send", message, {"skipPhoneValidation": True})
    assert (sent["id"], sent["state"]) == ("one", "Pending")
    await running.until(State.DELIVERED)
    found = await client.call("getState", "one")
    assert (found["state"], found["recipients"][0]["phoneNumber"]) == ("Delivered", NUMBER)
    assert [(text.sim, text.text) for text in running.phone.sent] == [(2, "Hello")]
    assert (await client.failure("send", message)).startswith("409 ")
    assert (await client.failure("getState", "two")).startswith("404 ")


async def test_it_keeps_webhooks_devices_and_settings(client: NodeClient, running: Running) -> None:
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


async def test_it_asks_for_health_the_inbox_and_logs(client: NodeClient, running: Running) -> None:
    assert (await client.call("getHealth"))["status"] == "pass"
    now = datetime.now(UTC)
    wanted = {
        "deviceId": running.phone.device_id,
        "since": (now - timedelta(days=1)).isoformat(),
        "until": now.isoformat(),
    }
    assert await client.call("exportInbox", wanted) == {}
    assert (await client.failure("getLogs")).startswith("501 ")
