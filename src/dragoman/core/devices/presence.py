"""Which devices can be reached now, and how they are notified."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Final

from dragoman.core.devices.model.devices import DeviceEvent
from dragoman.kit.clock import Clock
from dragoman.kit.signal import Signal

SILENT_S: Final = 30.0
"""A call after so long a silence is news: the phone's carrier may think that it is gone."""

Details = Mapping[str, str]
Listener = Callable[[DeviceEvent, Details], None]

NO_DETAILS: Details = MappingProxyType({})


class Presence:
    """Open streams and last calls, in memory; initialised from what was stored."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._heard_ms: dict[int, int] = {}
        self._heard: dict[int, float] = {}
        """The same by the monotonic clock."""
        self._listeners: dict[int, list[Listener]] = defaultdict(list)
        self.changed: Signal[[int]] = Signal()
        """A device whose stream opened or closed, or that was heard after a while."""

    def heard(self, device_id: int, at_ms: int | None = None) -> None:
        """Records a call of a device."""
        was_present = self.is_present(device_id, SILENT_S)
        now_ms = self._clock.now_ms() if at_ms is None else at_ms
        ago_s = max(0, self._clock.now_ms() - now_ms) / 1000
        heard = self._clock.monotonic() - ago_s
        if heard >= self._heard.get(device_id, float("-inf")):
            self._heard_ms[device_id], self._heard[device_id] = now_ms, heard
        if not was_present:
            self.changed(device_id)

    def forget(self, device_id: int) -> None:
        """Removes a device."""
        self._heard_ms.pop(device_id, None)
        self._heard.pop(device_id, None)
        self._listeners.pop(device_id, None)
        self.changed(device_id)

    def heard_ms(self, device_id: int) -> int:
        """The time of the last call of a device; 0 for never."""
        return self._heard_ms.get(device_id, 0)

    def has_stream(self, device_id: int) -> bool:
        """Whether a device has an open stream."""
        return bool(self._listeners.get(device_id))

    def is_present(self, device_id: int, within_s: float) -> bool:
        """Whether a device has an open stream, or has called recently."""
        heard = self._heard.get(device_id, float("-inf"))
        return self.has_stream(device_id) or self._clock.monotonic() - heard <= within_s

    @contextmanager
    def listening(self, device_id: int, listener: Listener) -> Iterator[None]:
        """Subscribes a listener to a device's events; a device may have several."""
        self._listeners[device_id].append(listener)
        self.heard(device_id)
        self.changed(device_id)
        try:
            yield
        finally:
            listeners = self._listeners.get(device_id, [])
            if listener in listeners:
                listeners.remove(listener)
            if not listeners:
                self._listeners.pop(device_id, None)
            self.changed(device_id)

    def announce(self, device_id: int, event: DeviceEvent, details: Details = NO_DETAILS) -> bool:
        """Notifies every stream of a device; whether there was one."""
        listeners = self._listeners.get(device_id, ())
        for listener in tuple(listeners):
            listener(event, details)
        return bool(listeners)
