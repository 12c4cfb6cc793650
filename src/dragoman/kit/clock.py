"""Time as a parameter: everything that needs the time is given a `Clock`."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol

LEAST_STEP_MS = 1000
"""A smaller step of the wall clock is not noticed."""


class Clock(Protocol):
    """Wall-clock time for records, and monotonic time for waiting."""

    def now_ms(self) -> int:
        """Milliseconds since the Unix epoch, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go backwards."""
        ...


class SystemClock:
    """The machine's clock."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        return time.monotonic()


class FixedClock:
    """A clock that only `advance` and `jump` move, for tests."""

    def __init__(self, now_ms: int = 1_790_000_000_000) -> None:
        self._now_ms = now_ms
        self._monotonic = 0.0

    def now_ms(self) -> int:
        return self._now_ms

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Lets time pass."""
        self._now_ms += round(seconds * 1000)
        self._monotonic += seconds

    def jump(self, seconds: float) -> None:
        """Sets the wall clock, as an operator or NTP does; monotonic time stays."""
        self._now_ms += round(seconds * 1000)


class ClockWatch:
    """Notices that the wall clock was set back, as an operator or NTP does.

    What is stored as due at a time, and was meant as a wait, has to be moved by as much.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._wall_ms, self._monotonic = clock.now_ms(), clock.monotonic()

    def set_back_ms(self) -> int:
        """By how much since the last call; 0 for less than a second, which is no harm."""
        wall_ms, monotonic = self._clock.now_ms(), self._clock.monotonic()
        expected_ms = self._wall_ms + round((monotonic - self._monotonic) * 1000)
        self._wall_ms, self._monotonic = wall_ms, monotonic
        back_ms = expected_ms - wall_ms
        return back_ms if back_ms >= LEAST_STEP_MS else 0


def datetime_of(at_ms: int) -> datetime:
    """The aware UTC datetime of a stored time."""
    return datetime.fromtimestamp(at_ms / 1000, UTC)


def ms_of(at: datetime) -> int:
    """The stored form of an aware datetime."""
    if at.tzinfo is None:
        raise ValueError("a stored time needs a zone")
    return round(at.timestamp() * 1000)


def render_milliseconds(at_ms: int) -> str:
    """A stored time in UTC as RFC 3339 writes it, with exactly three fraction digits."""
    return f"{datetime_of(at_ms):%Y-%m-%dT%H:%M:%S}.{at_ms % 1000:03d}Z"
