"""The worker of a route that chooses a carrier for each message.

A message waits in the line of the carrier that was chosen for it. When that carrier goes down or is
held, its line is chosen for again: what waits moves to the other carriers. Its row says `queued`
until its turn at a link, so nothing is lost or doubled on the way, and its credits stay held for
it, whichever carrier takes it in the end.

A message that no carrier takes today, as their limits are reached, is looked at again and again.
Beyond some thousands such messages wait in their rows: they keep no others from their carriers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

import structlog

from dragoman.core.delivery.handing_over import HandingOver
from dragoman.core.delivery.lanes import CarrierLane
from dragoman.core.delivery.selection import Destination, Obstacle, RouteSelection
from dragoman.core.delivery.sorting import Dispatches, no_demand
from dragoman.core.messages.live import LiveMessage
from dragoman.core.messages.model.outcomes import Rejected
from dragoman.core.model.errors import FailureCode
from dragoman.work_queue.local import LocalConsumer
from dragoman.work_queue.port import Work

MAX_TAKE: Final = 200
MAX_WAITING: Final = 5_000
"""Messages of a route that wait in lines; beyond that the queue is left as it is."""
MAX_NOBODYS: Final = 2_000
"""Messages of a route in memory that no carrier can take now; the others wait in their rows."""
CHOOSE_AGAIN_S: Final = 1.0
"""After which messages that no carrier could take are looked at again."""

_SENDER_REFUSED: Final = Rejected(
    code=FailureCode.INVALID_SENDER, detail="the country takes no such sender"
)

log = structlog.get_logger(__name__)


class ChoosingWorker:
    """Keeps the carriers of a route busy, each with what was chosen for it."""

    def __init__(
        self,
        dispatcher: Dispatches,
        route: str,
        lanes: Sequence[CarrierLane],
        selection: RouteSelection,
    ) -> None:
        self._dispatcher = dispatcher
        self._route = route
        self._lanes = {lane.connector.name: lane for lane in lanes}
        self._selection = selection
        self._changed = asyncio.Event()
        self._lines = {name: LocalConsumer() for name in self._lanes}
        self._handing_over = {
            name: HandingOver(dispatcher, route, self._changed) for name in self._lanes
        }
        self._nobodys: list[Work] = []
        """Messages that no carrier could take when they were looked at."""
        self._seen: tuple[Obstacle, ...] = ()
        self._look_again_at = 0.0
        self._retired = False
        for lane in lanes:
            lane.waiters.append(self._changed)
        # No place is claimed: a row must not say that a message is sent which may have to wait.
        self.consumer = dispatcher.consume(route, no_demand)

    @property
    def waiting(self) -> int:
        """Messages that wait in lines."""
        return len(self._nobodys) + sum(line.waiting for line in self._lines.values())

    async def run(self) -> None:
        """Runs until it is retired, and what it hands over has left."""
        await self._hand_over_until_retired()
        for handing_over in self._handing_over.values():
            await handing_over.finished()

    async def _hand_over_until_retired(self) -> None:
        while not self._retired:
            if not self.waiting:
                await self.consumer.wait()
                if self._retired:
                    return
            self._changed.clear()
            self._leave_lines()
            self._fill_lines()
            if not self._serve_lines() and not self._retired:
                await self._wait()

    def retire(self) -> None:
        """Takes nothing more, and gives back what waits in lines."""
        self._retired = True
        for lane in self._lanes.values():
            lane.waiters.remove(self._changed)
        self.give_back()
        self._changed.set()
        self.consumer.wake()

    def give_back(self) -> list[Work]:
        """Puts everything that waits in lines back to the front of the queue, in its order."""
        works, self._nobodys = self._nobodys, []
        for line in self._lines.values():
            works += line.take(line.waiting)
        for work in sorted(works, key=_identifier_of, reverse=True):
            self._selection.forget(work.message_id)  # it may be moved to another route
            self.consumer.retry(work, 0.0)
        return works

    def available(self, carrier: str) -> Obstacle:
        """Whether a carrier is up and not held."""
        if self._dispatcher.is_held(carrier):
            return Obstacle.HELD
        return Obstacle.NONE if self._lanes[carrier].connector.up else Obstacle.DOWN

    def _leave_lines(self) -> None:
        """Chooses again for what waits for a carrier that cannot send, or waited for any."""
        now, seen = asyncio.get_running_loop().time(), tuple(map(self.available, self._lanes))
        works: list[Work] = []
        if self._nobodys and (now >= self._look_again_at or seen != self._seen):
            works, self._nobodys = self._nobodys, []
            self._look_again_at = now + CHOOSE_AGAIN_S
        self._seen = seen
        if all(seen):  # no carrier is up: everything waits in the queue, in its order
            self._nobodys += works
            self.give_back()
            return
        for name, line in self._lines.items():
            if line.waiting and self.available(name):
                works += line.take(line.waiting)
        available = self._available()
        for work in works:
            self._choose(work, available)

    def _fill_lines(self) -> None:
        room, available = min(MAX_TAKE, MAX_WAITING - self.waiting), self._available()
        if room > 0 and available:
            for work in self.consumer.take(room):
                self._choose(work, available)

    def _available(self) -> list[str]:
        """The carriers that are up and not held."""
        return [name for name in self._lanes if not self.available(name)]

    def _choose(self, work: Work, available: Sequence[str]) -> None:
        message = self._dispatcher.find(work)
        if message is None:
            self.consumer.acknowledge(work)
            self._selection.forget(work.message_id)
            return
        destination = _destination_of(message)
        try:
            carrier = self._selection.choose(message.message_id, destination, available)
        except Exception as error:  # one bad message must not end the work of its route
            log.error("not_chosen", route=self._route, reason=type(error).__name__)
            carrier = None
        if carrier is None and self._selection.refuses(destination):
            self._dispatcher.reject(message, next(iter(self._lanes)), _SENDER_REFUSED)
            self.consumer.acknowledge(work)
        elif carrier is None:
            is_full = len(self._nobodys) >= MAX_NOBODYS
            if not (is_full and self._dispatcher.leave_in_row(message)):
                self._nobodys.append(work)
        else:
            self._lines[carrier].put((work,))

    def _serve_lines(self) -> bool:
        """Hands over what carriers have room for; whether there was any."""
        served = False
        for name, line in self._lines.items():
            lane = self._lanes[name]
            if line.waiting and not self.available(name) and lane.room > 0:
                handing_over = self._handing_over[name]
                works = line.take(
                    min(lane.room, MAX_TAKE), lane.room_for_bulk, handing_over.marking
                )
                if works:
                    served = True
                    handing_over.begin(works, self.consumer, lane)
        return served

    async def _wait(self) -> None:
        """Returns when a carrier changed, new messages came, or it is time to look again."""
        waits: list[asyncio.Future[object]] = [asyncio.ensure_future(self._changed.wait())]
        if self.waiting < MAX_WAITING and self._available():
            waits.append(asyncio.ensure_future(self.consumer.wait()))
        timeout = CHOOSE_AGAIN_S if self._nobodys else None
        try:
            await asyncio.wait(waits, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()


def _destination_of(message: LiveMessage) -> Destination:
    return Destination(
        digits=message.recipient,
        country=message.mcc,
        parts=message.size,
        sender=message.batch.stored.sender,
    )


def _identifier_of(work: Work) -> int:
    return work.message_id
