"""Workers that follow each other on a route while rows are being marked as sending."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest
from tests.passing_time import until

from dragoman.core.delivery.choosing import ChoosingWorker
from dragoman.core.delivery.lanes import CarrierLane
from dragoman.core.delivery.route_worker import Place, RouteWorker
from dragoman.work_queue.local import LocalConsumer
from dragoman.work_queue.port import Lane, Work

TURNS = 20
"""Of the loop: more than a worker needs to take what came."""


class Dispatcher:
    """Marks a take when it is told to."""

    def __init__(self) -> None:
        self.queue = LocalConsumer()
        self.taken: list[int] = []
        self.marking: list[Callable[[], None]] = []

    def consume(self, _route: str, demand: Callable[[], int]) -> LocalConsumer:
        self.queue.demand = demand
        return self.queue

    def is_held(self, _carrier: str) -> bool:
        return False

    def find(self, _work: Work) -> Any:
        batch = SimpleNamespace(stored=SimpleNamespace(sender=""))
        return SimpleNamespace(message_id=1, recipient="", mcc="", size=1, batch=batch)

    def hand_over(
        self, works: Sequence[Work], _consumer: Any, _lane: Any, done: Callable[[], None]
    ) -> None:
        self.taken += [work.message_id for work in works]
        self.marking.append(done)


@pytest.mark.parametrize("kind", [RouteWorker, ChoosingWorker])
async def test_a_worker_goes_once_what_it_took_is_marked_for_the_next_to_pass_none_of_it(
    kind: type,
) -> None:
    """What the next one takes may be claimed, and then it leaves at once."""
    dispatcher, place = Dispatcher(), Place()
    lane = CarrierLane(cast(Any, SimpleNamespace(name="smsc", capacity=10, up=True)))
    selection: Any = SimpleNamespace(choose=lambda *_: "smsc")
    first: Any = (
        RouteWorker(cast(Any, dispatcher), "rest", [lane])
        if kind is RouteWorker
        else ChoosingWorker(cast(Any, dispatcher), "rest", [lane], selection)
    )
    running = asyncio.create_task(place.run())
    place.take(first, cast(Any, None), ())
    dispatcher.queue.put([Work(1, 1, Lane.SINGLE)])
    await until(lambda: dispatcher.taken == [1])
    place.empty()
    place.take(RouteWorker(cast(Any, dispatcher), "rest", [lane]), cast(Any, None), ())
    dispatcher.queue.put([Work(2, 1, Lane.SINGLE)])
    for _ in range(TURNS):
        await asyncio.sleep(0)
    assert dispatcher.taken == [1]
    dispatcher.marking.pop()()
    await until(lambda: dispatcher.taken == [1, 2])
    running.cancel()
