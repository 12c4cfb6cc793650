"""Counts outcomes of messages by route and country: states, failures, delivery times."""

from __future__ import annotations

from bisect import bisect_left
from typing import Final, NamedTuple

from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.outcomes import LONGER, STEPS_S
from dragoman.core.messages.model.records import StateChange
from dragoman.core.messages.sql.statistics import QUEUED, Counters

ROUTE_STATUS: Final = "route:status"
"""States from the hand-over to a carrier on, or the end; `mcc:status` has those of countries."""
FAILURES: Final = {"route": "route:failure", "mcc": "mcc:failure"}
TIMES: Final = {"route": "route:seconds", "mcc": "mcc:seconds"}
_ARRIVED: Final = State.DELIVERED
_DELIVERED: Final = _ARRIVED.name.lower()
_FAILED: Final = frozenset({State.UNDELIVERED, State.EXPIRED, State.REJECTED})


class Outcome(NamedTuple):
    """A change of state, as far as it is counted."""

    account_id: int
    hour_ms: int
    mcc: str
    route: str
    before: str
    after: str
    detail: str
    """Why it failed, or the step of its delivery time."""


def detail_of(change: StateChange) -> str:
    """What is counted for a change besides its states."""
    after = change.after
    if after is _ARRIVED:
        return "" if change.sent_ms is None else step_of(change.at_ms - change.sent_ms)
    return change.failure.value if after in _FAILED else ""


def count_outcome(counters: Counters, outcome: Outcome, number: int, parts: int) -> None:
    """Counts messages with an outcome, and their parts."""
    account_id, hour_ms, mcc, route, before, after, detail = outcome

    def count(dimension: str, value: str, sign: int = 1) -> None:
        counters.count(account_id, hour_ms, dimension, value, sign * number, sign * parts)

    if not route:
        return
    if before != QUEUED:
        count(ROUTE_STATUS, f"{route}:{before}", -1)
    count(ROUTE_STATUS, f"{route}:{after}")
    if detail:
        dimensions = TIMES if after == _DELIVERED else FAILURES
        count(dimensions["route"], f"{route}:{detail}")
        count(dimensions["mcc"], f"{mcc}:{detail}")


def step_of(elapsed_ms: int) -> str:
    """The name of the step in which a time is counted."""
    index = bisect_left(STEPS_S, elapsed_ms / 1000)
    return str(STEPS_S[index]) if index < len(STEPS_S) else LONGER
