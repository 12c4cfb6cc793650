"""The commands about devices, over a house on SQLite, and what they say to a user."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from dragoman.assembly import opened_services
from dragoman.cli.device import _read_hours, steps
from dragoman.cli.outcome import Stop
from dragoman.config import Settings
from dragoman.container import Services
from dragoman.control import requests
from dragoman.control.commands import run_command
from dragoman.control.house import Controlled
from dragoman.core.devices.model.devices import Limits
from dragoman.core.model.errors import RefusalCode, Refused

UNKNOWN = 17


@pytest.fixture
async def services(tmp_path: Path, sqlite_url: str) -> AsyncIterator[Services]:
    settings = Settings.development(tmp_path, http="127.0.0.1:1", smsc="127.0.0.1:1", phones=True)
    assert settings.database_url == sqlite_url  # its tables are there already
    async with opened_services(settings) as services:
        await services.accounts.create("acme")
        yield services


@pytest.fixture
def controlled(services: Services) -> Controlled:
    return Controlled(services=services)


async def test_a_code_is_of_the_only_account_there_is(
    services: Services, controlled: Controlled
) -> None:
    answer = await run_command(controlled, requests.CreateDeviceCode())
    assert (answer.account, answer.api_url) == ("acme", "")
    grant = await services.device_registration.by_code(answer.code)
    assert grant.carrier == "phones"
    await services.accounts.create("other")
    with pytest.raises(Refused) as refused:
        await run_command(controlled, requests.CreateDeviceCode())
    assert refused.value.code is RefusalCode.MISSING_FIELD


async def test_a_token_is_of_the_account_and_carrier_named(
    services: Services, controlled: Controlled
) -> None:
    answer = await run_command(controlled, requests.CreateDeviceToken(account="acme"))
    assert (await services.device_registration.by_token(answer.token)).account.username == "acme"
    with pytest.raises(Refused) as refused:
        await run_command(controlled, requests.CreateDeviceToken(carrier="simulator"))
    assert refused.value.code is RefusalCode.NOT_FOUND


async def test_a_device_is_listed_changed_disabled_and_removed(
    services: Services, controlled: Controlled
) -> None:
    account = await services.accounts.find("acme")
    device, _ = await services.devices.add(
        account, "phones", protocol="smsgate", name="Maker/model"
    )
    device_id = device.device_id
    change = requests.ChangeDevice(device_id=device_id, name="Desk", limits={"per_minute": 9})
    await run_command(controlled, change)
    change = requests.ChangeDevice(
        device_id=device_id, slot=1, label="One", number="+4512", limits={"per_day": 7}
    )
    await run_command(controlled, change)
    disable = requests.SetDeviceEnabled(device_id=device_id, enabled=False)
    await run_command(controlled, disable)

    [view] = (await run_command(controlled, requests.ListDevices())).devices
    assert (view.name, view.account, view.enabled, view.online) == ("Desk", "acme", False, False)
    assert view.limits == Limits(per_minute=9, gap_s=3.0)
    [sim] = view.sims
    assert (sim.label, sim.number, sim.limits) == ("One", "4512", Limits(per_day=7))
    assert await run_command(controlled, requests.ShowDevice(device_id=device_id)) == view

    await run_command(controlled, requests.RemoveDevice(device_id=device_id))
    assert (await run_command(controlled, requests.ListDevices())).devices == ()


@pytest.mark.parametrize(
    "request_",
    [
        requests.ShowDevice(device_id=UNKNOWN),
        requests.RemoveDevice(device_id=UNKNOWN),
        requests.SetDeviceEnabled(device_id=UNKNOWN, enabled=True),
        requests.ChangeDevice(device_id=UNKNOWN, name="x"),
    ],
    ids=lambda request: type(request).__name__,
)
async def test_an_unknown_device_is_refused(
    controlled: Controlled, request_: requests.Request[object]
) -> None:
    with pytest.raises(Refused) as refused:
        await run_command(controlled, request_)
    assert refused.value.code is RefusalCode.NOT_FOUND


@pytest.mark.parametrize(
    "limits", [{"per_day": -1}, {"gap_s": 1e9}, {"time_zone": "Mars/Base"}, {"work_to": 1441}]
)
async def test_limits_that_cannot_be_are_refused(
    services: Services, controlled: Controlled, limits: dict[str, int | float | str | None]
) -> None:
    account = await services.accounts.find("acme")
    device, _ = await services.devices.add(account, "phones", protocol="smsgate", name="x")
    with pytest.raises(Refused) as refused:
        await run_command(
            controlled, requests.ChangeDevice(device_id=device.device_id, limits=limits)
        )
    assert refused.value.code is RefusalCode.INVALID_FIELD


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("always", {"work_from": 0, "work_to": 1440}),
        ("08:00-20:30", {"work_from": 480, "work_to": 1230}),
        ("22:00-06:00", {"work_from": 1320, "work_to": 360}),
    ],
)
def test_working_hours_are_read(text: str, expected: dict[str, int]) -> None:
    assert _read_hours(text) == expected


@pytest.mark.parametrize("text", ["8", "8-9", "08:00", "25:00-26:00", "08:60-09:00", "a:b-c:d"])
def test_working_hours_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(Stop):
        _read_hours(text)


def test_steps_name_the_address_and_the_code() -> None:
    text = "\n".join(steps("https://sms.example.org/api/mobile/v1", "khb7ns"))
    assert "https://sms.example.org/api/mobile/v1 (no slash" in text
    assert "khb7ns" in text


async def test_only_a_running_gateway_asks_a_phone_for_its_inbox(
    services: Services, controlled: Controlled
) -> None:
    account = await services.accounts.find("acme")
    device, _ = await services.devices.add(account, "phones", protocol="smsgate", name="phone")
    request = requests.ExportInbox(device_id=device.device_id, since_ms=0, until_ms=1)
    with pytest.raises(Refused) as refused:
        await run_command(controlled, request)
    assert refused.value.code is RefusalCode.NOT_SUPPORTED


async def test_the_key_of_webhooks_is_made_once_and_shown(
    services: Services, controlled: Controlled
) -> None:
    first = await run_command(controlled, requests.ShowSigningKey())
    again = await run_command(controlled, requests.ShowSigningKey(account="acme"))
    assert (first.account, first.signing_key) == ("acme", again.signing_key)
    assert len(first.signing_key) == 32
