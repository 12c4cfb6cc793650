"""How fast one link may send: the carrier's agreed rate, and less while the SMSC throttles.

The first throttling answer sets the pace to what the SMSC took in the last second; from there it
grows by a little, faster while nothing is throttled, and is cut by a little, at most once a
second, when the SMSC throttles again. After a while without throttling the limit is lifted.
"""

from __future__ import annotations

from typing import Final

from dragoman.kit.token_bucket import TokenBucket

SLOWEST_PER_S: Final = 0.5
FIRST_PER_S: Final = 10.0
SEARCH_GROWTH_PER_S: Final = 1.0
CUT: Final = 0.95
CUT_INTERVAL_S: Final = 1.0
GROWTH_PER_S: Final = 0.02
LIFT_AFTER_S: Final = 30.0
_MEASURE_S: Final = 1.0
_FASTEST_GROWTH_AFTER_S: Final = 5.0
_KEPT_TOKENS: Final = 0.8
_LONGEST_PAUSE_S: Final = 1.0
_HEAVY_SHARE: Final = 0.3
_BURST_S: Final = 0.05


class Pace:
    """Grants permission to send one PDU; the caller passes times, in seconds."""

    __slots__ = (
        "_accepted", "_bucket", "_counted_since", "_cut_at", "_grown_at", "_in_a_row", "_limit",
        "_refused", "_refused_share", "_searching", "_taken_before", "_throttled_at", "throttled",
    )  # fmt: skip

    def __init__(self, limit: TokenBucket | None, *, now: float) -> None:
        """Starts at the agreed rate `limit`, which may be shared with other links."""
        self.throttled = 0
        self._limit = limit
        self._bucket: TokenBucket | None = None
        self._accepted = 0
        self._counted_since = now
        self._refused = 0
        self._refused_share = 0.0
        self._taken_before = 0.0
        self._in_a_row = 0
        self._searching = False
        self._cut_at = now
        self._grown_at = now
        self._throttled_at = now

    @property
    def rate_per_s(self) -> float | None:
        """The current rate; None without a limit."""
        if self._bucket is not None:
            return self._bucket.rate_per_s
        return None if self._limit is None else self._limit.rate_per_s

    def take(self, now: float) -> bool:
        """Takes permission to send one PDU, if there is any."""
        bucket = self._bucket
        if bucket is None:
            return self._limit is None or self._limit.take(now)
        if bucket.wait_s(now) > 0 or (self._limit is not None and not self._limit.take(now)):
            return False
        return bucket.take(now)

    def wait_s(self, now: float) -> float:
        """Seconds until `take` may succeed."""
        waits = [bucket.wait_s(now) for bucket in (self._bucket, self._limit) if bucket is not None]
        return max(waits, default=0.0)

    def on_accepted(self, now: float) -> None:
        """Counts a PDU that the SMSC took, and grows the pace with the time passed."""
        self._accepted += 1
        self._in_a_row = 0
        self._measure(now)
        bucket = self._bucket
        if bucket is None:
            return
        quiet_s = now - self._throttled_at
        if quiet_s >= LIFT_AFTER_S:
            self._bucket = None
            return
        growth = GROWTH_PER_S * 2 ** min(quiet_s, _FASTEST_GROWTH_AFTER_S)
        if self._searching:
            growth = SEARCH_GROWTH_PER_S
        self._set_rate(bucket.rate_per_s * (1 + min(1.0, growth * (now - self._grown_at))), now)
        self._grown_at = now

    def on_throttled(self, now: float, sent_at: float) -> None:
        """Slows down: the SMSC throttled what was sent at `sent_at`."""
        self.throttled += 1
        self._refused += 1
        self._measure(now)
        if sent_at < self._throttled_at and self._bucket is not None:
            return  # sent before the last throttling; the pace was slowed since
        self._in_a_row += 1
        self._throttled_at = now
        if self._bucket is None:
            self._bucket = TokenBucket(rate_per_s=SLOWEST_PER_S, now=now)
            self._set_rate(max(FIRST_PER_S, self._taken_per_s), now)
            self._searching = True
            self._cut_at = now
        elif now - self._cut_at >= CUT_INTERVAL_S:
            # Far too fast: fall to the accepted rate. A little too fast: reduce a little.
            heavy = self._refused_share > _HEAVY_SHARE
            rate_per_s = self._bucket.rate_per_s * CUT
            self._set_rate(min(rate_per_s, self._taken_per_s) if heavy else rate_per_s, now)
            self._searching = False
            self._cut_at = now
        self._grown_at = now
        if self._in_a_row == 1:
            # Only slightly too early: waiting another full interval would waste capacity.
            self._bucket.keep(_KEPT_TOKENS, now)
        else:
            intervals = 2.0 ** min(self._in_a_row - 2, 20) - 1
            self._bucket.keep(-min(intervals, self._bucket.rate_per_s * _LONGEST_PAUSE_S), now)

    def _measure(self, now: float) -> None:
        passed_s = now - self._counted_since
        if passed_s >= _MEASURE_S:
            self._taken_before = self._accepted / passed_s
            self._refused_share = self._refused / max(1, self._accepted + self._refused)
            self._accepted = self._refused = 0
            self._counted_since = now

    @property
    def _taken_per_s(self) -> float:
        return max(self._taken_before, self._accepted / _MEASURE_S)

    def _set_rate(self, rate_per_s: float, now: float) -> None:
        if self._bucket is not None:
            rate_per_s = max(SLOWEST_PER_S, rate_per_s)
            self._bucket.change_rate(rate_per_s, now, burst=max(1.0, rate_per_s * _BURST_S))
