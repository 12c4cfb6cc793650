"""Settings for all phones of an account, and the signing key of its webhooks; kept in memory."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import field

from msgspec.structs import replace

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.devices.devices import Devices
from dragoman.core.devices.model.devices import DeviceEvent, Groups
from dragoman.core.devices.sql import phone_settings
from dragoman.core.devices.sql.phone_settings import StoredPhoneSettings
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.texts import is_storable
from dragoman.core.model.use_case import use_case
from dragoman.kit.turns import Turns
from dragoman.storage.engine import Storage

KEY_BYTES = 24
MAX_KEY = 256

Changes = Mapping[str, Mapping[str, str | int | float | bool | None]]
"""Groups of keys and values; None takes a key away."""


@use_case(kw_only=True)
class PhoneSettings:
    """Keeps settings by account; its phones are notified of changes."""

    storage: Storage
    devices: Devices
    new_key: Callable[[], str] = lambda: secrets.token_urlsafe(KEY_BYTES)
    _settings: dict[int, StoredPhoneSettings] = field(default_factory=dict, init=False)
    _turns: Turns = field(default_factory=Turns, init=False)

    async def restore(self) -> None:
        """Loads the settings of every account."""
        for stored in await self.storage.read(phone_settings.load_all):
            self._settings[stored.account_id] = stored

    def of_account(self, account_id: int) -> Groups:
        """The settings of an account."""
        return self._of(account_id).settings

    async def replace(self, account: Account, wanted: Changes) -> Groups:
        """Replaces the settings of an account."""
        return await self._set(account, lambda _: _merge({}, wanted))

    async def change(self, account: Account, changes: Changes) -> Groups:
        """Sets the given settings and keeps the others."""
        return await self._set(account, lambda known: _merge(known, changes))

    def signing_key(self, account_id: int) -> str:
        """The key of an account's webhooks; empty if it has none yet."""
        return self._of(account_id).signing_key

    async def ensure_signing_key(self, account: Account) -> str:
        """The key of an account's webhooks, created if there is none."""
        fresh = self.new_key()

        def with_key(known: StoredPhoneSettings) -> StoredPhoneSettings:
            return replace(known, signing_key=known.signing_key or fresh)

        known = self._of(account.account_id)
        return (known if known.signing_key else await self._change(account, with_key)).signing_key

    async def set_signing_key(self, account: Account, key: str) -> str:
        """Replaces the key of an account's webhooks; raises `Refused`."""
        if not 1 <= len(key) <= MAX_KEY or not is_storable(key):
            detail = f"1 to {MAX_KEY} characters"
            raise Refused(RefusalCode.INVALID_FIELD, "webhooks.signing_key", detail)
        await self._change(account, lambda known: replace(known, signing_key=key))
        return key

    async def _set(self, account: Account, make: Callable[[Groups], Groups]) -> Groups:
        before = self.of_account(account.account_id)
        changed = await self._change(
            account, lambda known: replace(known, settings=make(known.settings))
        )
        if changed.settings != before:
            for device in self.devices.of_account(account):
                self.devices.presence.announce(device.device_id, DeviceEvent.SETTINGS)
        return changed.settings

    async def _change(
        self, account: Account, make: Callable[[StoredPhoneSettings], StoredPhoneSettings]
    ) -> StoredPhoneSettings:
        async with self._turns.of(account.account_id):
            changed = make(self._of(account.account_id))
            await self.storage.writer.write(phone_settings.put, changed)
            self._settings[account.account_id] = changed
        return changed

    def _of(self, account_id: int) -> StoredPhoneSettings:
        found = self._settings.get(account_id)
        return found if found is not None else StoredPhoneSettings(account_id=account_id)


def _merge(groups: Groups, changes: Changes) -> Groups:
    merged = {name: dict(values) for name, values in groups.items()}
    for name, values in changes.items():
        group = merged.setdefault(name, {})
        for key, value in values.items():
            if value is None:
                group.pop(key, None)
            else:
                group[key] = value
    return {name: values for name, values in merged.items() if values}
