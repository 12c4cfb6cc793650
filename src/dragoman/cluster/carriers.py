"""Carriers of a node: each has its links in one node, for the partitions of all.

A partition has a `SharedCarrier` in the place of each carrier that we call. What it sends goes to
the connector in this process, if this node holds the carrier, else to the holder. What a connector
reports goes back to the partition that it is about: outcomes to the one that sent, receipts to the
one whose message they name, texts to the one that has their number. Carriers that are phones call
us: each partition has its own.

Each message in flight carries the epoch of the claim under which its holder got it. When a carrier
changes hands, those of earlier claims whose outcome nobody told are `Unknown`: sent or not.
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import structlog

from dragoman.assembly.connecting import Connect
from dragoman.assembly.membership import ConnectCarrier
from dragoman.cluster.seeking import FindText, LookHere, Others, Seeker
from dragoman.cluster.shared_carrier import GIVEN_BACK_S, Flight, SharedCarrier
from dragoman.cluster.wire import Told
from dragoman.config import Settings
from dragoman.config.tables import CarrierTable, SmppTable
from dragoman.connectors import CONNECTORS, LINKED
from dragoman.core.delivery.model.ports import CarrierEvents, Connector
from dragoman.core.delivery.resources import LinkResources, Resources
from dragoman.core.messages.model.messages import InboundPartReport, Outgoing, ReceiptReport
from dragoman.core.messages.model.outcomes import Deferred, Outcome
from dragoman.core.model.errors import RetryCode
from dragoman.core.model.stored import OnStored
from dragoman.kit.clock import Clock
from dragoman.kit.supervisor import Supervisor

WANTS_S: Final = 1.0
LET_GO_S: Final = 5.0
"""To finish what is in flight when a carrier changes hands politely."""
DRAIN_S: Final = 10.0
"""To finish what is in flight when a carrier is configured differently."""
RETURNED_S: Final = 4.0
"""For the new holder of a carrier to return what the earlier one had not taken yet."""

log = structlog.get_logger(__name__)


class Afar(Others, Protocol):
    """How other nodes are reached: the holders of carriers, and the owners of partitions."""

    def up(self, carrier: str) -> bool:
        """Whether the holder can take messages."""
        ...

    def capacity(self, carrier: str) -> int:
        """Parts that the holder's links take at the same time."""
        ...

    def send(self, carrier: str, partition: int, epoch: int, token: int, message: Outgoing) -> None:
        """Has the holder send a message."""
        ...

    def tell(self, partition: int, told: Told, on_stored: OnStored) -> None:
        """Tells an owner an outcome, however long that takes."""
        ...

    def receipt(self, partition: int, report: ReceiptReport, on_stored: OnStored) -> None:
        """Gives an owner a receipt."""
        ...

    def inbound(self, partition: int, report: InboundPartReport, on_stored: OnStored) -> None:
        """Gives an owner a text."""
        ...


@dataclass(slots=True)
class Sender:
    """Where the outcome of a message at a connector goes."""

    partition: int
    token: int
    parts: int
    on_stored: OnStored | None = None
    """Of a partition elsewhere."""


class Held:
    """A carrier that this node holds, and the epoch of its claim."""

    def __init__(self, connector: Connector, epoch: int) -> None:
        self.connector = connector
        self.epoch = epoch
        self.senders: dict[int, Sender] = {}
        self.parts = 0
        """Of partitions elsewhere: in flight, or with an outcome that is not stored yet."""
        self.wants_until = 0.0
        """Until when those count as waiting for room."""
        self.room_came = asyncio.Event()


class Carriers:
    """The carriers of a node; hears what their connectors report (`CarrierEvents`)."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        supervisor: Supervisor,
        resources: LinkResources,
        *,
        look_here: LookHere,
        find_text: FindText,
    ) -> None:
        """`look_here` and `find_text` look among the partitions of this node."""
        self._clock = clock
        self._supervisor = supervisor
        self._resources = resources
        self._seeker = Seeker(
            settings.cluster.partitions,
            look_here=look_here,
            find_text=find_text,
            give_receipt=self._give_receipt,
            give_text=self._give_text,
            is_ours=self._is_ours,
        )
        self._afar: Afar | None = None
        self._tables: dict[str, CarrierTable] = {}
        self._shared: dict[str, dict[int, SharedCarrier]] = {}
        self.held: dict[str, Held] = {}
        self._epochs: dict[str, int] = {}
        self._idle: dict[str, Connector] = {}
        """Connectors without links, which can say how they would have sent something, and what a
        call of their provider means."""
        self._cut: set[int] = set()
        """Partitions here that have another owner."""
        self._leaving: frozenset[str] = frozenset()
        """Those that a changed configuration does not have any more."""
        self._tokens = itertools.count(secrets.randbits(48) << 12)
        for table in settings.carriers:
            if table.type in LINKED:
                self._add(table)

    def _add(self, table: CarrierTable) -> None:
        self._tables[table.name] = table
        self._shared[table.name] = {}
        self._epochs.setdefault(table.name, 0)
        self._idle[table.name] = self._build(table)

    def _build(self, table: CarrierTable) -> Connector:
        return LINKED[table.type](table, self, self._clock, self._resources)

    @property
    def names(self) -> tuple[str, ...]:
        """Those that one node holds for all."""
        return tuple(name for name in self._tables if name not in self._leaving)

    @property
    def afar(self) -> Afar | None:
        """The other nodes; None while there is no way to them."""
        return self._afar

    @afar.setter
    def afar(self, afar: Afar) -> None:
        self._afar = self._seeker.others = afar

    def is_here(self, name: str) -> bool:
        """Whether this node holds a carrier."""
        return name in self.held

    def connector(self, name: str) -> Connector:
        """The connector of a carrier, with links or without."""
        held = self.held.get(name)
        return held.connector if held is not None else self._idle[name]

    def epoch(self, name: str) -> int:
        """Of the claim of a carrier's holder."""
        return self._epochs.get(name, 0)

    def new_flight(self, name: str, message: Outgoing) -> Flight:
        """A message that is given to the present holder of a carrier."""
        return Flight(message, self.epoch(name), next(self._tokens), self._clock.monotonic())

    def overdue(self, name: str, before: float) -> list[int]:
        """The attempts that began before a time, by their tokens."""
        shared_by = self._shared.get(name, {})  # without it a reload has let it go meanwhile
        flights = (f for shared in shared_by.values() for f in shared.flights.values())
        return [flight.token for flight in flights if flight.at < before]

    def take_back(self, name: str, tokens: Collection[int]) -> None:
        """Attempts that the holder never got: their messages wait again."""
        lost = frozenset(tokens)
        outcome = Deferred(code=RetryCode.LINK_DOWN, retry_in_s=GIVEN_BACK_S)
        for shared in [*self._shared.get(name, {}).values()]:
            for message_id, flight in [*shared.flights.items()]:
                if flight.token in lost:
                    shared.settle(message_id, flight.token, outcome)

    # What partitions see

    def connect(self, partition: int) -> Connect:
        """Makes the carriers of a partition."""

        def connect(
            settings: Settings, sink: CarrierEvents, clock: Clock, resources: Resources
        ) -> Mapping[str, Connector]:
            one = self.connect_carrier(partition)
            return {table.name: one(table, sink, clock, resources) for table in settings.carriers}

        return connect

    def connect_carrier(self, partition: int) -> ConnectCarrier:
        """Makes one carrier of a partition."""

        def connect(
            table: CarrierTable, sink: CarrierEvents, clock: Clock, resources: Resources
        ) -> Connector:
            if table.name not in self._shared:
                return CONNECTORS[table.type](table, sink, clock, resources)
            shared = SharedCarrier(self, table.name, partition, sink)
            shared.is_cut = self.is_cut(partition)  # it may be lost before it is open
            self._shared[table.name][partition] = shared
            return shared

        return connect

    # A changed configuration

    def add_new(self, settings: Settings) -> None:
        """Knows carriers that are new, before partitions send over them."""
        for table in settings.carriers:
            if table.type in LINKED and table.name not in self._tables:
                self._add(table)

    async def change(self, settings: Settings) -> None:
        """Has carriers whose tables differ connect as these say."""
        for table in settings.carriers:
            if self._tables.get(table.name, table) == table:
                continue
            self._tables[table.name] = table
            connector = self._build(table)
            held = self.held.get(table.name)
            if held is None:
                self._idle[table.name] = connector
                continue
            self._supervisor.let_end(held.connector)
            await held.connector.stop(DRAIN_S)
            await asyncio.sleep(0)
            if self.held.get(table.name) is held:
                self._idle[table.name] = held.connector = connector
                await connector.start(self._supervisor.spawn_for(connector))

    def leave_gone(self, settings: Settings) -> tuple[str, ...]:
        """Holds no more carriers that a configuration does not have; which these are."""
        wanted = {table.name for table in settings.carriers}
        self._leaving = frozenset(self._tables.keys() - wanted)
        return tuple(self._leaving)

    def forget_gone(self) -> None:
        """Forgets carriers that are gone, once they are given back."""
        leaving, self._leaving = self._leaving, frozenset()
        for name in leaving:
            self._lose(name, self._epochs[name] + 1)  # nobody will say what became of these
            for known in (self._tables, self._shared, self._epochs, self._idle):
                known.pop(name, None)

    def drop(self, partition: int) -> None:
        """Forgets a partition that is closed."""
        self._cut.discard(partition)
        for by_partition in self._shared.values():
            by_partition.pop(partition, None)

    def cut(self, partition: int) -> None:
        """Lets a partition that has another owner send and hear nothing more."""
        self._cut.add(partition)
        for by_partition in self._shared.values():
            if shared := by_partition.get(partition):
                shared.is_cut = True

    def is_cut(self, partition: int) -> bool:
        """Whether a partition that is still open here has another owner."""
        return partition in self._cut

    def shared(self, name: str, partition: int) -> SharedCarrier | None:
        """A carrier as a partition of this node has it."""
        return self._shared.get(name, {}).get(partition)

    def is_up(self, name: str) -> bool:
        """Whether a carrier takes messages, here or at its holder."""
        held = self.held.get(name)
        if held is not None:
            return held.connector.up and self._resources.may_send()
        return self.afar is not None and self.afar.up(name)

    def share(self, shared: SharedCarrier) -> int:
        """Parts that a partition may have in flight: what the others leave of the window.

        Where another one waits for room, no more than an equal share.
        """
        held, now = self.held.get(shared.name), self._clock.monotonic()
        if held is not None:
            whole = held.connector.capacity
        else:
            whole = self.afar.capacity(shared.name) if self.afar is not None else 0
        others = [s for s in self._shared[shared.name].values() if s is not shared]
        left = whole - sum(other.parts for other in others)
        sharers = 1 + sum(bool(other.parts) or other.wants_until > now for other in others)
        waits = any(other.wants_until > now for other in others)
        if held is not None:
            left -= held.parts
            sharers += bool(held.parts) or held.wants_until > now
            waits |= held.wants_until > now
        room = max(0, min(left, max(1, whole // sharers)) if waits else left)
        if room <= shared.parts:
            shared.wants_until = now + WANTS_S
        return room

    def room_for_others(self, name: str) -> int:
        """Parts that partitions elsewhere may have in flight at a carrier held here, besides."""
        held, now = self.held[name], self._clock.monotonic()
        whole, own = held.connector.capacity, self._shared[name].values()
        left = whole - held.parts - sum(one.parts for one in own)
        if any(one.wants_until > now for one in own):
            users = sum(bool(one.parts) or one.wants_until > now for one in own)
            left = min(left, max(1, whole // (users + 1)) - held.parts)
        return max(0, left)

    def note_waiting(self, name: str) -> None:
        """Partitions elsewhere wait for a carrier held here: those here leave them their share."""
        self.held[name].wants_until = self._clock.monotonic() + 2 * WANTS_S

    def room_came(self, name: str) -> None:
        """Parts have landed: whoever waits may look again."""
        held = self.held.get(name)
        if held is not None:
            held.room_came.set()
        now = self._clock.monotonic()
        for shared in [*self._shared.get(name, {}).values()]:
            if shared.wants_until > now:
                shared.sink.availability(name)

    def send(self, shared: SharedCarrier, flight: Flight) -> None:
        """Sends a message of a partition."""
        name, message = shared.name, flight.message
        held = self.held.get(name)
        if held is not None:
            parts = len(message.parts)
            sender = Sender(shared.partition, flight.token, parts)
            held.senders[message.message_id] = sender
            held.connector.send(message)
        elif self.afar is not None:
            self.afar.send(name, shared.partition, flight.epoch, flight.token, message)

    def send_for(self, held: Held, sender: Sender, message: Outgoing) -> None:
        """Sends a message of a partition elsewhere; `on_stored` follows once that has stored it."""
        held.senders[message.message_id] = sender
        held.parts += sender.parts
        held.connector.send(message)

    # What connectors report

    def outcome(
        self,
        carrier: str,
        message: Outgoing,
        outcome: Outcome,
        _on_stored: OnStored | None = None,
    ) -> None:
        held = self.held.get(carrier)
        sender = held.senders.pop(message.message_id, None) if held is not None else None
        if held is None or sender is None:
            return
        self._seeker.note_ids(carrier, outcome, sender.partition)
        shared = self.shared(carrier, sender.partition)
        on_stored = sender.on_stored
        if on_stored is None and shared is not None:
            shared.settle(message.message_id, sender.token, outcome)
        else:

            def stored(on_disk: bool) -> None:
                if on_stored is not None:
                    held.parts -= sender.parts
                    on_stored(on_disk)
                    self.room_came(carrier)

            told = Told.of(carrier, message.message_id, sender.token, outcome)
            self.tell(sender.partition, told, stored)

    def outcomes_came(self, carrier: str, outcomes: Sequence[tuple[Outgoing, Outcome]]) -> None:
        for message, outcome in outcomes:
            self.outcome(carrier, message, outcome)

    def tell(self, partition: int, told: Told, on_stored: OnStored) -> None:
        """Brings an outcome to its partition, wherever that is now."""
        shared = self.shared(told.carrier, partition)
        if shared is not None:
            shared.settle(told.message_id, told.token, told.outcome(), on_stored)
        elif self.afar is not None:
            self.afar.tell(partition, told, on_stored)
        else:
            on_stored(True)  # its owner will not find it in flight

    def receipt(self, report: ReceiptReport, on_stored: OnStored) -> None:
        self._seeker.receipt(report, on_stored)

    def receipts_came(self, receipts: Sequence[tuple[ReceiptReport, OnStored]]) -> None:
        for report, on_stored in receipts:
            self.receipt(report, on_stored)

    def inbound(self, report: InboundPartReport, on_stored: OnStored) -> None:
        self._seeker.inbound(report, on_stored)

    def _is_ours(self, carrier: str) -> bool:
        """Whether what a carrier brings may be acknowledged here: by links, those we hold."""
        return carrier in self.held or not isinstance(self._tables.get(carrier), SmppTable)

    def _give_receipt(self, partition: int, report: ReceiptReport, on_stored: OnStored) -> None:
        shared = self.shared(report.carrier, partition)
        if shared is not None and not shared.is_cut:
            shared.sink.receipt(report, on_stored)
        elif self.afar is not None:
            self.afar.receipt(partition, report, on_stored)
        else:
            on_stored(False)

    def _give_text(self, partition: int, report: InboundPartReport, on_stored: OnStored) -> None:
        shared = self.shared(report.carrier, partition)
        if shared is not None and not shared.is_cut:
            shared.sink.inbound(report, on_stored)
        elif self.afar is not None:
            self.afar.inbound(partition, report, on_stored)
        else:
            on_stored(False)

    def availability(self, carrier: str) -> None:
        held = self.held.get(carrier)
        if held is not None:
            held.room_came.set()
        for shared in [*self._shared.get(carrier, {}).values()]:
            shared.sink.availability(carrier)

    # Changing hands

    def note_holder(self, name: str, epoch: int) -> None:
        """A carrier has another holder: what earlier ones did not answer is in doubt, soon."""
        if epoch > self._epochs[name]:
            self._epochs[name] = epoch
            asyncio.get_running_loop().call_later(RETURNED_S, self._lose, name, epoch)
            self.availability(name)

    def _lose(self, name: str, epoch: int) -> None:
        for shared in [*self._shared.get(name, {}).values()]:
            shared.lose(epoch)

    async def take(self, name: str, epoch: int) -> None:
        """Opens the links of a carrier that this node holds from here on."""
        if name not in self.names:
            return  # a configuration without it was taken meanwhile
        self.note_holder(name, epoch)
        connector = self._idle[name]
        self.held[name] = Held(connector, epoch)
        await connector.start(self._supervisor.spawn_for(connector))
        log.info("carrier_taken", carrier=name, epoch=epoch)

    async def let_go(self, name: str, timeout_s: float = LET_GO_S) -> int | None:
        """Closes the links of a carrier; the epoch of the claim that was."""
        held, stopped = self.held.get(name), None
        if held is None:
            return None
        while held.connector is not stopped:  # a changed configuration may bring another meanwhile
            stopped = held.connector
            self._supervisor.let_end(stopped)
            await stopped.stop(timeout_s)
            await asyncio.sleep(0)
        if self.held.get(name) is not held:
            return None  # somebody else let it go meanwhile
        del self.held[name]
        self._idle[name] = self._build(self._tables[name])
        for shared in [*self._shared.get(name, {}).values()]:
            shared.lose(held.epoch + 1)
        self.availability(name)
        log.info("carrier_let_go", carrier=name, epoch=held.epoch)
        return held.epoch
