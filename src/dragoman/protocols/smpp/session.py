"""One SMPP session as a state machine without I/O, for either side of the wire.

The caller moves bytes and passes the time: what arrives goes into `receive_data`, events come out
of `events_received`, what must be written comes out of `data_to_send`, and
`handle_timeouts` is called when `next_deadline` has passed. Times are seconds of a monotonic clock.

Requests of the peer are answered by the caller (`respond`), so that a deliver_sm is acknowledged
only after it is stored; the session itself answers enquire_link, unbind and unknown
requests. Errors of a peer become an answer, an event or a count, never an exception; only misuse by
the caller raises (`LocalProtocolError`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Final, Generic, NamedTuple

from dragoman.protocols.smpp.codec import (
    decode,
    encode,
    encode_acceptance,
    encode_acknowledgement,
)
from dragoman.protocols.smpp.constants import (
    RESPONSE_BIT,
    CommandId,
    CommandStatus,
)
from dragoman.protocols.smpp.errors import (
    DecodeError,
    FramingLost,
    LocalProtocolError,
    NotBound,
    WindowFull,
)
from dragoman.protocols.smpp.events import (
    BindRefused,
    BindRequested,
    Bound,
    Closed,
    CloseReason,
    Context,
    Event,
    RequestReceived,
    ResponseReceived,
    ResponseTimedOut,
    Unbinding,
)
from dragoman.protocols.smpp.framing import Framer
from dragoman.protocols.smpp.layouts import PDU_CLASSES, RESPONSE_CLASSES
from dragoman.protocols.smpp.pdus import (
    Bind,
    BindResp,
    DataSm,
    DeliverSm,
    EnquireLink,
    EnquireLinkResp,
    GenericNack,
    Pdu,
    SubmitSm,
    Unbind,
    UnbindResp,
)
from dragoman.protocols.smpp.requests import Requests
from dragoman.protocols.smpp.session_settings import SessionSettings
from dragoman.protocols.smpp.states import (
    ACCEPTANCE,
    ALLOWED_REQUESTS,
    BOUND,
    DELIVERIES,
    TRANSITIONS,
    Move,
    Role,
    State,
)

_NOTHING: Final[frozenset[int]] = frozenset()
_CLOSED: Final = State.CLOSED
_WITHOUT_FIELDS: Final = frozenset({CommandId.ENQUIRE_LINK.value, CommandId.UNBIND.value})
_MOST_EARLY: Final = 1_000
"""Deliveries that wait for a server's answer to our bind; more are to be sent again."""


class _Farewell(NamedTuple):
    """The last that the peer is answered, and why."""

    answer: bytes
    reason: CloseReason


class Session(Generic[Context]):
    """One session from the opened connection to its end; `Context` is opaque to it."""

    __slots__ = (
        "_acceptable",
        "_bind_command",
        "_early",
        "_enquire_deadline",
        "_events",
        "_farewell",
        "_framer",
        "_heard_at",
        "_out",
        "_peer_may",
        "_requests",
        "_sendable",
        "_setup_deadline",
        "_unanswered",
        "_we_may",
        "bound",
        "cut_pdus",
        "ignored_responses",
        "refused_requests",
        "role",
        "settings",
        "state",
        "window",
    )

    def __init__(self, role: Role, settings: SessionSettings, *, now: float) -> None:
        self.role = role
        self.settings = settings
        self.state = State.OPEN
        self.bound = False
        """Whether messages may be sent."""
        self.window = settings.window
        self.cut_pdus = 0
        """PDUs read without what stood behind their last field."""
        self.ignored_responses = 0
        self.refused_requests = 0
        self._we_may = ALLOWED_REQUESTS[role]
        self._peer_may = ALLOWED_REQUESTS[Role.SERVER if role is Role.CLIENT else Role.CLIENT]
        # Looked up at each change of state, not for each PDU.
        self._sendable = self._we_may.get(State.OPEN, _NOTHING)
        self._acceptable = self._peer_may.get(State.OPEN, _NOTHING)
        self._framer = Framer()
        self._events: list[Event[Context]] = []
        self._out: list[bytes] = []
        self._requests: Requests[Context] = Requests(self._out)
        self._early: list[Pdu] = []
        self._unanswered = 0
        """Requests of the peer that the caller has and did not answer."""
        self._farewell: _Farewell | None = None
        """What ends the session once all before it is answered."""
        self._bind_command = 0
        self._heard_at = now
        self._enquire_deadline: float | None = None
        self._setup_deadline: float | None = (
            now + settings.session_init_timeout_s if role is Role.SERVER else None
        )

    # Outgoing

    @property
    def closed(self) -> bool:
        return self.state is _CLOSED

    @property
    def window_free(self) -> int:
        """How many requests may be sent now without waiting for an answer."""
        return self.window - len(self._requests.unanswered)

    def has_room_for(self, command_id: int) -> bool:
        """Whether a request of a kind may be sent now."""
        return command_id in self._sendable and len(self._requests.unanswered) < self.window

    @property
    def outstanding(self) -> int:
        """How many requests of ours are unanswered."""
        return len(self._requests.unanswered)

    def bind(self, request: Bind, now: float) -> None:
        """Asks the peer to bind; `Bound`, `BindRefused` or `Closed` follows."""
        if self.role is not Role.CLIENT or self.state is not State.OPEN:
            raise LocalProtocolError(f"cannot bind as {self.role.value} while {self.state.value}")
        self._move(Move.BIND)
        self._bind_command = request.command_id
        self._requests.send_control(request)
        self._setup_deadline = now + self.settings.bind_timeout_s

    def request(self, pdu: Pdu, context: Context, now: float) -> int:
        """Sends a request and returns its sequence number.

        `ResponseReceived` or `ResponseTimedOut` hands `context` back, or `Closed` does. A PDU
        without a response (alert_notification, outbind) is sent and forgotten.
        """
        command_id = pdu.command_id
        if command_id not in self._sendable:
            raise NotBound(f"{type(pdu).__name__} is not allowed while {self.state.value}")
        if type(pdu) not in RESPONSE_CLASSES:
            return self._requests.send_only(pdu)
        if len(self._requests.unanswered) >= self.window:
            raise WindowFull(f"{len(self._requests.unanswered)} requests are unanswered")
        return self._requests.send(pdu, context, now)

    def respond(self, request: Pdu, response: Pdu) -> None:
        """Answers a request of the peer; the response takes the request's sequence number.

        After the session has ended this does nothing: the peer sends the message again. What came
        behind a bind are events once that is answered.
        """
        wanted = RESPONSE_CLASSES.get(type(request))
        if wanted is None or type(response) not in (wanted, GenericNack):
            raise LocalProtocolError(
                f"{type(response).__name__} does not answer {type(request).__name__}"
            )
        if self.closed:
            return
        if isinstance(request, Bind):
            self._settle_bind(request.command_id, accepted=response.command_status == 0)
            self._out.append(encode(response, request.sequence_number))
            self._take_early()
            return
        self._out.append(encode(response, request.sequence_number))
        self._count_answer()

    def accept(self, request: SubmitSm | DataSm, message_id: str) -> None:
        """Answers a submit of the peer with the ID of its message, as `respond` does."""
        if not self.closed:
            command_id, sequence = request.command_id, request.sequence_number
            self._out.append(encode_acceptance(command_id, message_id, sequence))
            self._count_answer()

    def acknowledge(self, delivery: DeliverSm | DataSm, status: int) -> None:
        """Answers a delivery of the peer with a status and nothing else, as `respond` does."""
        if not self.closed:
            sequence = delivery.sequence_number
            self._out.append(encode_acknowledgement(delivery.command_id, status, sequence))
            self._count_answer()

    def _count_answer(self) -> None:
        self._unanswered -= 1
        if self._farewell is not None:
            self._look_at_end(self._farewell)

    @property
    def early(self) -> int:
        """How many requests wait for the answer to a bind; a server bounds them by not reading."""
        return len(self._early)

    @property
    def is_ending(self) -> bool:
        """Whether the end waits for what is on its way."""
        return self._farewell is not None and not self.closed

    @property
    def heard_at(self) -> float:
        """When the last whole PDU of the peer came."""
        return self._heard_at

    def enquire(self, now: float) -> None:
        """Asks the peer whether it is alive, unless it is being asked; any PDU is an answer."""
        if self.bound and self._enquire_deadline is None:
            self._requests.send_control(EnquireLink())
            self._enquire_deadline = now + self.settings.enquire_timeout_s

    def unbind(self, now: float) -> None:
        """Asks the peer to end the session; answers to earlier requests may still arrive."""
        if not self.bound:
            raise NotBound(f"cannot unbind while {self.state.value}")
        self._move(Move.UNBIND)
        self._requests.send_control(Unbind())
        self._setup_deadline = now + self.settings.unbind_timeout_s

    def data_to_send(self) -> bytes:
        """Returns everything to be written now; from here on it counts as written."""
        out = self._out
        if not out:
            return b""
        data = out[0] if len(out) == 1 else b"".join(out)
        out.clear()
        self._requests.note_written()
        return data

    # Incoming

    def receive_data(self, data: bytes, now: float) -> None:
        """Takes bytes of the peer, cut anywhere."""
        if self.closed:
            return
        try:
            frames: Sequence[bytes] = self._framer.feed(data)
            lost = False
        except FramingLost as error:
            frames = error.frames
            lost = True
        if frames:
            # Any PDU proves that the peer is alive.
            self._heard_at = now
            self._enquire_deadline = None
        for frame in frames:
            try:
                pdu = decode(frame)
            except DecodeError as error:
                readable = self._without_strays(error)
                if readable is None:
                    self._on_unreadable(error)
                    continue
                pdu = readable
            if pdu.command_id & RESPONSE_BIT:
                self._on_response(pdu, now)
            else:
                self._on_request(pdu)
            if self.state is _CLOSED:
                return
        if lost and self._farewell is None:
            nack = GenericNack(command_status=CommandStatus.ESME_RINVCMDLEN)
            self._end_soon(_Farewell(encode(nack, 0), CloseReason.FRAMING_LOST))

    def receive_eof(self) -> None:
        """Ends the session after the connection was lost."""
        self._close(CloseReason.CONNECTION_LOST)

    def events_received(self) -> list[Event[Context]]:
        """Returns what happened since the last call, in order."""
        events, self._events = self._events, []
        return events

    # Timeouts

    def next_deadline(self) -> float | None:
        """Returns when `handle_timeouts` has something to do if nothing arrives before."""
        if self.closed:
            return None
        deadlines = []
        if self._setup_deadline is not None:
            deadlines.append(self._setup_deadline)
        oldest = None if self._is_in_doubt else self._requests.oldest()
        if oldest is not None:
            deadlines.append(oldest[1] + self.settings.response_timeout_s)
        if self._enquire_deadline is not None:
            deadlines.append(self._enquire_deadline)
        elif self.bound:
            deadlines.append(self._heard_at + self.settings.enquire_interval_s)
        return min(deadlines) if deadlines else None

    def handle_timeouts(self, now: float) -> None:
        """Times overdue requests out, and sends enquire_link to a silent peer."""
        if self.closed:
            return
        if self._setup_deadline is not None and now >= self._setup_deadline:
            if self._farewell is not None and self.role is Role.CLIENT:
                self._end_by(self._farewell)
            else:
                self._close(self._overdue_reason())
            return
        if self._enquire_deadline is not None and now >= self._enquire_deadline:
            self._close(CloseReason.LINK_DEAD)
            return
        self._expire_requests(now)
        if (
            self._enquire_deadline is None
            and self.bound
            and now >= self._heard_at + self.settings.enquire_interval_s
        ):
            self.enquire(now)

    # Answers to our requests

    def _on_response(self, pdu: Pdu, now: float) -> None:
        found = self._requests.take_answered(pdu)
        if found is None:
            self._on_control_response(pdu)
            return
        sent_at, _, context = found
        self._events.append(ResponseReceived(context, pdu, now - sent_at))
        if self._farewell is not None:
            self._look_at_end(self._farewell)

    def _on_control_response(self, pdu: Pdu) -> None:
        """Takes the answer to a bind, enquire_link or unbind.

        A response to bind or unbind counts whatever its number, as it can answer nothing else:
        some servers count their own.
        """
        command_id = self._requests.control_of(pdu.sequence_number)
        nack = type(pdu) is GenericNack
        is_asking = self.state is State.BINDING and self.role is Role.CLIENT
        if is_asking and (isinstance(pdu, BindResp) or (nack and command_id == self._bind_command)):
            self._requests.forget_control(self._bind_command)
            self._on_bind_response(pdu)
        elif self.state is State.UNBINDING and (
            type(pdu) is UnbindResp or (nack and command_id == CommandId.UNBIND)
        ):
            self._close(CloseReason.UNBOUND)
        elif command_id == CommandId.ENQUIRE_LINK:
            self._requests.forget_control(command_id)
        else:
            self.ignored_responses += 1

    def _on_bind_response(self, pdu: Pdu) -> None:
        accepted = isinstance(pdu, BindResp) and pdu.command_status == CommandStatus.ESME_ROK
        self._settle_bind(self._bind_command, accepted=accepted)
        self._setup_deadline = None
        if accepted and isinstance(pdu, BindResp):
            self._events.append(Bound(pdu))
        else:
            self._events.append(BindRefused(pdu))
        self._take_early()

    # Requests of the peer

    def _on_request(self, pdu: Pdu) -> None:
        handler = self._HANDLERS.get(pdu.command_id)
        if self._is_early(pdu):
            self._keep_early(pdu)
        elif handler is not None:
            handler(self, pdu)
        elif self._farewell is not None:
            self.refused_requests += 1  # behind an unbind; not taken, so not answered
        elif pdu.command_id in self._acceptable:
            self._unanswered += type(pdu) in RESPONSE_CLASSES
            self._events.append(RequestReceived(pdu))
        elif self.state is State.UNBINDING and self.settings.silent_while_unbinding:
            self.refused_requests += 1
        elif pdu.command_id in PDU_CLASSES:
            self._refuse(type(pdu), CommandStatus.ESME_RINVBNDSTS, pdu.sequence_number)
        else:
            self._refuse(None, CommandStatus.ESME_RINVCMDID, pdu.sequence_number)

    def _is_early(self, pdu: Pdu) -> bool:
        """Whether a request depends on a bind that is not answered.

        Some clients do not wait for the answer, and some servers send what they have kept for a
        client before they write it.
        """
        if self.state is not State.BINDING:
            return False
        if self.role is Role.SERVER:
            return pdu.command_id != CommandId.ENQUIRE_LINK
        return pdu.command_id in DELIVERIES

    def _keep_early(self, pdu: Pdu) -> None:
        if self.role is Role.CLIENT and len(self._early) >= _MOST_EARLY:
            self._refuse(type(pdu), CommandStatus.ESME_RX_T_APPN, pdu.sequence_number)
        else:
            self._early.append(pdu)

    def _take_early(self) -> None:
        early, self._early = self._early, []
        for pdu in early:
            if self.closed:
                return
            if self.bound:
                self._on_request(pdu)
            elif self.role is Role.SERVER:
                self._refuse(type(pdu), CommandStatus.ESME_RINVBNDSTS, pdu.sequence_number)
            else:
                self.refused_requests += 1  # not answered, for the server to send it again

    def _on_bind_request(self, pdu: Pdu) -> None:
        if self.role is Role.SERVER and self.state is State.OPEN and isinstance(pdu, Bind):
            self._move(Move.BIND)
            self._setup_deadline = None  # from here on it is the caller who takes the time
            self._events.append(BindRequested(pdu))
            return
        status = (
            CommandStatus.ESME_RALYBND
            if self.role is Role.SERVER
            else CommandStatus.ESME_RINVBNDSTS
        )
        self._refuse(type(pdu), status, pdu.sequence_number)

    def _on_unbind_request(self, pdu: Pdu) -> None:
        answer = encode(UnbindResp(), pdu.sequence_number)
        self._end_soon(_Farewell(answer, CloseReason.PEER_UNBOUND))

    def _end_soon(self, farewell: _Farewell) -> None:
        """Ends the session once all that came before is answered, or in time.

        What a client submitted is being stored, and it would send that again without the answers.
        A server's answers may be behind its unbind, and without them we would.
        """
        self._farewell = farewell
        self._look_at_end(farewell)
        if self.closed:
            return
        self._sendable = _NOTHING
        self._setup_deadline = self._heard_at + self.settings.unbind_timeout_s
        if self.role is Role.CLIENT:
            self.bound = False
            self._events.append(Unbinding(self._requests.take_unwritten()))

    def _is_owed_nothing(self, farewell: _Farewell) -> bool:
        """Whether nothing is on its way that the end waits for."""
        if self.role is Role.SERVER:
            return not self._unanswered
        # Nothing more can be read of a server that has lost count of its octets.
        is_lost = farewell.reason is CloseReason.FRAMING_LOST
        return is_lost or not (self._unanswered or self._requests.written > 0)

    def _look_at_end(self, farewell: _Farewell) -> None:
        if self._is_owed_nothing(farewell):
            self._end_by(farewell)

    def _end_by(self, farewell: _Farewell) -> None:
        self._out.append(farewell.answer)
        self._close(farewell.reason)

    def _on_enquiry(self, pdu: Pdu) -> None:
        self._out.append(encode(EnquireLinkResp(), pdu.sequence_number))

    _HANDLERS: ClassVar[dict[int, Callable[[Session[Any], Pdu], None]]] = {
        CommandId.BIND_TRANSMITTER.value: _on_bind_request,
        CommandId.BIND_RECEIVER.value: _on_bind_request,
        CommandId.BIND_TRANSCEIVER.value: _on_bind_request,
        CommandId.UNBIND.value: _on_unbind_request,
        CommandId.ENQUIRE_LINK.value: _on_enquiry,
    }

    def _without_strays(self, error: DecodeError) -> Pdu | None:
        """Returns what to go on with where a PDU ends too early, or in stray octets.

        A response counts with its status and id, and a request that has no fields as it is. A
        server's delivery counts with its fields: the server would repeat it unchanged for ever. A
        client is told instead, and can correct it.
        """
        command_id = error.command_id
        if command_id & RESPONSE_BIT or self.role is Role.CLIENT or command_id in _WITHOUT_FIELDS:
            self.cut_pdus += error.readable is not None
            return error.readable
        return None

    def _on_unreadable(self, error: DecodeError) -> None:
        if not error.command_id & RESPONSE_BIT:
            request = PDU_CLASSES.get(error.command_id)
            self._refuse(request, error.command_status, error.sequence_number)
            return
        # The peer answered, but not what: the same as no answer, only sooner.
        if error.sequence_number not in self._requests.unanswered:
            self.ignored_responses += 1
            return
        self._events.append(ResponseTimedOut(self._requests.take(error.sequence_number)))
        if self._farewell is not None:
            self._look_at_end(self._farewell)

    def _refuse(self, request: type[Pdu] | None, status: int, sequence: int) -> None:
        self.refused_requests += 1
        response = RESPONSE_CLASSES.get(request) if request is not None else None
        if response is not None:
            self._out.append(encode(response(command_status=status), sequence))
        elif request is None:
            self._out.append(encode(GenericNack(command_status=status), sequence))

    # State changes

    def _move(self, move: Move) -> None:
        following = TRANSITIONS[self.state].get(move)
        if following is None:
            raise LocalProtocolError(f"no {move.value} while {self.state.value}")
        self.state = following
        self.bound = following in BOUND
        self._sendable = self._we_may.get(following, _NOTHING)
        self._acceptable = self._peer_may.get(following, _NOTHING)

    def _settle_bind(self, command_id: int, *, accepted: bool) -> None:
        self._move(ACCEPTANCE[command_id] if accepted else Move.REFUSE)
        if accepted:
            self._setup_deadline = None

    def _close(self, reason: CloseReason) -> None:
        if self.closed:
            return
        self._move(Move.CLOSE)
        unwritten = self._requests.take_unwritten()
        self._events.append(Closed(reason, self._requests.take_all(), unwritten))

    def _overdue_reason(self) -> CloseReason:
        if self._farewell is not None and self._farewell.reason is CloseReason.FRAMING_LOST:
            return CloseReason.FRAMING_LOST
        if self.state is State.UNBINDING or self._farewell is not None:
            return CloseReason.UNBIND_TIMEOUT
        if self.role is Role.CLIENT:
            return CloseReason.BIND_TIMEOUT
        return CloseReason.SESSION_INIT_TIMEOUT

    @property
    def _is_in_doubt(self) -> bool:
        """Whether the peer is being asked if it is alive."""
        return self.bound and self._enquire_deadline is not None

    def _expire_requests(self, now: float) -> None:
        """Times out what a living peer has not answered.

        A peer that has said nothing since a request was sent is asked first whether it is alive:
        what is sent again over a link that leads nowhere may arrive twice when the line is back.
        """
        latest = now - self.settings.response_timeout_s
        while not self._is_in_doubt:
            oldest = self._requests.oldest()
            if oldest is None or oldest[1] > latest:
                break
            if self.bound and self._heard_at <= oldest[1]:
                self.enquire(now)
                return
            self._events.append(ResponseTimedOut(self._requests.take(oldest[0])))
        if self._farewell is not None:
            self._look_at_end(self._farewell)
