"""The events of an SMPP session, as values for its caller."""

from enum import Enum
from typing import Generic, TypeAlias, TypeVar

import msgspec

from dragoman.protocols.smpp.pdus import Bind, BindResp, Pdu

Context = TypeVar("Context")
"""What the caller attaches to a request and gets back with its answer."""


class CloseReason(Enum):
    """Why a session ended."""

    UNBOUND = "we unbound"
    PEER_UNBOUND = "the peer unbound"
    CONNECTION_LOST = "the connection was lost"
    FRAMING_LOST = "the peer sent a PDU of impossible length"
    LINK_DEAD = "enquire_link was not answered in time"
    BIND_TIMEOUT = "the bind was not answered in time"
    SESSION_INIT_TIMEOUT = "the peer did not bind in time"
    UNBIND_TIMEOUT = "unbind was not answered in time"


class Bound(msgspec.Struct, frozen=True, gc=False):
    """The peer accepted our bind."""

    response: BindResp


class BindRefused(msgspec.Struct, frozen=True, gc=False):
    """The peer refused our bind, with a bind response or a generic_nack."""

    response: Pdu


class BindRequested(msgspec.Struct, frozen=True, gc=False):
    """The peer asks to bind; answer with `respond`."""

    request: Bind


class RequestReceived(msgspec.Struct, frozen=True, gc=False):
    """A request of the peer; answer with `respond` unless it has no response."""

    request: Pdu


class ResponseReceived(msgspec.Struct, Generic[Context], frozen=True, gc=False):
    """A request of ours was answered, by its response or by a generic_nack."""

    context: Context
    response: Pdu
    elapsed_s: float


class ResponseTimedOut(msgspec.Struct, Generic[Context], frozen=True, gc=False):
    """A request of ours got no readable answer; whether the peer acted on it is unknown."""

    context: Context


class Unbinding(msgspec.Struct, Generic[Context], frozen=True, gc=False):
    """The server unbinds: no more is sent; `Closed` comes once what is on its way is answered.

    `unwritten` requests were never handed out for writing.
    """

    unwritten: tuple[Context, ...] = ()


class Closed(msgspec.Struct, Generic[Context], frozen=True, gc=False):
    """The session is over; the last event.

    `unanswered` requests were handed out for writing, `unwritten` ones never were; both in the
    order of their requests.
    """

    reason: CloseReason
    unanswered: tuple[Context, ...] = ()
    unwritten: tuple[Context, ...] = ()


Event: TypeAlias = (
    Bound
    | BindRefused
    | BindRequested
    | RequestReceived
    | ResponseReceived[Context]
    | ResponseTimedOut[Context]
    | Unbinding[Context]
    | Closed[Context]
)
