"""Growing delays between attempts, with jitter so that many do not return at one instant."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """The delay before attempt 1, 2, 3 …: exponential, capped, spread by `jitter`.

    `jitter` is the share of the delay that is random: 0.5 gives between 50 % and 100 % of it.
    """

    first_s: float
    longest_s: float
    factor: float = 2.0
    jitter: float = 0.5

    def __post_init__(self) -> None:
        if self.first_s <= 0 or self.factor < 1 or self.longest_s < self.first_s:
            raise ValueError("a backoff starts above 0, does not shrink and ends at its longest")
        if not 0 <= self.jitter <= 1:
            raise ValueError("jitter is a share between 0 and 1")

    def delay_s(self, failures: int, random: Callable[[], float]) -> float:
        """Returns the wait after that many failures in a row; `random` gives values in [0, 1)."""
        if failures < 1:
            return 0.0
        try:
            delay_s = min(self.longest_s, self.first_s * self.factor ** (failures - 1))
        except OverflowError:
            delay_s = self.longest_s
        return delay_s * (1 - self.jitter * random())
