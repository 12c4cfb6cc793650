"""When messages come again that no phone can take: one after the other, not all at once."""

from __future__ import annotations

from dragoman.domain.messages import Outgoing

SPREAD_S = 0.25
LONGEST_RETRY_S = 60.0


class Turns:
    """Spaces the messages of an account, or for a device; times are monotonic seconds.

    What is urgent waits for its like alone.
    """

    def __init__(self) -> None:
        self._last_at: dict[tuple[int, int | None, bool], float] = {}

    def wait_s(self, message: Outgoing, first_s: float, now: float) -> float:
        """How long a message waits, behind those of its kind that came before it."""
        kind = (message.account_id, message.device_id, message.urgent)
        at = max(now + first_s, self._last_at.get(kind, 0.0) + SPREAD_S)
        at = self._last_at[kind] = min(at, now + LONGEST_RETRY_S)
        return at - now
