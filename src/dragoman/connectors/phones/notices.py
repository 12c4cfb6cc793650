"""Notifications that make phones fetch: at once if they are idle, then not too often."""

from __future__ import annotations

import asyncio

from dragoman.core.devices.model.devices import DeviceEvent
from dragoman.core.devices.presence import NO_DETAILS, Details, Presence


class Notices:
    """Spaces out notifications of waiting messages; other events pass at once."""

    def __init__(self, presence: Presence, gap_s: float) -> None:
        self._presence = presence
        self._gap_s = gap_s
        self._notified_at: dict[int, float] = {}
        self._pending: dict[int, asyncio.TimerHandle] = {}

    def fetch(self, device_id: int) -> None:
        """Notifies a phone that messages wait; a second time only after the gap."""
        if device_id in self._pending:
            return
        loop = asyncio.get_running_loop()
        wait_s = self._notified_at.get(device_id, -self._gap_s) + self._gap_s - loop.time()
        if wait_s <= 0:
            self._notify_now(device_id)
        else:
            self._pending[device_id] = loop.call_later(wait_s, self._notify_now, device_id)

    def notify(self, device_id: int, event: DeviceEvent, details: Details = NO_DETAILS) -> None:
        """Notifies a phone of another event."""
        self._presence.announce(device_id, event, details)

    def close(self) -> None:
        """Cancels the pending notifications."""
        for timer in self._pending.values():
            timer.cancel()
        self._pending.clear()

    def _notify_now(self, device_id: int) -> None:
        self._pending.pop(device_id, None)
        if self._presence.announce(device_id, DeviceEvent.MESSAGES):
            self._notified_at[device_id] = asyncio.get_running_loop().time()
        else:
            self._notified_at.pop(device_id, None)  # it fetches when it opens a stream
