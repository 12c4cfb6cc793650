"""Requests to phones to export received texts again; known ones are not stored twice.

A phone without an open stream is asked once it opens one, while the gateway runs.
"""

from __future__ import annotations

import msgspec

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.devices.devices import Devices
from dragoman.core.devices.model.devices import Device, DeviceEvent
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.kit.clock import Clock

MAX_WAIT_MS = 24 * 3600 * 1000
"""Age at which a request to an absent phone is dropped."""


class InboxExport(msgspec.Struct, frozen=True, kw_only=True):
    """Which texts a phone is to export: those the network received between two times."""

    since_ms: int
    until_ms: int
    types: tuple[str, ...] = ("SMS",)
    asked_ms: int = 0

    def and_also(self, other: InboxExport) -> InboxExport:
        """One that covers both."""
        return InboxExport(
            since_ms=min(self.since_ms, other.since_ms),
            until_ms=max(self.until_ms, other.until_ms),
            types=tuple(dict.fromkeys((*self.types, *other.types))),
            asked_ms=max(self.asked_ms, other.asked_ms),
        )


class InboxExports:
    """Passes requests to phones, and keeps them for those without a stream."""

    def __init__(self, *, devices: Devices, clock: Clock) -> None:
        self._devices = devices
        self._clock = clock
        self._waiting: dict[int, InboxExport] = {}
        devices.presence.changed.subscribe(self._ask_if_listening)

    def request(self, account: Account, device_id: int | None, wanted: InboxExport) -> list[Device]:
        """Asks one or all of an account's phones; returns which. Raises `Refused`."""
        if device_id is None:
            devices = self._devices.of_account(account)
        else:
            devices = [self._devices.find(account, device_id)]
        for device in devices:
            self.ask(device, wanted)
        return devices

    def ask(self, device: Device, wanted: InboxExport) -> bool:
        """Asks a phone; whether it was notified at once. Raises `Refused`."""
        if wanted.since_ms > wanted.until_ms:
            raise Refused(RefusalCode.INVALID_FIELD, "since", "later than until")
        wanted = msgspec.structs.replace(wanted, asked_ms=self._clock.now_ms())
        waiting = self._waiting.get(device.device_id)
        self._waiting[device.device_id] = wanted.and_also(waiting) if waiting else wanted
        self._ask_if_listening(device.device_id)
        return device.device_id not in self._waiting

    def _ask_if_listening(self, device_id: int) -> None:
        wanted = self._waiting.get(device_id)
        if wanted is None:
            return
        if self._clock.now_ms() - wanted.asked_ms > MAX_WAIT_MS or not self._devices.get(device_id):
            del self._waiting[device_id]
        elif self._devices.presence.has_stream(device_id):
            del self._waiting[device_id]
            details = {
                "since": str(wanted.since_ms),
                "until": str(wanted.until_ms),
                "messageTypes": ",".join(wanted.types),
            }
            self._devices.presence.announce(device_id, DeviceEvent.INBOX, details)
