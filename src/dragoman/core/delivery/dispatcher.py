"""Takes waiting messages, chooses a carrier at the moment of sending, and handles the outcome.

A message occupies its carrier from the submit until its outcome is *on disk*; so a crash can
duplicate no more messages than the windows of the carrier's links hold.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field
from functools import partial
from time import perf_counter

import structlog

from dragoman.core.delivery.choosing import ChoosingWorker
from dragoman.core.delivery.delivery import Delivery
from dragoman.core.delivery.lanes import CarrierLane, Flight, reject_for
from dragoman.core.delivery.model.ports import Connector
from dragoman.core.delivery.receipts import Receipts
from dragoman.core.delivery.route_worker import Place, RouteWorker
from dragoman.core.delivery.selection import Selection
from dragoman.core.delivery.sorting import SortingWorker, no_demand
from dragoman.core.inbound.inbound import Inbound
from dragoman.core.messages.events import MessageEvents
from dragoman.core.messages.feed import Feed
from dragoman.core.messages.live import LiveMessage, LiveMessages
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.messages import InboundPartReport, Outgoing, ReceiptReport
from dragoman.core.messages.model.outcomes import Accepted, Deferred, Outcome, Rejected, Unknown
from dragoman.core.messages.model.routing import Route
from dragoman.core.messages.sql import changes
from dragoman.core.metrics import Metrics
from dragoman.core.model.errors import StorageUnavailable
from dragoman.core.model.stored import OnStored, ignore
from dragoman.core.model.use_case import use_case
from dragoman.kit.clock import Clock
from dragoman.kit.signal import Signal
from dragoman.kit.supervisor import Spawn, spawn_unwatched
from dragoman.storage.writer import Writer
from dragoman.work_queue.port import Consumer, Work, WorkQueue

STORAGE_RETRY_S = 1.0
RESEND_DELAYS_S = (0.0, 5.0, 30.0, 120.0, 600.0)
"""Before a message whose answer was lost goes out again; a mute carrier must not be flooded."""

# Members that every message asks for: looking one up in its class costs more than the rest.
_QUEUED = State.QUEUED
_SENDING = State.SENDING

log = structlog.get_logger(__name__)


@use_case(kw_only=True)
class Dispatcher:
    """Runs one worker per route; implements `CarrierEvents` for all connectors."""

    queue: WorkQueue
    live: LiveMessages
    writer: Writer
    delivery: Delivery
    receipts: Receipts
    texts: Inbound
    clock: Clock
    metrics: Metrics
    selection: Selection
    message_events: MessageEvents | None = None
    feed: Feed = field(default_factory=Feed)
    left_in_row: Signal[[str, int, int]] = field(
        default_factory=Signal[[str, int, int]], init=False
    )
    """(route, account, message) of what is to be read from its row later."""
    _lanes: dict[str, CarrierLane] = field(default_factory=dict, init=False)
    _sorting: dict[str, SortingWorker | ChoosingWorker] = field(default_factory=dict, init=False)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list, init=False)
    up_since: dict[str, float] = field(default_factory=dict, init=False)
    """When each carrier that is up became so, on the monotonic clock."""
    _held: set[str] = field(default_factory=set, init=False)
    _places: dict[str, Place] = field(default_factory=dict, init=False)
    _spawn: Spawn = field(default=spawn_unwatched, init=False)
    _taking: bool = field(default=True, init=False)
    _marking: dict[int, tuple[list[Flight], CarrierLane]] = field(default_factory=dict, init=False)
    """What has places at a carrier while its rows are being marked."""
    _consumers: dict[str, Consumer] = field(default_factory=dict, init=False)

    def start(
        self,
        connectors: Mapping[str, Connector],
        routes: Iterable[Route],
        spawn: Spawn = spawn_unwatched,
    ) -> None:
        """Starts to take messages for every route."""
        self._spawn = spawn
        self.reconfigure(connectors, routes)

    def reconfigure(self, connectors: Mapping[str, Connector], routes: Iterable[Route]) -> None:
        """Sends over these carriers and routes from here on; those that are as before go on.

        What waits on a route that is gone is left in the queue. A carrier that is gone keeps its
        place until `forget`, as outcomes may still come.
        """
        for name, connector in connectors.items():
            lane = self._lanes.get(name)
            if lane is None:
                self._lanes[name] = CarrierLane(connector)
            elif lane.connector is not connector:
                lane.connector = connector
                lane.wake()
        wanted = {route.name: route for route in routes}
        for name in [*self._places]:
            if name not in wanted:
                self._retire(name)
        for route in wanted.values():
            place = self._places.get(route.name)
            limits = self.selection.limits_of(route)
            if place is not None and (place.route, place.limits) == (route, limits):
                continue
            self._retire(route.name)
            worker = self._worker(route)
            self._consumers[route.name] = worker.consumer
            if place is None:
                place = self._places[route.name] = Place()
                self._tasks.append(self._spawn(f"route {route.name}", place.run()))
            place.take(worker, route, limits)

    def _worker(self, route: Route) -> RouteWorker | SortingWorker | ChoosingWorker:
        lanes = [self._lanes[name] for name in route.carriers]
        if any(lane.selective is not None for lane in lanes):
            worker = self._sorting[route.name] = SortingWorker(self, route.name, lanes)
            return worker
        chooser = self.selection.of(route)
        if chooser is None:
            return RouteWorker(self, route.name, lanes)
        chosen = self._sorting[route.name] = ChoosingWorker(self, route.name, lanes, chooser)
        return chosen

    def _retire(self, route: str) -> None:
        place = self._places.get(route)
        if place is not None:
            place.empty()
            self._sorting.pop(route, None)
            self.selection.drop(route)

    def is_stuck(self, route: Route) -> bool:
        """Whether no carrier of a route can send: all are down, held or left out."""
        quality = self.selection.quality
        countries = route.conditions.countries if route.conditions is not None else ()
        return all(
            self.is_held(name)
            or not self._lanes[name].connector.up
            or (route.min_delivery_rate > 0 and quality.is_left_out_everywhere(name, countries))
            for name in route.carriers
        )

    def pull_out(self, route: str, limit: int | None = None) -> list[Work]:
        """Takes what waits on a route, also in lines, to be published on another.

        Of more than `limit`, the rest goes on waiting there.
        """
        worker = self._sorting.get(route)
        if worker is not None:
            worker.give_back()
        return self.queue.drain(route, limit)

    def forget(self, carrier: str) -> None:
        """Lets go of a carrier that has stopped; nothing more is heard of it."""
        lane = self._lanes.get(carrier)
        is_marking = any(one is lane for _, one in self._marking.values())
        if lane is not None and not lane.flights and not is_marking:
            del self._lanes[carrier]

    async def stop(self) -> None:
        """Takes no more messages; the connectors finish those in flight."""
        self._taking = False
        for task in self._tasks:
            task.cancel()
        for flights, lane in self._marking.values():  # they have not left
            lane.land(sum(flight.size for flight in flights))
        self._marking.clear()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def settled(self) -> None:
        """Waits until everything in flight is answered and on disk, except at custodians."""
        landed = asyncio.Event()
        lanes = [lane for lane in self._lanes.values() if not lane.keeps]
        for lane in lanes:
            lane.waiters.append(landed)
        while any(lane.in_flight for lane in lanes):
            landed.clear()
            await landed.wait()

    def resume(self, carrier: str, messages: Sequence[LiveMessage]) -> list[Outgoing]:
        """Leaves with a carrier the messages it kept since an earlier run.

        Returns the messages whose outcome is still pending, which are in flight from here on.
        """
        lane = self._lanes[carrier]
        kept = []
        for message in messages:
            if message.in_flight:  # at another carrier, which got it meanwhile
                continue
            if message.state is not State.SENDING:
                if message.state is not State.QUEUED and not message.writes:
                    self.live.remove(message)  # others wait for another carrier, or are stored
                continue
            consumer = self._consumers.get(message.route)
            if consumer is None:  # the route was removed, so it cannot be requeued there
                consumer = self.consume(message.route, no_demand)
            self._take_off(Flight(message.work, message, consumer), lane)
            lane.occupy(message.size)
            kept.append(message.outgoing())
        return kept

    async def take_back(self) -> None:
        """Marks every message that was never submitted as queued again."""
        unsent = [
            message.message_id
            for message in self.live
            if message.state is State.SENDING
            and not message.in_flight
            and not message.possible_duplicate
        ]
        if unsent:
            await self.writer.write(changes.take_back, unsent)

    def hold(self, carrier: str, held: bool) -> None:
        """Holds a carrier or releases it; what is in flight goes on.

        Messages of its routes go to their other carriers, or wait. Unknown names are kept too: they
        may come back with the configuration.
        """
        (self._held.add if held else self._held.discard)(carrier)
        self.availability(carrier)

    def is_held(self, carrier: str) -> bool:
        """Whether a carrier is held."""
        return carrier in self._held

    def in_flight(self) -> dict[str, int]:
        """The parts at each carrier whose outcome is not on disk yet."""
        return {name: lane.in_flight for name, lane in self._lanes.items()}

    def waiting(self, route: str) -> int:
        """Messages of a route that wait for a carrier that takes them."""
        worker = self._sorting.get(route)
        return worker.waiting if worker is not None else 0

    # What connectors report (`CarrierEvents`)

    def outcome(
        self,
        carrier: str,
        message: Outgoing,
        outcome: Outcome,
        on_stored: OnStored | None = None,
    ) -> None:
        lane = self._lanes[carrier]
        flight = lane.flights.pop(message.message_id, None)
        if flight is None:
            log.error("outcome_for_nothing", carrier=carrier)
            return
        try:
            self._take(flight, lane, outcome, on_stored)
        except Exception as error:  # its place at the carrier is free all the same
            self._give_up(flight, lane, error)
            if on_stored is not None:
                on_stored(False)

    def outcomes_came(self, carrier: str, outcomes: Sequence[tuple[Outgoing, Outcome]]) -> None:
        lane = self._lanes[carrier]
        accepted: list[tuple[Flight, Accepted]] = []
        with self.delivery.together():
            for message, outcome in outcomes:
                flight = lane.flights.pop(message.message_id, None)
                if flight is None:
                    log.error("outcome_for_nothing", carrier=carrier)
                elif isinstance(outcome, Accepted):
                    accepted.append((flight, outcome))
                else:
                    try:
                        self._take(flight, lane, outcome)
                    except Exception as error:  # the others are handled all the same
                        self._give_up(flight, lane, error)
            if accepted:
                self._take_accepted(accepted, lane)

    def _take_accepted(self, accepted: list[tuple[Flight, Accepted]], lane: CarrierLane) -> None:
        """Handles messages that a carrier accepted at the same time."""
        carrier, metrics, quotas = lane.connector.name, self.metrics, self.selection.quotas
        metrics.outcomes[carrier, "accepted"] += len(accepted)
        observe, now_s = metrics.submit_s.observe, perf_counter()
        for flight, outcome in accepted:
            observe(now_s - flight.handed_over_at)
            if self.message_events is not None:
                self.message_events.attempt(flight.message, carrier, outcome)
            if quotas.is_counting:
                quotas.keep(flight.message.message_id)
        if lane.is_full:
            self.writer.hurry()  # its next messages wait until these outcomes are on disk
        for flight, outcome in accepted:
            stored = partial(self._settled, flight, lane, None)
            try:
                self.delivery.accepted(flight.message, carrier, outcome, stored)
            except Exception as error:  # the others are handled all the same
                self._give_up(flight, lane, error)

    def _give_up(self, flight: Flight, lane: CarrierLane, error: Exception) -> None:
        """Ends the flight of a message whose outcome failed; its row says what it said before.

        The carrier may have it: whoever sends it again, or ends it, has to know.
        """
        for message in (flight.message, *flight.joined):
            message.possible_duplicate = True
        carrier, message_id = lane.connector.name, flight.message.message_id
        reason = type(error).__name__
        log.error("outcome_failed", carrier=carrier, message_id=message_id, reason=reason)
        self._land(flight, carrier)
        lane.land(flight.size)

    def _settled(
        self, flight: Flight, lane: CarrierLane, on_stored: OnStored | None, on_disk: bool
    ) -> None:
        """Ends the flight of a message whose outcome is settled."""
        self._land(flight, lane.connector.name)
        flight.consumer.acknowledge(flight.work)
        lane.land(flight.size)
        if on_stored is not None:
            on_stored(on_disk)

    def _take(
        self,
        flight: Flight,
        lane: CarrierLane,
        outcome: Outcome,
        on_stored: OnStored | None = None,
    ) -> None:
        """Handles the outcome of a message that was in flight."""
        live, carrier = flight.message, lane.connector.name
        self.metrics.outcomes[carrier, _KINDS[type(outcome)]] += 1
        if self.message_events is not None:
            self.message_events.attempt(live, carrier, outcome)
        quotas = self.selection.quotas
        if quotas.is_counting:
            if isinstance(outcome, Deferred):
                quotas.give_back(live.message_id)
            else:
                quotas.keep(live.message_id)
        if isinstance(outcome, Deferred):
            live.possible_duplicate |= outcome.possible_duplicate
            self._put_back(flight, lane, outcome.retry_in_s)
            if on_stored is not None:
                on_stored(True)
            return
        self.metrics.submit_s.observe(perf_counter() - flight.handed_over_at)
        if lane.is_full:
            self.writer.hurry()  # its next message waits until this outcome is on disk

        stored = partial(self._settled, flight, lane, on_stored)
        if isinstance(outcome, Accepted):
            self.delivery.accepted(live, carrier, outcome, stored)
        elif isinstance(outcome, Rejected):
            self.delivery.rejected(live, carrier, outcome, stored)
        elif self.delivery.unanswered(live, carrier, outcome, stored):
            delay_s = RESEND_DELAYS_S[min(live.attempts, len(RESEND_DELAYS_S)) - 1]
            self._come_again(flight, lane, delay_s)

    def receipt(self, report: ReceiptReport, on_stored: OnStored) -> None:
        try:
            self.receipts.receive(report, on_stored)
        except Exception as error:  # whoever brings it must hear, and goes on with others
            log.error("receipt_failed", carrier=report.carrier, reason=type(error).__name__)
            on_stored(False)

    def receipts_came(self, receipts: Sequence[tuple[ReceiptReport, OnStored]]) -> None:
        with self.delivery.together():
            for report, on_stored in receipts:
                self.receipt(report, on_stored)

    def inbound(self, report: InboundPartReport, on_stored: OnStored) -> None:
        self.selection.heard(report.carrier, report.source)
        self.texts.receive(report, on_stored)

    def availability(self, carrier: str) -> None:
        lane = self._lanes.get(carrier)
        if lane is not None:
            if not lane.connector.up:
                self.up_since.pop(carrier, None)
            elif carrier not in self.up_since:
                self.up_since[carrier] = self.clock.monotonic()
            lane.wake()

    # What the workers of the routes use

    def consume(self, route: str, demand: Callable[[], int]) -> Consumer:
        return self.queue.consume(route, demand)

    def find(self, work: Work) -> LiveMessage | None:
        """The message of a queue item; None if it was cancelled, expired or reported meanwhile."""
        message = self.live.get(work.message_id)
        if message is None or message.in_flight or message.state not in _SENDABLE:
            return None
        return message

    def leave_in_row(self, message: LiveMessage) -> bool:
        """Forgets a message that waits, until its row is read again; whether that is possible."""
        if message.state is not State.QUEUED or message.writes or message.possible_duplicate:
            return False
        for one in (message, *message.joined):
            self.live.remove(one)
            self.left_in_row(one.route, one.batch.account_id, one.message_id)
        return True

    def reject(self, message: LiveMessage, carrier: str, reason: Rejected) -> None:
        """Ends a message that no carrier of its route will ever take."""
        self.metrics.outcomes[carrier, "rejected"] += 1
        self.delivery.rejected(message, carrier, reason, ignore)

    def hand_over(
        self,
        works: Sequence[Work],
        consumer: Consumer,
        lane: CarrierLane,
        done: Callable[[], None],
    ) -> None:
        """Gives messages to a carrier, once their rows are marked as sending; then calls `done`.

        That is at once where all were claimed, as their rows say so already.
        """
        now_ms = self.clock.now_ms()
        flights: list[Flight] = []
        for work in works:
            message = self.find(work)
            if message is None:
                consumer.acknowledge(work)  # it was cancelled, expired or reported meanwhile
                self.selection.quotas.give_back(work.message_id)
            elif message.batch.stored.expires_ms <= now_ms:
                self._expire(message, work, consumer)
            else:
                flights.append(Flight(work, message, consumer))
                lane.take(flights[-1])
        lane.is_full = lane.room_for_bulk <= 0
        unmarked = [
            message
            for flight in flights
            for message in (flight.message, *flight.joined)
            if message.state is _QUEUED
        ]
        if unmarked:
            self._marking[id(flights)] = flights, lane
            self._mark_sending(unmarked, partial(self._marked, flights, lane, done))
        else:
            self._leave(flights, lane, now_ms)
            done()

    def _marked(
        self, flights: list[Flight], lane: CarrierLane, done: Callable[[], None], marked: bool
    ) -> None:
        """Goes on with messages whose rows say that they are sent, or could not be written."""
        if self._marking.pop(id(flights), None) is None:
            return  # a stop: their rows say what they said, or are taken back
        try:
            if marked:
                self._leave(flights, lane, self.clock.now_ms())
            else:
                for flight in flights:
                    lane.land(flight.size)
                    flight.consumer.retry(flight.work, STORAGE_RETRY_S)
        finally:  # one bad message must not end the work of its route
            done()

    def _leave(self, flights: list[Flight], lane: CarrierLane, now_ms: int) -> None:
        """Lets a carrier send what has its places there."""
        for flight in flights:
            message = flight.message
            if message.state is not _SENDING:  # stopped while its row was being marked
                lane.land(flight.size)
                flight.consumer.acknowledge(flight.work)
                self.selection.quotas.give_back(message.message_id)
                continue
            try:
                self._take_off(flight, lane)
                self._send(message, lane, now_ms)
            except Exception as error:  # even its rejection failed: the others must go on
                log.error("not_rejected", carrier=lane.connector.name, reason=type(error).__name__)
                lane.flights.pop(message.message_id, None)
                self._come_again(flight, lane, STORAGE_RETRY_S)

    def _take_off(self, flight: Flight, lane: CarrierLane) -> None:
        """Notes that a carrier is about to get a message, with all that goes with it."""
        self.live.take_off(flight.message, lane.connector.name)
        for message in flight.joined:
            self.live.take_off(message, lane.connector.name)
        lane.flights[flight.message.message_id] = flight

    def _send(self, message: LiveMessage, lane: CarrierLane, now_ms: int) -> None:
        """Gives a message to its carrier; a failure rejects only this message."""
        carrier = lane.connector.name
        try:
            if self.feed.listeners:
                self.feed.publish(message, State.QUEUED, State.SENDING, now_ms, carrier=carrier)
            lane.connector.send(self.selection.senders.apply(carrier, message.outgoing()))
        except Exception as error:  # the others of the take must go on
            log.error(
                "not_sent",
                carrier=carrier,
                message_id=message.message_id,
                reason=type(error).__name__,
            )
            flight = lane.flights.pop(message.message_id, None)
            if flight is not None:  # else its outcome is known already
                self._take(flight, lane, reject_for(error))

    def _mark_sending(self, messages: list[LiveMessage], done: Callable[[bool], None]) -> None:
        for message in messages:
            message.state = State.SENDING  # from here on it cannot be cancelled

        def stored(error: Exception | None) -> None:
            if error is not None:
                if not isinstance(error, StorageUnavailable):  # a defect of ours: none may be lost
                    log.error("not_marked", reason=type(error).__name__)
                for message in messages:
                    if message.state is State.SENDING:  # it may have expired meanwhile
                        message.state = State.QUEUED
            done(error is None)

        identifiers = [message.message_id for message in messages]
        try:
            self.writer.submit(changes.mark_sending, identifiers, stored)
        except Exception as error:  # what was taken is in no queue
            stored(error)

    def _expire(self, message: LiveMessage, work: Work, consumer: Consumer) -> None:
        self.selection.quotas.give_back(work.message_id)
        try:
            self.delivery.expire(message, lambda _: consumer.acknowledge(work))
        except Exception as error:  # the others of the take must go on
            log.error("not_expired", message_id=message.message_id, reason=type(error).__name__)
            consumer.retry(work, STORAGE_RETRY_S)

    def _put_back(self, flight: Flight, lane: CarrierLane, delay_s: float) -> None:
        """Queues a message that no carrier has; its row says so before it can be sent again.

        So it can be cancelled, and a crash makes no possible duplicate of it.
        """
        messages = (flight.message, *flight.joined)
        if flight.message.possible_duplicate or not self._taking:
            self._come_again(flight, lane, delay_s)
            return

        def stored(error: Exception | None) -> None:
            for message in messages:
                if error is None and message.state is State.SENDING:  # or it has expired meanwhile
                    message.state = State.QUEUED
            if self._taking:
                flight.consumer.retry(flight.work, delay_s)

        self._land(flight, lane.connector.name)
        lane.land(flight.size)
        self.writer.submit(changes.take_back, [one.message_id for one in messages], stored)

    def _land(self, flight: Flight, carrier: str) -> None:
        self.live.land(flight.message, carrier)
        self.receipts.answered(flight.message)
        for message in flight.joined:
            self.live.land(message, carrier)
            self.receipts.answered(message)

    def _come_again(self, flight: Flight, lane: CarrierLane, delay_s: float) -> None:
        self._land(flight, lane.connector.name)
        if self._taking:
            flight.consumer.retry(flight.work, delay_s)
        lane.land(flight.size)


_SENDABLE = frozenset({State.QUEUED, State.SENDING})
_KINDS = {kind: kind.__name__.lower() for kind in (Accepted, Deferred, Rejected, Unknown)}
