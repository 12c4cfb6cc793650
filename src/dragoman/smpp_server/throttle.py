"""How fast an account submits over all its binds: slowed by late answers, refused beyond them."""

from __future__ import annotations

from typing import Final

from dragoman.kit.token_bucket import TokenBucket

MAX_DELAY_S: Final = 1.5
"""A submit whose answer would be delayed longer is refused instead."""


class Throttle:
    """The rate of one account; a burst of one second passes without delay."""

    def __init__(self, rate_per_s: float, now: float) -> None:
        self.rate_per_s = rate_per_s
        self._bucket = TokenBucket(rate_per_s=rate_per_s, burst=max(1.0, rate_per_s), now=now)

    def change_rate(self, rate_per_s: float, now: float) -> None:
        """Changes the rate from now on."""
        self.rate_per_s = rate_per_s
        self._bucket.change_rate(rate_per_s, now, burst=max(1.0, rate_per_s))

    def take(self, now: float, parts: int) -> float | None:
        """Seconds to wait before a submit of so many parts; None if it comes too fast."""
        # What is larger than a second's worth is never there at once, and must pass all the same.
        wanted = min(float(parts), self._bucket.burst)
        if self._bucket.wait_s(now, wanted) > MAX_DELAY_S:
            return None
        wait_s = self._bucket.wait_s(now, wanted)
        self._bucket.owe(now, parts)
        return wait_s
