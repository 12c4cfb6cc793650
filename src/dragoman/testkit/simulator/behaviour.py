"""What the simulated SMSC does with a message, as a value."""

from __future__ import annotations

from enum import Enum

import msgspec

from dragoman.protocols.smpp.constants import MessageState


class Answer(Enum):
    """What happens to the response to an accepted submit."""

    SENT = "sent"
    LOST = "lost"
    """Never written; the link stays up."""
    RESET_BEFORE = "reset before"
    """The message is taken, then the link is reset without a response."""
    RESET_AFTER = "reset after"
    """The response is written, then the link is reset."""


class ReceiptTiming(Enum):
    """When the receipt of an accepted message goes out."""

    AFTER_RESPONSE = "after"
    BEFORE_RESPONSE = "before"


class ReceiptStyle(Enum):
    """How a receipt is encoded."""

    TEXT = "text"
    TLVS = "tlvs"
    BOTH = "both"


class Behaviour(msgspec.Struct, frozen=True, kw_only=True):
    """What happens to a message; by default it is accepted and delivered at once."""

    status: int = 0
    """Status of the response; other than 0 the message is not taken."""
    answer: Answer = Answer.SENT
    answer_delay_s: float = 0.0
    state: MessageState | None = MessageState.DELIVERED
    """The state in the receipt; None for no receipt."""
    error: str = "000"
    receipt_delay_s: float = 0.0
    receipts: int = 1
    """How many times the same receipt is sent."""
    timing: ReceiptTiming = ReceiptTiming.AFTER_RESPONSE
    style: ReceiptStyle = ReceiptStyle.BOTH
    other_link: bool = False
    """Whether the receipt goes over another link of the same account, if there is one."""
