"""The operations on devices: how phones are registered, changed and removed."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from dragoman.admin.context import Admin
from dragoman.admin.devices import Period, export_inbox, list_devices
from dragoman.container import Services
from dragoman.core.devices.model.devices import Device, Limits
from dragoman.core.model.errors import RefusalCode, Refused

from .conftest import Caller

UNKNOWN = "17"


async def new_device(services: Services, name: str = "phone") -> Device:
    account = await services.accounts.find("acme")
    device, _ = await services.devices.add(account, "phones", protocol="smsgate", name=name)
    return device


@pytest.fixture(autouse=True)
async def _acme(services: Services) -> None:
    await services.accounts.create("acme")


async def test_a_code_is_of_the_only_account_there_is(call: Caller, services: Services) -> None:
    answer = await call("POST", "devices", "codes")
    assert (answer["account"], answer["api_url"]) == ("acme", "")
    grant = await services.device_registration.by_code(answer["code"])
    assert grant.carrier == "phones"
    await services.accounts.create("other")
    assert await call.refused("POST", "devices", "codes") == "missing_field"


async def test_a_token_is_of_the_account_and_carrier_named(
    call: Caller, services: Services
) -> None:
    answer = await call("POST", "devices", "tokens", account="acme")
    found = await services.device_registration.by_token(answer["token"])
    assert found.account.username == "acme"
    assert await call.refused("POST", "devices", "tokens", carrier="simulator") == "not_found"


async def test_a_device_is_listed_changed_disabled_and_removed(
    call: Caller, services: Services
) -> None:
    device_id = str((await new_device(services, "Maker/model")).device_id)
    path = ("devices", device_id)
    await call("PATCH", *path, name="Desk", limits={"per_minute": 9, "per_hour": None})
    await call("PATCH", *path, slot=1, label="One", number="+4512", limits={"per_day": 7})
    await call("POST", *path, "disable")

    [view] = (await call("GET", "devices"))["devices"]
    assert (view["name"], view["account"], view["enabled"], view["online"]) == (
        "Desk", "acme", False, True,
    )  # fmt: skip
    [seen] = (await list_devices(Admin(services=services))).devices
    assert not seen.online  # where no gateway runs, nobody can tell
    assert msgspec.convert(view["limits"], Limits) == Limits(per_minute=9, gap_s=3.0)
    [sim] = view["sims"]
    assert (sim["label"], sim["number"]) == ("One", "4512")
    assert msgspec.convert(sim["limits"], Limits) == Limits(per_day=7)
    assert await call("GET", *path) == view
    assert (await call("POST", *path, "enable"))["enabled"] is True

    removed = await call("DELETE", *path)
    assert (removed["name"], removed["account"]) == ("Desk", "acme")
    assert (await call("GET", "devices"))["devices"] == []
    account = await services.accounts.find("acme")
    changes = await services.audit_log.changes(account, account, None, 10)
    assert [(change.action, change.entry.subject) for change in changes] == [
        ("remove_device", "Desk"),
        ("enable_device", "Desk"),
        ("disable_device", "Desk"),
        ("change_device", "Desk"),
        ("change_device", "Desk"),
    ]


@pytest.mark.parametrize(
    ("method", "more", "given"),
    [
        ("GET", (), {}),
        ("DELETE", (), {}),
        ("POST", ("enable",), {}),
        ("PATCH", (), {"name": "x"}),
        ("POST", ("inbox-export",), {"since_ms": 0, "until_ms": 1}),
    ],
)
async def test_an_unknown_device_is_refused(
    call: Caller, method: str, more: tuple[str, ...], given: dict[str, Any]
) -> None:
    for device_id in (UNKNOWN, "9" * 40):
        assert await call.refused(method, "devices", device_id, *more, **given) == "not_found"


@pytest.mark.parametrize(
    "limits", [{"per_day": -1}, {"gap_s": 1e9}, {"time_zone": "Mars/Base"}, {"work_to": 1441}]
)
async def test_limits_that_cannot_be_are_refused(
    call: Caller, services: Services, limits: dict[str, int | float | str | None]
) -> None:
    device_id = str((await new_device(services)).device_id)
    assert await call.refused("PATCH", "devices", device_id, limits=limits) == "invalid_field"


async def test_only_a_running_gateway_asks_a_phone_for_its_inbox(services: Services) -> None:
    device = await new_device(services)
    stopped = Admin(services=services)
    with pytest.raises(Refused) as refused:
        await export_inbox(stopped, str(device.device_id), Period(since_ms=0, until_ms=1))
    assert refused.value.code is RefusalCode.NOT_SUPPORTED


async def test_the_key_of_webhooks_is_made_once_and_shown(call: Caller) -> None:
    first = await call("POST", "devices", "signing-key")
    again = await call("POST", "devices", "signing-key", account="acme")
    assert (first["account"], first["signing_key"]) == ("acme", again["signing_key"])
    assert len(first["signing_key"]) == 32
