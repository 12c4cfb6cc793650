"""What phones ask for and say, in whatever protocol: work, reports on it, and texts they received.

A phone protocol is an adapter over `fetch`, `find`, `report` and `receive`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import structlog

from dragoman.connectors.phones.choice import Chooser, Place
from dragoman.connectors.phones.custody import BACK_TO_ROUTE, CANCELLED, Custody
from dragoman.connectors.phones.handover import Cancelling, Handover
from dragoman.connectors.phones.notices import Notices
from dragoman.connectors.phones.results import Result, read_result
from dragoman.connectors.phones.settings import PhonesSettings
from dragoman.core.delivery.model.ports import CarrierEvents
from dragoman.core.devices.model.devices import Device, DeviceEvent, HandoverState
from dragoman.core.devices.sql import handovers
from dragoman.core.messages.model.lifecycle import ReceiptState
from dragoman.core.messages.model.messages import InboundPartReport, ReceiptReport
from dragoman.core.messages.model.outcomes import Accepted, Rejected
from dragoman.core.model.errors import FailureCode, StorageUnavailable
from dragoman.kit.clock import Clock
from dragoman.storage.engine import Storage

MAX_FETCH = 100

log = structlog.get_logger(__name__)


class HandOut:
    """The phones' side of one carrier."""

    def __init__(
        self,
        settings: PhonesSettings,
        custody: Custody,
        chooser: Chooser,
        notices: Notices,
        sink: CarrierEvents,
        *,
        storage: Storage,
        clock: Clock,
        on_report: Callable[[int], None],
    ) -> None:
        """`on_report` is told of a device that has reported on a message."""
        self._settings = settings
        self._custody = custody
        self._chooser = chooser
        self._notices = notices
        self._sink = sink
        self._storage = storage
        self._clock = clock
        self._on_report = on_report

    async def fetch(self, device: Device, *, newest_first: bool = False) -> list[Handover]:
        """What a phone should have now: what to send, and what not to send after all.

        That it was told so is on disk before it is. Raises `StorageUnavailable`.
        """
        now_ms = self._clock.now_ms()
        found = [one for one in self._custody.open.of_device(device.device_id) if one.is_shown]
        found = found[:MAX_FETCH]
        fresh = [one for one in found if one.state is HandoverState.ASSIGNED]
        for handover in fresh:
            latest_ms = now_ms + round(self._life_s(handover) * 1000)
            handover.valid_until_ms = min(handover.valid_until_ms, latest_ms)
            self._custody.open.move(handover, HandoverState.FETCHED, now_ms)
        try:
            await asyncio.gather(
                *(self._storage.writer.write(handovers.move, one.step()) for one in fresh)
            )
        except StorageUnavailable:
            for handover in fresh:  # the phone is told nothing, so it has not been given them
                if handover.state is HandoverState.FETCHED:
                    self._custody.open.move(handover, HandoverState.ASSIGNED, now_ms)
            raise
        # What is urgent first, for phones too that know no priorities.
        shown = sorted((one for one in found if one.is_shown), key=lambda one: not one.is_urgent)
        return shown[::-1] if newest_first else shown

    def _life_s(self, handover: Handover) -> float:
        """How long a phone may send what it fetches, or is waited for where it always may."""
        if handover.withdraws:
            return self._settings.fetched_life_s
        return self._settings.processed_life_s

    async def find(self, device: Device, handover_id: int) -> Handover | None:
        """What a phone was handed under an identifier; None for anything else."""
        handover = self._custody.find(handover_id)
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
        handover = self._custody.open.of_message(message_id)
        if handover is None or not handover.waits:
            return False
        if handover.state is not HandoverState.ASSIGNED and not handover.withdraws:
            return False
        if handover.state is HandoverState.ASSIGNED:
            handover.cancelling = Cancelling.BY_CUSTOMER
            self._custody.end(handover, HandoverState.CANCELLED)
            self._custody.tell(handover, CANCELLED)
        else:
            self.recall(handover, Cancelling.BY_CUSTOMER)
        await self._storage.writer.write(handovers.move, handover.step())
        return True

    async def _look_up(self, device: Device, handover_id: int) -> Handover | None:
        rows = await self._storage.read(
            lambda c: handovers.find(c, device.device_id, [handover_id])
        )
        if not rows:
            return None
        handover = Handover(rows[0], None, stored=True)
        self._custody.remember(handover)
        return handover

    def recall(self, handover: Handover, reason: Cancelling) -> None:
        """Asks a phone not to send what it has."""
        if handover.cancelling is Cancelling.NO:
            handover.cancelling = reason
        self._notices.tell(handover.device_id, DeviceEvent.CANCELLED, {"messageId": handover.key})

    # Words of a phone

    def _take(self, handover: Handover, state: HandoverState, error: str) -> asyncio.Future[bool]:
        """Takes one word; the future tells whether what follows from it is on disk."""
        told: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

        def acknowledge(on_disk: bool) -> None:
            if not told.done():
                told.set_result(on_disk)

        if handover.state is HandoverState.RETURNED and state >= HandoverState.PROCESSED:
            log.warning(
                "sent_after_return", carrier=self._custody.carrier, device=handover.device_id
            )
        late = handover.state is HandoverState.LOST and state in _ENDS_OF_SENT
        if not late and (state <= handover.state or handover.state > HandoverState.SENT):
            acknowledge(True)
            return told
        now_ms = self._clock.now_ms()
        if state < HandoverState.SENT:
            self._custody.open.move(handover, state, now_ms)
            acknowledge(True)
        elif state is HandoverState.CANCELLED:
            self._take_cancelled(handover, acknowledge)
        elif state is HandoverState.FAILED:
            self._take_failed(handover, read_result(error), acknowledge)
        else:
            self._take_sent(handover, state, acknowledge)
        self._on_report(handover.device_id)
        return told

    def _take_sent(
        self, handover: Handover, state: HandoverState, acknowledge: Callable[[bool], None]
    ) -> None:
        delivered = state is HandoverState.DELIVERED
        self._chooser.sent(Place(handover.device_id, handover.slot))
        self._custody.end(handover, state)
        if not handover.settled:
            accepted = Accepted(
                carrier_ids=(handover.key,), device_id=handover.device_id, sim=handover.sim
            )
            self._custody.tell(handover, accepted, None if delivered else acknowledge)
        elif not delivered:
            acknowledge(True)
        if delivered:
            self._sink.receipt(self._receipt(handover, ReceiptState.DELIVERED), acknowledge)

    def _take_cancelled(self, handover: Handover, acknowledge: Callable[[bool], None]) -> None:
        reroute = handover.cancelling is Cancelling.TO_REROUTE
        outcome = BACK_TO_ROUTE if reroute else CANCELLED
        self._custody.end(handover, HandoverState.CANCELLED)
        self._custody.tell(handover, outcome, acknowledge)

    def _take_failed(
        self, handover: Handover, result: Result, acknowledge: Callable[[bool], None]
    ) -> None:
        before = handover.state
        place = Place(handover.device_id, handover.slot)
        if (slower := self._chooser.failed(place, result, self._clock.now_ms())) is not None:
            log.warning(slower, carrier=self._custody.carrier, device=handover.device_id)
        self._custody.end(handover, HandoverState.FAILED)
        untouched = result.too_late or result.missing_slot is not None
        if handover.settled:
            report = self._receipt(handover, ReceiptState.UNDELIVERABLE, result)
            self._sink.receipt(report, acknowledge)
        elif untouched and before < HandoverState.PROCESSED:
            self._custody.tell(handover, BACK_TO_ROUTE, acknowledge)
        else:
            rejected = Rejected(
                code=result.code,
                detail=result.detail,
                device_id=handover.device_id,
                sim=handover.sim,
            )
            self._custody.tell(handover, rejected, acknowledge)

    def _receipt(
        self, handover: Handover, state: ReceiptState, result: Result | None = None
    ) -> ReceiptReport:
        return ReceiptReport(
            carrier=self._custody.carrier,
            message_id=handover.key,
            known_keys=(handover.key,),
            state=state,
            recipient=handover.recipient.removeprefix("+"),
            error=result.detail if result else "",
            failure=result.code if result else FailureCode.NONE,
            device_id=handover.device_id,
            sim=handover.sim,
        )


_ENDS_OF_SENT = frozenset({HandoverState.SENT, HandoverState.DELIVERED, HandoverState.FAILED})
