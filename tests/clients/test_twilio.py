"""The package twilio from PyPI, unmodified but for where it calls, against a gateway."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from dragoman.core.messages.model.lifecycle import State

from .conftest import USERNAME, Running, call

pytestmark = pytest.mark.asyncio(loop_scope="module")

NUMBER = "+4512345678"
SENDER = "+4587654321"


def client_for(url: str, name: str, secret: str, account_sid: str | None = None) -> Client:
    client = Client(name, secret, account_sid)
    for domain in (client.api, client.messaging, client.lookups, client.verify):
        domain.base_url = url
    return client


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(running: Running) -> Client:
    services = running.gateway.services
    token = await services.auth_tokens.ensure(await services.accounts.find(USERNAME))
    return client_for(running.url, token.public_id, token.token)


async def test_it_sends_and_follows_a_message(client: Client, running: Running) -> None:
    sent = await call(client.messages.create, to=NUMBER, from_=SENDER, body="Hello")
    assert (sent.status, sent.to, sent.from_, sent.num_segments) == ("queued", NUMBER, SENDER, "1")
    assert abs((datetime.now(UTC) - sent.date_created).total_seconds()) < 60
    await running.until(State.DELIVERED)
    found = await call(client.messages(sent.sid).fetch)
    assert (found.status, found.error_code, found.direction) == (
        "delivered", None, "outbound-api",
    )  # fmt: skip
    assert isinstance(found.date_sent, datetime)


async def test_it_lists_pages(client: Client) -> None:
    sids = [
        (await call(client.messages.create, to=NUMBER, from_=SENDER, body=f"Hello {n}")).sid
        for n in range(5)
    ]
    listed = await call(client.messages.list, to=NUMBER, page_size=2, limit=5)
    assert [message.sid for message in listed] == sids[::-1]
    assert await call(client.messages.list, to="+4599999999") == []
    page: Any = await call(client.messages.page, page_size=2)
    behind = await call(page.next_page)
    assert [message.sid for message in behind] == sids[1:3][::-1]
    assert [m.sid for m in await call(behind.previous_page)] == sids[3:][::-1]


async def test_it_learns_why_a_call_is_refused(client: Client, running: Running) -> None:
    with pytest.raises(TwilioRestException) as refused:
        await call(client.messages.create, to="+1", from_=SENDER, body="Hello")
    assert (refused.value.status, refused.value.code) == (400, 21211)
    with pytest.raises(TwilioRestException) as refused:
        await call(client.messages("SM" + "0" * 32).fetch)
    assert (refused.value.status, refused.value.code) == (404, 20404)
    stranger = client_for(running.url, client.username, "wrong")
    with pytest.raises(TwilioRestException) as refused:
        await call(stranger.messages("SM" + "0" * 32).fetch)
    assert (refused.value.status, refused.value.code) == (401, 20003)


async def test_it_signs_in_with_a_key(client: Client, running: Running) -> None:
    key = await call(client.new_keys.create, friendly_name="robot")
    robot = client_for(running.url, key.sid, key.secret, client.username)
    sent = await call(robot.messages.create, to=NUMBER, from_=SENDER, body="Hello")
    assert sent.account_sid == client.username
    assert [one.friendly_name for one in await call(client.keys.list)] == ["robot"]
    renamed = await call(client.keys(key.sid).update, friendly_name="old robot")
    assert renamed.friendly_name == "old robot"
    assert await call(client.keys(key.sid).delete)
    with pytest.raises(TwilioRestException) as refused:
        await call(robot.messages(sent.sid).fetch)
    assert refused.value.status == 401


async def test_it_redacts_and_deletes(client: Client, running: Running) -> None:
    sent = await call(client.messages.create, to=NUMBER, from_=SENDER, body="secret")
    await running.until(State.DELIVERED)
    redacted = await call(client.messages(sent.sid).update, body="")
    assert redacted.body == ""
    assert await call(client.messages(sent.sid).delete)
    with pytest.raises(TwilioRestException) as refused:
        await call(client.messages(sent.sid).fetch)
    assert refused.value.code == 20404


async def test_it_asks_for_account_and_balance(client: Client) -> None:
    account = await call(client.api.accounts(client.username).fetch)
    assert (account.status, account.friendly_name) == ("active", USERNAME)
    assert (await call(client.balance.fetch)).currency == "USD"
