"""The messages that phones have; the outcome of each is reported once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from dragoman.connectors.phones.assignment import DeviceAssignment, OpenAssignments
from dragoman.core.delivery.model.ports import CarrierEvents
from dragoman.core.devices.model.devices import AssignmentState
from dragoman.core.messages.model.outcomes import Deferred, Outcome, Rejected
from dragoman.core.model.errors import FailureCode, RetryCode
from dragoman.core.model.stored import OnStored
from dragoman.kit.clock import Clock

MAX_REMEMBERED: Final = 50_000
"""Ended assignments whose repeated reports need no query."""

BACK_TO_ROUTE: Final = Deferred(
    code=RetryCode.LINK_DOWN, retry_in_s=0.0, detail="given back by a phone"
)
SILENT: Final = Deferred(
    code=RetryCode.LINK_DOWN,
    retry_in_s=0.0,
    detail="a phone said nothing more",
    possible_duplicate=True,
)
CANCELLED: Final = Rejected(code=FailureCode.CANCELLED)


class Custody:
    """The assignments of a carrier: open ones, and those that ended recently."""

    def __init__(
        self, carrier: str, sink: CarrierEvents, clock: Clock, on_change: Callable[[int], None]
    ) -> None:
        """`on_change` is called with a device whose assignment has settled."""
        self.carrier = carrier
        self.open = OpenAssignments()
        self._sink = sink
        self._clock = clock
        self._on_change = on_change
        self._ended: OrderedDict[int, DeviceAssignment] = OrderedDict()

    def find(self, assignment_id: int) -> DeviceAssignment | None:
        """An assignment that is open or remembered."""
        return self.open.get(assignment_id) or self._ended.get(assignment_id)

    def end(self, assignment: DeviceAssignment, state: AssignmentState) -> None:
        """Ends an assignment, of which nothing more is expected."""
        self.open.move(assignment, state, self._clock.now_ms())
        self.remember(assignment)

    def remember(self, assignment: DeviceAssignment) -> None:
        """Remembers an assignment that has ended."""
        self._ended[assignment.assignment_id] = assignment
        self._ended.move_to_end(assignment.assignment_id)
        if len(self._ended) > MAX_REMEMBERED:
            self._ended.popitem(last=False)

    def report(
        self, assignment: DeviceAssignment, outcome: Outcome, on_stored: OnStored | None = None
    ) -> None:
        """Reports the outcome of an assignment, unless it was reported before."""
        message = assignment.message
        if message is None or assignment.settled:
            if on_stored is not None:
                on_stored(True)
            return
        self.open.settle(assignment)
        assignment.message = None  # its text is not needed any more
        self._sink.outcome(self.carrier, message, outcome, on_stored)
        self._on_change(assignment.device_id)
