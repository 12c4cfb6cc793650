"""What is kept in memory changes only with its row: a write that fails changes neither."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from tests.passing_time import until
from tests.unwritable import unwritable

from dragoman.assembly import opened_services
from dragoman.config import Settings
from dragoman.container import Services
from dragoman.core.accounts.model.accounts import Account
from dragoman.core.devices.model.devices import Device, DeviceSettings, Limits
from dragoman.core.inbound.model.inbound import OptOutKey, OptOutOrigin
from dragoman.core.messages.model.callbacks import EventKind
from dragoman.core.model.errors import StorageUnavailable
from dragoman.storage.probe import probe

URL = "https://customer.example/hook"


class Owner:
    """An account with a phone, a webhook and settings."""

    def __init__(self, services: Services, account: Account, device: Device) -> None:
        self.services, self.account, self._device = services, account, device

    @property
    def device(self) -> Device:
        known = self.services.devices.get(self._device.device_id)
        assert known is not None
        return known

    async def put_webhook(self, key: str) -> None:
        await self.services.webhooks.put(
            self.account, "smsgate", key=key, event=EventKind.TEXT_RECEIVED, url=URL, device_id=None
        )

    def kept(self) -> dict[str, Any]:
        """Everything that is in memory."""
        services, account = self.services, self.account
        key = OptOutKey(account_id=account.account_id, sender="", recipient="4522222222")
        return {
            "devices": services.devices.of_account(account),
            "webhooks": services.webhooks.of_account(account, "smsgate"),
            "settings": services.phone_settings.of_account(account.account_id),
            "signing key": services.phone_settings.signing_key(account.account_id),
            "opted out": services.opt_outs.holds(key),
        }


@pytest.fixture
async def owner(tmp_path: Path, sqlite_url: str) -> AsyncIterator[Owner]:
    settings = Settings.development(tmp_path, http="127.0.0.1:1", smsc="127.0.0.1:1", phones=True)
    assert settings.database_url == sqlite_url  # its tables are there already
    async with opened_services(settings) as services:
        account = (await services.accounts.create("acme")).account
        device, _ = await services.device_registration.enter(
            account, "", protocol="smsgate", name="one"
        )
        made = Owner(services, account, device)
        await made.put_webhook("kept")
        await services.phone_settings.replace(account, {"ping": {"interval": 5}})
        yield made


CHANGES: dict[str, Callable[[Owner], Awaitable[object]]] = {
    "rename": lambda o: o.services.devices.rename(o.device.device_id, "two"),
    "disable": lambda o: o.services.devices.set_enabled(o.device.device_id, False),
    "remove": lambda o: o.services.devices.remove(o.device.device_id),
    "SIM": lambda o: o.services.devices.change_sim(o.device.device_id, 1, label="new"),
    "limits": lambda o: o.services.devices.change_settings(
        o.device.device_id, DeviceSettings(limits=Limits())
    ),
    "report": lambda o: o.services.devices.report(o.device, push_token="token", sims=None),
    "webhook": lambda o: o.put_webhook("new"),
    "no webhook": lambda o: o.services.webhooks.remove(o.account, "smsgate", "kept"),
    "settings": lambda o: o.services.phone_settings.change(o.account, {"ping": {"interval": 9}}),
    "key": lambda o: o.services.phone_settings.set_signing_key(o.account, "secret"),
    "opt-out": lambda o: o.services.opt_outs.add(o.account, "4522222222"),
    "opt-outs": lambda o: o.services.opt_outs.add_all(
        o.account, ["4522222222", "4533333333"], OptOutOrigin.WEB
    ),
}


@pytest.mark.parametrize("case", CHANGES)
async def test_a_change_that_is_not_stored_is_none(owner: Owner, case: str) -> None:
    """Bug: memory had moved on, until the next start."""
    before = owner.kept()
    with unwritable(owner.services.storage), pytest.raises(StorageUnavailable):
        await CHANGES[case](owner)
    assert owner.kept() == before
    await CHANGES[case](owner)
    after = owner.kept()
    assert after != before or case == "limits"
    await restored(owner)
    assert owner.kept() == after


async def restored(owner: Owner) -> None:
    """Loads again what is stored."""
    services = owner.services
    for service in (services.devices, services.webhooks, services.phone_settings):
        for name in ("_devices", "_by_token", "_webhooks", "_settings"):
            getattr(service, name, {}).clear()
        await service.restore()  # type: ignore[attr-defined]
    await services.opt_outs.load()


async def test_changes_of_one_phone_at_once_do_not_undo_each_other(owner: Owner) -> None:
    devices, device_id = owner.services.devices, owner.device.device_id
    await asyncio.gather(
        devices.rename(device_id, "two"),
        devices.change_sim(device_id, 1, label="first"),
        devices.change_sim(device_id, 2, label="second"),
        devices.set_enabled(device_id, False),
    )
    changed = owner.device
    assert (changed.name, changed.enabled) == ("two", False)
    assert [(sim.slot, sim.label) for sim in changed.sims] == [(1, "first"), (2, "second")]
    await restored(owner)
    assert owner.device == changed


async def test_the_version_of_an_app_is_stored_and_survives_a_change_at_once(owner: Owner) -> None:
    devices = owner.services.devices
    renaming = asyncio.ensure_future(devices.rename(owner.device.device_id, "two"))
    await asyncio.sleep(0)
    assert devices.heard(owner.device, "2.0").app_version == "2.0"
    await renaming
    await owner.services.storage.writer.write(probe, None)  # what was submitted before is on disk
    await devices.rename(owner.device.device_id, "three")
    assert (owner.device.name, owner.device.app_version) == ("three", "2.0")
    await restored(owner)
    assert (owner.device.name, owner.device.app_version) == ("three", "2.0")


async def test_a_keyword_whose_row_was_written_and_not_read_is_known_all_the_same(
    owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bug: its texts were nobody's until the next start."""
    keywords, routing = owner.services.keywords, owner.services.inbound_routing
    await keywords.add_number(owner.account, "1272", shared=False)
    storage = owner.services.storage
    read, written = storage.read, storage.writer.write

    async def fail(_query: object) -> None:
        raise StorageUnavailable("the database is away")

    def write(operation: Any, item: Any) -> Any:
        monkeypatch.setattr(storage, "read", fail)
        return written(operation, item)

    monkeypatch.setattr(storage.writer, "write", write)
    with pytest.raises(StorageUnavailable):
        await keywords.reserve(owner.account, "1272", "pizza")
    monkeypatch.setattr(storage, "read", read)
    await until(lambda: routing.keyword("1272", ("PIZZA",)))
