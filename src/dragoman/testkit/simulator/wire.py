"""One client's connection to the simulator: the asyncio side of a server session."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import Protocol, cast

from dragoman.protocols.smpp.constants import CommandId
from dragoman.protocols.smpp.events import (
    BindRequested,
    Closed,
    Event,
    RequestReceived,
    ResponseReceived,
    ResponseTimedOut,
)
from dragoman.protocols.smpp.framing import Framer
from dragoman.protocols.smpp.pdus import DeliverSm, Pdu
from dragoman.protocols.smpp.session import Session
from dragoman.protocols.smpp.session_settings import SessionSettings
from dragoman.protocols.smpp.states import Role, State

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_DELIVER_SM = CommandId.DELIVER_SM.value


class Delivery:
    """One deliver_sm on its way to a client, over whichever link, until it is acknowledged."""

    __slots__ = ("acknowledged", "avoid", "pdu", "prefer", "statuses", "system_id")

    def __init__(
        self,
        pdu: DeliverSm,
        *,
        system_id: str,
        prefer: Wire | None = None,
        avoid: Wire | None = None,
    ) -> None:
        self.pdu = pdu
        self.system_id = system_id
        self.prefer = prefer
        self.avoid = avoid
        self.statuses: list[int] = []
        self.acknowledged: asyncio.Future[None] | None = None


class Server(Protocol):
    """What a connection uses of the simulator; its comments are there."""

    silent: bool
    stray: bytes
    write_size: int | None

    def opened(self, wire: Wire) -> None: ...
    def closed(self, wire: Wire) -> None: ...
    def turn_over(self, wire: Wire) -> None: ...
    def requested(self, wire: Wire, request: Pdu) -> None: ...
    def answered(self, delivery: Delivery, status: int) -> None: ...
    def unanswered(self, delivery: Delivery) -> None: ...
    def bind_requested(self, wire: Wire, event: BindRequested) -> None: ...


class Wire(asyncio.Protocol):
    """A session and its transport; answers of one turn leave in one write."""

    def __init__(
        self, smsc: Server, settings: SessionSettings, clock: Callable[[], float], number: int
    ) -> None:
        self.number = number
        self.system_id = ""
        self.pending = 0
        """Submits taken and not answered."""
        self._smsc = smsc
        self._clock = clock
        self.session: Session[Delivery] = Session(Role.SERVER, settings, now=clock())
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._flush_due: asyncio.Handle | None = None

    @property
    def receives(self) -> bool:
        """Whether deliver_sm may be sent."""
        return self.session.state in (State.BOUND_RX, State.BOUND_TRX)

    @property
    def has_room(self) -> bool:
        """Whether one more deliver_sm may be sent now."""
        return self.receives and self.session.has_room_for(_DELIVER_SM)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclass of asyncio.Transport.
        transport = cast(asyncio.Transport, transport)
        self._transport = transport
        self._smsc.opened(self)
        self._arm()

    def data_received(self, data: bytes) -> None:
        if self._smsc.silent:
            return
        self.session.receive_data(data, self._clock())
        self._handle_events()
        self._smsc.turn_over(self)
        self.flush()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()
        self.session.receive_eof()
        self._handle_events()
        self._smsc.closed(self)

    def respond(self, request: Pdu, response: Pdu) -> None:
        """Answers a request; written at the end of the turn."""
        self.session.respond(request, response)
        self.flush_soon()

    def deliver(self, delivery: Delivery) -> None:
        """Sends a deliver_sm, for which there must be room."""
        self.session.request(delivery.pdu, delivery, self._clock())
        self.flush_soon()

    def reset(self) -> None:
        """Cuts the connection with a TCP reset; unwritten data is lost."""
        if self._transport is None:
            return
        connection = self._transport.get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._transport.abort()

    def unbind(self) -> None:
        """Asks the client to end the session."""
        if self.session.bound:
            self.session.unbind(self._clock())
            self.flush()

    def flush_soon(self) -> None:
        """Writes at the end of the loop turn."""
        if self._flush_due is None:
            self._flush_due = asyncio.get_running_loop().call_soon(self.flush)

    def flush(self) -> None:
        """Writes what waits to be written."""
        if self._flush_due is not None:
            self._flush_due.cancel()
            self._flush_due = None
        if self._smsc.silent:
            return
        data = self.session.data_to_send()
        if self._transport is not None:
            if data and self._smsc.stray:
                data = _append_to_each(data, self._smsc.stray)
            if data:
                self._write(data)
            if self.session.closed:
                self._transport.close()
        self._arm()

    def _write(self, data: bytes) -> None:
        assert self._transport is not None
        size = self._smsc.write_size
        if size is None:
            self._transport.write(data)
            return
        connection = self._transport.get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for start in range(0, len(data), size):
            self._transport.write(data[start : start + size])

    def _handle_events(self) -> None:
        # What came behind a bind are events once that is answered.
        while events := self.session.events_received():
            self._handle(events)

    def _handle(self, events: list[Event[Delivery]]) -> None:
        smsc = self._smsc
        for event in events:
            match event:
                case RequestReceived(request=request):
                    smsc.requested(self, request)
                case ResponseReceived(context=delivery, response=response):
                    smsc.answered(delivery, response.command_status)
                case ResponseTimedOut(context=delivery):
                    smsc.unanswered(delivery)
                case BindRequested():
                    smsc.bind_requested(self, event)
                case Closed():
                    for delivery in event.unanswered + event.unwritten:
                        smsc.unanswered(delivery)

    def _arm(self) -> None:
        deadline = self.session.next_deadline()
        if deadline is None:
            return
        loop = asyncio.get_running_loop()
        wait_s = deadline - self._clock()
        if self._timer is not None:
            if self._timer.when() <= loop.time() + wait_s:
                return
            self._timer.cancel()
        self._timer = loop.call_later(max(wait_s, 0.001), self._deadline)

    def _deadline(self) -> None:
        self._timer = None
        self.session.handle_timeouts(self._clock())
        self._handle_events()
        self.flush()


def _append_to_each(data: bytes, stray: bytes) -> bytes:
    """Adds octets to the end of every PDU, its length with them."""
    frames = [frame + stray for frame in Framer().feed(data)]
    return b"".join(len(frame).to_bytes(4, "big") + frame[4:] for frame in frames)
