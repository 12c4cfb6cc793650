"""A trouble that goes on is a line a minute in the log, not one for every try.

While a database is away, whatever asks it again says so: twenty lines a second in a cluster.
"""

from __future__ import annotations

import time
from collections.abc import Callable, MutableMapping
from typing import Any, Final

import structlog

EVERY_S: Final = 60.0
"""Between two lines that say the same."""
LOUD: Final = frozenset({"warning", "error", "critical"})
ENDS: Final = frozenset({"storage_available_again", "nats_connected"})
"""Events with which troubles are over: after them the same is news."""
HAPPENINGS: Final = frozenset(
    {
        *("partition_lost", "partition_failed", "worker_ended"),
        *("messages_lost_by_stream", "mails_sent_again", "alert_raised"),
        "admin_token_refused",  # some count it to ban an address
    }
)
"""Events that are no tries: each is another one, and its numbers are said nowhere else."""
MEASURES: Final = frozenset({"time", "silent_s", "units", "count"})
"""Fields in which lines that say the same may differ."""
MOST: Final = 1_000
"""Lines remembered; all are forgotten when there are more."""


class Repetitions:
    """A processor that drops warnings and errors that were there a moment ago.

    The next one that is let through has in `repeated` how many were dropped.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: dict[tuple[Any, ...], tuple[float, int]] = {}
        """When each was last let through, and how many were dropped since."""

    def __call__(
        self, _logger: Any, _method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        """The event; raises `structlog.DropEvent` where it is a repetition."""
        name = event.get("event")
        if name in ENDS:
            self._known.clear()
        if event.get("level") not in LOUD or name in HAPPENINGS or "exc_info" in event:
            return event
        key = tuple(f"{one}={event[one]}" for one in sorted(event) if one not in MEASURES)
        now = self._clock()
        at, dropped = self._known.get(key, (now - EVERY_S, 0))
        if now - at < EVERY_S:
            self._known[key] = at, dropped + 1
            raise structlog.DropEvent
        if key not in self._known and len(self._known) >= MOST:
            self._known.clear()
        self._known[key] = now, 0
        if dropped:
            event["repeated"] = dropped
        return event
