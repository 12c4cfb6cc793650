"""How many parts a carrier may be given in a day (UTC), by country or at all.

A part counts from the moment its carrier is chosen; it is given back if the carrier returns the
message. One that still waits for its outcome at midnight counts on the new day, too: it may well
be sent then. What was sent before a start is counted from the rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from dragoman.core.delivery.model.quotas import Quota
from dragoman.core.delivery.sql.carrier_parts import parts_since
from dragoman.kit.clock import Clock
from dragoman.storage.engine import Storage

DAY_MS: Final = 24 * 3600 * 1000


class Quotas:
    """The limits of all carriers and what was taken of them today."""

    def __init__(self, clock: Clock, quotas: Iterable[Quota] = ()) -> None:
        self._clock = clock
        self._day = clock.now_ms() // DAY_MS
        self._taken: dict[tuple[str, str], int] = {}
        self._elsewhere: Mapping[tuple[str, str], int] = {}
        """What other partitions of a cluster took today."""
        self._reserved: dict[int, tuple[str, str, int]] = {}
        self.replace(quotas)

    def replace(self, quotas: Iterable[Quota]) -> None:
        """Takes other limits from here on; what was taken stays counted."""
        self._limits = {(one.carrier, one.country): one.parts_per_day for one in quotas}

    def limits_of(self, carriers: Iterable[str]) -> tuple[int, ...]:
        """The limits of some carriers."""
        wanted = frozenset(carriers)
        return tuple(one for (name, _), one in self._limits.items() if name in wanted)

    @property
    def carriers(self) -> frozenset[str]:
        """Those that have a limit."""
        return frozenset(carrier for carrier, _ in self._limits)

    @property
    def is_counting(self) -> bool:
        """Whether any message is counted whose outcome is not known yet."""
        return bool(self._reserved)

    async def restore(self, storage: Storage) -> None:
        """Counts from the rows what was sent today, where there is any limit."""
        if self._limits:
            self.count(await self.read_sent(storage))

    async def read_sent(self, storage: Storage) -> Mapping[tuple[str, str], int]:
        """The parts that were sent today by the rows, by carrier and country."""
        self._turn_day()
        return await storage.read(parts_since(self._day * DAY_MS))

    def count(self, taken: Mapping[tuple[str, str], int]) -> None:
        """Takes as sent today: parts by carrier and country; those on their way are added."""
        self._taken.clear()
        for (carrier, country), parts in taken.items():
            self._add(carrier, country, parts)
        for carrier, country, parts in self._reserved.values():
            self._add(carrier, country, parts)

    def allow(self, carrier: str, country: str, parts: int) -> bool:
        """Whether a carrier may be given some parts more."""
        self._turn_day()
        return all(
            limit is None or self._taken_of(key) + parts <= limit
            for key in ((carrier, country), (carrier, ""))
            for limit in (self._limits.get(key),)
        )

    def reserve(self, message_id: int, carrier: str, country: str, parts: int) -> None:
        """Counts a message whose carrier was chosen; an earlier choice is given back."""
        self.give_back(message_id)
        self._turn_day()
        self._add(carrier, country, parts)
        self._reserved[message_id] = (carrier, country, parts)

    def keep(self, message_id: int) -> None:
        """The carrier has taken the message."""
        self._reserved.pop(message_id, None)

    def give_back(self, message_id: int) -> None:
        """The message does not go to the carrier after all."""
        if message_id not in self._reserved:
            return
        self._turn_day()  # counts it again
        carrier, country, parts = self._reserved.pop(message_id)
        self._add(carrier, country, -parts)

    def left(self, carrier: str, country: str) -> int | None:
        """Parts that a carrier may still be given today; None without a limit."""
        self._turn_day()
        rests = [
            limit - self._taken_of(key)
            for key in ((carrier, country), (carrier, ""))
            if (limit := self._limits.get(key)) is not None
        ]
        return max(0, min(rests)) if rests else None

    def taken_today(self) -> tuple[int, Mapping[tuple[str, str], int]]:
        """The day, in days since the epoch, and what was taken on it here."""
        self._turn_day()
        return self._day, self._taken

    def note_elsewhere(self, day: int, taken: Mapping[tuple[str, str], int]) -> None:
        """Takes as taken what other partitions of a cluster took on a day."""
        self._turn_day()
        self._elsewhere = taken if day == self._day else {}

    def _taken_of(self, key: tuple[str, str]) -> int:
        return self._taken.get(key, 0) + self._elsewhere.get(key, 0)

    def _add(self, carrier: str, country: str, parts: int) -> None:
        for key in ((carrier, country), (carrier, "")) if country else ((carrier, ""),):
            self._taken[key] = self._taken.get(key, 0) + parts

    def _turn_day(self) -> None:
        day = self._clock.now_ms() // DAY_MS
        if day != self._day:
            self._day = day
            self._taken.clear()
            self._elsewhere = {}
            for carrier, country, parts in self._reserved.values():
                self._add(carrier, country, parts)
