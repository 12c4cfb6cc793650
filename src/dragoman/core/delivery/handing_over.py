"""What a route's worker hands over to a carrier while rows are being marked as sending.

Of a lane one take at a time, so that its order is kept: what is claimed needs no mark, and would
pass what was accepted before it. Lanes do not wait for each other: nothing that somebody waits for
stands behind two hundred messages of a batch.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence, Set
from functools import partial
from itertools import groupby
from operator import attrgetter

import structlog

from dragoman.core.delivery.lanes import CarrierLane
from dragoman.core.delivery.sorting import Dispatches
from dragoman.work_queue.port import Consumer, Work

log = structlog.get_logger(__name__)

_lane_of = attrgetter("lane")


class HandingOver:
    """What one line hands over to a carrier."""

    def __init__(self, dispatcher: Dispatches, route: str, changed: asyncio.Event) -> None:
        """`changed` is set whenever a lane may be taken from again."""
        self._dispatcher = dispatcher
        self._route = route
        self._changed = changed
        self._marking: set[int] = set()

    @property
    def marking(self) -> Set[int]:
        """The lanes of which nothing may be taken now."""
        return self._marking

    async def finished(self) -> None:
        """Returns once nothing is being marked, for whoever takes next from the same queue."""
        while self._marking:
            self._changed.clear()
            await self._changed.wait()

    def begin(self, works: Sequence[Work], consumer: Consumer, carrier: CarrierLane) -> None:
        """Hands over what was taken, in the order of its lanes."""
        if works[0].lane == works[-1].lane:  # nearly always
            self._begin(works, consumer, carrier)
            return
        for _, some in groupby(works, _lane_of):
            self._begin([*some], consumer, carrier)

    def _begin(self, works: Sequence[Work], consumer: Consumer, carrier: CarrierLane) -> None:
        lane = works[0].lane
        self._marking.add(lane)
        try:
            self._dispatcher.hand_over(works, consumer, carrier, partial(self._done, lane))
        except Exception as error:  # one bad message must not end the work of its route
            log.error("not_handed_over", route=self._route, reason=type(error).__name__)
            self._done(lane)

    def _done(self, lane: int) -> None:
        self._marking.discard(lane)
        self._changed.set()
