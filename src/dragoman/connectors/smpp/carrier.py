"""One SMSC account as a connector: several links, one rate, outcomes and deliveries upwards."""

from __future__ import annotations

import asyncio
import math
import ssl
from collections.abc import Callable

from dragoman.connectors.smpp.inbound import read_delivery
from dragoman.connectors.smpp.link import Link
from dragoman.connectors.smpp.reconstruction import reconstruct
from dragoman.connectors.smpp.settings import BindMode, CarrierSettings, TlsSettings
from dragoman.connectors.smpp.statuses import describe_status
from dragoman.connectors.smpp.submit_tracker import Part, SubmitTracker
from dragoman.connectors.smpp.submits import NotSendable, render_submits
from dragoman.core.delivery.model.ports import CarrierEvents
from dragoman.core.delivery.resources import always
from dragoman.core.messages.model.messages import Outgoing, ReceiptReport
from dragoman.core.messages.model.outcomes import Deferred, Outcome, Rejected
from dragoman.core.model.errors import FailureCode, RetryCode
from dragoman.core.model.stored import OnStored
from dragoman.core.reporting.model.timeline import PduStep, Timeline
from dragoman.kit.pace import Pace
from dragoman.kit.supervisor import Spawn, spawn_unwatched
from dragoman.kit.token_bucket import TokenBucket
from dragoman.protocols.smpp.errors import EncodeError
from dragoman.protocols.smpp.pdus import DataSm, DeliverSm, Pdu, SubmitSmResp

_RETRY_IN_S = 1.0
_FIELD_FAILURES = {
    "source_addr": FailureCode.INVALID_SENDER,
    "destination_addr": FailureCode.INVALID_DESTINATION,
}


class SmppCarrier:
    """Spreads messages over the links of one SMSC account, all parts of one over the same link."""

    def __init__(
        self,
        settings: CarrierSettings,
        sink: CarrierEvents,
        *,
        clock: Callable[[], float],
        wall_clock_ms: Callable[[], int],
        random: Callable[[], float],
        may_send: Callable[[], bool] = always,
    ) -> None:
        """Builds the links without connecting; `clock` is monotonic seconds, `random` in [0, 1).

        `may_send` is asked right before parts are written.
        """
        self.settings = settings
        self.name = settings.name
        self._sink = sink
        self._clock = clock
        self._wall_clock_ms = wall_clock_ms
        self._closing = False
        self._up = False
        self._capacity = 0
        self._settled: list[tuple[Outgoing, Outcome]] = []
        self._received: list[tuple[ReceiptReport, OnStored]] = []
        self.round_trip_s = 0.0
        """Time from submit to answer, averaged over the recent ones."""
        now = clock()
        limit = None
        if settings.rate_per_s is not None:
            burst = max(1.0, settings.rate_per_s * 0.05)
            limit = TokenBucket(rate_per_s=settings.rate_per_s, burst=burst, now=now)
        tls = None if settings.tls is None else _tls_context(settings.tls)
        modes = [settings.bind] * settings.links + [BindMode.RECEIVER] * settings.receiver_links
        self.links = tuple(
            Link(
                f"{settings.name}-{number}",
                settings,
                self,
                Pace(limit, now=now),
                bind=mode,
                clock=clock,
                random=random,
                may_send=may_send,
                tls=tls,
            )
            for number, mode in enumerate(modes, start=1)
        )

    @property
    def up(self) -> bool:
        """Whether at least one link can take messages."""
        return self._up

    @property
    def capacity(self) -> int:
        """Parts that may be unanswered in all bound links together; 0 when down."""
        return self._capacity

    async def start(self, spawn: Spawn = spawn_unwatched) -> None:
        """Begins to connect; `availability` is called when a link is bound."""
        self._closing = False
        for link in self.links:
            link.start(spawn)

    async def stop(self, timeout_s: float) -> None:
        """Finishes what is in flight and unbinds; unwritten messages come back as Deferred."""
        self._closing = True
        self._note_availability()
        await asyncio.gather(*(link.drain(timeout_s) for link in self.links))
        self._report()

    def send(self, message: Outgoing) -> None:
        """Takes a message; its outcome is reported later, exactly once."""
        link = self._choose_link()
        if link is None:
            code = RetryCode.DRAINING if self._closing else RetryCode.LINK_DOWN
            self._settle(message, Deferred(code=code, retry_in_s=_RETRY_IN_S))
            return
        if message.multimedia is not None:  # its route has changed carriers since it was accepted
            detail = "SMPP carries no multimedia messages"
            self._settle(message, Rejected(code=FailureCode.INVALID_CONTENT, detail=detail))
            return
        now_ms = self._wall_clock_ms()
        try:
            submits = render_submits(message, self.settings.profile, now_ms, self.settings.billing)
        except (NotSendable, ValueError) as error:
            self._settle(message, Rejected(code=FailureCode.INVALID_CONTENT, detail=str(error)))
            return
        until_ms = message.validity_until_ms
        valid_s = math.inf if until_ms is None else (until_ms - now_ms) / 1000
        tracker = SubmitTracker(message, len(submits), link.name, self._clock() + valid_s)
        if len(submits) == 1:
            link.put([Part(tracker=tracker, index=0, submit=submits[0])])
            return
        link.put(
            [
                Part(tracker=tracker, index=index, submit=submit)
                for index, submit in enumerate(submits)
            ]
        )

    def reconstruct(self, story: Timeline, message: Outgoing, at_ms: int) -> tuple[PduStep, ...]:
        """The PDUs of a message that was sent at a time."""
        try:
            submits = render_submits(message, self.settings.profile, at_ms, self.settings.billing)
            return reconstruct(story, submits)
        except (NotSendable, EncodeError, ValueError):
            return ()  # it was sent differently: the profile has changed since

    def _choose_link(self) -> Link | None:
        if self._closing:
            return None
        if len(self.links) == 1:
            (link,) = self.links
            return link if link.can_send and link.bound else None
        ready = [link for link in self.links if link.can_send and link.bound]
        if len(ready) > 1:
            return min(ready, key=_load_of)
        return ready[0] if ready else None

    def part_answered(self, part: Part, response: Pdu, elapsed_s: float) -> None:
        """Counts the answer of the SMSC towards the message's outcome."""
        share = 0.05 if self.round_trip_s else 1.0
        self.round_trip_s += (elapsed_s - self.round_trip_s) * share
        tracker = part.tracker
        if isinstance(response, SubmitSmResp) and not response.command_status:
            tracker.accept(part.index, response.message_id)
        elif response.command_status:
            tracker.refuse(response.command_status)
        else:
            tracker.reject(FailureCode.REFUSED_BY_CARRIER, "generic_nack without a status")
        self._finish(tracker)

    def part_lost(self, part: Part, detail: str) -> None:
        """Notes that it is unknown whether the SMSC has the part."""
        part.tracker.lose(detail)
        self._finish(part.tracker)

    def part_returned(self, part: Part, *, draining: bool) -> None:
        """Notes that the part was never sent."""
        code = RetryCode.DRAINING if draining else RetryCode.LINK_DOWN
        part.tracker.defer(code, _RETRY_IN_S, "the link went down")
        self._finish(part.tracker)

    def part_set_aside(self, part: Part, status: int, retry_in_s: float) -> None:
        """Gives the message back to its route, where it can be cancelled and expires."""
        part.tracker.defer(RetryCode.CARRIER_BUSY, retry_in_s, describe_status(status))
        self._finish(part.tracker)

    def part_skipped(self, part: Part) -> None:
        """Notes that the part was skipped."""
        part.tracker.skip()
        self._finish(part.tracker)

    def part_unsendable(self, part: Part, error: EncodeError) -> None:
        """Fails the message for the field that does not fit."""
        code = _FIELD_FAILURES.get(error.field, FailureCode.INVALID_CONTENT)
        part.tracker.reject(code, str(error))
        self._finish(part.tracker)

    def delivered(self, pdu: DeliverSm | DataSm, on_stored: OnStored) -> None:
        """Reads a receipt or a text and reports it, to be acknowledged once stored."""
        report = read_delivery(pdu, self.settings.name, self.settings.profile)
        if isinstance(report, ReceiptReport):
            self._report_soon()
            self._received.append((report, on_stored))
        else:
            self._sink.inbound(report, on_stored)

    def link_changed(self) -> None:
        """Updates whether the carrier is up, and its capacity."""
        self._note_availability()

    def _note_availability(self) -> None:
        bound = [link for link in self.links if link.can_send and link.bound]
        up = bool(bound) and not self._closing
        capacity = sum(link.window for link in bound) if up else 0
        if (up, capacity) != (self._up, self._capacity):
            self._up, self._capacity = up, capacity
            self._sink.availability(self.settings.name)

    def _finish(self, tracker: SubmitTracker) -> None:
        if tracker.done:
            self._settle(tracker.message, tracker.outcome())

    def _settle(self, message: Outgoing, outcome: Outcome) -> None:
        """Reports an outcome in the next loop turn: `send` never calls back into its caller."""
        self._report_soon()
        self._settled.append((message, outcome))

    def _report_soon(self) -> None:
        """Has all that this turn of the loop brings reported together, once it has ended."""
        if not (self._settled or self._received):
            asyncio.get_running_loop().call_soon(self._report)

    def _report(self) -> None:
        """Reports outcomes before receipts, which may be about them."""
        settled, self._settled = self._settled, []
        received, self._received = self._received, []
        if settled:
            self._sink.outcomes_came(self.settings.name, settled)
        if received:
            self._sink.receipts_came(received)


def _load_of(link: Link) -> int:
    return link.load


def _tls_context(settings: TlsSettings) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=settings.ca_file)
    if not settings.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if settings.certificate_file is not None:
        context.load_cert_chain(settings.certificate_file)
    return context
