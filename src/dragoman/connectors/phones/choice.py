"""Which SIM of which phone is next, by load, limits and turn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from dragoman.connectors.phones.handover import ANY_SLOT, Handovers
from dragoman.connectors.phones.pace import Pace
from dragoman.connectors.phones.settings import Choice, PhonesSettings
from dragoman.domain.devices import PHONE_LIMITS, Device, Limits
from dragoman.domain.messages import Outgoing
from dragoman.services.devices import Devices

LONGEST_WAIT_MS = 3600 * 1000
NO_LIMITS = Limits()


class Place(NamedTuple):
    """A SIM of a phone; slot 0 leaves the choice to the phone."""

    device_id: int
    slot: int


class Room(NamedTuple):
    """How much the phones can take now."""

    up: bool
    places: int
    """SIMs that may be given a message now."""
    wait_ms: int
    """Until another one may, where only time is lacking; else 0."""


class Chooser:
    """Knows the places of a carrier and the pace of each."""

    def __init__(self, settings: PhonesSettings, devices: Devices, handovers: Handovers) -> None:
        self._settings = settings
        self._devices = devices
        self._handovers = handovers
        self._paces: dict[int, Pace] = {}
        self._sim_paces: dict[Place, Pace] = {}
        self._missing: set[Place] = set()

    def choose(self, message: Outgoing, now_ms: int) -> Place | None:
        """The place a message goes to now; None while there is none."""
        best, best_rank = None, None
        for device in self._candidates(message):
            if self._pace_of(device).wait_ms(now_ms):
                continue
            for place in self._places(device, message.sim):
                if not self._has_room(place, now_ms):
                    continue
                rank = self._rank(place)
                if best_rank is None or rank < best_rank:
                    best, best_rank = place, rank
        return best

    def room(self, now_ms: int) -> Room:
        """How much can be taken, over all phones that are there."""
        up, places, wait_ms = False, 0, 0
        for device in self._there():
            up = True
            device_wait_ms = self._pace_of(device).wait_ms(now_ms)
            for place in self._places(device, None):
                if self._is_full(place):
                    continue
                place_wait_ms = max(device_wait_ms, self._sim_pace(place).wait_ms(now_ms))
                if not place_wait_ms:
                    places += 1
                    break  # the phone's own gap lets no second SIM go at the same time
                wait_ms = min(wait_ms or LONGEST_WAIT_MS, place_wait_ms)
        return Room(up, places, wait_ms)

    def is_there(self, device_id: int) -> bool:
        """Whether a phone is in service and has been heard of lately."""
        device = self._devices.get(device_id)
        return device is not None and self._is_there(device)

    def took(self, place: Place, parts: int, now_ms: int) -> None:
        """Counts a message that goes to a place."""
        device = self._devices.get(place.device_id)
        if device is not None:
            self._pace_of(device).took(parts, now_ms)
        self._sim_pace(place).took(parts, now_ms)

    def restore(self, usage: Iterable[tuple[int, int, int, int]]) -> None:
        """Counts what went in the last day: (device, slot, minute, parts), by minute."""
        for device_id, slot, minute, parts in usage:
            self.pace_of_device(device_id).restore(minute, parts)
            self._sim_pace(Place(device_id, slot)).restore(minute, parts)

    def changed(self, device: Device) -> None:
        """Takes up what was decided about a phone, and what it says of its SIMs."""
        self._pace_of(device).limits = device.settings.limits
        for sim in device.sims:
            place = Place(device.device_id, sim.slot)
            self._sim_pace(place).limits = sim.limits
            self._missing.discard(place)

    def note_missing(self, device_id: int, slot: int) -> None:
        """A phone says that it has no such SIM; believed until it lists its SIMs again."""
        self._missing.add(Place(device_id, slot))

    def recover(self, now_ms: int) -> None:
        """Lets phones that were slowed down go a little faster."""
        for pace in self._paces.values():
            pace.recover(now_ms)

    def pace_of(self, device_id: int, slot: int) -> Pace:
        """The pace of a SIM."""
        return self._sim_pace(Place(device_id, slot))

    def pace_of_device(self, device_id: int) -> Pace:
        """The pace of a phone, which all its SIMs share."""
        pace = self._paces.get(device_id)
        if pace is None:
            device = self._devices.get(device_id)
            settings = device.settings if device is not None else None
            pace = self._paces[device_id] = Pace(
                settings.limits if settings is not None else PHONE_LIMITS
            )
        return pace

    def _candidates(self, message: Outgoing) -> Iterator[Device]:
        if message.device_id is not None:
            device = self._devices.get(message.device_id)
            if device is not None and self._is_there(device):
                yield device
            return
        for device in self._there():
            if self._settings.shared or device.account_id == message.account_id:
                yield device

    def _there(self) -> Iterator[Device]:
        for device in self._devices.of_carrier(self._settings.name):
            if self._is_there(device):
                yield device

    def _is_there(self, device: Device) -> bool:
        return device.enabled and self._devices.presence.is_present(
            device.device_id, self._settings.present_s
        )

    def _places(self, device: Device, slot: int | None) -> Iterator[Place]:
        slots = [sim.slot for sim in device.sims if sim.present]
        if slot is not None:
            slots = [slot] if not slots or slot in slots else []
        for one in slots or ([] if device.sims else [ANY_SLOT]):
            place = Place(device.device_id, one)
            if place not in self._missing:
                yield place

    def _has_room(self, place: Place, now_ms: int) -> bool:
        return not self._is_full(place) and not self._sim_pace(place).wait_ms(now_ms)

    def _is_full(self, place: Place) -> bool:
        return self._handovers.waiting(*place) >= self._settings.in_flight

    def _rank(self, place: Place) -> tuple[int, int]:
        used_ms = self._sim_pace(place).used_ms
        if self._settings.choice is Choice.ROUND_ROBIN:
            return (0, used_ms)
        return (self._handovers.waiting(*place), used_ms)

    def _pace_of(self, device: Device) -> Pace:
        return self.pace_of_device(device.device_id)

    def _sim_pace(self, place: Place) -> Pace:
        pace = self._sim_paces.get(place)
        if pace is None:
            device = self._devices.get(place.device_id)
            sim = device.sim(place.slot) if device is not None else None
            pace = self._sim_paces[place] = Pace(sim.limits if sim is not None else NO_LIMITS)
        return pace
