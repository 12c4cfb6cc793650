"""The published Python client of SMSGate, which was not written here, against a gateway."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from android_sms_gateway import client as sms_client
from android_sms_gateway import domain, enums
from android_sms_gateway.errors import APIError, ForbiddenError, UnauthorizedError
from tests.passing_time import PATIENCE_S

from dragoman.testkit.fake_phone import wire

from .conftest import PASSWORD, USERNAME, Running

pytestmark = pytest.mark.asyncio(loop_scope="module")

NUMBER = "+447483938220"


def client_of(running: Running, login: str | None = USERNAME, password: str = PASSWORD) -> Any:
    return sms_client.AsyncAPIClient(login, password, base_url=f"{running.url}/api/3rdparty/v1")


async def test_the_client_sends_asks_and_lists(running: Running) -> None:
    async with client_of(running) as client:
        message = domain.Message(
            id="order-1",
            phone_numbers=[NUMBER],
            text_message=domain.TextMessage(text="Hello"),
            device_id=running.phone.device_id,
            sim_number=2,
            priority=enums.MessagePriority.BYPASS_THRESHOLD,
            ttl=3600,
        )
        state = await client.send(message, skip_phone_validation=True, device_active_within=1)
        assert (state.id, state.state) == ("order-1", enums.ProcessState.Pending)
        async with asyncio.timeout(PATIENCE_S):
            while state.state is not enums.ProcessState.Delivered:
                await asyncio.sleep(0.02)
                state = await client.get_state("order-1")
        assert state.recipients[0].phone_number == NUMBER
        assert [(text.sim, text.text) for text in running.phone.sent] == [(2, "Hello")]
        now = datetime.now(UTC)
        query = domain.MessagesQueryFilter(
            from_=now - timedelta(hours=1),
            to=now + timedelta(hours=1),
            state="Delivered",
            device_id=running.phone.device_id,
        )
        found = await client.get_messages(query=query, pagination=domain.QueryPagination(limit=5))
        assert [one.id for one in found] == ["order-1"]
        with pytest.raises(APIError) as refused:
            await client.send(message)
        assert refused.value.status_code == 409


async def test_the_client_keeps_webhooks_devices_and_settings(running: Running) -> None:
    async with client_of(running) as client:
        (device,) = await client.list_devices()
        assert (device.id, device.name) == (running.phone.device_id, "Maker/model")
        hook = domain.Webhook(
            id=None, url="https://example.org/x", event=enums.WebhookEvent.SMS_RECEIVED
        )
        made = await client.create_webhook(hook)
        assert made.id
        assert [one.id for one in await client.get_webhooks()] == [made.id]
        await client.delete_webhook(made.id)
        assert await client.get_webhooks() == []
        wanted = domain.DeviceSettings(
            messages=domain.SettingsMessages(
                limit_period=enums.LimitPeriod.PER_HOUR,
                limit_value=50,
                processing_order=enums.MessagesProcessingOrder.FIFO,
            ),
            ping=domain.SettingsPing(interval_seconds=60),
        )
        await client.update_settings(wanted)
        more = domain.DeviceSettings(messages=domain.SettingsMessages(limit_value=60))
        await client.patch_settings(more)
        kept = await client.get_settings()
        assert (kept.messages.limit_value, kept.ping.interval_seconds) == (60, 60)
        when = datetime.now(UTC)
        request = domain.MessagesExportRequest(
            device_id=device.id, since=when - timedelta(days=1), until=when
        )
        assert await client.export_inbox(request) == {}
        assert (await client.health_check()).status is enums.HealthStatus.PASS
        assert (await client.liveness_check()).version
        with pytest.raises(APIError) as refused:
            await client.get_logs()
        assert refused.value.status_code == 501


async def test_the_client_gets_renews_and_revokes_tokens(running: Running) -> None:
    async with client_of(running) as client:
        text = domain.TextMessage(text="For a list")
        await client.send(domain.Message(id="listed", phone_numbers=[NUMBER], text_message=text))
        request = domain.TokenRequest(scopes=["messages:list", "tokens:manage"], ttl=600)
        token = await client.generate_token(request)
    async with client_of(running, None, token.access_token) as client:
        assert "listed" in [one.id for one in await client.get_messages()]
        with pytest.raises(ForbiddenError):
            await client.list_devices()
    # The client's own `refresh_token` cannot be called: it forgets to pass a body on.
    headers = {"authorization": f"Bearer {token.refresh_token}"}
    answer = await wire.call("POST", f"{running.url}/api/3rdparty/v1/auth/token/refresh", headers)
    renewed = domain.TokenResponse.from_dict(answer.json)
    async with client_of(running, None, renewed.access_token) as client:
        assert "listed" in [one.id for one in await client.get_messages()]
        await client.revoke_token(renewed.id)
        with pytest.raises(UnauthorizedError):
            await client.get_messages()


async def test_the_client_registers_webhooks_of_all_kinds(running: Running) -> None:
    async with client_of(running) as client:
        for event in enums.WebhookEvent:
            hook = domain.Webhook(id=None, url="https://example.org/x", event=event)
            made = await client.create_webhook(hook)
            assert made.event is event
            await client.delete_webhook(made.id)


async def test_the_client_removes_a_phone(running: Running) -> None:
    account = await running.gateway.services.accounts.find(USERNAME)
    device, _ = await running.gateway.services.devices.add(
        account, "phones", protocol="smsgate", name="spare"
    )
    async with client_of(running) as client:
        await client.remove_device(str(device.device_id))
        assert [one.id for one in await client.list_devices()] == [running.phone.device_id]
