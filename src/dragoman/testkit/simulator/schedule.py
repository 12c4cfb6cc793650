"""Delayed calls over a single timer."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from itertools import count


class Schedule:
    """Calls functions when due; those due at the same time in the order they were added."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._number = count()
        self._timer: asyncio.TimerHandle | None = None

    def after(self, delay_s: float, action: Callable[[], None]) -> None:
        """Calls `action` in `delay_s` seconds."""
        due = self._clock() + delay_s
        heapq.heappush(self._heap, (due, next(self._number), action))
        if self._heap[0][0] == due:
            self._arm()

    def clear(self) -> None:
        """Forgets everything that is not done."""
        self._heap.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        delay_s = max(0.0, self._heap[0][0] - self._clock())
        self._timer = asyncio.get_running_loop().call_later(delay_s, self._run)

    def _run(self) -> None:
        self._timer = None
        # A timer may fire a clock tick early; waiting again for nothing costs a loop turn each.
        now = self._clock() + 0.001
        try:
            while self._heap and self._heap[0][0] <= now:
                heapq.heappop(self._heap)[2]()
        finally:  # what fails costs no other its turn
            if self._heap:
                self._arm()
