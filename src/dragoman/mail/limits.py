"""How many mails a client may submit per minute."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Final

from dragoman.kit.token_bucket import TokenBucket

MAX_REMEMBERED: Final = 10_000


class RateLimit:
    """Grants each caller `per_minute` mails, in a burst if they were saved up."""

    def __init__(self, per_minute: int, clock: Callable[[], float]) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._buckets: OrderedDict[Hashable, TokenBucket] = OrderedDict()

    def take(self, caller: Hashable) -> bool:
        """Whether the caller may submit one more now."""
        now = self._clock()
        bucket = self._buckets.get(caller)
        if bucket is None:
            bucket = TokenBucket(rate_per_s=self._per_minute / 60, burst=self._per_minute, now=now)
            self._buckets[caller] = bucket
        self._buckets.move_to_end(caller)
        if len(self._buckets) > MAX_REMEMBERED:
            self._buckets.popitem(last=False)
        return bucket.take(now)
