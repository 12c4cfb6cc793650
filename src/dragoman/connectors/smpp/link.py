"""One connection to an SMSC: connects, binds, sends a line of parts through a window, reconnects.

A link is one task and one transport, whatever the traffic: parts wait in a line, everything that
can leave leaves in one write a loop turn, and answers are handled as they arrive.
"""

from __future__ import annotations

import asyncio
import heapq
import ssl
from collections import deque
from collections.abc import Callable
from itertools import chain
from types import MappingProxyType
from typing import Any, Final, cast

import structlog

from dragoman.connectors.smpp.link_events import LinkEvents
from dragoman.connectors.smpp.set_aside import FIRST_DELAY_S, SetAside
from dragoman.connectors.smpp.settings import BindMode, CarrierSettings
from dragoman.connectors.smpp.statuses import THROTTLING, describe_status
from dragoman.connectors.smpp.submit_tracker import Part, SubmitTracker
from dragoman.kit.pace import Pace
from dragoman.kit.supervisor import Spawn
from dragoman.protocols.smpp.constants import CommandStatus
from dragoman.protocols.smpp.errors import EncodeError
from dragoman.protocols.smpp.events import (
    BindRefused,
    Bound,
    Closed,
    CloseReason,
    RequestReceived,
    ResponseReceived,
    ResponseTimedOut,
    Unbinding,
)
from dragoman.protocols.smpp.layouts import RESPONSE_CLASSES
from dragoman.protocols.smpp.pdus import (
    Bind,
    BindReceiver,
    BindTransceiver,
    BindTransmitter,
    DataSm,
    DeliverSm,
)
from dragoman.protocols.smpp.session import Session
from dragoman.protocols.smpp.states import Role, State

log = structlog.get_logger(__name__)

_BINDS: Final[MappingProxyType[BindMode, type[Bind]]] = MappingProxyType(
    {
        BindMode.TRANSCEIVER: BindTransceiver,
        BindMode.TRANSMITTER: BindTransmitter,
        BindMode.RECEIVER: BindReceiver,
    }
)
_DELIVERIES: Final = (DeliverSm, DataSm)
_CLOSE_WITHIN_S: Final = 1.0
LOOK_AGAIN_S: Final = 0.5
"""Until it is asked again whether anything may be sent."""
_TAKEN: Final = CommandStatus.ESME_ROK.value
_TRY_AGAIN: Final = CommandStatus.ESME_RX_T_APPN.value
_FEW_REFUSALS: Final = 4
_AT_FAULT: Final = frozenset({CloseReason.LINK_DEAD, CloseReason.UNBIND_TIMEOUT})

# Members that every message asks for: looking one up in its class costs more than the rest.
_CLOSED = State.CLOSED


class Link(asyncio.Protocol):
    """One bind, kept up until it is drained."""

    def __init__(
        self,
        name: str,
        settings: CarrierSettings,
        events: LinkEvents,
        pace: Pace,
        *,
        bind: BindMode,
        clock: Callable[[], float],
        random: Callable[[], float],
        may_send: Callable[[], bool],
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.name = name
        self.pace = pace
        self.can_send = bind is not BindMode.RECEIVER
        self.last_error = ""
        self.reconnects = 0
        self.cut_pdus = 0
        """PDUs that ended in octets which are no optional parameter."""
        self._settings = settings
        self._events = events
        self._bind = bind
        self._clock = clock
        self._random = random
        self._may_send = may_send
        self._tls = tls
        self._session: Session[Part] | None = None
        self._transport: asyncio.Transport | None = None
        self._line: deque[Part] = deque()
        self._ahead: deque[Part] = deque()
        """Parts of urgent messages, which go before those in line."""
        # Throttled parts, first in line in the order of their first sending.
        self._again: list[tuple[int, Part]] = []
        self._aside = SetAside()
        self._aside_timer: asyncio.TimerHandle | None = None
        self._order = 0
        self._now = 0.0
        """When the events that are being handled were taken."""
        self._unacknowledged = 0
        self._writable = True
        self._draining = False
        self._was_bound = False
        self._pump_due: asyncio.Handle | None = None
        self._pace_timer: asyncio.TimerHandle | None = None
        self._session_timer: asyncio.TimerHandle | None = None
        self._gone: asyncio.Future[None] | None = None
        self._quiet: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None

    # Called by the carrier

    @property
    def bound(self) -> bool:
        """Whether messages may pass now."""
        return self._session is not None and self._session.bound

    @property
    def window(self) -> int:
        """How many parts may be unanswered."""
        return self._settings.session.window

    @property
    def outstanding(self) -> int:
        """How many parts are unanswered."""
        return 0 if self._session is None else self._session.outstanding

    @property
    def load(self) -> int:
        """How many parts wait or are unanswered."""
        waiting = len(self._line) + len(self._ahead) + len(self._again) + len(self._aside)
        return waiting + self.outstanding

    def start(self, spawn: Spawn) -> None:
        """Begins to connect."""
        if self._task is None or self._task.done():
            self._draining = False
            self._task = spawn(f"link {self.name}", self._stay_connected())

    def put(self, parts: list[Part]) -> None:
        """Adds the parts of one message to the line; the link must be bound."""
        for part in parts:
            self._order += 1
            part.order = self._order
        (self._ahead if parts[0].tracker.message.urgent else self._line).extend(parts)
        if self._pump_due is None:
            self._pump_soon()

    async def drain(self, timeout_s: float) -> None:
        """Returns messages not begun, finishes the others, unbinds and closes."""
        loop = asyncio.get_running_loop()
        self._draining = True
        deadline = loop.time() + timeout_s
        if self.bound:
            self._return_line(begun_too=False)
            if self.load or self._unacknowledged:
                self._quiet = loop.create_future()
                await asyncio.wait([self._quiet], timeout=max(0.0, deadline - loop.time()))
            self._return_line(begun_too=True)
        session = self._session
        if session is not None and self._gone is not None and (session.bound or session.is_ending):
            if session.bound:
                session.unbind(self._clock())
                self._after_session()
            wait_s = max(_CLOSE_WITHIN_S, deadline - loop.time())
            await asyncio.wait([self._gone], timeout=wait_s)
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        if self._session is not None:
            self._session.receive_eof()
            self._handle_events()
        self._disconnect()

    # Connecting

    async def _stay_connected(self) -> None:
        loop = asyncio.get_running_loop()
        failures = 0
        logged = False
        while not self._draining:
            self._gone = loop.create_future()
            self._was_bound = False
            try:
                async with asyncio.timeout(self._settings.connect_timeout_s):
                    await loop.create_connection(
                        lambda: self,
                        self._settings.host,
                        self._settings.port,
                        ssl=self._tls,
                        server_hostname=self._server_name(),
                    )
            except Exception as error:  # whatever it is: nothing else brings the link up again
                self.last_error = f"cannot connect: {str(error) or type(error).__name__}"
                if not (logged or isinstance(error, OSError | UnicodeError)):
                    log.exception("smpp_connecting_failed", link=self.name)
                    logged = True
            else:
                await self._gone
            if self._draining:
                return
            failures = 1 if self._was_bound else failures + 1
            await asyncio.sleep(self._settings.reconnect.delay_s(failures, self._random))
            self.reconnects += 1

    def _server_name(self) -> str | None:
        if self._tls is None or self._settings.tls is None:
            return None
        return self._settings.tls.server_name or self._settings.host

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclass of asyncio.Transport.
        transport = cast(asyncio.Transport, transport)
        settings = self._settings
        now = self._clock()
        self._transport = transport
        self._writable = True
        self.last_error = ""
        self._session = Session(Role.CLIENT, settings.session, now=now)
        request = _BINDS[self._bind](
            system_id=settings.system_id,
            password=settings.password,
            system_type=settings.system_type,
            addr_ton=settings.addr_ton,
            addr_npi=settings.addr_npi,
            address_range=settings.address_range,
        )
        try:
            self._session.bind(request, now)
        except EncodeError as error:
            self.last_error = f"cannot bind: {error}"
            transport.abort()
            return
        self._after_session()

    def data_received(self, data: bytes) -> None:
        session = self._session
        if session is not None:
            before = session.cut_pdus
            session.receive_data(data, self._clock())
            if session.cut_pdus != before:
                self._note_cut(session.cut_pdus - before)
            self._after_session()

    def _note_cut(self, count: int) -> None:
        """Counts PDUs read without their end; says so once, as such a peer does it for ever."""
        if not self.cut_pdus:
            log.warning("smpp_stray_octets", link=self.name)
        self.cut_pdus += count

    def connection_lost(self, exc: Exception | None) -> None:
        if self._session is not None:
            self._session.receive_eof()
            self._handle_events()
        self._transport = None
        self._session = None
        for timer in (self._pace_timer, self._session_timer, self._aside_timer):
            if timer is not None:
                timer.cancel()
        self._pace_timer = self._session_timer = self._aside_timer = None
        if self._gone is not None and not self._gone.done():
            self._gone.set_result(None)

    def pause_writing(self) -> None:
        self._writable = False

    def resume_writing(self) -> None:
        self._writable = True
        self._pump_soon()

    # Sending

    def _pump_soon(self) -> None:
        if self._pump_due is None:
            self._pump_due = asyncio.get_running_loop().call_soon(self._pump_now)

    def _pump_now(self) -> None:
        self._pump_due = None
        if self._session is not None and self._session.state is _CLOSED:
            self._handle_events()  # an answer of ours was the last that an unbind waited for
        self._pump()
        self._arm_session_timer()

    def _pump(self) -> None:
        """Sends what window, pace and the socket allow, in one write."""
        session = self._session
        if session is None or not self._writable:
            return
        if session.bound and self.can_send:
            self._fill_window(session)
        data = session.data_to_send()
        if data and self._transport is not None:
            self._transport.write(data)

    def _fill_window(self, session: Session[Part]) -> None:
        line, ahead, again = self._line, self._ahead, self._again
        if (line or ahead or again) and not self._may_send():
            self._pump_after(LOOK_AGAIN_S)
            return
        now = self._clock()
        for part in self._aside.take_due(now):
            self._put_again(part)
        while (line or ahead or again) and session.window_free > 0:
            part = again[0][1] if again else ahead[0] if ahead else line[0]
            if not part.tracker.failed and not self.pace.take(now):
                self._pump_after(self.pace.wait_s(now))
                return
            if again:
                heapq.heappop(again)
            elif ahead:
                ahead.popleft()
            else:
                line.popleft()
            if part.tracker.failed:
                self._events.part_skipped(part)
                continue
            try:
                session.request(part.submit, part, now)
                part.tracker.in_window += 1
            except EncodeError as error:
                self._events.part_unsendable(part, error)

    def _pump_after(self, wait_s: float) -> None:
        if self._pace_timer is None:
            loop = asyncio.get_running_loop()
            self._pace_timer = loop.call_later(max(wait_s, 0.001), self._pace_passed)

    def _pace_passed(self) -> None:
        self._pace_timer = None
        self._pump_now()

    # Events of the session

    def _after_session(self) -> None:
        self._handle_events()
        self._pump()
        self._arm_session_timer()
        if self._quiet is not None and not self._quiet.done():
            self._check_quiet()

    def _handle_events(self) -> None:
        session = self._session
        if session is None:
            return
        handlers = self._HANDLERS
        self._now = self._clock()
        for event in session.events_received():
            handlers[type(event)](self, event)

    def _on_response(self, event: ResponseReceived[Part]) -> None:
        part, response, now = event.context, event.response, self._now
        part.tracker.in_window -= 1
        if response.command_status in THROTTLING:
            self._on_throttled(part, response.command_status, now, now - event.elapsed_s)
            return
        if response.command_status == _TAKEN:
            self.pace.on_accepted(now)
            self._aside.note_taken(part)
        self._events.part_answered(part, response, event.elapsed_s)

    def _on_throttled(self, part: Part, status: int, now: float, sent_at: float) -> None:
        """Keeps the part first in line, unless it alone seems to be throttled.

        After a few refusals the others are tried. If they are taken, its number or message is the
        cause: it waits, longer each time, and slows nobody. If not, it is first in line again. A
        message of which the SMSC has nothing then waits on its route, where it can be cancelled.
        """
        part.refusals += 1
        aside, tracker = self._aside, part.tracker
        if not aside.knows(part) and part.refusals < _FEW_REFUSALS:
            if aside and not aside.others_taken:
                self._take_back()
            self.pace.on_throttled(now, sent_at)
            if now >= tracker.expires_at:
                self._give_back(part, status, 0.0)
            else:
                self._put_again(part)
            return
        self.pace.throttled += 1
        delay_s = aside.prolong(part, now)
        if now >= tracker.expires_at or (
            delay_s > FIRST_DELAY_S
            and tracker.untouched
            and (aside.others_taken or not self._is_waited_behind(tracker))
        ):
            self._give_back(part, status, delay_s)
        else:
            aside.put(part, now + delay_s)
            self._arm_aside_timer()

    def _is_waited_behind(self, tracker: SubmitTracker) -> bool:
        """Whether parts of other messages wait."""
        again = (part for _, part in self._again)
        return any(part.tracker is not tracker for part in chain(self._ahead, self._line, again))

    def _give_back(self, part: Part, status: int, retry_in_s: float) -> None:
        """Has a message wait elsewhere; its other parts come first in line, to be skipped."""
        self._events.part_set_aside(part, status, retry_in_s)
        for other in self._aside.take_of(part.tracker):
            self._put_again(other)

    def _take_back(self) -> None:
        """Puts what was set aside first in line again: the SMSC throttles the others too."""
        for part in self._aside.take_all():
            part.refusals = _FEW_REFUSALS - 1
            self._put_again(part)

    def _put_again(self, part: Part) -> None:
        heapq.heappush(self._again, (part.order, part))

    def _arm_aside_timer(self) -> None:
        wait_s = self._aside.wait_s(self._clock())
        if self._aside_timer is None and wait_s is not None:
            loop = asyncio.get_running_loop()
            self._aside_timer = loop.call_later(max(wait_s, 0.001), self._aside_passed)

    def _aside_passed(self) -> None:
        self._aside_timer = None
        self._pump_now()
        self._arm_aside_timer()

    def _on_timeout(self, event: ResponseTimedOut[Part]) -> None:
        event.context.tracker.in_window -= 1
        self._events.part_lost(event.context, "the SMSC did not answer in time")

    def _on_request(self, event: RequestReceived) -> None:
        request = event.request
        session = self._session
        if session is None:
            return
        if not isinstance(request, _DELIVERIES):
            # alert_notification and outbind have no answer; nothing else comes from a server.
            if type(request) in RESPONSE_CLASSES:
                answer = RESPONSE_CLASSES[type(request)]
                session.respond(request, answer(command_status=CommandStatus.ESME_RINVCMDID))
            return
        acknowledgement = _Acknowledgement(self, session, request)
        self._unacknowledged += 1
        if self._unacknowledged > self._settings.unacknowledged:
            acknowledgement(False)
        else:
            self._events.delivered(request, acknowledgement)

    def _on_bound(self, event: Bound) -> None:
        self._was_bound = True
        self._events.link_changed()

    def _on_refused(self, event: BindRefused) -> None:
        self.last_error = f"bind refused: {describe_status(event.response.command_status)}"
        self._disconnect()

    def _on_unbinding(self, event: Unbinding[Part]) -> None:
        """Gives back what is not sent; the responses to the rest may still come."""
        for part in event.unwritten:
            part.tracker.in_window -= 1
            self._events.part_returned(part, draining=self._draining)
        self._return_line(begun_too=True)
        self._events.link_changed()

    def _on_closed(self, event: Closed[Part]) -> None:
        if not self.last_error and event.reason is not CloseReason.UNBOUND:
            self.last_error = event.reason.value
        for part in event.unanswered:
            self._events.part_lost(part, event.reason.value)
        for part in event.unwritten:
            self._events.part_returned(part, draining=self._draining)
        self._return_line(begun_too=True)
        self._unacknowledged = 0
        self._events.link_changed()
        if event.reason in _AT_FAULT:
            self._disconnect()
        elif self._transport is not None and self._session is not None:
            self._transport.write(self._session.data_to_send())
            self._transport.close()
            asyncio.get_running_loop().call_later(_CLOSE_WITHIN_S, self._transport.abort)

    _HANDLERS: Final[MappingProxyType[type[Any], Callable[[Link, Any], None]]] = MappingProxyType(
        {
            ResponseReceived: _on_response,
            ResponseTimedOut: _on_timeout,
            RequestReceived: _on_request,
            Bound: _on_bound,
            BindRefused: _on_refused,
            Unbinding: _on_unbinding,
            Closed: _on_closed,
        }
    )

    def acknowledge(
        self, session: Session[Part], request: DeliverSm | DataSm, *, stored: bool
    ) -> None:
        """Answers a delivery, unless its session has ended: then the SMSC will repeat it."""
        if session is not self._session or session.state is _CLOSED:
            return
        self._unacknowledged -= 1
        status = _TAKEN if stored else _TRY_AGAIN
        session.acknowledge(request, status)
        if self._pump_due is None:
            self._pump_soon()
        if self._quiet is not None:
            self._check_quiet()

    # Draining

    def _return_line(self, *, begun_too: bool) -> None:
        """Returns the waiting parts; those of a begun message only with `begun_too`."""
        throttled = [part for _, part in self._again] + self._aside.take_all()
        waiting = sorted(throttled, key=lambda part: part.order)
        waiting += (*self._ahead, *self._line)
        self._again.clear()
        self._ahead.clear()
        self._line.clear()
        begun = {id(part.tracker) for part in waiting if part.index > 0}
        begun -= {id(part.tracker) for part in waiting if part.index == 0}
        for part in waiting:
            if begun_too or id(part.tracker) not in begun:
                self._events.part_returned(part, draining=self._draining)
            else:
                self._line.append(part)

    def _check_quiet(self) -> None:
        if (
            self._quiet is not None
            and not self._quiet.done()
            and (not self.bound or (self.load == 0 and self._unacknowledged == 0))
        ):
            self._quiet.set_result(None)

    def _disconnect(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    # Timeouts

    def _arm_session_timer(self) -> None:
        session = self._session
        deadline = None if session is None else session.next_deadline()
        if deadline is None:
            return
        timer = self._session_timer
        wait_s = deadline - self._clock()
        loop = asyncio.get_running_loop()
        if timer is not None:
            if timer.when() <= loop.time() + wait_s:
                return
            timer.cancel()
        self._session_timer = loop.call_later(max(wait_s, 0.001), self._session_deadline)

    def _session_deadline(self) -> None:
        self._session_timer = None
        if self._session is not None:
            self._session.handle_timeouts(self._clock())
            self._after_session()


class _Acknowledgement:
    """Answers one delivery, once."""

    __slots__ = ("_done", "_link", "_request", "_session")

    def __init__(self, link: Link, session: Session[Part], request: DeliverSm | DataSm) -> None:
        self._link = link
        self._session = session
        self._request = request
        self._done = False

    def __call__(self, stored: bool) -> None:
        if not self._done:
            self._done = True
            self._link.acknowledge(self._session, self._request, stored=stored)
