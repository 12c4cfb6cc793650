"""When a callback is retried, as a pure decision.

The times are set in `[callbacks]`; each wait is `GROWTH` times the one before, up to a maximum.
"""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum

import msgspec

GROWTH = 3.0
JITTER = 0.2
"""The share by which a wait may be shorter or longer."""
GONE = 410


class Verdict(StrEnum):
    """The result of an attempt."""

    DELIVERED = "delivered"
    RETRY = "retry"
    GIVE_UP = "give_up"


_DELIVERED = Verdict.DELIVERED  # looked up for every callback otherwise


class RetrySchedule(msgspec.Struct, frozen=True, kw_only=True):
    """Exponential delays, with jitter so that a recovering server is not overwhelmed."""

    first_s: float
    longest_s: float
    give_up_after_s: float
    max_retry_after_s: float

    def judge(self, status: int | None, age_s: float) -> Verdict:
        """What follows from an answer (None: no answer) to a callback that is `age_s` old.

        Any 2xx is success; 410 is permanent; everything else may succeed later.
        """
        if status is not None and 200 <= status < 300:
            return _DELIVERED
        if status == GONE or age_s >= self.give_up_after_s:
            return Verdict.GIVE_UP
        return Verdict.RETRY

    def delay_s(self, attempts: int, retry_after_s: float | None, random: float) -> float:
        """Seconds until the next attempt after so many; `random` is in [0, 1).

        A later time requested by the server (RFC 9110 s. 10.2.3) takes precedence, within a limit.
        """
        planned = min(self.first_s * GROWTH ** min(attempts - 1, 20), self.longest_s)
        planned *= 1 + JITTER * (2 * random - 1)
        return max(planned, self.heeded_s(retry_after_s))

    @property
    def most_s(self) -> float:
        """The longest wait there can be."""
        return max(self.longest_s * (1 + JITTER), self.max_retry_after_s)

    def heeded_s(self, retry_after_s: float | None) -> float:
        """How long a server is left alone that asked for a time; 0 if it asked for none."""
        return min(retry_after_s or 0.0, self.max_retry_after_s)


def parse_retry_after(text: str, now_ms: int) -> float | None:
    """Seconds to wait from a Retry-After field, a number or a date; None for anything else."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return max(0.0, (at - datetime.fromtimestamp(now_ms / 1000, UTC)).total_seconds())
