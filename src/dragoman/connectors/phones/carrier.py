"""A group of phones as a connector: assigns a few messages at a time and collects their results.

The gateway stays responsible for a message until its phone reports the outcome. What a phone never
fetched returns to the route when the phone is gone. What it fetched returns when the phone confirms
that it will not send it, or when it may no longer. What reached its radio is never sent again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import structlog

from dragoman.config.tables import PhonesTable
from dragoman.connectors.phones.assignment import Cancelling, DeviceAssignment
from dragoman.connectors.phones.choice import Chooser
from dragoman.connectors.phones.custody import BACK_TO_ROUTE, SILENT, Custody
from dragoman.connectors.phones.handout import HandOut
from dragoman.connectors.phones.notices import Notices
from dragoman.connectors.phones.precedence import Precedence
from dragoman.connectors.phones.protocols import WITHDRAWING
from dragoman.core.delivery.model.ports import CarrierEvents, Taking
from dragoman.core.devices.assignments import Assignments
from dragoman.core.devices.devices import Devices
from dragoman.core.devices.model.devices import AssignmentState, StoredAssignment
from dragoman.core.messages.model.messages import Outgoing, data_of
from dragoman.core.messages.model.outcomes import Deferred, Outcome, Rejected, Unknown
from dragoman.core.model.errors import FailureCode, RetryCode
from dragoman.kit import ids as identifiers
from dragoman.kit.clock import Clock, ClockWatch
from dragoman.kit.ids import IdSource
from dragoman.kit.supervisor import Spawn, spawn_unwatched

TICK_S = 2.0
NOTE_S = 0.02
"""Changes are evaluated together this long after the first."""
EVENT_GAP_S = 3.0
"""Between two events that make a phone fetch: each replaces the fetch under way."""
ABSENT_RETRY_S = 5.0
BUSY_RETRY_S = 0.5
STREAM_FETCH_S = 120.0
"""A phone with an open stream that does not fetch within this time is probably gone."""
DAY_MS = 24 * 3600 * 1000
STORING_S = 2.0
"""For the last outcomes of a carrier that is to be no more."""

log = structlog.get_logger(__name__)


class PhonesCarrier:
    """The phones of one carrier; the phone protocols call its `handout`."""

    def __init__(
        self,
        settings: PhonesTable,
        sink: CarrierEvents,
        *,
        devices: Devices,
        rows: Assignments,
        ids: IdSource,
        clock: Clock,
    ) -> None:
        self.settings = settings
        self.name = settings.name
        self._sink = sink
        self._devices = devices
        self._rows = rows
        self._ids = ids
        self._clock = clock
        self._clock_watch = ClockWatch(clock)
        self._custody = Custody(settings.name, sink, clock, self._note_soon)
        self.assignments = self._custody.open
        self.chooser = Chooser(settings, devices, self.assignments)
        self._notices = Notices(devices.presence, EVENT_GAP_S)
        self.handout = HandOut(
            settings=settings,
            custody=self._custody,
            chooser=self.chooser,
            notices=self._notices,
            sink=sink,
            rows=rows,
            clock=clock,
            on_report=self._note_soon,
        )
        self._precedence = Precedence(shared=settings.shared)
        self._settled: list[tuple[Outgoing, Outcome]] = []
        self.up = False
        """Whether at least one of its phones is present and in service."""
        self._places = 0
        self._closing = False
        self._leaving = False
        """Whether it is to be no more, rather than to stop with the gateway."""
        self._reported = asyncio.Event()
        """Set when a phone has come, changed, reported or gone."""
        self._note_timer: asyncio.TimerHandle | None = None
        self._wake_timer: asyncio.TimerHandle | None = None
        self._ticker: asyncio.Task[None] | None = None
        devices.changed.subscribe(self._on_device)
        devices.presence.changed.subscribe(self._on_device)

    @property
    def capacity(self) -> int:
        """Parts with phones now, and one for each SIM that may send; 0 when down."""
        return self.assignments.held_parts + self._places if self.up else 0

    async def start(self, spawn: Spawn = spawn_unwatched) -> None:
        """Loads the usage of the last day and starts the periodic check."""
        self._closing = False
        since = identifiers.first_at(self._clock.now_ms() - DAY_MS)
        usage = await self._rows.load_usage(self.name, since)
        self.chooser.restore(usage)
        self.chooser.refresh_all(self._clock.now_ms())
        self._ticker = spawn(f"phones {self.name}", self._run())
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
        self._report_settled()

    async def leave(self, timeout_s: float) -> None:
        """Stops for good. What no phone has fetched goes back to its route at once.

        Phones are asked to give back what they have not sent, and report meanwhile on what they
        have; what is open when the time is over is handled like that of a phone that died.
        """
        self._closing = self._leaving = True
        for assignment in self.assignments:
            if assignment.state is AssignmentState.ASSIGNED and assignment.stored:
                self._give_back(assignment)
            elif assignment.can_be_recalled:
                self.handout.recall(assignment, Cancelling.TO_REROUTE)
                self._rows.move_surely(assignment.step(), _ignore)
        await self._until_reported(timeout_s)
        for assignment in self.assignments:
            if assignment.waits and assignment.withdraws and self.settings.on_unknown != "hold":
                self._give_back(assignment)
            else:
                self._give_up(assignment)
        await self._until_reported(STORING_S)
        self._devices.changed.unsubscribe(self._on_device)
        self._devices.presence.changed.unsubscribe(self._on_device)
        await self.stop(0)

    async def _until_reported(self, timeout_s: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while self.assignments.held_parts:
                    self._reported.clear()
                    await self._reported.wait()

    def take_settings(self, settings: PhonesTable) -> None:
        """Takes other settings while phones have messages."""
        if settings.shared != self.settings.shared:
            self._precedence = Precedence(shared=settings.shared)
        self.settings = self.handout.settings = settings
        self.chooser.take_settings(settings, self._clock.now_ms())
        self._note()

    def send(self, message: Outgoing) -> None:
        """Assigns a message to a SIM; its outcome is reported once its phone knows it."""
        refusal = _refusal_of(message)
        if refusal is not None:  # its route has changed carriers since it was accepted
            self._settle(message, refusal)
            return
        now_ms = self._clock.now_ms()
        place = None if self._closing else self.chooser.choose(message, now_ms)
        if place is None:
            self._settle(message, self._defer(message))
            return
        self._precedence.end(message)
        row = StoredAssignment(
            assignment_id=self._ids.next(),
            message_id=message.message_id,
            device_id=place.device_id,
            carrier=self.name,
            slot=place.slot,
            parts=len(message.parts),
            state=AssignmentState.ASSIGNED,
            cancelling=0,
            recipient=f"+{message.recipient}",
            valid_until_ms=message.validity_until_ms or now_ms + DAY_MS,
            assigned_ms=now_ms,
            changed_ms=now_ms,
        )
        withdraws = self._withdraws(place.device_id)
        assignment = DeviceAssignment(row, message, stored=False, withdraws=withdraws)
        self.assignments.add(assignment)
        self.chooser.took(place, assignment.parts, now_ms)
        self._places = len(self.chooser)
        self._rows.assign(row, lambda result: self._assigned(assignment, result))

    def _assigned(self, assignment: DeviceAssignment, result: object) -> None:
        if isinstance(result, Exception):
            self._custody.end(assignment, AssignmentState.RETURNED)
            self._custody.report(
                assignment, Deferred(code=RetryCode.CARRIER_BUSY, retry_in_s=BUSY_RETRY_S)
            )
            return
        assignment.stored = True
        if self._leaving:
            self._give_back(assignment)
        else:
            self._notices.fetch(assignment.device_id)

    def _withdraws(self, device_id: int) -> bool:
        device = self._devices.get(device_id)
        return device is not None and device.protocol in WITHDRAWING

    def _defer(self, message: Outgoing) -> Deferred:
        if self._closing:
            return Deferred(code=RetryCode.DRAINING, retry_in_s=BUSY_RETRY_S)
        if self.chooser.has_phone_for(message):
            return Deferred(code=RetryCode.CARRIER_BUSY, retry_in_s=BUSY_RETRY_S)
        return Deferred(code=RetryCode.LINK_DOWN, retry_in_s=ABSENT_RETRY_S)

    def takes(self, message: Outgoing, ahead: int) -> Taking | Rejected:
        """Whether present phones can send a message, and have capacity for it now."""
        refusal = _refusal_of(message)
        if refusal is not None:
            return refusal
        if not self.chooser.has_phone_for(message):
            return Taking.AWAY
        now_ms, now = self._clock.now_ms(), self._clock.monotonic()
        if self.chooser.count_for(message, now_ms) <= ahead:
            self._precedence.wait(message, now)
            return Taking.BUSY
        if self._precedence.waits:
            place = self.chooser.choose(message, now_ms)
            if place is not None and not self._precedence.is_free(place, message, now):
                return Taking.BUSY
        return Taking.NOW

    async def kept(self) -> Sequence[int]:
        """The messages that phones had when an earlier run ended."""
        for row in await self._rows.load_open(self.name):
            withdraws = self._withdraws(row.device_id)
            self.assignments.add(DeviceAssignment(row, None, stored=True, withdraws=withdraws))
        return [assignment.message_id for assignment in self.assignments]

    def resume(self, messages: Sequence[Outgoing]) -> None:
        """Resumes the messages whose outcome the gateway still waits for."""
        wanted = {message.message_id: message for message in messages}
        for assignment in self.assignments:
            message = wanted.get(assignment.message_id)
            if message is not None:
                self.assignments.resume(assignment, message)

    async def call_back(self, message_id: int) -> bool:
        """Asks the phone that has a message not to send it; whether it can still be stopped."""
        return await self.handout.cancel(message_id)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            try:
                self.tick()
            except Exception as error:  # one assignment must not end the check of all
                log.error("phones_not_looked_at", carrier=self.name, reason=type(error).__name__)

    def tick(self) -> None:
        """Checks every open assignment once."""
        now_ms = self._clock.now_ms()
        margin_ms = round(self.settings.clock_margin_s * 1000)
        lost_ms = now_ms - round(self.settings.processed_life_s * 1000)
        if back_ms := self._clock_watch.set_back_ms():
            self.chooser.set_back(back_ms)
            for assignment in self.assignments:
                assignment.assigned_ms -= back_ms
                assignment.changed_ms -= back_ms
        for assignment in self.assignments:
            if not assignment.stored:
                continue
            if assignment.state is AssignmentState.PROCESSED:
                if assignment.changed_ms <= lost_ms:
                    self._give_up(assignment)
            elif assignment.state is AssignmentState.ASSIGNED:
                if assignment.valid_until_ms <= now_ms or not self._is_coming(assignment, now_ms):
                    self._give_back(assignment)
            elif assignment.valid_until_ms + margin_ms <= now_ms:
                if self.settings.on_unknown == "hold" or not assignment.withdraws:
                    self._give_up(assignment)
                else:
                    self._give_back(assignment)
        self.chooser.recover(now_ms)
        self.chooser.refresh_all(now_ms)
        self._note()

    def _is_coming(self, assignment: DeviceAssignment, now_ms: int) -> bool:
        """Whether the phone can be expected to fetch what it was assigned."""
        longest_s = self.settings.present_s
        if self._devices.presence.has_stream(assignment.device_id):
            longest_s = min(longest_s, STREAM_FETCH_S)
        waited_ms = now_ms - assignment.assigned_ms
        return self.chooser.is_there(assignment.device_id) and waited_ms < longest_s * 1000

    def _give_back(self, assignment: DeviceAssignment) -> None:
        # A phone can die between sending a text and reporting it.
        untouched = assignment.state is AssignmentState.ASSIGNED
        self._custody.end(assignment, AssignmentState.RETURNED)

        def returned(_stored: bool) -> None:
            self._custody.report(assignment, BACK_TO_ROUTE if untouched else SILENT)

        # The row first: a phone that returns must not get a message that was rerouted.
        self._rows.move_surely(assignment.step(), returned)

    def _give_up(self, assignment: DeviceAssignment) -> None:
        self._custody.end(assignment, AssignmentState.LOST)
        unknown = Unknown(detail="no result from the phone", carrier_ids=(assignment.key,))

        def reported(_stored: bool) -> None:
            self._rows.move_surely(assignment.step(), _ignore)

        self._custody.report(assignment, unknown, reported)

    def _on_device(self, device_id: int) -> None:
        """Handles a phone that came, changed or went."""
        device = self._devices.get(device_id)
        if device is None or not self._devices.is_in_service(device):
            for assignment in self.assignments.of_device(device_id):
                if assignment.state is AssignmentState.ASSIGNED and assignment.stored:
                    self._give_back(assignment)
                elif assignment.can_be_recalled and device is not None:
                    self.handout.recall(assignment, Cancelling.TO_REROUTE)
                    self._rows.move_surely(assignment.step(), _ignore)
        elif device.carrier == self.name:
            self.chooser.changed(device)
        self._note_soon(device_id)

    def _settle(self, message: Outgoing, outcome: Outcome) -> None:
        """Reports an outcome in the next loop turn: `send` never calls back into its caller."""
        if not self._settled:
            asyncio.get_running_loop().call_soon(self._report_settled)
        self._settled.append((message, outcome))

    def _report_settled(self) -> None:
        settled, self._settled = self._settled, []
        for message, outcome in settled:
            self._sink.outcome(self.name, message, outcome)

    def _note_soon(self, device_id: int) -> None:
        """Evaluates a phone at once, and soon the capacity of all of them."""
        self._reported.set()
        self.chooser.refresh(device_id, self._clock.now_ms())
        if self._note_timer is None and not self._closing and self._ticker is not None:
            loop = asyncio.get_running_loop()
            self._note_timer = loop.call_later(NOTE_S, self._note)

    def _note(self) -> None:
        """Updates the capacity, and schedules the next update for when more may be sent."""
        self._note_timer = None
        if self._closing:
            return
        now_ms = self._clock.now_ms()
        capacity = self.chooser.capacity(now_ms)
        before = (self.up, self._places)
        self.up, self._places = capacity.up, capacity.places
        if self._wake_timer is not None:
            self._wake_timer.cancel()
            self._wake_timer = None
        if capacity.wait_ms:
            loop = asyncio.get_running_loop()
            self._wake_timer = loop.call_later(capacity.wait_ms / 1000, self._note)
        if capacity.places or before != (self.up, self._places):
            self._sink.availability(self.name)


def _refusal_of(message: Outgoing) -> Rejected | None:
    """Why no phone can ever send a message."""
    if message.premium is not None:
        return Rejected(code=FailureCode.NOT_BILLABLE, detail="phones charge no recipients")
    if message.multimedia is not None or not (message.text or data_of(message.parts)):
        detail = "phones send texts and data for a port"
        return Rejected(code=FailureCode.INVALID_CONTENT, detail=detail)
    return None


def _ignore(_stored: bool) -> None:
    """The row is unchanged; the next start reads it again."""
