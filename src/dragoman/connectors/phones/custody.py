"""The messages that phones have, and telling the house what comes of each, once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from dragoman.connectors.phones.handover import Handover, Handovers
from dragoman.core.delivery.model.ports import CarrierEvents
from dragoman.core.devices.model.devices import HandoverState
from dragoman.core.messages.model.outcomes import Deferred, Outcome, Rejected
from dragoman.core.model.errors import FailureCode, RetryCode
from dragoman.kit.clock import Clock

MAX_REMEMBERED: Final = 50_000
"""Handovers that ended, whose repeated reports then cost no query."""

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
    """The handovers of a carrier, open ones and those that ended lately."""

    def __init__(
        self, carrier: str, sink: CarrierEvents, clock: Clock, on_change: Callable[[int], None]
    ) -> None:
        """`on_change` is told of a device whose handover has settled."""
        self.carrier = carrier
        self.open = Handovers()
        self._sink = sink
        self._clock = clock
        self._on_change = on_change
        self._ended: OrderedDict[int, Handover] = OrderedDict()

    def find(self, handover_id: int) -> Handover | None:
        """One that is open, or is remembered."""
        return self.open.get(handover_id) or self._ended.get(handover_id)

    def end(self, handover: Handover, state: HandoverState) -> None:
        """Nothing more is expected of one."""
        self.open.move(handover, state, self._clock.now_ms())
        self.remember(handover)

    def remember(self, handover: Handover) -> None:
        """Keeps one at hand that has ended."""
        self._ended[handover.handover_id] = handover
        self._ended.move_to_end(handover.handover_id)
        if len(self._ended) > MAX_REMEMBERED:
            self._ended.popitem(last=False)

    def tell(
        self,
        handover: Handover,
        outcome: Outcome,
        acknowledge: Callable[[bool], None] | None = None,
    ) -> None:
        """Tells the house what came of one, unless it knows."""
        message = handover.message
        if message is None or handover.settled:
            if acknowledge is not None:
                acknowledge(True)
            return
        self.open.settle(handover)
        handover.message = None  # its text is not needed any more
        self._sink.outcome(self.carrier, message, outcome, acknowledge)
        self._on_change(handover.device_id)
