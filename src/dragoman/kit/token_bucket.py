"""A token bucket: so many a second on average, so many at once."""

from __future__ import annotations


class TokenBucket:
    """Grants tokens at a steady rate; time is given by the caller, in seconds."""

    __slots__ = ("_at", "_tokens", "burst", "rate_per_s")

    def __init__(self, *, rate_per_s: float, burst: float = 1.0, now: float) -> None:
        if rate_per_s <= 0 or burst < 1:
            raise ValueError("a token bucket needs a rate above 0 and a burst of at least 1")
        self.rate_per_s = rate_per_s
        self.burst = burst
        self._tokens = burst
        self._at = now

    def take(self, now: float, tokens: float = 1.0) -> bool:
        """Takes `tokens` and says yes, or takes nothing and says no."""
        self._fill(now)
        if self._tokens < tokens:
            return False
        self._tokens -= tokens
        return True

    def wait_s(self, now: float, tokens: float = 1.0) -> float:
        """Tells in how many seconds `tokens` will be there if nobody takes any before."""
        self._fill(now)
        missing = tokens - self._tokens
        return missing / self.rate_per_s if missing > 0 else 0.0

    def change_rate(self, rate_per_s: float, now: float, *, burst: float | None = None) -> None:
        """Changes the rate from now on; what was saved up to now is kept, up to the new burst."""
        self._fill(now)
        self.rate_per_s = rate_per_s
        self.burst = self.burst if burst is None else burst
        self._tokens = min(self._tokens, self.burst)

    def keep(self, tokens: float, now: float) -> None:
        """Throws all saved tokens away but so many; a negative number is a debt to wait for."""
        self._fill(now)
        self._tokens = min(self._tokens, tokens)

    def _fill(self, now: float) -> None:
        passed = now - self._at
        # A monotonic clock never goes back; one that does must not take tokens away.
        if passed > 0:
            self._tokens = min(self.burst, self._tokens + passed * self.rate_per_s)
            self._at = now
