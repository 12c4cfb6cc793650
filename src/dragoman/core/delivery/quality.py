"""How well each carrier delivers to each country, and where it is left out.

Results of the last hour count. A carrier can be good in one country and bad in another, so each
country with enough results decides for itself; those with few of them decide together.

Where its delivery rate falls below the floor of a route, a carrier is *left out*. Then a test
message goes to it from time to time; once enough of them were delivered it takes part again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from typing import Final

import msgspec

from dragoman.core.model.countries import region_of_mcc
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


class Results:
    """The results of one carrier, in one country or in those with few of them."""

    __slots__ = (
        "_minutes",
        "came_back",
        "delivered",
        "elapsed_ms",
        "failed",
        "left_out_since",
        "tested_at",
    )

    def __init__(self) -> None:
        self._minutes: deque[_Minute] = deque()
        self.delivered = self.failed = self.elapsed_ms = 0
        self.left_out_since: float | None = None
        self.tested_at = 0.0
        self.came_back = False
        """Whether tests have taken it back, and there were results ever since."""

    @property
    def total(self) -> int:
        """Results of the last hour, as of the last time that `forget` was called."""
        return self.delivered + self.failed

    @property
    def decides(self) -> bool:
        """Whether there is enough to go by."""
        return self.is_left_out or self.came_back or self.total >= MIN_RESULTS

    @property
    def is_left_out(self) -> bool:
        """Whether the carrier is left out."""
        return self.left_out_since is not None

    def note(self, now_s: float, delivered: bool, elapsed_ms: int) -> None:
        """Counts a result."""
        minutes, number = self._minutes, int(now_s // STEP_S)
        if not minutes or minutes[-1].number != number:
            minutes.append(_Minute(number))
            self.forget(now_s)
        minute = minutes[-1]
        if delivered:
            minute.delivered += 1
            self.delivered += 1
            minute.elapsed_ms += elapsed_ms
            self.elapsed_ms += elapsed_ms
        else:
            minute.failed += 1
            self.failed += 1

    def forget(self, now_s: float) -> None:
        """Drops what is older than an hour."""
        oldest = int(now_s // STEP_S) - SPAN_S // STEP_S
        while self._minutes and self._minutes[0].number <= oldest:
            minute = self._minutes.popleft()
            self.delivered -= minute.delivered
            self.failed -= minute.failed
            self.elapsed_ms -= minute.elapsed_ms
        if not self._minutes:
            self.came_back = False

    def take_out(self, part: Results) -> None:
        """Takes results out again that were counted here as well, and not forgotten since."""
        ours = {minute.number: minute for minute in self._minutes}
        for minute in part._minutes:
            our = ours.get(minute.number)
            if our is None or our.delivered < minute.delivered or our.failed < minute.failed:
                continue
            our.delivered -= minute.delivered
            our.failed -= minute.failed
            our.elapsed_ms -= minute.elapsed_ms
            self.delivered -= minute.delivered
            self.failed -= minute.failed
            self.elapsed_ms -= minute.elapsed_ms
        part.forget_all()

    def forget_all(self) -> None:
        """Starts from nothing."""
        self._minutes.clear()
        self.delivered = self.failed = self.elapsed_ms = 0

    def admits(self, now_s: float, floor: float) -> bool:
        """Whether the carrier takes part, also for a test message now."""
        total = self.total
        if self.left_out_since is None:
            if total < MIN_RESULTS or self.delivered / total >= floor:
                return True
            self.left_out_since = self.tested_at = now_s
            self.forget_all()
            return False
        if total >= TESTS:
            if self.delivered / total >= floor:
                self.left_out_since = None
                self.came_back = True
                return True
            self.forget_all()
        return now_s - self.tested_at >= TEST_EVERY_S


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a carrier in a country."""

    delivery_rate: float | None = None
    """The share of messages that it delivered; None with too few results."""
    elapsed_ms: int = 0
    """Mean time to delivery."""
    left_out: bool = False


class _Carrier:
    __slots__ = ("countries", "others", "shared")

    def __init__(self) -> None:
        self.countries: dict[str, Results] = {}
        self.others = Results()
        """Of all countries with few results."""
        self.shared: dict[str, Results] = {}
        """What each of these has in there."""

    def note(self, country: str, now_s: float, delivered: bool, elapsed_ms: int) -> None:
        """Counts a result for its country, and for those with few while it is one of them."""
        own = self.countries.get(country)
        if own is None:
            own = self.countries[country] = Results()
            self.shared[country] = Results()
        own.note(now_s, delivered, elapsed_ms)
        shared = self.shared[country]
        if not own.decides:
            shared.note(now_s, delivered, elapsed_ms)
            self.others.note(now_s, delivered, elapsed_ms)
        elif shared.total:
            self.others.take_out(shared)


class Quality:
    """The results of all carriers, in memory: after a start nothing is known of any.

    Countries are mobile country codes.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.is_watched = False
        """Whether any route asks for it; else nothing is counted."""
        self._carriers: dict[str, _Carrier] = {}

    def note(
        self, carrier: str, country: str, delivered: bool, sent_ms: int | None, at_ms: int
    ) -> None:
        """Counts what became of a message that a carrier had accepted."""
        one = self._carriers.get(carrier)
        if one is None:
            one = self._carriers[carrier] = _Carrier()
        elapsed_ms = at_ms - sent_ms if sent_ms is not None else 0
        one.note(country, at_ms / 1000, delivered, elapsed_ms)

    def rank(self, carrier: str, country: str) -> tuple[int, int]:
        """What carriers are ordered by, the best first: whole percents that fail, then time.

        An unknown one counts as good, so that it comes to be known.
        """
        results = self._results(carrier, country)
        if results is None or results.total < MIN_RESULTS:
            return 0, 0
        elapsed_ms = results.elapsed_ms // results.delivered if results.delivered else 0
        return round(100 * results.failed / results.total), elapsed_ms

    def admits(self, carrier: str, country: str, floor: float) -> bool:
        """Whether a carrier takes part on a route with a floor; also for a test message now."""
        results = self._results(carrier, country)
        return results is None or results.admits(self._now_s(), floor)

    def is_left_out(self, carrier: str, country: str) -> bool:
        """Whether it takes test messages only to a country."""
        results = self._results(carrier, country)
        return results is not None and results.is_left_out

    def is_left_out_everywhere(self, carrier: str, countries: Collection[str]) -> bool:
        """Whether that is so in all of some countries; without any, in those with few results."""
        if countries:
            return all(self.is_left_out(carrier, country) for country in countries)
        one = self._carriers.get(carrier)
        return one is not None and one.others.is_left_out

    def left_out(self, carrier: str) -> list[str]:
        """Where a carrier is left out, for people: countries by ISO 3166-1."""
        one = self._carriers.get(carrier)
        if one is None:
            return []
        found = [
            region_of_mcc(country)
            for country, results in one.countries.items()
            if results.is_left_out
        ]
        return sorted(found) + ["countries with few results"] * one.others.is_left_out

    def tested(self, carrier: str, country: str) -> None:
        """A message was given to a carrier that is left out."""
        results = self._results(carrier, country)
        if results is not None:
            results.tested_at = self._now_s()

    def figures(self, carrier: str, country: str) -> Figures:
        """What decides about a carrier in a country."""
        results = self._results(carrier, country)
        if results is None:
            return Figures()
        delivered, total = results.delivered, results.total
        return Figures(
            delivery_rate=delivered / total if total >= MIN_RESULTS else None,
            elapsed_ms=results.elapsed_ms // delivered if delivered else 0,
            left_out=results.is_left_out,
        )

    def _now_s(self) -> float:
        return self._clock.now_ms() / 1000

    def _results(self, carrier: str, country: str) -> Results | None:
        """What decides in a country: its own results, or those of all with few."""
        one = self._carriers.get(carrier)
        if one is None:
            return None
        now_s, own = self._now_s(), one.countries.get(country)
        if own is not None:
            own.forget(now_s)
            if own.decides:
                return own
        one.others.forget(now_s)
        return one.others
