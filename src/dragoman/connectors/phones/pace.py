"""How fast a phone or a SIM may send: its limits, its working hours and its pauses.

Pure: the caller passes times, in milliseconds since the Unix epoch.
"""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from dragoman.core.devices.model.devices import DAY_MINUTES, PHONE_LIMITS, Limits

MINUTE_MS: Final = 60_000
HOUR_MS: Final = 60 * MINUTE_MS
DAY_MS: Final = 24 * HOUR_MS
CUT: Final = 0.5
LEAST_SHARE: Final = 0.1
RECOVERY: Final = 1.25
RECOVERY_MS: Final = 10 * MINUTE_MS


class Pace:
    """Counts parts; returns when the next message may go."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.used_ms = 0
        """When the last message went."""
        self._recent: deque[tuple[int, int]] = deque()
        """(time, parts) of the last minute."""
        self._minutes: deque[list[int]] = deque()
        """[minute since the epoch, parts] of the last day."""
        self._rest_until_ms = 0
        self._failures = 0
        self._share = 1.0
        self._share_changed_ms = 0

    def took(self, parts: int, now_ms: int) -> None:
        """Counts a message."""
        self.used_ms = max(self.used_ms, now_ms)
        self._recent.append((now_ms, parts))
        self.restore(now_ms // MINUTE_MS, parts)

    def restore(self, minute: int, parts: int) -> None:
        """Counts what went in a minute since the epoch; minutes come in order."""
        if self._minutes and self._minutes[-1][0] >= minute:
            self._minutes[-1][1] += parts
        else:
            self._minutes.append([minute, parts])

    def set_back(self, by_ms: int) -> None:
        """The clock was set back: what went is as long ago as before."""
        self.used_ms -= by_ms
        self._rest_until_ms -= by_ms
        self._share_changed_ms -= by_ms
        self._recent = deque((at_ms - by_ms, parts) for at_ms, parts in self._recent)
        minutes = by_ms // MINUTE_MS
        self._minutes = deque([minute - minutes, parts] for minute, parts in self._minutes)

    def wait_ms(self, now_ms: int) -> int:
        """How long the next message has to wait; 0 where it may go."""
        limits = self.limits
        free_ms = max(self._rest_until_ms, self.used_ms + round(limits.gap_s * 1000))
        per_minute = self._per_minute()
        if per_minute:
            free_ms = max(free_ms, self._minute_free_ms(per_minute, now_ms))
        if limits.per_hour:
            free_ms = max(free_ms, self._span_free_ms(limits.per_hour, HOUR_MS, now_ms))
        if limits.per_day:
            free_ms = max(free_ms, self._span_free_ms(limits.per_day, DAY_MS, now_ms))
        wait_ms = max(0, free_ms - now_ms)
        return wait_ms + wait_for_work_ms(limits, now_ms + wait_ms)

    def sent(self) -> None:
        """A message went well."""
        self._failures = 0

    def failed(self, now_ms: int, allowed: int, first_s: float, longest_s: float) -> bool:
        """Counts a failure without stated reason; whether a pause follows, longer each time."""
        self._failures += 1
        over = self._failures - allowed
        if over < 0:
            return False
        rest_s = min(longest_s, first_s * 2 ** min(over, 16))
        self._rest_until_ms = max(self._rest_until_ms, now_ms + round(rest_s * 1000))
        return True

    def throttle(self, now_ms: int) -> None:
        """Pauses, then slows down: the phone's system refused a message as one too many."""
        self._share = max(LEAST_SHARE, self._share * CUT)
        self._share_changed_ms = now_ms
        self._rest_until_ms = max(self._rest_until_ms, now_ms + MINUTE_MS)

    def recover(self, now_ms: int) -> None:
        """Goes a little faster again where nothing was refused for a while."""
        if self._share < 1.0 and now_ms - self._share_changed_ms >= RECOVERY_MS:
            self._share = min(1.0, self._share * RECOVERY)
            self._share_changed_ms = now_ms

    def _per_minute(self) -> int:
        if self._share >= 1.0:
            return self.limits.per_minute
        return max(1, int((self.limits.per_minute or PHONE_LIMITS.per_minute) * self._share))

    def _minute_free_ms(self, limit: int, now_ms: int) -> int:
        while self._recent and self._recent[0][0] <= now_ms - MINUTE_MS:
            self._recent.popleft()
        over = sum(parts for _, parts in self._recent) - limit + 1
        for at_ms, parts in self._recent:
            if over <= 0:
                break
            over -= parts
            if over <= 0:
                return at_ms + MINUTE_MS
        return 0

    def _span_free_ms(self, limit: int, span_ms: int, now_ms: int) -> int:
        first = (now_ms - DAY_MS) // MINUTE_MS
        while self._minutes and self._minutes[0][0] < first:
            self._minutes.popleft()
        since = (now_ms - span_ms) // MINUTE_MS
        counted = [entry for entry in self._minutes if entry[0] > since]
        over = sum(parts for _, parts in counted) - limit + 1
        for minute, parts in counted:
            if over <= 0:
                break
            over -= parts
            if over <= 0:
                return minute * MINUTE_MS + span_ms + MINUTE_MS
        return 0


def wait_for_work_ms(limits: Limits, at_ms: int) -> int:
    """How long it is from a time until the working hours; 0 within them."""
    start, end = limits.work_from, limits.work_to
    if start == end or (start == 0 and end == DAY_MINUTES):
        return 0
    local = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(_zone(limits.time_zone))
    minute = local.hour * 60 + local.minute
    works = start <= minute < end if start < end else minute >= start or minute < end
    if works:
        return 0
    into_ms = local.second * 1000 + local.microsecond // 1000
    return (start - minute) % DAY_MINUTES * MINUTE_MS - into_ms


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
