"""Parts that wait because the SMSC throttles their number alone, and so hold up nobody else's."""

from __future__ import annotations

import heapq
from typing import Final

from dragoman.connectors.smpp.submit_tracker import Part, SubmitTracker

FIRST_DELAY_S: Final = 0.5
LONGEST_DELAY_S: Final = 60.0
_MOST_NUMBERS: Final = 10_000


class SetAside:
    """The parts by when they are tried again, and how long those of each number wait."""

    def __init__(self) -> None:
        self.others_taken = False
        """Whether the SMSC has taken other parts since the first of these was set aside."""
        self._parts: list[tuple[float, int, Part]] = []
        # Number -> (delay of its parts, when it was last prolonged).
        self._numbers: dict[str, tuple[float, float]] = {}

    def __len__(self) -> int:
        return len(self._parts)

    def knows(self, part: Part) -> bool:
        """Whether the number of a part is throttled."""
        return part.submit.destination_addr in self._numbers

    def note_taken(self, part: Part) -> None:
        """The SMSC took a part: its number is free."""
        self.others_taken = True
        if self._numbers:
            self._numbers.pop(part.submit.destination_addr, None)

    def prolong(self, part: Part, now: float) -> float:
        """How long a part of a throttled number is to wait: twice as long each time it waited."""
        number = part.submit.destination_addr
        delay_s, since = self._numbers.get(number, (FIRST_DELAY_S / 2, now - LONGEST_DELAY_S))
        if now - since >= delay_s:
            delay_s, since = min(2 * delay_s, LONGEST_DELAY_S), now
        if len(self._numbers) > _MOST_NUMBERS:
            self._numbers.clear()  # they are found again by their refusals
        self._numbers[number] = (delay_s, since)
        return delay_s

    def put(self, part: Part, due_at: float) -> None:
        """Sets a part aside."""
        if not self._parts:
            self.others_taken = False
        heapq.heappush(self._parts, (due_at, part.order, part))

    def wait_s(self, now: float) -> float | None:
        """Seconds until the first part is due; None if there is none."""
        return self._parts[0][0] - now if self._parts else None

    def take_due(self, now: float) -> list[Part]:
        """Takes the parts that are due."""
        due = []
        while self._parts and self._parts[0][0] <= now:
            due.append(heapq.heappop(self._parts)[2])
        return due

    def take_of(self, tracker: SubmitTracker) -> list[Part]:
        """Takes the parts of a message."""
        taken = [item[2] for item in self._parts if item[2].tracker is tracker]
        if taken:
            self._parts = [item for item in self._parts if item[2].tracker is not tracker]
            heapq.heapify(self._parts)
        return taken

    def take_all(self) -> list[Part]:
        """Takes all parts, and forgets the numbers."""
        taken = [part for _, _, part in self._parts]
        self._parts.clear()
        self._numbers.clear()
        return taken
