"""How well each carrier delivers: results of the last hour, and which carriers are left out.

A carrier whose delivery rate falls below the floor of a route is *left out*. Then a test message
goes to it from time to time; once enough of them were delivered it takes part again.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from dragoman.kit.clock import Clock

SPAN_S: Final = 3600
STEP_S: Final = 60
"""Results are kept by the minute."""
MIN_RESULTS: Final = 20
"""Fewer say nothing about a carrier."""
TEST_EVERY_S: Final = 30.0
TESTS: Final = 5
"""Results of test messages that decide whether a carrier takes part again."""


class _Minute:
    __slots__ = ("delivered", "elapsed_ms", "failed", "number")

    def __init__(self, number: int) -> None:
        self.number = number
        self.delivered = self.failed = self.elapsed_ms = 0


class CarrierQuality:
    """The results of one carrier."""

    __slots__ = ("_minutes", "left_out_since", "tested_at")

    def __init__(self) -> None:
        self._minutes: deque[_Minute] = deque()
        self.left_out_since: float | None = None
        self.tested_at = 0.0

    def note(self, now_s: float, delivered: bool, elapsed_ms: int) -> None:
        """Counts a result."""
        number = int(now_s // STEP_S)
        minutes = self._minutes
        if not minutes or minutes[-1].number != number:
            minutes.append(_Minute(number))
            self._forget(number)
        minute = minutes[-1]
        if delivered:
            minute.delivered += 1
            minute.elapsed_ms += elapsed_ms
        else:
            minute.failed += 1

    def results(self, now_s: float) -> tuple[int, int, int]:
        """(delivered, failed, mean time to delivery in ms) of the last hour."""
        self._forget(int(now_s // STEP_S))
        delivered = sum(minute.delivered for minute in self._minutes)
        failed = sum(minute.failed for minute in self._minutes)
        elapsed_ms = sum(minute.elapsed_ms for minute in self._minutes)
        return delivered, failed, elapsed_ms // delivered if delivered else 0

    def forget_all(self) -> None:
        """Starts from nothing."""
        self._minutes.clear()

    def _forget(self, number: int) -> None:
        while self._minutes and self._minutes[0].number <= number - SPAN_S // STEP_S:
            self._minutes.popleft()


class Quality:
    """The results of all carriers, in memory: after a start nothing is known of any."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.is_watched = False
        """Whether any route asks for it; else nothing is counted."""
        self._carriers: dict[str, CarrierQuality] = {}

    def note(self, carrier: str, delivered: bool, sent_ms: int | None, at_ms: int) -> None:
        """Counts what became of a message that a carrier had accepted."""
        one = self._carriers.get(carrier)
        if one is None:
            one = self._carriers[carrier] = CarrierQuality()
        one.note(at_ms / 1000, delivered, at_ms - sent_ms if sent_ms is not None else 0)

    def rate(self, carrier: str) -> float | None:
        """The share of messages that it delivered; None with too few results."""
        delivered, failed, _ = self._results(carrier)
        total = delivered + failed
        return delivered / total if total >= MIN_RESULTS else None

    def rank(self, carrier: str) -> tuple[int, int]:
        """What carriers are ordered by, the best first: whole percents that fail, then time.

        An unknown one counts as good, so that it comes to be known.
        """
        delivered, failed, elapsed_ms = self._results(carrier)
        if delivered + failed < MIN_RESULTS:
            return 0, 0
        return round(100 * failed / (delivered + failed)), elapsed_ms

    def admits(self, carrier: str, floor: float) -> bool:
        """Whether a carrier takes part on a route with a floor; also for a test message now."""
        now_s = self._clock.now_ms() / 1000
        one = self._carriers.get(carrier)
        if one is None:
            return True
        delivered, failed, _ = one.results(now_s)
        total = delivered + failed
        if one.left_out_since is None:
            if total < MIN_RESULTS or delivered / total >= floor:
                return True
            one.left_out_since = one.tested_at = now_s
            one.forget_all()
            return False
        if total >= TESTS:
            if delivered / total >= floor:
                one.left_out_since = None
                return True
            one.forget_all()
        return now_s - one.tested_at >= TEST_EVERY_S

    def is_left_out(self, carrier: str) -> bool:
        """Whether it takes test messages only."""
        one = self._carriers.get(carrier)
        return one is not None and one.left_out_since is not None

    def tested(self, carrier: str) -> None:
        """A message was given to a carrier that is left out."""
        self._carriers[carrier].tested_at = self._clock.now_ms() / 1000

    def figures(self, carrier: str) -> tuple[float | None, int, bool]:
        """(delivery rate, mean time in ms, whether it is left out)."""
        return self.rate(carrier), self._results(carrier)[2], self.is_left_out(carrier)

    def _results(self, carrier: str) -> tuple[int, int, int]:
        one = self._carriers.get(carrier)
        return one.results(self._clock.now_ms() / 1000) if one is not None else (0, 0, 0)
