"""What phones fetch and report in any protocol: messages, their states, and received texts.

A phone protocol is an adapter over `fetch`, `find`, `report` and `receive`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from dragoman.config.tables import PhonesTable
from dragoman.connectors.phones.assignment import Cancelling, DeviceAssignment
from dragoman.connectors.phones.choice import Chooser, Place
from dragoman.connectors.phones.custody import BACK_TO_ROUTE, CANCELLED, Custody
from dragoman.connectors.phones.notices import Notices
from dragoman.connectors.phones.results import Result, read_result
from dragoman.core.delivery.model.ports import CarrierEvents
from dragoman.core.devices.assignments import Assignments
from dragoman.core.devices.model.devices import AssignmentState, Device, DeviceEvent
from dragoman.core.messages.model.lifecycle import ReceiptState
from dragoman.core.messages.model.messages import InboundPartReport, ReceiptReport
from dragoman.core.messages.model.outcomes import Accepted, Rejected
from dragoman.core.model.errors import FailureCode, StorageUnavailable
from dragoman.core.model.stored import OnStored
from dragoman.kit.clock import Clock

MAX_FETCH = 100

log = structlog.get_logger(__name__)


@dataclass(slots=True, kw_only=True)
class HandOut:
    """The phones' side of one carrier."""

    settings: PhonesTable
    custody: Custody
    chooser: Chooser
    notices: Notices
    sink: CarrierEvents
    rows: Assignments
    clock: Clock
    on_report: Callable[[int], None]
    """Called with a device that has reported on a message."""

    async def fetch(self, device: Device, *, newest_first: bool = False) -> list[DeviceAssignment]:
        """The messages a phone is to fetch now: those to send, and those to cancel.

        That it was fetched is on disk before this returns. Raises `StorageUnavailable`.
        """
        now_ms = self.clock.now_ms()
        found = [one for one in self.custody.open.of_device(device.device_id) if one.is_shown]
        found = found[:MAX_FETCH]
        fresh = [one for one in found if one.state is AssignmentState.ASSIGNED]
        valid_until = {one.assignment_id: one.valid_until_ms for one in fresh}
        for assignment in fresh:
            latest_ms = now_ms + round(self._life_s(assignment) * 1000)
            assignment.valid_until_ms = min(assignment.valid_until_ms, latest_ms)
            self.custody.open.move(assignment, AssignmentState.FETCHED, now_ms)
        try:
            await asyncio.gather(*(self.rows.move(one.step()) for one in fresh))
        except StorageUnavailable:
            for assignment in fresh:  # the phone gets an error, so it has not fetched them
                assignment.valid_until_ms = valid_until[assignment.assignment_id]
                if assignment.state is AssignmentState.FETCHED:
                    self.custody.open.move(assignment, AssignmentState.ASSIGNED, now_ms)
            raise
        # Urgent messages first, also for phones that know no priorities.
        shown = sorted((one for one in found if one.is_shown), key=lambda one: not one.is_urgent)
        return shown[::-1] if newest_first else shown

    def _life_s(self, assignment: DeviceAssignment) -> float:
        """How long a phone may send what it fetches; else how long its result is awaited."""
        if assignment.withdraws:
            return self.settings.fetched_life_s
        return self.settings.processed_life_s

    async def find(self, device: Device, assignment_id: int) -> DeviceAssignment | None:
        """The assignment that a phone has under an identifier, or None."""
        assignment = self.custody.find(assignment_id)
        if assignment is None:
            assignment = await self._look_up(device, assignment_id)
        if assignment is None or assignment.device_id != device.device_id:
            return None
        return assignment

    async def report(
        self, assignment: DeviceAssignment, states: Sequence[AssignmentState], error: str = ""
    ) -> None:
        """Takes the states that a phone reports of a message; returns once they are on disk.

        States that are behind the known one, or come after the end, change nothing. Raises
        `StorageUnavailable`.
        """
        before = assignment.state
        stored = [self._take(assignment, state, error) for state in states]
        if not all(await asyncio.gather(*stored)):
            assignment.unwritten = True  # nor is it stored when the phone repeats it
            raise StorageUnavailable("a report could not be stored")
        if assignment.state is not before or assignment.unwritten:
            assignment.unwritten = True  # for the phone that repeats what could not be stored
            await self.rows.move(assignment.step())
            assignment.unwritten = False

    def receive(self, report: InboundPartReport, on_stored: OnStored) -> None:
        """Reports a text that a phone received."""
        self.sink.inbound(report, on_stored)

    async def cancel(self, message_id: int) -> bool:
        """Cancels a message; whether it can still be stopped.

        What no phone has fetched ends at once, the rest when its phone confirms.
        """
        assignment = self.custody.open.of_message(message_id)
        if assignment is None or not assignment.waits:
            return False
        if assignment.state is not AssignmentState.ASSIGNED and not assignment.withdraws:
            return False
        if assignment.state is AssignmentState.ASSIGNED:
            assignment.cancelling = Cancelling.BY_CUSTOMER
            self.custody.end(assignment, AssignmentState.CANCELLED)
            stored: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
            self.rows.move_surely(assignment.step(), stored.set_result)
            self.custody.report(assignment, CANCELLED)
            return await stored
        before = assignment.cancelling
        self.recall(assignment, Cancelling.BY_CUSTOMER)
        try:
            await self.rows.move(assignment.step())
        except StorageUnavailable:
            assignment.cancelling = before  # the customer is refused
            raise
        return True

    async def _look_up(self, device: Device, assignment_id: int) -> DeviceAssignment | None:
        row = await self.rows.find(device.device_id, assignment_id)
        if row is None:
            return None
        assignment = DeviceAssignment(row, None, stored=True)
        self.custody.remember(assignment)
        return assignment

    def recall(self, assignment: DeviceAssignment, reason: Cancelling) -> None:
        """Asks a phone not to send what it fetched."""
        if assignment.cancelling is Cancelling.NO:
            assignment.cancelling = reason
        self.notices.notify(
            assignment.device_id, DeviceEvent.CANCELLED, {"messageId": assignment.key}
        )

    def _take(
        self, assignment: DeviceAssignment, state: AssignmentState, error: str
    ) -> asyncio.Future[bool]:
        """Takes one state; the future's result is whether its consequences are on disk."""
        stored: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

        def on_stored(on_disk: bool) -> None:
            if not stored.done():
                stored.set_result(on_disk)

        if assignment.state is AssignmentState.RETURNED and state >= AssignmentState.PROCESSED:
            log.warning(
                "sent_after_return", carrier=self.custody.carrier, device=assignment.device_id
            )
        late = assignment.state is AssignmentState.LOST and state in _ENDS_OF_SENT
        if not late and (state <= assignment.state or assignment.state > AssignmentState.SENT):
            on_stored(True)
            return stored
        now_ms = self.clock.now_ms()
        if state < AssignmentState.SENT:
            self.custody.open.move(assignment, state, now_ms)
            on_stored(True)
        elif state is AssignmentState.CANCELLED:
            self._take_cancelled(assignment, on_stored)
        elif state is AssignmentState.FAILED:
            self._take_failed(assignment, read_result(error), on_stored)
        else:
            self._take_sent(assignment, state, on_stored)
        self.on_report(assignment.device_id)
        return stored

    def _take_sent(
        self, assignment: DeviceAssignment, state: AssignmentState, on_stored: OnStored
    ) -> None:
        delivered = state is AssignmentState.DELIVERED
        self.chooser.sent(Place(assignment.device_id, assignment.slot))
        self.custody.end(assignment, state)
        if not assignment.settled:
            accepted = Accepted(
                carrier_ids=(assignment.key,), device_id=assignment.device_id, sim=assignment.sim
            )
            self.custody.report(assignment, accepted, None if delivered else on_stored)
        elif not delivered:
            on_stored(True)
        if delivered:
            self.sink.receipt(self._receipt(assignment, ReceiptState.DELIVERED), on_stored)

    def _take_cancelled(self, assignment: DeviceAssignment, on_stored: OnStored) -> None:
        reroute = assignment.cancelling is Cancelling.TO_REROUTE
        outcome = BACK_TO_ROUTE if reroute else CANCELLED
        self.custody.end(assignment, AssignmentState.CANCELLED)
        self.custody.report(assignment, outcome, on_stored)

    def _take_failed(
        self, assignment: DeviceAssignment, result: Result, on_stored: OnStored
    ) -> None:
        before = assignment.state
        place = Place(assignment.device_id, assignment.slot)
        if (slower := self.chooser.failed(place, result, self.clock.now_ms())) is not None:
            log.warning(slower, carrier=self.custody.carrier, device=assignment.device_id)
        self.custody.end(assignment, AssignmentState.FAILED)
        untouched = result.too_late or result.missing_slot is not None
        if assignment.settled:
            report = self._receipt(assignment, ReceiptState.UNDELIVERABLE, result)
            self.sink.receipt(report, on_stored)
        elif untouched and before < AssignmentState.PROCESSED:
            self.custody.report(assignment, BACK_TO_ROUTE, on_stored)
        else:
            rejected = Rejected(
                code=result.code,
                detail=result.detail,
                device_id=assignment.device_id,
                sim=assignment.sim,
            )
            self.custody.report(assignment, rejected, on_stored)

    def _receipt(
        self, assignment: DeviceAssignment, state: ReceiptState, result: Result | None = None
    ) -> ReceiptReport:
        return ReceiptReport(
            carrier=self.custody.carrier,
            message_id=assignment.key,
            known_keys=(assignment.key,),
            state=state,
            recipient=assignment.recipient.removeprefix("+"),
            error=result.detail if result else "",
            failure=result.code if result else FailureCode.NONE,
            device_id=assignment.device_id,
            sim=assignment.sim,
        )


_ENDS_OF_SENT = frozenset({AssignmentState.SENT, AssignmentState.DELIVERED, AssignmentState.FAILED})
