"""A token bucket: a steady rate with bounded bursts."""

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
        """Takes `tokens` if they are available; whether they were."""
        self._fill(now)
        if self._tokens < tokens:
            return False
        self._tokens -= tokens
        return True

    def wait_s(self, now: float, tokens: float = 1.0) -> float:
        """Seconds until `tokens` are available, if none are taken before."""
        self._fill(now)
        missing = tokens - self._tokens
        return missing / self.rate_per_s if missing > 0 else 0.0

    def owe(self, now: float, tokens: float = 1.0) -> float:
        """Takes `tokens` although they may not be there yet; seconds until they are."""
        wait_s = self.wait_s(now, tokens)
        self._tokens -= tokens
        return wait_s

    def change_rate(self, rate_per_s: float, now: float, *, burst: float | None = None) -> None:
        """Changes the rate from now on; saved tokens are kept, up to the new burst."""
        self._fill(now)
        self.rate_per_s = rate_per_s
        self.burst = self.burst if burst is None else burst
        self._tokens = min(self._tokens, self.burst)

    def keep(self, tokens: float, now: float) -> None:
        """Discards saved tokens beyond `tokens`; a negative number is a debt to wait for."""
        self._fill(now)
        self._tokens = min(self._tokens, tokens)

    def _fill(self, now: float) -> None:
        passed = now - self._at
        # A monotonic clock never goes back; one that does must not take tokens away.
        if passed > 0:
            self._tokens = min(self.burst, self._tokens + passed * self.rate_per_s)
            self._at = now
