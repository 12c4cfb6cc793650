"""A carrier as routes share it: its capacity, what is in flight, and who waits for it."""

from __future__ import annotations

import asyncio
from time import perf_counter

from dragoman.core.delivery.model.ports import Connector, Custodian, Selective
from dragoman.core.messages.live import LiveMessage
from dragoman.core.messages.model.outcomes import Rejected
from dragoman.core.model.errors import FailureCode
from dragoman.work_queue.port import Consumer, Lane, Work

_BULK = Lane.BULK.value


class Flight:
    """A message at a carrier, until its outcome is on disk."""

    __slots__ = ("consumer", "handed_over_at", "joined", "message", "size", "work")

    def __init__(self, work: Work, message: LiveMessage, consumer: Consumer) -> None:
        self.joined = message.joined
        """The further parts that go with it."""
        self.size = message.size
        self.work = work
        self.message = message
        self.consumer = consumer
        self.handed_over_at = perf_counter()


MAX_KEPT = 16
"""Places at a carrier that bulk leaves free, of which it leaves no more than a tenth."""
KEPT_FOR_S = 60.0
"""How long after a message that was not bulk; where there is nothing else, bulk has all places."""


class CarrierLane:
    """One carrier."""

    def __init__(self, connector: Connector) -> None:
        self.connector = connector
        self.keeps = isinstance(connector, Custodian)
        self.selective = connector if isinstance(connector, Selective) else None
        """The connector, where it does not take every message."""
        self.in_flight = 0
        self.is_full = False
        """Whether it had no room left for bulk when it was given messages last."""
        self.prompt_at = -KEPT_FOR_S
        """When it was given a message last that was not bulk, as `perf_counter` has it."""
        self.flights: dict[int, Flight] = {}
        self.waiters: list[asyncio.Event] = []

    @property
    def room(self) -> int:
        """The number of parts it would accept now."""
        return self.connector.capacity - self.in_flight

    @property
    def room_for_bulk(self) -> int:
        """The same for messages of large batches.

        So that a message that somebody waits for finds a place as it comes, and not only once an
        outcome of the batch is on disk.
        """
        capacity = self.connector.capacity
        room = capacity - self.in_flight
        if perf_counter() - self.prompt_at < KEPT_FOR_S:
            room -= min(MAX_KEPT, capacity // 10)
        return room

    def occupy(self, parts: int) -> None:
        self.in_flight += parts

    def take(self, flight: Flight) -> None:
        """Gives a message its places."""
        self.in_flight += flight.size
        if flight.work.lane != _BULK:
            self.prompt_at = flight.handed_over_at

    def land(self, parts: int) -> None:
        self.in_flight -= parts
        for waiter in self.waiters:
            waiter.set()

    def wake(self) -> None:
        for waiter in self.waiters:
            waiter.set()


def reject_for(error: Exception) -> Rejected:
    """Ends a message whose carrier raised: a defect of ours, which no other may suffer from."""
    detail = f"the gateway could not send it: {type(error).__name__}"
    return Rejected(code=FailureCode.UNSPECIFIED, detail=detail)
