"""The ways between nodes over NATS: messages to holders of carriers, and what comes of them.

Messages go through the JetStream stream `submit` (`outboxes`), whence the holder of a carrier pulls
them (`pulling`). Outcomes, receipts and texts are requests to the partition's owner (`owners`).
JetStream is never the only copy of a message: the row of each says `sending` meanwhile.

What can go wrong here:
- NATS is away: nothing more is given to carriers of other nodes, it waits in its rows. What was
  being published is published again under the same ID. Holders keep outcomes until they are taken.
- A holder is lost: what it was given was for its claim alone. The next holder returns what nobody
  has pulled; of the rest, partitions do not know whether it was sent (`Carriers.note_holder`).
- The stream is lost: partitions ask the holder for what they gave it long ago, and get it back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from typing import Final

import structlog
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from dragoman.cluster import wire
from dragoman.cluster.carriers import Carriers
from dragoman.cluster.nats_connection import NatsConnection, NatsUnfit, end_tasks, token_of
from dragoman.cluster.outboxes import Outboxes
from dragoman.cluster.owners import Owners
from dragoman.cluster.pulling import Puller
from dragoman.cluster.quota_counts import QuotaCounts
from dragoman.cluster.seeking import LookHere
from dragoman.cluster.wire import Look, Sent, State, Told
from dragoman.core.delivery.quotas import Quotas
from dragoman.core.messages.model.messages import InboundPartReport, Outgoing, ReceiptReport
from dragoman.core.model.stored import OnStored
from dragoman.kit.clock import Clock
from dragoman.kit.supervisor import Spawn

__all__ = ["NatsUnfit", "Stream"]

STATE_EVERY_S: Final = 1.0
STATE_LASTS_S: Final = 5.0

log = structlog.get_logger(__name__)


class Stream:
    """The other nodes, as one node reaches them (`carriers.Afar`)."""

    def __init__(
        self,
        *,
        servers: Iterable[str],
        run: str,
        carriers: Carriers,
        clock: Clock,
        look_here: LookHere,
        find_number: Callable[[str], Awaitable[int | None]],
        quotas: Callable[[], Mapping[int, Quotas]],
        is_heard: Callable[[], bool],
        spawn: Spawn,
    ) -> None:
        """`quotas` gives those of the partitions that this node owns.

        `is_heard` says whether the node has told PostgreSQL just now that it lives: else others
        may hold its carriers by now."""
        self._carriers = carriers
        self._clock = clock
        self._find_number = find_number
        self._spawn = spawn
        self._states: dict[str, tuple[State, float]] = {}
        self._connection = NatsConnection(servers, run, self._changed)
        self._outboxes = Outboxes(self._connection, carriers, clock, self.capacity)
        self.owners = Owners(self._connection, carriers, look_here, is_heard)
        self._counts = QuotaCounts(self._connection, quotas)
        self.puller = Puller(self._connection, carriers, clock, is_heard)

    # Start and stop

    async def start(self) -> None:
        """Connects; raises `NatsUnfit`."""
        await self._connection.open()
        await self._connection.client.subscribe("dragoman.carrier.*", cb=self._hear_state)
        await self.owners.listen()
        await self._counts.listen()
        self._spawn("counts of quotas", self._counts.run())
        self._spawn("carrier states", self._say_states())
        self._spawn("batches in progress", self.puller.keep_batches())
        self._spawn("overdue messages", self._outboxes.ask_for_overdue())

    async def close(self) -> None:
        """Disconnects; what was not told is found by a restart."""
        await end_tasks([*self.puller.tasks, *self._outboxes.tasks, *self.owners.tasks])
        await self._connection.close()

    async def _changed(self) -> None:
        log.info("nats_connected" if self._connection.is_up else "nats_away")
        for name in self._carriers.names:
            self._carriers.availability(name)

    # Holders

    def up(self, carrier: str) -> bool:
        return self._connection.is_up and self._state(carrier) is not None

    def capacity(self, carrier: str) -> int:
        state = self._state(carrier)
        return state.capacity if state is not None else 0

    def _state(self, carrier: str) -> State | None:
        """How a carrier is, where its holder says so and it takes messages."""
        state, heard_at = self._states.get(carrier, (None, 0.0))
        if state is None or not state.up or state.epoch != self._carriers.epoch(carrier):
            return None
        return state if self._clock.monotonic() - heard_at < STATE_LASTS_S else None

    def send(self, carrier: str, partition: int, epoch: int, token: int, message: Outgoing) -> None:
        self._outboxes.put(carrier, Sent(partition, epoch, token, message))

    async def _say_states(self) -> None:
        while True:
            if self._connection.is_up:
                for name, held in [*self._carriers.held.items()]:
                    state = State(held.epoch, held.connector.up, held.connector.capacity)
                    try:
                        await self._connection.client.publish(
                            f"dragoman.carrier.{token_of(name)}", wire.encode((name, state))
                        )
                    except (NatsError, OSError) as error:
                        log.warning("state_not_said", carrier=name, reason=type(error).__name__)
            await asyncio.sleep(STATE_EVERY_S)

    async def _hear_state(self, msg: Msg) -> None:
        name, state = wire.read_state(msg.data)
        before = self.up(name)
        self._states[name] = state, self._clock.monotonic()
        if name not in self._carriers.held and self.up(name) != before:
            self._carriers.availability(name)

    # Owners

    def tell(self, partition: int, told: Told, on_stored: OnStored) -> None:
        self.owners.tell(partition, told, on_stored)

    def receipt(self, partition: int, report: ReceiptReport, on_stored: OnStored) -> None:
        self.owners.receipt(partition, report, on_stored)

    def inbound(self, partition: int, report: InboundPartReport, on_stored: OnStored) -> None:
        self.owners.inbound(partition, report, on_stored)

    async def look(
        self, reports: Sequence[ReceiptReport], partitions: Collection[int]
    ) -> list[Look]:
        return await self.owners.look(reports, partitions)

    async def find_number(self, number: str) -> int | None:
        return await self._find_number(number)
