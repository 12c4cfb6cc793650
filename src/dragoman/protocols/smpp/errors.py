"""Errors between bytes and PDUs, the peer's, our own, or a lost boundary; misuse of a session."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dragoman.protocols.smpp.pdus import Pdu


class DecodeError(Exception):
    """The peer sent a PDU whose framing is intact and whose body is not readable.

    `command_status` is what to answer with; the session goes on. Where only octets behind the
    last field are at fault, `readable` is the PDU without them; where there is less text than
    sm_length says, it is the PDU with what there is.
    """

    def __init__(
        self,
        reason: str,
        *,
        command_id: int,
        sequence_number: int,
        command_status: int,
        readable: Pdu | None = None,
    ) -> None:
        super().__init__(reason)
        self.command_id = command_id
        self.sequence_number = sequence_number
        self.command_status = command_status
        self.readable = readable


class EncodeError(ValueError):
    """We tried to send a value that does not fit its field; nothing was sent."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field


class FramingLost(Exception):
    """The peer announced an impossible command_length, so no later PDU can be found.

    `frames` are the whole PDUs that came before it in the same data; they are good.
    """

    def __init__(self, command_length: int, frames: Sequence[bytes] = ()) -> None:
        super().__init__(f"impossible command_length {command_length}")
        self.command_length = command_length
        self.frames = tuple(frames)


class LocalProtocolError(Exception):
    """The caller requested what the protocol does not allow now: a bug on our side."""


class NotBound(LocalProtocolError):
    """The state of the session does not allow this request."""


class WindowFull(LocalProtocolError):
    """As many requests are unanswered as the window allows."""
