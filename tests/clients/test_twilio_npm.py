"""The package twilio from npm, run by Node.js, unmodified but for where it calls."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from dragoman.core.messages.model.lifecycle import State

from .conftest import USERNAME, Running
from .customer import Customer
from .node import NodeClient, node_client

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.process]

NUMBER, SENDER = "+4512345678", "+4587654321"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(running: Running, npm: Path) -> AsyncIterator[NodeClient]:
    services = running.gateway.services
    token = await services.auth_tokens.ensure(await services.accounts.find(USERNAME))
    async with node_client(npm, "twilio.mjs", token.public_id, token.token, running.url) as client:
        yield client


async def test_it_sends_lists_redacts_and_removes(client: NodeClient, running: Running) -> None:
    sent = await client.call("create", {"to": NUMBER, "from": SENDER, "body": "Hello"})
    assert (sent["status"], sent["numSegments"]) == ("queued", "1")
    await running.until(State.DELIVERED)
    found = await client.call("fetch", sent["sid"])
    assert (found["status"], found["errorCode"], found["from"]) == ("delivered", None, SENDER)
    assert found["dateSent"].startswith(str(datetime.now(UTC).year))
    await client.call("create", {"to": NUMBER, "from": SENDER, "body": "Hello again"})
    await running.until(State.DELIVERED)
    listed = await client.call("list", {"to": NUMBER, "pageSize": 1, "limit": 2})
    assert [message["body"] for message in listed] == ["Hello again", "Hello"]
    assert (await client.call("update", sent["sid"], {"body": ""}))["body"] == ""
    assert await client.call("remove", sent["sid"]) is True
    assert (await client.failure("fetch", sent["sid"])).startswith("404 20404 The requested")
    refused = await client.failure("create", {"to": "+1", "from": SENDER, "body": "x"})
    assert refused.startswith("400 21211 Invalid 'To' Phone Number: +1")


async def test_it_uses_keys_services_and_a_schedule(client: NodeClient) -> None:
    key = await client.call("createKey", {"friendlyName": "robot"})
    message = {"to": NUMBER, "from": SENDER, "body": "By key"}
    assert (await client.call("createWith", key["sid"], key["secret"], message))["sid"]
    assert [one["sid"] for one in await client.call("listKeys")] == [key["sid"]]
    assert await client.call("removeKey", key["sid"]) is True
    refused = await client.failure("createWith", key["sid"], key["secret"], message)
    assert refused == "401 20003 Authenticate"
    made = [
        (await client.call("createService", {"friendlyName": name}))["sid"] for name in ("A", "B")
    ]
    assert (await client.call("addName", made[0], "Shop"))["alphaSender"] == "Shop"
    assert [one["sid"] for one in await client.call("listServices")] == made[::-1]
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    scheduled = {"scheduleType": "fixed", "sendAt": later, "messagingServiceSid": made[0]}
    sent = await client.call("create", {"to": NUMBER, "body": "Later"} | scheduled)
    assert sent["status"] == "scheduled"
    cancelled = await client.call("update", sent["sid"], {"status": "canceled"})
    assert cancelled["status"] == "canceled"
    assert await client.call("removeService", made[0]) is True


async def test_it_looks_up_and_verifies(client: NodeClient, running: Running) -> None:
    found = await client.call("lookUp", "+4532123456")
    assert (found["valid"], found["countryCode"]) == (True, "DK")
    service = (await client.call("createVerify", {"friendlyName": "Shop"}))["sid"]
    assert (await client.call("start", service, "+4512340001"))["status"] == "pending"
    code = (await running.messages())[-1].text[-6:]
    assert (await client.call("check", service, "+4512340001", code))["status"] == "approved"
    assert (await client.call("account"))["friendlyName"] == USERNAME
    assert await client.call("numbers") == []


@pytest.mark.parametrize("url", ["/s", "/s?shop=1&x=%C3%A5#rc=3", "/s?x=1#body=json"])
async def test_its_validators_accept_status_callbacks(client: NodeClient, url: str) -> None:
    customer = Customer()
    await customer.start()
    message = {"to": NUMBER, "from": SENDER, "body": "Hello"}
    try:
        await client.call("create", message | {"statusCallback": customer.url + url})
        for _ in range(2):
            heard = await customer.next()
            name = "validateWithBody" if heard.is_json else "validate"
            given = heard.body if heard.is_json else heard.form
            assert await client.call(name, heard.signature, heard.url, given) is True
            assert await client.call(name, heard.signature[::-1], heard.url, given) is False
    finally:
        await customer.stop()
