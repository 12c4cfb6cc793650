"""A group of phones as a connector: hands out a little at a time, and minds what comes back.

A message stays the house's until its phone says what came of it. What a phone never fetched goes
back to the route when the phone is gone; what it fetched comes back when the phone confirms that it
will not send it, or may not any more; what it has given to its radio is never sent again.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence

import structlog

from dragoman.connectors.phones.choice import Chooser, Place
from dragoman.connectors.phones.handover import Cancelling, Handover, Handovers
from dragoman.connectors.phones.notices import Notices
from dragoman.connectors.phones.precedence import Precedence
from dragoman.connectors.phones.results import Result, read_result
from dragoman.connectors.phones.settings import PhonesSettings
from dragoman.connectors.phones.turns import Turns
from dragoman.domain.devices import Device, DeviceEvent, HandoverState
from dragoman.domain.errors import FailureCode, RetryCode
from dragoman.domain.lifecycle import ReceiptState
from dragoman.domain.messages import InboundPartReport, Outgoing, ReceiptReport
from dragoman.domain.outcomes import Accepted, Deferred, Outcome, Rejected, Unknown
from dragoman.domain.ports import CarrierEvents
from dragoman.kit import ids as identifiers
from dragoman.kit.clock import Clock
from dragoman.kit.ids import IdSource
from dragoman.services.devices import Devices
from dragoman.services.persistence import persist
from dragoman.storage.engine import Storage
from dragoman.storage.repositories import devices as device_rows
from dragoman.storage.repositories import handovers
from dragoman.storage.repositories.handovers import StoredHandover
from dragoman.storage.writer import StorageUnavailable

TICK_S = 2.0
NOTE_S = 0.02
"""Changes are looked at together so soon after the first."""
ABSENT_RETRY_S = 5.0
BUSY_RETRY_S = 0.5
STREAM_FETCH_S = 120.0
"""A phone whose stream is open and that fetches nothing for so long is probably gone."""
MAX_FETCH = 100
MAX_REMEMBERED = 50_000
"""Handovers that ended, whose repeated reports then cost no query."""
DAY_MS = 24 * 3600 * 1000

log = structlog.get_logger(__name__)


class PhonesCarrier:
    """The phones of one carrier; the phone protocols call `fetch`, `report` and `receive`."""

    def __init__(
        self,
        settings: PhonesSettings,
        sink: CarrierEvents,
        *,
        devices: Devices,
        storage: Storage,
        ids: IdSource,
        clock: Clock,
    ) -> None:
        self.settings = settings
        self._sink = sink
        self._devices = devices
        self._storage = storage
        self._ids = ids
        self._clock = clock
        self.handovers = Handovers()
        self.chooser = Chooser(settings, devices, self.handovers)
        self._notices = Notices(devices.presence, settings.event_gap_s)
        self._ended: OrderedDict[int, Handover] = OrderedDict()
        self._settled: list[tuple[Outgoing, Outcome]] = []
        self._turns = Turns()
        self._precedence = Precedence(shared=settings.shared)
        self._up = False
        self._room = 0
        self._closing = False
        self._note_timer: asyncio.TimerHandle | None = None
        self._wake_timer: asyncio.TimerHandle | None = None
        self._ticker: asyncio.Task[None] | None = None
        devices.on_change.append(self._on_device)
        devices.presence.on_change.append(self._on_device)

    # Connector

    @property
    def name(self) -> str:
        """The carrier's name in the configuration."""
        return self.settings.name

    @property
    def up(self) -> bool:
        """Whether at least one of its phones is there and in service."""
        return self._up

    @property
    def capacity(self) -> int:
        """Parts with phones now, and one for each SIM that may send; 0 when down."""
        return self.handovers.held_parts + self._room if self._up else 0

    async def start(self) -> None:
        """Begins to look after phones."""
        self._closing = False
        since = identifiers.first_at(self._clock.now_ms() - DAY_MS)
        usage = await self._storage.read(lambda c: device_rows.load_usage(c, self.name, since))
        self.chooser.restore(usage)
        self.chooser.refresh_all(self._clock.now_ms())
        self._ticker = asyncio.create_task(self._run(), name=f"phones-{self.name}")
        self._note()

    async def stop(self, timeout_s: float) -> None:
        """Stops; what phones have stays with them, as their rows say."""
        self._closing = True
        self._notices.close()
        for timer in (self._note_timer, self._wake_timer):
            if timer is not None:
                timer.cancel()
        if self._ticker is not None:
            self._ticker.cancel()
            await asyncio.gather(self._ticker, return_exceptions=True)
        self._tell_settled()

    def send(self, message: Outgoing) -> None:
        """Assigns a message to a SIM; its outcome is told once its phone knows it."""
        if message.premium is not None:  # its route has changed carriers since it was accepted
            outcome = Rejected(code=FailureCode.NOT_BILLABLE, detail="phones charge no recipients")
            self._settle(message, outcome)
            return
        if not message.text:
            outcome = Rejected(code=FailureCode.INVALID_CONTENT, detail="phones send text only")
            self._settle(message, outcome)
            return
        now_ms = self._clock.now_ms()
        place = None if self._closing else self.chooser.choose(message, now_ms)
        now = self._clock.monotonic()
        if place is None or not self._precedence.is_free(place, message, now):
            self._settle(message, self._defer(message))
            return
        self._precedence.end(message)
        row = StoredHandover(
            handover_id=self._ids.next(),
            message_id=message.message_id,
            device_id=place.device_id,
            carrier=self.name,
            slot=place.slot,
            parts=len(message.parts),
            state=HandoverState.ASSIGNED,
            cancelling=0,
            recipient=f"+{message.recipient}",
            valid_until_ms=message.validity_until_ms or now_ms + DAY_MS,
            assigned_ms=now_ms,
            changed_ms=now_ms,
        )
        handover = Handover(row, message, stored=False)
        self.handovers.add(handover)
        self.chooser.took(place, handover.parts, now_ms)
        self._room = len(self.chooser)
        self._storage.writer.submit(
            handovers.assign, row, lambda result: self._assigned(handover, result)
        )

    def _assigned(self, handover: Handover, result: object) -> None:
        if isinstance(result, Exception):
            self._end(handover, HandoverState.RETURNED)
            self._tell(handover, Deferred(code=RetryCode.CARRIER_BUSY, retry_in_s=BUSY_RETRY_S))
            return
        handover.stored = True
        self._notices.fetch(handover.device_id)

    def _defer(self, message: Outgoing) -> Deferred:
        if self._closing:
            return Deferred(code=RetryCode.DRAINING, retry_in_s=BUSY_RETRY_S)
        busy = self.chooser.has_phone_for(message)
        first_s = BUSY_RETRY_S if busy else ABSENT_RETRY_S
        now = self._clock.monotonic()
        wait_s = self._turns.wait_s(message, first_s, now)
        self._precedence.wait(message, now + wait_s)
        return Deferred(
            code=RetryCode.CARRIER_BUSY if busy else RetryCode.LINK_DOWN, retry_in_s=wait_s
        )

    # Custodian

    async def kept(self) -> Sequence[int]:
        """The messages that phones had when an earlier run ended."""
        for row in await self._storage.read(lambda c: handovers.load_open(c, self.name)):
            self.handovers.add(Handover(row, None, stored=True))
        return [handover.message_id for handover in self.handovers]

    def resume(self, messages: Sequence[Outgoing]) -> None:
        """Takes up the messages that the house still waits for."""
        wanted = {message.message_id: message for message in messages}
        for handover in self.handovers:
            message = wanted.get(handover.message_id)
            if message is not None:
                self.handovers.resume(handover, message)

    # What the phone protocols ask

    async def fetch(self, device: Device, *, newest_first: bool = False) -> list[Handover]:
        """What a phone should have now: what to send, and what not to send after all.

        That it was told so is on disk before it is. Raises `StorageUnavailable`.
        """
        now_ms = self._clock.now_ms()
        found = [one for one in self.handovers.of_device(device.device_id) if one.is_shown]
        found = found[:MAX_FETCH]
        fresh = [one for one in found if one.state is HandoverState.ASSIGNED]
        for handover in fresh:
            latest_ms = now_ms + round(self.settings.fetched_life_s * 1000)
            handover.valid_until_ms = min(handover.valid_until_ms, latest_ms)
            self.handovers.move(handover, HandoverState.FETCHED, now_ms)
        try:
            await asyncio.gather(
                *(self._storage.writer.write(handovers.move, one.step()) for one in fresh)
            )
        except StorageUnavailable:
            for handover in fresh:  # the phone is told nothing, so it has not been given them
                if handover.state is HandoverState.FETCHED:
                    self.handovers.move(handover, HandoverState.ASSIGNED, now_ms)
            raise
        # What is urgent first, for phones too that know no priorities.
        shown = sorted((one for one in found if one.is_shown), key=lambda one: not one.is_urgent)
        return shown[::-1] if newest_first else shown

    async def find(self, device: Device, handover_id: int) -> Handover | None:
        """What a phone was handed under an identifier; None for anything else."""
        handover = self.handovers.get(handover_id) or self._ended.get(handover_id)
        if handover is None:
            handover = await self._look_up(device, handover_id)
        if handover is None or handover.device_id != device.device_id:
            return None
        return handover

    async def report(
        self, handover: Handover, words: Sequence[HandoverState], error: str = ""
    ) -> None:
        """Takes a phone's words on a message, in order; returns once they are on disk.

        Words that say less than is known, or come after the end, change nothing. Raises
        `StorageUnavailable`.
        """
        before = handover.state
        stored = [self._take(handover, state, error) for state in words]
        if not all(await asyncio.gather(*stored)):
            raise StorageUnavailable("a report could not be stored")
        if handover.state is not before:
            await self._storage.writer.write(handovers.move, handover.step())

    def receive(self, report: InboundPartReport, acknowledge: Callable[[bool], None]) -> None:
        """Hands up a text that a phone received."""
        self._sink.inbound(report, acknowledge)

    async def cancel(self, message_id: int) -> bool:
        """Asks for a message back; whether it can still be stopped.

        What no phone has fetched ends at once, the rest when its phone confirms.
        """
        handover = self.handovers.of_message(message_id)
        if handover is None or not handover.waits:
            return False
        if handover.state is HandoverState.ASSIGNED:
            self._end(handover, HandoverState.CANCELLED)
            self._tell(handover, _CANCELLED)
        else:
            self._recall(handover, Cancelling.BY_CUSTOMER)
        await self._storage.writer.write(handovers.move, handover.step())
        return True

    async def _look_up(self, device: Device, handover_id: int) -> Handover | None:
        rows = await self._storage.read(
            lambda c: handovers.find(c, device.device_id, [handover_id])
        )
        if not rows:
            return None
        handover = Handover(rows[0], None, stored=True)
        self._remember(handover)
        return handover

    # Words of a phone

    def _take(self, handover: Handover, state: HandoverState, error: str) -> asyncio.Future[bool]:
        """Takes one word; the future tells whether what follows from it is on disk."""
        told: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

        def acknowledge(on_disk: bool) -> None:
            if not told.done():
                told.set_result(on_disk)

        if handover.state is HandoverState.RETURNED and state >= HandoverState.PROCESSED:
            log.warning("sent_after_return", carrier=self.name, device=handover.device_id)
        late = handover.state is HandoverState.LOST and state in _ENDS_OF_SENT
        if not late and (state <= handover.state or handover.state > HandoverState.SENT):
            acknowledge(True)
            return told
        now_ms = self._clock.now_ms()
        if state < HandoverState.SENT:
            self.handovers.move(handover, state, now_ms)
            acknowledge(True)
        elif state is HandoverState.CANCELLED:
            self._take_cancelled(handover, acknowledge)
        elif state is HandoverState.FAILED:
            self._take_failed(handover, read_result(error), acknowledge)
        else:
            self._take_sent(handover, state, acknowledge)
        self._note_soon(handover.device_id)
        return told

    def _take_sent(
        self, handover: Handover, state: HandoverState, acknowledge: Callable[[bool], None]
    ) -> None:
        delivered = state is HandoverState.DELIVERED
        self.chooser.sent(Place(handover.device_id, handover.slot))
        self._end(handover, state)
        if not handover.settled:
            accepted = Accepted(carrier_ids=(handover.key,))
            self._tell(handover, accepted, None if delivered else acknowledge)
        elif not delivered:
            acknowledge(True)
        if delivered:
            self._sink.receipt(self._receipt(handover, ReceiptState.DELIVERED), acknowledge)

    def _take_cancelled(self, handover: Handover, acknowledge: Callable[[bool], None]) -> None:
        reroute = handover.cancelling is Cancelling.TO_REROUTE
        outcome: Outcome = _BACK_TO_ROUTE if reroute else _CANCELLED
        self._end(handover, HandoverState.CANCELLED)
        self._tell(handover, outcome, acknowledge)

    def _take_failed(
        self, handover: Handover, result: Result, acknowledge: Callable[[bool], None]
    ) -> None:
        before = handover.state
        place = Place(handover.device_id, handover.slot)
        if (slower := self.chooser.failed(place, result, self._clock.now_ms())) is not None:
            log.warning(slower, carrier=self.name, device=handover.device_id)
        self._end(handover, HandoverState.FAILED)
        untouched = result.too_late or result.missing_slot is not None
        if handover.settled:
            report = self._receipt(handover, ReceiptState.UNDELIVERABLE, result)
            self._sink.receipt(report, acknowledge)
        elif untouched and before < HandoverState.PROCESSED:
            self._tell(handover, _BACK_TO_ROUTE, acknowledge)
        else:
            rejected = Rejected(code=result.code, detail=result.detail)
            self._tell(handover, rejected, acknowledge)

    def _receipt(
        self, handover: Handover, state: ReceiptState, result: Result | None = None
    ) -> ReceiptReport:
        return ReceiptReport(
            carrier=self.name,
            message_id=handover.key,
            keys=(handover.key,),
            state=state,
            recipient=handover.recipient.removeprefix("+"),
            error=result.detail if result else "",
            failure=result.code if result else FailureCode.NONE,
        )

    # What time brings about

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            try:
                self.tick()
            except Exception as error:  # one handover must not end the care for all
                log.error("phones_not_looked_at", carrier=self.name, reason=type(error).__name__)

    def tick(self) -> None:
        """Looks at everything that is open once."""
        now_ms = self._clock.now_ms()
        margin_ms = round(self.settings.clock_margin_s * 1000)
        lost_ms = now_ms - round(self.settings.processed_life_s * 1000)
        for handover in self.handovers:
            if not handover.stored:
                continue
            if handover.state is HandoverState.PROCESSED:
                if handover.changed_ms <= lost_ms:
                    self._give_up(handover)
            elif handover.state is HandoverState.ASSIGNED:
                if handover.valid_until_ms <= now_ms or not self._is_coming(handover, now_ms):
                    self._give_back(handover)
            elif handover.valid_until_ms + margin_ms <= now_ms:
                if self.settings.hold:
                    self._give_up(handover)
                else:
                    self._give_back(handover)
        self.chooser.recover(now_ms)
        self.chooser.refresh_all(now_ms)
        self._note()

    def _is_coming(self, handover: Handover, now_ms: int) -> bool:
        """Whether the phone can be expected to fetch what it was assigned."""
        longest_s = self.settings.present_s
        if self._devices.presence.has_stream(handover.device_id):
            longest_s = min(longest_s, STREAM_FETCH_S)
        waited_ms = now_ms - handover.assigned_ms
        return self.chooser.is_there(handover.device_id) and waited_ms < longest_s * 1000

    def _give_back(self, handover: Handover) -> None:
        # A phone can die between sending a text and saying so.
        untouched = handover.state is HandoverState.ASSIGNED
        self._end(handover, HandoverState.RETURNED)

        def returned(_stored: bool) -> None:
            self._tell(handover, _BACK_TO_ROUTE if untouched else _SILENT)

        # The row first: a phone that comes back must not be shown what goes another way.
        persist(self._storage.writer, handovers.move, handover.step(), returned)

    def _give_up(self, handover: Handover) -> None:
        self._end(handover, HandoverState.LOST)
        unknown = Unknown(detail="no result from the phone", carrier_ids=(handover.key,))

        def told(_stored: bool) -> None:
            persist(self._storage.writer, handovers.move, handover.step(), _ignore)

        self._tell(handover, unknown, told)

    def _recall(self, handover: Handover, reason: Cancelling) -> None:
        if handover.cancelling is Cancelling.NO:
            handover.cancelling = reason
        self._notices.tell(handover.device_id, DeviceEvent.CANCELLED, {"messageId": handover.key})

    def _on_device(self, device_id: int) -> None:
        """A phone came, changed, or is gone."""
        device = self._devices.get(device_id)
        if device is None or not device.enabled:
            for handover in self.handovers.of_device(device_id):
                if handover.state is HandoverState.ASSIGNED and handover.stored:
                    self._give_back(handover)
                elif handover.waits and handover.stored and device is not None:
                    self._recall(handover, Cancelling.TO_REROUTE)
                    persist(self._storage.writer, handovers.move, handover.step(), _ignore)
        elif device.carrier == self.name:
            self.chooser.changed(device)
        self._note_soon(device_id)

    # Telling the house

    def _end(self, handover: Handover, state: HandoverState) -> None:
        self.handovers.move(handover, state, self._clock.now_ms())
        self._remember(handover)

    def _remember(self, handover: Handover) -> None:
        self._ended[handover.handover_id] = handover
        self._ended.move_to_end(handover.handover_id)
        if len(self._ended) > MAX_REMEMBERED:
            self._ended.popitem(last=False)

    def _tell(
        self,
        handover: Handover,
        outcome: Outcome,
        acknowledge: Callable[[bool], None] | None = None,
    ) -> None:
        message = handover.message
        if message is None or handover.settled:
            if acknowledge is not None:
                acknowledge(True)
            return
        self.handovers.settle(handover)
        handover.message = None  # its text is not needed any more
        self._sink.outcome(self.name, message, outcome, acknowledge)
        self._note_soon(handover.device_id)

    def _settle(self, message: Outgoing, outcome: Outcome) -> None:
        """Tells an outcome in the next loop turn: `send` never calls back into its caller."""
        if not self._settled:
            asyncio.get_running_loop().call_soon(self._tell_settled)
        self._settled.append((message, outcome))

    def _tell_settled(self) -> None:
        settled, self._settled = self._settled, []
        for message, outcome in settled:
            self._sink.outcome(self.name, message, outcome)

    # How much can be taken

    def _note_soon(self, device_id: int) -> None:
        """Looks at a phone at once, and soon at what all of them can take."""
        self.chooser.refresh(device_id, self._clock.now_ms())
        if self._note_timer is None and not self._closing and self._ticker is not None:
            loop = asyncio.get_running_loop()
            self._note_timer = loop.call_later(NOTE_S, self._note)

    def _note(self) -> None:
        """Works out anew how much the phones can take, and looks again when more can."""
        self._note_timer = None
        if self._closing:
            return
        now_ms = self._clock.now_ms()
        room = self.chooser.room(now_ms)
        before = (self._up, self._room)
        self._up, self._room = room.up, room.places
        if self._wake_timer is not None:
            self._wake_timer.cancel()
            self._wake_timer = None
        if room.wait_ms:
            loop = asyncio.get_running_loop()
            self._wake_timer = loop.call_later(room.wait_ms / 1000, self._note)
        if room.places or before != (self._up, self._room):
            self._sink.availability(self.name)


_BACK_TO_ROUTE = Deferred(code=RetryCode.LINK_DOWN, retry_in_s=0.0, detail="given back by a phone")
_SILENT = Deferred(
    code=RetryCode.LINK_DOWN,
    retry_in_s=0.0,
    detail="a phone said nothing more",
    possible_duplicate=True,
)
_CANCELLED = Rejected(code=FailureCode.CANCELLED)
_ENDS_OF_SENT = frozenset({HandoverState.SENT, HandoverState.DELIVERED, HandoverState.FAILED})


def _ignore(_stored: bool) -> None:
    """The row is what it was; the next start looks at it again."""
