"""Carriers of a node: each has its links in one node, for the partitions of all.

A partition has a `SharedCarrier` in the place of each carrier. What it sends goes to the connector
in this process, if this node holds the carrier, else to the holder. What a connector reports goes
back to the partition that it is about: outcomes to the one that sent, receipts to the one whose
message they name, texts to the one that has their number.

Each message in flight carries the epoch of the claim under which its holder got it. When a carrier
changes hands, those of earlier claims whose outcome nobody told are `Unknown`: sent or not.
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

import structlog

from dragoman.assembly.connecting import Connect
from dragoman.cluster.wire import Told
from dragoman.config import Settings
from dragoman.config.tables import SmppTable
from dragoman.connectors import CONNECTORS
from dragoman.connectors.smpp.build import build_smpp_carrier
from dragoman.connectors.smpp.carrier import SmppCarrier
from dragoman.core.delivery.model.ports import CarrierEvents, Connector
from dragoman.core.delivery.resources import Resources
from dragoman.core.messages.model.messages import InboundPartReport, Outgoing, ReceiptReport
from dragoman.core.messages.model.outcomes import Accepted, Deferred, Outcome, Unknown
from dragoman.core.model.errors import RetryCode
from dragoman.core.model.stored import OnStored, ignore
from dragoman.core.reporting.model.timeline import PduStep, Timeline
from dragoman.kit.clock import Clock
from dragoman.kit.supervisor import Spawn, Supervisor
from dragoman.protocols.smpp.message_ids import stored_keys

MAX_KNOWN_IDS: Final = 500_000
"""IDs of carriers whose partition is remembered; those of older ones are looked for."""
MAX_SOUGHT: Final = 5_000
"""Receipts whose partition is looked for; further ones come again."""
SOUGHT_TIMES: Final = 16
SOUGHT_EVERY_S: Final = 0.5
"""A receipt may overtake the outcome that tells whose it is, or come while its partition is being
opened; while one has no owner, none is given up."""
GIVEN_BACK_S: Final = 1.0
WANTS_S: Final = 1.0
LET_GO_S: Final = 5.0
"""To finish what is in flight when a carrier changes hands politely."""
RETURNED_S: Final = 4.0
"""For the new holder of a carrier to return what the earlier one had not taken yet."""
FIRST: Final = 0
"""The partition of texts to numbers that nobody has, and of receipts for no message."""

log = structlog.get_logger(__name__)


class Afar(Protocol):
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

    async def find(self, report: ReceiptReport) -> int | None:
        """The partition elsewhere whose message a receipt names."""
        ...

    async def find_number(self, number: str) -> int | None:
        """The partition that has a number."""
        ...


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


class SharedCarrier:
    """A carrier as one partition has it."""

    def __init__(self, carriers: Carriers, name: str, partition: int, sink: CarrierEvents) -> None:
        self.name = name
        self.partition = partition
        self.sink = sink
        self._carriers = carriers
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
        return not (self._closing or self.is_cut) and self._carriers.is_up(self.name)

    @property
    def capacity(self) -> int:
        return self._carriers.share(self) if self.up else 0

    @property
    def linked(self) -> Connector:
        """The carrier itself, with its links where this node holds it."""
        return self._carriers.connector(self.name)

    @property
    def is_here(self) -> bool:
        """Whether this node holds the carrier."""
        return self.name in self._carriers.held

    def send(self, message: Outgoing) -> None:
        flight = self._carriers.new_flight(self.name, message)
        self.flights[message.message_id] = flight
        self.parts += len(message.parts)
        if not self.up:
            outcome = Deferred(code=RetryCode.LINK_DOWN, retry_in_s=GIVEN_BACK_S)
            loop = asyncio.get_running_loop()
            loop.call_soon(self.settle, message.message_id, flight.token, outcome)
        else:
            self._carriers.send(self, flight)

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
            self._carriers.room_came(self.name)
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
        """The PDUs of a message that was sent at a time."""
        return self._carriers.connector(self.name).reconstruct(story, message, at_ms)


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

    def __init__(self, connector: SmppCarrier, epoch: int) -> None:
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
        find_text: Callable[[InboundPartReport], int | None],
        find_receipt: Callable[[ReceiptReport], Awaitable[int | None]],
        all_owned: Callable[[], bool],
    ) -> None:
        """`find_text` and `find_receipt` look for the partition among those of this node;
        `all_owned` says whether each partition has an owner that lives."""
        self._clock = clock
        self._supervisor = supervisor
        self._find_text = find_text
        self._find_receipt = find_receipt
        self._all_owned = all_owned
        self.afar: Afar | None = None
        self._tables = {c.name: c for c in settings.carriers if isinstance(c, SmppTable)}
        self.names = tuple(self._tables)
        self._shared: dict[str, dict[int, SharedCarrier]] = {name: {} for name in self.names}
        self.held: dict[str, Held] = {}
        self._epochs = dict.fromkeys(self.names, 0)
        self._idle = {name: self._build(name) for name in self.names}
        """Connectors without links, that can say how they would have sent something."""
        self._known_ids: OrderedDict[tuple[str, str], int] = OrderedDict()
        self._seeking: set[asyncio.Task[None]] = set()
        self._tokens = itertools.count(secrets.randbits(48) << 12)

    def _build(self, name: str) -> SmppCarrier:
        return build_smpp_carrier(self._tables[name], self, self._clock)

    def connector(self, name: str) -> SmppCarrier:
        """The connector of a carrier, with links or without."""
        held = self.held.get(name)
        return held.connector if held is not None else self._idle[name]

    def most(self, name: str) -> int:
        """The parts that the links of a carrier can have in flight, when all are bound."""
        return sum(link.window for link in self._idle[name].links) or 1

    def epoch(self, name: str) -> int:
        """Of the claim of a carrier's holder."""
        return self._epochs[name]

    def new_flight(self, name: str, message: Outgoing) -> Flight:
        """A message that is given to the present holder of a carrier."""
        return Flight(message, self._epochs[name], next(self._tokens), self._clock.monotonic())

    def overdue(self, name: str, before: float) -> list[int]:
        """The attempts that began before a time, by their tokens."""
        flights = (f for shared in self._shared[name].values() for f in shared.flights.values())
        return [flight.token for flight in flights if flight.at < before]

    def take_back(self, name: str, tokens: Collection[int]) -> None:
        """Attempts that the holder never got: their messages wait again."""
        lost = frozenset(tokens)
        outcome = Deferred(code=RetryCode.LINK_DOWN, retry_in_s=GIVEN_BACK_S)
        for shared in [*self._shared[name].values()]:
            for message_id, flight in [*shared.flights.items()]:
                if flight.token in lost:
                    shared.settle(message_id, flight.token, outcome)

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
        """Lets a partition that has another owner send and hear nothing more."""
        for by_partition in self._shared.values():
            if shared := by_partition.get(partition):
                shared.is_cut = True

    def shared(self, name: str, partition: int) -> SharedCarrier | None:
        """A carrier as a partition of this node has it."""
        return self._shared.get(name, {}).get(partition)

    def is_up(self, name: str) -> bool:
        """Whether a carrier takes messages, here or at its holder."""
        held = self.held.get(name)
        if held is not None:
            return held.connector.up
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
        for shared in [*self._shared[name].values()]:
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
        self._note_ids(carrier, outcome, sender.partition)
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

    def tell(self, partition: int, told: Told, on_stored: OnStored) -> None:
        """Brings an outcome to its partition, wherever that is now."""
        shared = self.shared(told.carrier, partition)
        if shared is not None:
            shared.settle(told.message_id, told.token, told.outcome(), on_stored)
        elif self.afar is not None:
            self.afar.tell(partition, told, on_stored)
        else:
            on_stored(True)  # its owner will not find it in flight

    def _note_ids(self, carrier: str, outcome: Outcome, partition: int) -> None:
        """Remembers whose receipts will come under the IDs of an outcome."""
        if not isinstance(outcome, Accepted):
            return
        for carrier_id in outcome.carrier_ids:
            for key in stored_keys(carrier_id):
                self._known_ids[carrier, key] = partition
        while len(self._known_ids) > MAX_KNOWN_IDS:
            self._known_ids.popitem(last=False)

    def receipt(self, report: ReceiptReport, on_stored: OnStored) -> None:
        partition = self._known(report)
        if partition is not None:
            self._give_receipt(partition, report, on_stored)
        elif len(self._seeking) < MAX_SOUGHT:
            task = asyncio.create_task(self._seek(report, on_stored))
            self._seeking.add(task)
            task.add_done_callback(self._seeking.discard)
        else:
            on_stored(False)

    def _known(self, report: ReceiptReport) -> int | None:
        known = (self._known_ids.get((report.carrier, key)) for key in report.keys)
        return next((one for one in known if one is not None), None)

    async def _seek(self, report: ReceiptReport, on_stored: OnStored) -> None:
        """Looks for the partition of a receipt, for as long as its outcome may still come."""
        partition, left = None, SOUGHT_TIMES
        while left:
            left = left - 1 if self._all_owned() else SOUGHT_TIMES
            partition = self._known(report)
            if partition is None:
                partition = await self._find_receipt(report)
            if partition is None and self.afar is not None:
                partition = await self.afar.find(report)
            held = self.held.get(report.carrier)
            if partition is not None or held is None or report.text is not None:
                break
            await asyncio.sleep(SOUGHT_EVERY_S)
        if partition is None and report.text is not None:
            self.inbound(report.text, on_stored)
        else:
            self._give_receipt(FIRST if partition is None else partition, report, on_stored)

    def _give_receipt(self, partition: int, report: ReceiptReport, on_stored: OnStored) -> None:
        shared = self.shared(report.carrier, partition)
        if shared is not None:
            shared.sink.receipt(report, on_stored)
        elif self.afar is not None:
            self.afar.receipt(partition, report, on_stored)
        else:
            on_stored(False)

    def inbound(self, report: InboundPartReport, on_stored: OnStored) -> None:
        partition = self._find_text(report)
        if partition is not None or self.afar is None:
            self._give_text(FIRST if partition is None else partition, report, on_stored)
            return
        task = asyncio.create_task(self._seek_number(self.afar, report, on_stored))
        self._seeking.add(task)
        task.add_done_callback(self._seeking.discard)

    async def _seek_number(
        self, afar: Afar, report: InboundPartReport, on_stored: OnStored
    ) -> None:
        found = await afar.find_number(report.destination)
        self._give_text(FIRST if found is None else found, report, on_stored)

    def _give_text(self, partition: int, report: InboundPartReport, on_stored: OnStored) -> None:
        shared = self.shared(report.carrier, partition)
        if shared is not None:
            shared.sink.inbound(report, on_stored)
        elif self.afar is not None:
            self.afar.inbound(partition, report, on_stored)
        else:
            on_stored(False)

    def availability(self, carrier: str) -> None:
        held = self.held.get(carrier)
        if held is not None:
            held.room_came.set()
        for shared in [*self._shared[carrier].values()]:
            shared.sink.availability(carrier)

    # Changing hands

    def note_holder(self, name: str, epoch: int) -> None:
        """A carrier has another holder: what earlier ones did not answer is in doubt, soon."""
        if epoch > self._epochs[name]:
            self._epochs[name] = epoch
            asyncio.get_running_loop().call_later(RETURNED_S, self._lose, name, epoch)
            self.availability(name)

    def _lose(self, name: str, epoch: int) -> None:
        for shared in [*self._shared[name].values()]:
            shared.lose(epoch)

    async def take(self, name: str, epoch: int) -> None:
        """Opens the links of a carrier that this node holds from here on."""
        self.note_holder(name, epoch)
        connector = self._idle[name]
        self.held[name] = Held(connector, epoch)
        await connector.start(self._supervisor.spawn_for(connector))
        log.info("carrier_taken", carrier=name, epoch=epoch)

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
            shared.lose(held.epoch + 1)
        self.availability(name)
        log.info("carrier_let_go", carrier=name, epoch=held.epoch)
        return held.epoch
