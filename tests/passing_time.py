"""How tests wait for events, and how they let time pass without waiting."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Callable
from typing import Any, Final

from dragoman.kit.clock import SystemClock

PATIENCE_S: Final = 120.0
"""How long a test waits for an event; counts only where the event never comes."""


async def until(condition: Callable[[], Any], what: str = "what was waited for") -> None:
    """Waits for something that carriers and workers bring about; asks ever less often."""
    pause_s = 0.005
    try:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                met = condition()
                if met if not inspect.isawaitable(met) else await met:
                    return
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 1.1, 0.05)
    except TimeoutError:
        raise AssertionError(f"{what} never came true") from None


class MovableClock(SystemClock):
    """The machine's clock, put forward as a test likes."""

    def __init__(self) -> None:
        self.ahead_s = 0.0
        self.jumped_s = 0.0

    def now_ms(self) -> int:
        return super().now_ms() + round((self.ahead_s + self.jumped_s) * 1000)

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead_s

    def advance(self, seconds: float) -> None:
        """Lets time pass, for what asks this clock."""
        self.ahead_s += seconds

    def jump(self, seconds: float) -> None:
        """Sets the wall clock, as an operator or NTP does; monotonic time stays."""
        self.jumped_s += seconds

    def advance_with_timers(self, seconds: float) -> None:
        """Lets time pass, for what asks this clock and for all timers of the running loop."""
        self.advance(seconds)
        advance_timers(seconds)


def advance_timers(seconds: float) -> None:
    """Lets time pass for all timers of the running loop, which is asyncio's own."""
    loop = asyncio.get_running_loop()
    ahead_s = loop.time() - time.monotonic() + seconds
    loop.time = lambda: time.monotonic() + ahead_s  # type: ignore[method-assign]
