"""Parts that wait because the SMSC throttles their number or message alone; others go ahead."""

from __future__ import annotations

import heapq
from typing import Final

from dragoman.connectors.smpp.submit_tracker import Part, SubmitTracker

FIRST_DELAY_S: Final = 0.5
LONGEST_DELAY_S: Final = 60.0
_MOST_KNOWN: Final = 10_000


class SetAside:
    """The parts by when they are tried again, and how long those of each number or message wait.

    A number is forgotten as soon as the SMSC takes anything for it, a message once it is taken.
    """

    def __init__(self) -> None:
        self.others_taken = False
        """Whether the SMSC has taken other parts since the first of these was set aside."""
        self._parts: list[tuple[float, int, Part]] = []
        # Number or message identifier -> (delay of its parts, when it was last prolonged).
        self._known: dict[str | int, tuple[float, float]] = {}

    def __len__(self) -> int:
        return len(self._parts)

    def knows(self, part: Part) -> bool:
        """Whether the number or message of a part is throttled."""
        return any(key in self._known for key in _keys_of(part))

    def note_taken(self, part: Part) -> None:
        """The SMSC took a part: its number is free."""
        self.others_taken = True
        if self._known:
            for key in _keys_of(part):
                self._known.pop(key, None)

    def prolong(self, part: Part, now: float) -> float:
        """How long a throttled part is to wait: twice as long each time it waited."""
        if len(self._known) > _MOST_KNOWN:
            self._known.clear()  # they are found again by their refusals
        longest_s = 0.0
        for key in _keys_of(part):
            delay_s, since = self._known.get(key, (FIRST_DELAY_S / 2, now - LONGEST_DELAY_S))
            if now - since >= delay_s:
                delay_s, since = min(2 * delay_s, LONGEST_DELAY_S), now
            self._known[key] = (delay_s, since)
            longest_s = max(longest_s, delay_s)
        return longest_s

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
        """Takes all parts, and forgets why they waited."""
        taken = [part for _, _, part in self._parts]
        self._parts.clear()
        self._known.clear()
        return taken


def _keys_of(part: Part) -> tuple[str, int]:
    return part.submit.destination_addr, part.tracker.message.message_id
