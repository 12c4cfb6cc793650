"""One customer's connection: the asyncio side of a server session.

What a turn of the loop answers leaves in one write. A customer that sends faster than its messages
are stored, or does not read its answers, is not read any more until that is over: its memory is
bounded, and nobody waits for it.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter, deque
from typing import Final, Protocol, cast

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.accounts.model.smpp_logins import SmppLogin
from dragoman.core.delivery.running import BindView
from dragoman.kit.clock import Clock
from dragoman.protocols.proxy_protocol import HeaderReader, NoHeader
from dragoman.protocols.smpp.constants import INTERFACE_VERSION_34, CommandId, CommandStatus, Tag
from dragoman.protocols.smpp.events import (
    BindRequested,
    Closed,
    CloseReason,
    RequestReceived,
    ResponseReceived,
    ResponseTimedOut,
)
from dragoman.protocols.smpp.layouts import PDU_CLASSES, RESPONSE_CLASSES
from dragoman.protocols.smpp.pdus import (
    Bind,
    BindReceiver,
    BindReceiverResp,
    BindResp,
    BindTransceiver,
    BindTransceiverResp,
    BindTransmitter,
    BindTransmitterResp,
    DataSm,
    DeliverSm,
    Pdu,
    SubmitSm,
)
from dragoman.protocols.smpp.session import Session
from dragoman.protocols.smpp.session_settings import SessionSettings
from dragoman.protocols.smpp.states import Role, State
from dragoman.protocols.smpp.tlvs import Tlv, integer_tlv
from dragoman.smpp_server.wire_log import LASTS_S, RECEIVED, SENT, WireLog

MAX_PENDING: Final = 1_000
"""Requests of a connection that are not answered; beyond them it is not read."""
RESUME_AT: Final = MAX_PENDING // 2
TURN: Final = 64
"""Requests of a connection that are decided before others have their turn."""
RATE_SPAN_S: Final = 10.0

_DELIVER_SM: Final = CommandId.DELIVER_SM.value
_KINDS: Final = {
    State.BOUND_TX: "transmitter",
    State.BOUND_RX: "receiver",
    State.BOUND_TRX: "transceiver",
}

_NAMES: Final = {PDU_CLASSES[member.value]: member.name.lower() for member in CommandId}
_ACCEPTED: Final = {kind: (_NAMES[kind], "0x00000000") for kind in (SubmitSm, DataSm)}
_RENDERED: Final = {status.value: f"0x{status.value:08x}" for status in CommandStatus}
_BIND_RESPONSES: Final[dict[type[Bind], type[BindResp]]] = {
    BindTransmitter: BindTransmitterResp,
    BindReceiver: BindReceiverResp,
    BindTransceiver: BindTransceiverResp,
}


class Delivery(Protocol):
    """What is on its way to a customer, and hears of its answer."""

    def answered(self, connection: Connection, status: int) -> None: ...
    def unanswered(self, connection: Connection, reason: str) -> None: ...


class Server(Protocol):
    """What a connection uses of the server."""

    clock: Clock
    session_settings: SessionSettings
    system_id: str
    answers: Counter[tuple[str, str]]

    def opened(self, connection: Connection) -> bool: ...
    def closed(self, connection: Connection) -> None: ...
    def is_proxy(self, address: str) -> bool: ...
    async def bind(self, connection: Connection, request: Bind) -> CommandStatus: ...
    def bound(self, connection: Connection) -> None: ...
    def delay_s(self, connection: Connection, request: Pdu) -> float | None: ...
    async def handle(self, connection: Connection, request: Pdu) -> None: ...
    def room(self, connection: Connection) -> None: ...
    def mark(self, number: int) -> int: ...


class Rate:
    """How many requests came in a second, over the last ten or so."""

    def __init__(self, now: float) -> None:
        self._began = now
        self._count = 0
        self._last = 0.0

    def count(self, now: float) -> None:
        """Counts one."""
        self._turn(now)
        self._count += 1

    def per_s(self, now: float) -> float:
        self._turn(now)
        return max(self._last, self._count / RATE_SPAN_S)

    def _turn(self, now: float) -> None:
        passed = now - self._began
        if passed >= RATE_SPAN_S:
            self._last = self._count / passed if passed < 2 * RATE_SPAN_S else 0.0
            self._began, self._count = now, 0


class Connection(asyncio.Protocol):
    """A session and its transport."""

    _numbers = itertools.count(1)

    def __init__(
        self, server: Server, *, tls: bool, address: str = "", is_announced: bool = False
    ) -> None:
        """`address` is the client's, where that is known already.

        One `is_announced` has its PROXY header behind it, if it came with one.
        """
        self.bind_id = server.mark(next(self._numbers))
        self.address = address
        self.tls = tls
        self._is_announced = is_announced or tls
        self.unbound_from: str | None = None
        """The address that it counts for as long as it has not bound."""
        self.account: Account | None = None
        """Whose bind it is; None until it is one."""
        self.login: SmppLogin | None = None
        self.generation = -1
        """Of the accounts, when `account` was read."""
        self.with_tlvs = False
        """Whether the customer speaks SMPP 3.4, which has optional parameters."""
        self.version = 0
        self.since_ms = 0
        self.received = 0
        self.delivered = 0
        self.last_error = ""
        self.wire_log: WireLog | None = None
        self.pending = 0
        """Requests taken and not answered."""
        self._server = server
        self._clock = server.clock
        now = server.clock.monotonic()
        self.session: Session[Delivery] = Session(Role.SERVER, server.session_settings, now=now)
        self._rate = Rate(now)
        self._requests: deque[tuple[float, Pdu]] = deque()
        self._working: asyncio.Task[None] | None = None
        self._binding: asyncio.Task[None] | None = None
        self._header: HeaderReader | None = None
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._flush_due: asyncio.Handle | None = None
        self._reading = True
        self._writable = True
        self._stopping = False
        self._half_closed = False
        self.gone = asyncio.Event()
        """Set when the connection has ended."""
        self.heard = asyncio.Event()
        """Set when anything was read since it was asked whether it is alive, or it has ended."""
        self.drained = asyncio.Event()
        """Set when it is not read any more and all its requests are answered, or it has ended."""

    # What others ask

    @property
    def receives(self) -> bool:
        """Whether deliver_sm may be sent now."""
        return self.session.state in (State.BOUND_RX, State.BOUND_TRX)

    @property
    def submits(self) -> bool:
        """Whether the customer may submit."""
        return self.session.state in (State.BOUND_TX, State.BOUND_TRX)

    @property
    def has_room(self) -> bool:
        """Whether it takes one more deliver_sm at once."""
        return self._writable and not self._half_closed and self.session.has_room_for(_DELIVER_SM)

    @property
    def kind(self) -> str:
        """What it is bound as; empty where it is not."""
        return _KINDS.get(self.session.state, "")

    def view(self) -> BindView:
        """The bind as it is now."""
        assert self.account is not None
        assert self.login is not None
        now = self._clock.monotonic()
        wire_log = self.wire_log
        return BindView(
            bind_id=self.bind_id,
            account_id=self.account.account_id,
            account=self.account.username,
            system_id=self.login.system_id,
            kind=self.kind or "closing",
            version=f"{self.version >> 4}.{self.version & 0x0F}",
            address=self.address,
            tls=self.tls,
            since_ms=self.since_ms,
            idle_s=max(0.0, now - self.session.heard_at),
            received=self.received,
            per_s=self._rate.per_s(now),
            pending=self.pending,
            delivered=self.delivered,
            outstanding=self.session.outstanding,
            window=self.session.window,
            last_error=self.last_error,
            logged=wire_log is not None and now < wire_log.until,
        )

    # Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclass of asyncio.Transport.
        self._transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        if not self.address and peer:
            self.address = peer[0].removeprefix("::ffff:")
        if not self._server.opened(self):
            self._transport.abort()
            return
        if not self._is_announced and self._server.is_proxy(self.address):
            self._header = HeaderReader()
        self._arm()

    def data_received(self, data: bytes) -> None:
        if self._header is not None:
            try:
                read = self._header.feed(data)
            except NoHeader:
                self.abort()
                return
            if read is None:
                return
            self._header = None
            self.address = read.address or self.address
            data = read.rest
        if self.wire_log is not None:
            self._note(RECEIVED, data)
        self.heard.set()
        self.session.receive_data(data, self._clock.monotonic())
        self._handle_events()
        self.flush()
        self._look_at_reading()

    def eof_received(self) -> bool:
        """Keeps a connection of which only the customer's side has ended until all is answered."""
        if self.tls:
            return False  # TLS ends both sides at once
        self._half_closed = self.pending > 0
        return self._half_closed

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()
        self._requests.clear()
        if self._binding is not None:
            self._binding.cancel()
        self.session.receive_eof()
        self._handle_events()
        self._server.closed(self)
        for event in (self.gone, self.heard, self.drained):
            event.set()

    def pause_writing(self) -> None:
        self._writable = False
        self._look_at_reading()

    def resume_writing(self) -> None:
        self._writable = True
        self._look_at_reading()
        self._work()
        if self.receives:
            self._server.room(self)

    # What the server does with it

    def respond(self, request: Pdu, response: Pdu) -> None:
        """Answers a request; written at the end of the turn."""
        self.pending -= 1
        status = response.command_status
        self._server.answers[_NAMES[type(request)], _RENDERED.get(status) or f"0x{status:08x}"] += 1
        if status:
            self.last_error = f"{_NAMES[type(request)]} answered 0x{status:08x}"
        self.session.respond(request, response)
        self._answered()

    def _answered(self) -> None:
        if self._flush_due is None:
            self.flush_soon()
        if not self._reading:
            self._look_at_reading()
            if self._stopping and not self.pending:
                self.drained.set()
        if self._half_closed and not self.pending:
            self.close()

    def accept(self, request: SubmitSm | DataSm, message_id: str) -> None:
        """Answers a submit whose message is stored; written at the end of the turn."""
        self.pending -= 1
        self._server.answers[_ACCEPTED[type(request)]] += 1
        self.session.accept(request, message_id)
        self._answered()

    def refuse(self, request: Pdu, status: int) -> None:
        """Answers a request with an error."""
        self.respond(request, RESPONSE_CLASSES[type(request)](command_status=status))

    def deliver(self, pdu: DeliverSm, delivery: Delivery) -> None:
        """Sends a deliver_sm; there must be room."""
        self.session.request(pdu, delivery, self._clock.monotonic())
        if self._flush_due is None:
            self.flush_soon()

    def unbind(self) -> None:
        """Asks the customer to end the session; ends it without asking where it is not bound."""
        if self.session.bound:
            self.session.unbind(self._clock.monotonic())
            self.flush()
        elif not self.session.closed:
            self.close()

    def ask(self) -> None:
        """Asks whether anybody is there; `heard` is set by any answer."""
        self.heard.clear()
        if self._transport is not None:
            self.session.enquire(self._clock.monotonic())
            self.flush()

    def stop_reading(self) -> None:
        """Takes no further requests; those taken are answered."""
        self._stopping = True
        self._look_at_reading()
        if not self.pending:
            self.drained.set()

    def resume_for_unbind(self) -> None:
        """Reads again, for the answer to an unbind; requests are refused meanwhile."""
        self._stopping = False
        self._look_at_reading()

    def close(self) -> None:
        """Closes after what is to be written; the customer hears nothing else."""
        self.flush()
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Cuts the connection."""
        if self._transport is not None:
            self._transport.abort()

    def start_wire_log(self) -> None:
        """Keeps what is read and written from now on, for an hour."""
        self.wire_log = WireLog(self._clock.monotonic() + LASTS_S)

    # Requests

    def _handle_events(self) -> None:
        for event in self.session.events_received():
            match event:
                case RequestReceived(request=request):
                    self._take(request)
                case ResponseReceived(context=delivery, response=response):
                    if not response.command_status:
                        self.delivered += 1
                    else:
                        status = response.command_status
                        self.last_error = f"deliver_sm answered 0x{status:08x}"
                    delivery.answered(self, response.command_status)
                case ResponseTimedOut(context=delivery):
                    self.last_error = "deliver_sm not answered in time"
                    delivery.unanswered(self, "no answer in time")
                case BindRequested(request=bind):
                    self._binding = asyncio.get_running_loop().create_task(self._bind(bind))
                case Closed(reason=reason):
                    self._end(reason, event.unanswered + event.unwritten)

    def _end(self, reason: CloseReason, deliveries: tuple[Delivery, ...]) -> None:
        for delivery in deliveries:
            delivery.unanswered(self, reason.value)

    def _take(self, request: Pdu) -> None:
        self.pending += 1
        self.received += 1
        now = self._clock.monotonic()
        self._rate.count(now)
        delay_s = self._server.delay_s(self, request)
        if delay_s is None:
            self.refuse(request, CommandStatus.ESME_RTHROTTLED.value)
            return
        self._requests.append((now + delay_s if delay_s else 0.0, request))
        self._work()

    def _work(self) -> None:
        if self._requests and self._writable and (self._working is None or self._working.done()):
            self._working = asyncio.get_running_loop().create_task(self._work_off())

    async def _work_off(self) -> None:
        """Has requests decided in their order; each is answered when it is stored."""
        done = 0
        while self._requests and self._writable:
            due, request = self._requests.popleft()
            if due and (wait_s := due - self._clock.monotonic()) > 0:
                await asyncio.sleep(wait_s)
            await self._server.handle(self, request)
            done += 1
            if not done % TURN:
                await asyncio.sleep(0)

    async def _bind(self, request: Bind) -> None:
        status = await self._server.bind(self, request)
        if self.session.closed:
            return
        response = _BIND_RESPONSES[type(request)]
        if status:
            # SMPP 3.4 s. 4.1.2: no body beside an error.
            self.session.respond(request, response(command_status=status))
            self.close()
            return
        self.version = request.interface_version
        self.with_tlvs = request.interface_version >= INTERFACE_VERSION_34
        if not self.with_tlvs:
            self.version = INTERFACE_VERSION_34 - 1
        tlvs: tuple[Tlv, ...] = ()
        if self.with_tlvs:
            self.version = INTERFACE_VERSION_34
            tlvs = (integer_tlv(Tag.SC_INTERFACE_VERSION, INTERFACE_VERSION_34, 1),)
        self.since_ms = self._clock.now_ms()
        self.session.respond(request, response(tlvs=tlvs, system_id=self._server.system_id))
        self.flush()
        self._server.bound(self)
        self._handle_events()  # what came behind the bind
        self.flush()
        self._look_at_reading()

    # Octets

    def flush_soon(self) -> None:
        """Writes at the end of the loop turn."""
        if self._flush_due is None:
            self._flush_due = asyncio.get_running_loop().call_soon(self.flush)

    def flush(self) -> None:
        """Writes what waits to be written."""
        if self._flush_due is not None:
            self._flush_due.cancel()
            self._flush_due = None
        data = self.session.data_to_send()
        if self._transport is not None:
            if data:
                if self.wire_log is not None:
                    self._note(SENT, data)
                self._transport.write(data)
            if self.session.closed:
                self._transport.close()
        self._arm()

    def _note(self, direction: str, octets: bytes) -> None:
        wire_log = self.wire_log
        if wire_log is None:
            return
        if self._clock.monotonic() >= wire_log.until:
            self.wire_log = None
        else:
            wire_log.add(self._clock.now_ms(), direction, octets)

    def _look_at_reading(self) -> None:
        """Stops reading a customer that is ahead of its answers, and begins again."""
        if self._transport is None or self._half_closed or self._transport.is_closing():
            return
        waiting = self.pending + self.session.early
        if self._reading:
            if self._stopping or not self._writable or waiting >= MAX_PENDING:
                self._reading = False
                self._transport.pause_reading()
        elif not self._stopping and self._writable and waiting <= RESUME_AT:
            self._reading = True
            self._transport.resume_reading()

    def _arm(self) -> None:
        if self._transport is None:
            return
        deadline = self.session.next_deadline()
        if deadline is None:
            return
        loop = asyncio.get_running_loop()
        wait_s = max(deadline - self._clock.monotonic(), 0.001)
        if self._timer is not None:
            if self._timer.when() <= loop.time() + wait_s:
                return
            self._timer.cancel()
        self._timer = loop.call_later(wait_s, self._deadline)

    def _deadline(self) -> None:
        self._timer = None
        self.session.handle_timeouts(self._clock.monotonic())
        self._handle_events()
        self.flush()
