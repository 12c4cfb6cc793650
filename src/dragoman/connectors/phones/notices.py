"""Telling phones to fetch: at once where they are idle, then not too often."""

from __future__ import annotations

import asyncio

from dragoman.core.devices.model.devices import DeviceEvent
from dragoman.core.devices.presence import NO_DETAILS, Details, Presence


class Notices:
    """Spaces the word that there is something to fetch; everything else is passed on."""

    def __init__(self, presence: Presence, gap_s: float) -> None:
        self._presence = presence
        self._gap_s = gap_s
        self._told_at: dict[int, float] = {}
        self._pending: dict[int, asyncio.TimerHandle] = {}

    def fetch(self, device_id: int) -> None:
        """Tells a phone that messages wait; a second time only after the gap."""
        if device_id in self._pending:
            return
        loop = asyncio.get_running_loop()
        wait_s = self._told_at.get(device_id, -self._gap_s) + self._gap_s - loop.time()
        if wait_s <= 0:
            self._tell_now(device_id)
        else:
            self._pending[device_id] = loop.call_later(wait_s, self._tell_now, device_id)

    def tell(self, device_id: int, event: DeviceEvent, details: Details = NO_DETAILS) -> None:
        """Tells a phone of something else."""
        self._presence.announce(device_id, event, details)

    def close(self) -> None:
        """Tells nobody any more."""
        for timer in self._pending.values():
            timer.cancel()
        self._pending.clear()

    def _tell_now(self, device_id: int) -> None:
        self._pending.pop(device_id, None)
        if self._presence.announce(device_id, DeviceEvent.MESSAGES):
            self._told_at[device_id] = asyncio.get_running_loop().time()
        else:
            self._told_at.pop(device_id, None)  # it fetches when it opens a stream
