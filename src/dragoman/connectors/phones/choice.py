"""Which SIM of which phone is next, by load, limits and turn.

Places that can take a message are kept in order, so that a choice costs the same with three phones
as with a thousand; every change of a phone refreshes its places.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from heapq import heappop, heappush
from typing import NamedTuple

from dragoman.config.tables import PhonesTable
from dragoman.connectors.phones.assignment import ANY_SLOT, OpenAssignments
from dragoman.connectors.phones.pace import Pace
from dragoman.connectors.phones.results import Result
from dragoman.core.devices.devices import Devices
from dragoman.core.devices.model.devices import PHONE_LIMITS, Device, Limits
from dragoman.core.messages.model.messages import Outgoing

SHARED_OWNER = 0
"""Stands in for the owner of shared phones."""
NO_LIMITS = Limits()
FAILURES_IN_A_ROW = 5
"""Consecutive failures without a stated reason after which a SIM pauses, longer each time."""
FIRST_REST_S = 5 * 60.0
LONGEST_REST_S = 3600.0


class Place(NamedTuple):
    """A SIM of a phone; slot 0 leaves the choice to the phone."""

    device_id: int
    slot: int


class Capacity(NamedTuple):
    """How much the phones can take now."""

    up: bool
    places: int
    """Phones that may be given a message now."""
    wait_ms: int
    """Until another one may, if it only has to wait; else 0."""


class _Rank(NamedTuple):
    """The order of places: the least loaded first, then the least recently used."""

    load: int
    used_ms: int
    place: Place


class Chooser:
    """Knows the places of a carrier and the pace of each."""

    def __init__(
        self, settings: PhonesTable, devices: Devices, assignments: OpenAssignments
    ) -> None:
        self.settings = settings
        self._devices = devices
        self._assignments = assignments
        self._paces: dict[int, Pace] = {}
        self._sim_paces: dict[Place, Pace] = {}
        self._missing: set[Place] = set()
        self._there: dict[int, int] = {}
        """The owners of present phones, by phone."""
        self._there_of: Counter[int] = Counter()
        """How many phones of an owner are present."""
        self._ready_of: Counter[int] = Counter()
        """How many phones of an owner may be given a message."""
        self._ready: dict[int, dict[Place, _Rank]] = {}
        """Places that may be given a message, by phone."""
        self._queues: dict[int, list[_Rank]] = {}
        """Heaps of the ranks of places, by owner; what `_ready` does not say is out of date."""
        self._due: list[tuple[int, int]] = []
        """A heap of (time, phone): when to evaluate a waiting phone again."""
        self._due_of: dict[int, int] = {}
        """The earliest such time of each phone."""

    def __len__(self) -> int:
        """How many phones may be given a message."""
        return len(self._ready)

    def choose(self, message: Outgoing, now_ms: int) -> Place | None:
        """The place for a message now; None if there is none."""
        if message.device_id is None and message.sim is None:
            self._look_at_due(now_ms)
            return self._first(self._owner_of(message), now_ms)
        fitting = self._fitting(message, now_ms)
        if not fitting:
            return None
        place = min(fitting).place
        if message.sim and place.slot == ANY_SLOT:
            return Place(place.device_id, message.sim)
        return place

    def count_for(self, message: Outgoing, now_ms: int) -> int:
        """How many messages like one could be given to phones now."""
        if message.device_id is None and message.sim is None:
            self._look_at_due(now_ms)
            return self._ready_of[self._owner_of(message)]
        return len(self._fitting(message, now_ms))

    def has_phone_for(self, message: Outgoing) -> bool:
        """Whether a phone that may send a message is present, busy or not."""
        if message.device_id is not None:
            return message.device_id in self._there
        return self._there_of[self._owner_of(message)] > 0

    def capacity(self, now_ms: int) -> Capacity:
        """How much all present phones can take."""
        self._look_at_due(now_ms)
        wait_ms = self._due[0][0] - now_ms if self._due else 0
        return Capacity(bool(self._there), len(self._ready), wait_ms)

    def take_settings(self, settings: PhonesTable, now_ms: int) -> None:
        """Takes other settings; for whom phones send is what their places are filed by."""
        if settings.shared != self.settings.shared:
            for table in (self._there, self._there_of, self._ready_of, self._ready, self._queues):
                table.clear()
        self.settings = settings
        self.refresh_all(now_ms)

    def set_back(self, by_ms: int) -> None:
        """The clock was set back; every phone is to be evaluated after it."""
        for pace in (*self._paces.values(), *self._sim_paces.values()):
            pace.set_back(by_ms)
        self._due.clear()
        self._due_of.clear()

    def refresh_all(self, now_ms: int) -> None:
        """Evaluates every phone: some disappear without an event."""
        known = {device.device_id for device in self._devices.of_carrier(self.settings.name)}
        for device_id in known | self._there.keys():
            self.refresh(device_id, now_ms)

    def refresh(self, device_id: int, now_ms: int) -> None:
        """Updates which places of a phone may be given a message."""
        device = self._devices.get(device_id)
        before = self._forget(device_id)
        if device is None or device.carrier != self.settings.name or not self._is_there(device):
            return
        owner = self._owner_of_device(device)
        self._there[device_id] = owner
        self._there_of[owner] += 1
        device_wait_ms = self.pace_of_device(device_id).wait_ms(now_ms)
        ready: dict[Place, _Rank] = {}
        waits_ms = []
        for place in self._places(device):
            load = self._assignments.waiting(*place)
            if load >= self.settings.in_flight:
                continue
            pace = self._sim_pace(place)
            wait_ms = max(device_wait_ms, pace.wait_ms(now_ms))
            if wait_ms:
                waits_ms.append(wait_ms)
                continue
            by_turn = self.settings.choice == "round_robin"
            ready[place] = _Rank(0 if by_turn else load, pace.used_ms, place)
        if ready:
            self._ready[device_id] = ready
            self._ready_of[owner] += 1
            queue = self._queues.setdefault(owner, [])
            for place, rank in ready.items():
                if before.get(place) != rank:  # else it is in the queue
                    heappush(queue, rank)
        if waits_ms:
            self._look_again(device_id, now_ms + min(waits_ms))

    def is_there(self, device_id: int) -> bool:
        """Whether a phone is in service and was seen recently."""
        device = self._devices.get(device_id)
        return device is not None and self._is_there(device)

    def took(self, place: Place, parts: int, now_ms: int) -> None:
        """Counts a message assigned to a place."""
        self.pace_of_device(place.device_id).took(parts, now_ms)
        self._sim_pace(place).took(parts, now_ms)
        self.refresh(place.device_id, now_ms)

    def restore(self, usage: Iterable[tuple[int, int, int, int]]) -> None:
        """Counts what went in the last day: (device, slot, minute, parts), by minute."""
        for device_id, slot, minute, parts in usage:
            self.pace_of_device(device_id).restore(minute, parts)
            self._sim_pace(Place(device_id, slot)).restore(minute, parts)

    def changed(self, device: Device) -> None:
        """Applies changed limits of a phone, and what it reports of its SIMs."""
        self.pace_of_device(device.device_id).limits = device.settings.limits
        for sim in device.sims:
            place = Place(device.device_id, sim.slot)
            self._sim_pace(place).limits = sim.limits
            self._missing.discard(place)

    def sent(self, place: Place) -> None:
        """A message went well."""
        self._sim_pace(place).sent()

    def failed(self, place: Place, result: Result, now_ms: int) -> str | None:
        """Slows a phone or SIM down if a failure calls for it; the action taken, if any.

        A SIM that a phone reports missing is not used until the phone lists its SIMs again.
        """
        if result.missing_slot is not None:
            self._missing.add(Place(place.device_id, result.missing_slot))
        if result.limited:
            self.pace_of_device(place.device_id).throttle(now_ms)
            return "phone_throttled"
        if result.generic and self._sim_pace(place).failed(
            now_ms, FAILURES_IN_A_ROW, FIRST_REST_S, LONGEST_REST_S
        ):
            return "sim_rests"
        return None

    def recover(self, now_ms: int) -> None:
        """Speeds up a little the phones that were slowed down."""
        for pace in self._paces.values():
            pace.recover(now_ms)

    def pace_of_device(self, device_id: int) -> Pace:
        """The pace of a phone, which all its SIMs share."""
        pace = self._paces.get(device_id)
        if pace is None:
            device = self._devices.get(device_id)
            limits = device.settings.limits if device is not None else PHONE_LIMITS
            pace = self._paces[device_id] = Pace(limits)
        return pace

    def _first(self, owner: int, now_ms: int) -> Place | None:
        """The best place of an owner's phones; drops outdated entries of the queue."""
        queue = self._queues.get(owner, [])
        while queue:
            rank = queue[0]
            device_id = rank.place.device_id
            if self._ready.get(device_id, {}).get(rank.place) == rank:
                if self.is_there(device_id):
                    return rank.place
                self.refresh(device_id, now_ms)
            else:
                heappop(queue)
        return None

    def _forget(self, device_id: int) -> dict[Place, _Rank]:
        """Removes a phone from the present ones; the places it had."""
        owner, before = self._there.pop(device_id, None), self._ready.pop(device_id, {})
        if owner is not None:
            self._there_of[owner] -= 1
            self._ready_of[owner] -= bool(before)
        return before

    def _fitting(self, message: Outgoing, now_ms: int) -> list[_Rank]:
        """The places for a message that names a phone or a SIM."""
        self._look_at_due(now_ms)
        if message.device_id is not None:
            ranks = list(self._ready.get(message.device_id, {}).values())
        else:
            ranks = list(self._of_owner(self._owner_of(message)).values())
        if not message.sim:
            return ranks
        fitting = [one for one in ranks if one.place.slot == message.sim]
        # A phone that lists no SIMs may still have this one.
        return fitting or [one for one in ranks if one.place.slot == ANY_SLOT]

    def _of_owner(self, owner: int) -> dict[Place, _Rank]:
        found: dict[Place, _Rank] = {}
        for device_id, ready in self._ready.items():
            device = self._devices.get(device_id)
            if device is not None and self._owner_of_device(device) == owner:
                found.update(ready)
        return found

    def _look_again(self, device_id: int, at_ms: int) -> None:
        if self._due_of.get(device_id, at_ms + 1) > at_ms:
            self._due_of[device_id] = at_ms
            heappush(self._due, (at_ms, device_id))

    def _look_at_due(self, now_ms: int) -> None:
        while self._due and self._due[0][0] <= now_ms:
            at_ms, device_id = heappop(self._due)
            if self._due_of.get(device_id) == at_ms:
                del self._due_of[device_id]
                self.refresh(device_id, now_ms)

    def _owner_of(self, message: Outgoing) -> int:
        return SHARED_OWNER if self.settings.shared else message.account_id

    def _owner_of_device(self, device: Device) -> int:
        return SHARED_OWNER if self.settings.shared else device.account_id

    def _is_there(self, device: Device) -> bool:
        return self._devices.is_in_service(device) and self._devices.presence.is_present(
            device.device_id, self.settings.present_s
        )

    def _places(self, device: Device) -> Iterator[Place]:
        slots = [sim.slot for sim in device.sims if sim.present]
        for slot in slots or ([] if device.sims else [ANY_SLOT]):
            place = Place(device.device_id, slot)
            if place not in self._missing:
                yield place

    def _sim_pace(self, place: Place) -> Pace:
        pace = self._sim_paces.get(place)
        if pace is None:
            device = self._devices.get(place.device_id)
            sim = device.sim(place.slot) if device is not None else None
            pace = self._sim_paces[place] = Pace(sim.limits if sim is not None else NO_LIMITS)
        return pace
