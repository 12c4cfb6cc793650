"""Places at a carrier, and which of them bulk leaves free."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from dragoman.core.delivery import lanes
from dragoman.core.delivery.lanes import KEPT_FOR_S, CarrierLane, Flight
from dragoman.work_queue.port import Lane, Work

CAPACITIES = {
    # capacity: places that bulk leaves free
    0: 0,
    9: 0,
    10: 1,
    50: 5,
    1_000: 16,
}


@pytest.mark.parametrize("capacity", CAPACITIES)
def test_bulk_leaves_places_free_for_a_minute_after_something_else(
    capacity: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1_000.0]
    monkeypatch.setattr(lanes, "perf_counter", lambda: now[0])
    lane = CarrierLane(cast(Any, SimpleNamespace(capacity=capacity)))
    message = cast(Any, SimpleNamespace(joined=(), size=3))

    def take(kind: Lane) -> None:
        lane.take(Flight(Work(1, 1, kind), message, cast(Any, None)))

    take(Lane.BULK)
    assert (lane.room, lane.room_for_bulk) == (capacity - 3, capacity - 3)
    take(Lane.SINGLE)
    left = capacity - 6
    assert (lane.room, lane.room_for_bulk) == (left, left - CAPACITIES[capacity])
    now[0] += KEPT_FOR_S
    assert (lane.room, lane.room_for_bulk) == (left, left)
