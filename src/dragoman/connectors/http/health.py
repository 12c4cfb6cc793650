"""Whether a provider is given messages now, and why not.

A provider that cannot be reached, whose key or URL is wrong, or whose account is empty is left
alone for a while, so that the other carriers of the route take over; then one message tries it.
Failures of single messages stop it only where they come in a row.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from dragoman.kit.backoff import Backoff

UNKNOWN_IN_A_ROW: Final = 3
"""Messages without an answer, one after the other, from which it is the provider."""
GROWTH: Final = 32


class ProviderHealth:
    """Pauses after failures, and tries again with a single message."""

    def __init__(
        self,
        *,
        retry_s: float,
        credit_retry_s: float,
        random: Callable[[], float],
        changed: Callable[[], None],
    ) -> None:
        self._backoffs = {
            False: Backoff(first_s=retry_s, longest_s=GROWTH * retry_s),
            True: Backoff(first_s=credit_retry_s, longest_s=GROWTH * credit_retry_s),
        }
        self._random = random
        self._changed = changed
        self._timer: asyncio.TimerHandle | None = None
        self.trouble = ""
        """What is wrong with the provider, in plain words; empty while it takes messages."""
        self.failures = 0
        """Pauses since it last took a message."""
        self._in_a_row = 0
        self.probing = False
        """Whether one message is to show that it takes messages again."""

    @property
    def paused(self) -> bool:
        """Whether it is left alone now."""
        return self._timer is not None

    def note_answer(self) -> None:
        """It took or refused a message, as a provider in order does."""
        self._in_a_row = 0
        if self.probing or self.trouble:
            self.failures = 0
            self.trouble = ""
            if not self.paused:
                self.probing = False
                self._changed()

    def note_failure(self, reason: str) -> bool:
        """A message failed for a reason that may be its own; whether it is news of the provider."""
        self._in_a_row += 1
        if self.probing or self._in_a_row >= UNKNOWN_IN_A_ROW:
            return self.pause(reason)
        return False

    def pause(self, reason: str, *, credit: bool = False, at_least_s: float = 0.0) -> bool:
        """Leaves it alone for a while; whether this is news."""
        news = reason != self.trouble
        self.trouble = reason
        if self._timer is None:
            self.failures += 1
            delay_s = self._backoffs[credit].delay_s(self.failures, self._random)
            delay_s = max(delay_s, at_least_s)
            self._timer = asyncio.get_running_loop().call_later(delay_s, self._resume)
            self.probing = True
            self._changed()
        return news

    def stop(self) -> None:
        """Waits for nothing more."""
        if self._timer is not None:
            self._timer.cancel()

    def _resume(self) -> None:
        self._timer = None
        self._changed()
