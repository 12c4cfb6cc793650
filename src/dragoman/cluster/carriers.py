"""Carriers of a node: each has its links in one node, for the partitions of all.

A partition has a `SharedCarrier` in the place of each carrier. What it sends goes to the connector
in this process, if this node holds the carrier. What the connector reports goes back to the
partition that it is about: outcomes to the one that sent, receipts to the one whose ID they name,
texts to the one that has their number.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from typing import Final, Protocol

import structlog

from dragoman.assembly.connecting import Connect
from dragoman.config import Settings
from dragoman.config.tables import PhonesTable, SmppTable
from dragoman.connectors import CONNECTORS
from dragoman.connectors.smpp.build import build_smpp_carrier
from dragoman.core.delivery.model.ports import CarrierEvents, Connector
from dragoman.core.delivery.resources import Resources
from dragoman.core.messages.model.messages import InboundPartReport, Outgoing, ReceiptReport
from dragoman.core.messages.model.outcomes import Accepted, Deferred, Outcome, Unknown
from dragoman.core.model.errors import RetryCode
from dragoman.core.model.stored import OnStored
from dragoman.core.reporting.model.timeline import PduStep, Timeline
from dragoman.core.reporting.timeline import Reconstructs
from dragoman.kit.clock import Clock
from dragoman.kit.supervisor import Spawn, Supervisor
from dragoman.protocols.smpp.message_ids import stored_keys

MAX_KNOWN_IDS: Final = 500_000
"""IDs of carriers whose partition is remembered; older ones are looked for."""
GIVEN_BACK_S: Final = 1.0
LET_GO_S: Final = 5.0
"""To finish what is in flight when a carrier changes hands politely."""

log = structlog.get_logger(__name__)


class Elsewhere(Protocol):
    """How carriers of other nodes are reached, and partitions of other nodes."""

    def up(self, carrier: str) -> bool:
        """Whether the holder can take messages."""
        ...

    def capacity(self, carrier: str) -> int:
        """Parts that the holder's links take at the same time."""
        ...

    def send(self, carrier: str, partition: int, message: Outgoing) -> None:
        """Has the holder send a message; its outcome comes to `Carriers.outcome_from_afar`."""
        ...

    def receipt(self, report: ReceiptReport, on_stored: OnStored) -> None:
        """Finds the partition of a receipt that none here knows."""
        ...

    def inbound(self, partition: int, report: InboundPartReport, on_stored: OnStored) -> None:
        """Gives a text to a partition of another node."""
        ...


class Alone:
    """A node that reaches no others: what it does not hold is down."""

    def up(self, carrier: str) -> bool:
        return False

    def capacity(self, carrier: str) -> int:
        return 0

    def send(self, carrier: str, partition: int, message: Outgoing) -> None:
        raise RuntimeError("a carrier that is down was given a message")

    def receipt(self, report: ReceiptReport, on_stored: OnStored) -> None:
        on_stored(False)

    def inbound(self, partition: int, report: InboundPartReport, on_stored: OnStored) -> None:
        on_stored(False)


class SharedCarrier:
    """A carrier as one partition has it."""

    def __init__(self, carriers: Carriers, name: str, partition: int, sink: CarrierEvents) -> None:
        self.name = name
        self.partition = partition
        self.sink = sink
        self._carriers = carriers
        self.flights: dict[int, Outgoing] = {}
        self.parts = 0
        """In flight."""
        self._closing = False
        self._landed = asyncio.Event()

    @property
    def up(self) -> bool:
        return not self._closing and self._carriers.is_up(self.name)

    @property
    def capacity(self) -> int:
        return self._carriers.share(self) if self.up else 0

    def send(self, message: Outgoing) -> None:
        self.flights[message.message_id] = message
        self.parts += len(message.parts)
        if self._closing:
            self.give_back(message)
        else:
            self._carriers.send(self, message)

    def give_back(self, message: Outgoing) -> None:
        """Nothing was sent of a message."""
        outcome = Deferred(code=RetryCode.LINK_DOWN, retry_in_s=GIVEN_BACK_S)
        asyncio.get_running_loop().call_soon(self.settle, message.message_id, outcome, None)

    def settle(self, message_id: int, outcome: Outcome, on_stored: OnStored | None) -> bool:
        """Takes the outcome of a message; False for one that is not in flight."""
        message = self.flights.pop(message_id, None)
        if message is None:
            return False
        self.parts -= len(message.parts)
        self.sink.outcome(self.name, message, outcome, on_stored)
        if not self.flights:
            self._landed.set()
        return True

    def lose(self, detail: str) -> None:
        """The holder is gone: whether it sent what is in flight is not known."""
        for message_id in [*self.flights]:
            self.settle(message_id, Unknown(detail=detail), None)

    async def start(self, spawn: Spawn, /) -> None:
        self._closing = False

    async def stop(self, timeout_s: float) -> None:
        """Waits for what is in flight; the links go on for the other partitions."""
        self._closing = True
        self.sink.availability(self.name)
        try:
            async with asyncio.timeout(max(0.0, timeout_s)):
                while self.flights:
                    self._landed.clear()
                    await self._landed.wait()
        except TimeoutError:
            pass

    def reconstruct(self, story: Timeline, message: Outgoing, at_ms: int) -> tuple[PduStep, ...]:
        """The PDUs of a message that was sent at a time."""
        connector = self._carriers.connector(self.name)
        if not isinstance(connector, Reconstructs):
            return ()
        return connector.reconstruct(story, message, at_ms)


class Held:
    """A carrier that this node holds, and the epoch of its claim."""

    def __init__(self, connector: Connector, epoch: int) -> None:
        self.connector = connector
        self.epoch = epoch
        self.senders: dict[int, int] = {}
        """The partition of each message in flight."""
        self.starting = False


class Carriers:
    """The carriers of a node; hears what their connectors report (`CarrierEvents`)."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        supervisor: Supervisor,
        find_text: Callable[[InboundPartReport], int | None],
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._supervisor = supervisor
        self._find_text = find_text
        self.elsewhere: Elsewhere = Alone()
        self.names = tuple(c.name for c in settings.carriers if not isinstance(c, PhonesTable))
        self._tables = {carrier.name: carrier for carrier in settings.carriers}
        self._shared: dict[str, dict[int, SharedCarrier]] = {name: {} for name in self.names}
        self.held: dict[str, Held] = {}
        self._idle = {name: self._build(name) for name in self.names}
        """Connectors without links, that can say how they would have sent something."""
        self._known_ids: OrderedDict[tuple[str, str], int] = OrderedDict()
        self.received: Counter[str] = Counter()

    def _build(self, name: str) -> Connector:
        table = self._tables[name]
        assert isinstance(table, SmppTable)  # others are refused by the configuration
        return build_smpp_carrier(table, self, self._clock)

    def connector(self, name: str) -> Connector:
        """The connector of a carrier, with links or without."""
        held = self.held.get(name)
        return held.connector if held is not None else self._idle[name]

    # What partitions see

    def connect(self, partition: int) -> Connect:
        """Makes the carriers of a partition."""

        def connect(
            settings: Settings, sink: CarrierEvents, clock: Clock, resources: Resources
        ) -> Mapping[str, Connector]:
            made: dict[str, Connector] = {}
            for table in settings.carriers:
                if table.name in self._shared:
                    shared = SharedCarrier(self, table.name, partition, sink)
                    made[table.name] = self._shared[table.name][partition] = shared
                else:
                    made[table.name] = CONNECTORS[table.type](table, sink, clock, resources)
            return made

        return connect

    def drop(self, partition: int) -> None:
        """Forgets a partition that is closed."""
        for by_partition in self._shared.values():
            by_partition.pop(partition, None)

    def cut(self, partition: int) -> None:
        """Lets a partition that has another owner send nothing more."""
        for by_partition in self._shared.values():
            shared = by_partition.get(partition)
            if shared is not None:
                shared._closing = True

    def is_up(self, name: str) -> bool:
        """Whether a carrier takes messages, here or at its holder."""
        held = self.held.get(name)
        return held.connector.up if held is not None else self.elsewhere.up(name)

    def share(self, shared: SharedCarrier) -> int:
        """Parts that a partition may have in flight.

        What the others leave, and at least half of an equal share: they fill the window together
        and none waits for ever.
        """
        held = self.held.get(shared.name)
        whole = (
            held.connector.capacity if held is not None else self.elsewhere.capacity(shared.name)
        )
        others = [s for s in self._shared[shared.name].values() if s is not shared and s.flights]
        left = whole - sum(other.parts for other in others)
        return max(left, whole // (2 * (len(others) + 1)), min(whole, 1))

    def send(self, shared: SharedCarrier, message: Outgoing) -> None:
        """Sends a message of a partition."""
        held = self.held.get(shared.name)
        if held is not None:
            held.senders[message.message_id] = shared.partition
            held.connector.send(message)
        elif self.elsewhere.up(shared.name):
            self.elsewhere.send(shared.name, shared.partition, message)
        else:
            shared.give_back(message)

    # What connectors report

    def outcome(
        self,
        carrier: str,
        message: Outgoing,
        outcome: Outcome,
        on_stored: OnStored | None = None,
    ) -> None:
        held = self.held.get(carrier)
        partition = held.senders.pop(message.message_id, None) if held is not None else None
        if partition is None:
            return  # its partition has heard already that the carrier was let go
        self.note_ids(carrier, outcome, partition)
        shared = self._shared[carrier].get(partition)
        if shared is not None:
            shared.settle(message.message_id, outcome, on_stored)
        self._wake(carrier, but=partition)

    def note_ids(self, carrier: str, outcome: Outcome, partition: int) -> None:
        """Remembers whose receipts will come under the IDs of an outcome."""
        if isinstance(outcome, Accepted):
            for carrier_id in outcome.carrier_ids:
                for key in stored_keys(carrier_id):
                    self._known_ids[carrier, key] = partition
            while len(self._known_ids) > MAX_KNOWN_IDS:
                self._known_ids.popitem(last=False)

    def receipt(self, report: ReceiptReport, on_stored: OnStored) -> None:
        self.received["receipt"] += 1
        known = (self._known_ids.get((report.carrier, key)) for key in report.keys)
        partition = next((one for one in known if one is not None), None)
        shared = self._shared[report.carrier].get(partition) if partition is not None else None
        if shared is not None:
            shared.sink.receipt(report, on_stored)
        else:
            self.elsewhere.receipt(report, on_stored)

    def inbound(self, report: InboundPartReport, on_stored: OnStored) -> None:
        self.received["text"] += 1
        partition = self._find_text(report)
        if partition is None:
            partition = 0
        shared = self._shared[report.carrier].get(partition)
        if shared is not None:
            shared.sink.inbound(report, on_stored)
        else:
            self.elsewhere.inbound(partition, report, on_stored)

    def availability(self, carrier: str) -> None:
        for shared in [*self._shared[carrier].values()]:
            shared.sink.availability(carrier)

    def _wake(self, carrier: str, but: int) -> None:
        for partition, shared in self._shared[carrier].items():
            if partition != but:
                shared.sink.availability(carrier)

    # Changing hands

    async def take(self, name: str, epoch: int) -> None:
        """Opens the links of a carrier that this node holds from here on."""
        for shared in [*self._shared[name].values()]:
            shared.lose("the node that held the carrier was lost")
        connector = self._idle[name]
        self.held[name] = Held(connector, epoch)
        await connector.start(self._supervisor.spawn_for(connector))
        log.info("carrier_taken", carrier=name)
        self.availability(name)

    async def let_go(self, name: str, timeout_s: float = LET_GO_S) -> int | None:
        """Closes the links of a carrier; the epoch of the claim that was."""
        held = self.held.get(name)
        if held is None:
            return None
        self._supervisor.let_end(held.connector)
        await held.connector.stop(timeout_s)
        await asyncio.sleep(0)
        self.held.pop(name, None)
        self._idle[name] = self._build(name)
        for shared in [*self._shared[name].values()]:
            shared.lose("the carrier was let go")
        self.availability(name)
        log.info("carrier_let_go", carrier=name)
        return held.epoch
