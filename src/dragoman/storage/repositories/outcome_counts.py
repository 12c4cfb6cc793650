"""Counts what became of messages by route and by country: states, failures, delivery times."""

from __future__ import annotations

from bisect import bisect_left
from typing import Final

from dragoman.domain.lifecycle import State
from dragoman.storage.records import StateChange
from dragoman.storage.repositories.statistics import QUEUED, Counters, hour_of

ROUTE_STATUS: Final = "route:status"
"""States from the hand-over to a carrier on, or the end; `mcc:status` has those of countries."""
FAILURES: Final = {"route": "route:failure", "mcc": "mcc:failure"}
TIMES: Final = {"route": "route:seconds", "mcc": "mcc:seconds"}
STEPS_S: Final = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1_800, 3_600, 14_400, 86_400)
"""Delivery times are counted under the first of these that they do not exceed."""
LONGER: Final = "longer"
_FAILED: Final = frozenset({State.UNDELIVERED, State.EXPIRED, State.REJECTED})


def count_outcome(counters: Counters, change: StateChange, before: str, after: str) -> None:
    """Counts a change of state in the hour of its message; `before` and `after` are their names."""
    hour_ms = hour_of(change.message_id)

    def count(dimension: str, value: str, sign: int = 1) -> None:
        counters.count(change.account_id, hour_ms, dimension, value, sign, sign * change.parts)

    sides = [("route", change.route), ("mcc", change.mcc)] if change.route else []
    if change.route:
        if before != QUEUED:
            count(ROUTE_STATUS, f"{change.route}:{before}", -1)
        count(ROUTE_STATUS, f"{change.route}:{after}")
    if change.after in _FAILED:
        for side, value in sides:
            count(FAILURES[side], f"{value}:{change.failure.value}")
    elif change.after is State.DELIVERED and change.sent_ms is not None:
        step = step_of(change.at_ms - change.sent_ms)
        for side, value in sides:
            count(TIMES[side], f"{value}:{step}")


def step_of(elapsed_ms: int) -> str:
    """The name of the step that a time is counted under."""
    index = bisect_left(STEPS_S, elapsed_ms / 1000)
    return str(STEPS_S[index]) if index < len(STEPS_S) else LONGER
