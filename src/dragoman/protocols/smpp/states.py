"""The states of an SMPP session and the only ways between them, as tables (SMPP 3.4 s. 2.2)."""

from enum import Enum
from typing import Final

from dragoman.protocols.smpp.constants import CommandId


class Role(Enum):
    """The side of the wire a session plays."""

    CLIENT = "ESME"
    SERVER = "SMSC"


class State(Enum):
    """Session states (SMPP 3.4 s. 2.2), with the steps between them named."""

    OPEN = "open"
    BINDING = "binding"
    BOUND_TX = "bound as transmitter"
    BOUND_RX = "bound as receiver"
    BOUND_TRX = "bound as transceiver"
    UNBINDING = "unbinding"
    CLOSED = "closed"


class Move(Enum):
    """What takes a session from one state to the next."""

    BIND = "bind requested"
    REFUSE = "bind refused"
    ACCEPT_TX = "bind_transmitter accepted"
    ACCEPT_RX = "bind_receiver accepted"
    ACCEPT_TRX = "bind_transceiver accepted"
    UNBIND = "unbind requested"
    CLOSE = "session over"


BOUND: Final = frozenset({State.BOUND_TX, State.BOUND_RX, State.BOUND_TRX})

TRANSITIONS: Final[dict[State, dict[Move, State]]] = {
    State.OPEN: {Move.BIND: State.BINDING, Move.CLOSE: State.CLOSED},
    State.BINDING: {
        Move.REFUSE: State.OPEN,
        Move.ACCEPT_TX: State.BOUND_TX,
        Move.ACCEPT_RX: State.BOUND_RX,
        Move.ACCEPT_TRX: State.BOUND_TRX,
        Move.CLOSE: State.CLOSED,
    },
    State.BOUND_TX: {Move.UNBIND: State.UNBINDING, Move.CLOSE: State.CLOSED},
    State.BOUND_RX: {Move.UNBIND: State.UNBINDING, Move.CLOSE: State.CLOSED},
    State.BOUND_TRX: {Move.UNBIND: State.UNBINDING, Move.CLOSE: State.CLOSED},
    State.UNBINDING: {Move.CLOSE: State.CLOSED},
    State.CLOSED: {},
}

ACCEPTANCE: Final = {
    CommandId.BIND_TRANSMITTER.value: Move.ACCEPT_TX,
    CommandId.BIND_RECEIVER.value: Move.ACCEPT_RX,
    CommandId.BIND_TRANSCEIVER.value: Move.ACCEPT_TRX,
}

_SUBMISSIONS: Final = frozenset(
    {
        CommandId.SUBMIT_SM.value,
        CommandId.SUBMIT_MULTI.value,
        CommandId.DATA_SM.value,
        CommandId.QUERY_SM.value,
        CommandId.CANCEL_SM.value,
        CommandId.REPLACE_SM.value,
    }
)
DELIVERIES: Final = frozenset(
    {CommandId.DELIVER_SM.value, CommandId.DATA_SM.value, CommandId.ALERT_NOTIFICATION.value}
)
"""What a server sends to a client that is bound as a receiver."""
ALLOWED_REQUESTS: Final[dict[Role, dict[State, frozenset[int]]]] = {
    Role.CLIENT: {
        State.BOUND_TX: _SUBMISSIONS,
        State.BOUND_RX: frozenset({CommandId.DATA_SM.value}),
        State.BOUND_TRX: _SUBMISSIONS,
    },
    Role.SERVER: {
        State.OPEN: frozenset({CommandId.OUTBIND.value}),
        State.BOUND_RX: DELIVERIES,
        State.BOUND_TRX: DELIVERIES,
    },
}
"""Which requests a side may send in a state (SMPP 3.4 s. 2.3); bind, unbind, enquire_link apart."""
