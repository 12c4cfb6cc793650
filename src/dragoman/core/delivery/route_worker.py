"""The worker of a route whose carriers take whatever they have room for, and where workers work."""

from __future__ import annotations

import asyncio
from typing import Final

from dragoman.core.delivery.choosing import ChoosingWorker
from dragoman.core.delivery.handing_over import HandingOver
from dragoman.core.delivery.lanes import CarrierLane
from dragoman.core.delivery.sorting import Dispatches, SortingWorker
from dragoman.core.messages.model.routing import Route

MAX_TAKE: Final = 200
"""Messages that are taken from the queue, and handed over, at once."""


class Place:
    """The task of a route, which outlives its workers: they change with the configuration."""

    def __init__(self) -> None:
        self.route: Route | None = None
        self.limits: tuple[int, ...] = ()
        self._worker: RouteWorker | SortingWorker | ChoosingWorker | None = None
        self._taken = asyncio.Event()

    def take(
        self,
        worker: RouteWorker | SortingWorker | ChoosingWorker,
        route: Route,
        limits: tuple[int, ...],
    ) -> None:
        """Lets a worker work here."""
        self._worker, self.route, self.limits = worker, route, limits
        self._taken.set()

    def empty(self) -> None:
        """Lets the worker finish what it hands over just now, and go."""
        worker, self._worker, self.route = self._worker, None, None
        self._taken.clear()
        if worker is not None:
            worker.retire()

    async def run(self) -> None:
        while True:
            await self._taken.wait()
            if self._worker is not None:
                await self._worker.run()


class RouteWorker:
    """Keeps the first available carrier of a route busy."""

    def __init__(self, dispatcher: Dispatches, route: str, lanes: list[CarrierLane]) -> None:
        self._dispatcher = dispatcher
        self._lanes = lanes
        self._changed = asyncio.Event()
        self._handing_over = HandingOver(dispatcher, route, self._changed)
        self._retired = False
        for lane in lanes:
            lane.waiters.append(self._changed)
        self.consumer = dispatcher.consume(route, self._demand)
        self.consumer.tell(self._changed)

    def retire(self) -> None:
        """Takes nothing more."""
        self._retired = True
        for lane in self._lanes:
            lane.waiters.remove(self._changed)
        self._changed.set()
        self.consumer.wake()

    async def run(self) -> None:
        await self._hand_over_until_retired()
        await self._handing_over.finished()

    async def _hand_over_until_retired(self) -> None:
        while True:
            await self.consumer.wait()
            if self._retired:
                return
            lane = self._choose()
            works = []
            if lane is not None and lane.room > 0:
                works = self.consumer.take(
                    min(lane.room, MAX_TAKE), lane.room_for_bulk, self._handing_over.marking
                )
            if lane is None or not works:  # what comes may be urgent, and then there may be room
                self._changed.clear()
                await self._changed.wait()
                if self._retired:
                    return
                continue
            self._handing_over.begin(works, self.consumer, lane)

    def _choose(self) -> CarrierLane | None:
        is_held = self._dispatcher.is_held
        return next(
            (
                lane
                for lane in self._lanes
                if lane.connector.up and not is_held(lane.connector.name)
            ),
            None,
        )

    def _demand(self) -> int:
        lane = self._choose()
        return lane.room if lane is not None else 0
