"""A carrier as one partition has it: its links are in some node, for the partitions of all."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final, Protocol

from dragoman.core.delivery.model.ports import CarrierEvents, Connector
from dragoman.core.messages.model.messages import Outgoing
from dragoman.core.messages.model.outcomes import Deferred, Outcome, Unknown
from dragoman.core.model.errors import RetryCode
from dragoman.core.model.stored import OnStored, ignore
from dragoman.core.reporting.model.timeline import PduStep, Timeline
from dragoman.core.reporting.timeline import Reconstructs
from dragoman.kit.supervisor import Spawn

GIVEN_BACK_S: Final = 1.0


@dataclass(slots=True)
class Flight:
    """A message that its partition gave to a carrier."""

    message: Outgoing
    epoch: int
    """Of the claim of the carrier's holder."""
    token: int
    """Of this attempt: an outcome of an earlier one is of no use."""
    at: float
    """When, on the monotonic clock."""


class Links(Protocol):
    """The carriers of the node, as those of one partition use them."""

    def is_up(self, name: str) -> bool:
        """Whether a carrier takes messages, here or at its holder."""
        ...

    def share(self, shared: SharedCarrier) -> int:
        """Parts that a partition may have in flight."""
        ...

    def new_flight(self, name: str, message: Outgoing) -> Flight:
        """A message that is given to the present holder of a carrier."""
        ...

    def send(self, shared: SharedCarrier, flight: Flight) -> None:
        """Sends a message of a partition."""
        ...

    def room_came(self, name: str) -> None:
        """Parts have landed: whoever waits may look again."""
        ...

    def connector(self, name: str) -> Connector:
        """The connector of a carrier, with links or without."""
        ...

    def is_here(self, name: str) -> bool:
        """Whether this node holds a carrier."""
        ...


class SharedCarrier:
    """A connector in the place of a carrier that all partitions send over."""

    def __init__(self, links: Links, name: str, partition: int, sink: CarrierEvents) -> None:
        self.name = name
        self.partition = partition
        self.sink = sink
        self._links = links
        self.flights: dict[int, Flight] = {}
        self.parts = 0
        """In flight, or with an outcome that is not stored yet."""
        self.wants_until = 0.0
        """Until when it counts as waiting for room, on the monotonic clock."""
        self.is_cut = False
        self._closing = False
        self._landed = asyncio.Event()

    @property
    def up(self) -> bool:
        return not (self._closing or self.is_cut) and self._links.is_up(self.name)

    @property
    def capacity(self) -> int:
        return self._links.share(self) if self.up else 0

    @property
    def stands_for(self) -> Connector:
        """The connector of this node, whether it has the links or not."""
        return self._links.connector(self.name)

    @property
    def is_here(self) -> bool:
        """Whether this node holds the carrier."""
        return self._links.is_here(self.name)

    def send(self, message: Outgoing) -> None:
        flight = self._links.new_flight(self.name, message)
        self.flights[message.message_id] = flight
        self.parts += len(message.parts)
        if not self.up:
            outcome = Deferred(code=RetryCode.LINK_DOWN, retry_in_s=GIVEN_BACK_S)
            loop = asyncio.get_running_loop()
            loop.call_soon(self.settle, message.message_id, flight.token, outcome)
        else:
            self._links.send(self, flight)

    def settle(
        self, message_id: int, token: int, outcome: Outcome, on_stored: OnStored = ignore
    ) -> None:
        """Takes the outcome of a message; one that is in flight no more needs none."""
        flight = self.flights.get(message_id)
        if flight is None or flight.token != token or self.is_cut:
            on_stored(True)
            return
        del self.flights[message_id]
        parts = len(flight.message.parts)

        def stored(on_disk: bool) -> None:
            self.parts -= parts
            self._links.room_came(self.name)
            on_stored(on_disk)

        if isinstance(outcome, Unknown):  # the dispatcher may keep it to itself
            self.sink.outcome(self.name, flight.message, outcome)
            stored(True)
        else:
            self.sink.outcome(self.name, flight.message, outcome, stored)
        if not self.flights:
            self._landed.set()

    def lose(self, before: int) -> None:
        """Whether holders before a claim have sent what they were given is not known."""
        for message_id, flight in [*self.flights.items()]:
            if flight.epoch < before:
                detail = "the node that held the carrier was lost"
                self.settle(message_id, flight.token, Unknown(detail=detail))

    async def start(self, _spawn: Spawn, /) -> None:
        self._closing = False

    async def stop(self, timeout_s: float) -> None:
        """Waits for what is in flight; the links go on for the other partitions."""
        self._closing = True
        self.sink.availability(self.name)
        try:
            async with asyncio.timeout(max(0.0, timeout_s)):
                while self.flights and not self.is_cut:
                    self._landed.clear()
                    await self._landed.wait()
        except TimeoutError:
            pass

    def reconstruct(self, story: Timeline, message: Outgoing, at_ms: int) -> tuple[PduStep, ...]:
        """The PDUs of a message that was sent at a time; none where the carrier speaks no SMPP."""
        links = self.stands_for
        return links.reconstruct(story, message, at_ms) if isinstance(links, Reconstructs) else ()
