"""Searches texts for the patterns of services, in bounded time.

It is done where everything else waits, and phones write the texts: one that a pattern is slow for
must not stop the gateway, nor must a thousand of them. So the patterns of a text share a short
time. One that did not end in it is suspect from then on, and suspects rest for a while after each
time that one of them took too long: together they get a fiftieth of the gateway's time.
"""

from __future__ import annotations

from typing import Final

import structlog

from dragoman.core.inbound.model.services import Finds, search_pattern
from dragoman.kit.clock import Clock

TEXT_S: Final = 0.02
"""For all patterns that a text is searched for; those that are not found by then are not in it."""
REST_S: Final = 50 * TEXT_S

log = structlog.get_logger(__name__)


class PatternSearch:
    """Knows which patterns were too slow."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._suspects: set[str] = set()
        self._rest_until = 0.0

    def of_text(self, text: str) -> Finds:
        """Whether a pattern is in a text, asked for one after the other."""
        left_s = TEXT_S

        def finds(pattern: str) -> bool:
            nonlocal left_s
            began = self._clock.monotonic()
            if left_s <= 0 or (pattern in self._suspects and began < self._rest_until):
                return False
            try:
                found = search_pattern(pattern, text, left_s)
            except TimeoutError:
                left_s = 0.0
                self._suspect(pattern)
                return False
            left_s -= self._clock.monotonic() - began
            return found

        return finds

    def _suspect(self, pattern: str) -> None:
        self._rest_until = self._clock.monotonic() + REST_S
        if pattern not in self._suspects:
            self._suspects.add(pattern)
            log.warning("pattern_too_slow", pattern=pattern[:100], limit_ms=round(TEXT_S * 1000))
