"""Lists of callbacks and of receipts that match nothing: filters and views."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

import msgspec

from dragoman.core.messages.model.lifecycle import ReceiptState

CALLBACK_STATES: Final = MappingProxyType({"waiting": 0, "delivered": 1, "given_up": 2})
"""The stages of a callback by what people call them; the numbers are stored."""


class CallbackFilter(msgspec.Struct, frozen=True, kw_only=True):
    """What to list; what is not given does not restrict it."""

    account_ids: tuple[int, ...]
    state: int | None = None
    origin: str = ""


class CallbackView(msgspec.Struct, frozen=True, kw_only=True):
    """A callback without its payload."""

    callback_id: int
    account_id: int
    message_id: int
    dialect: str
    origin: str
    state: int
    attempts: int
    next_attempt_ms: int
    answered_ms: int | None
    answer_status: int | None


class CallbackCallView(msgspec.Struct, frozen=True, kw_only=True):
    """A call that was made."""

    answered_ms: int
    answer_status: int | None
    answer: str


class CallbackDetails(msgspec.Struct, frozen=True, kw_only=True):
    """A callback with what it says, and its calls, the first first."""

    callback: CallbackView
    payload: str
    """JSON."""
    calls: tuple[CallbackCallView, ...]
    of_message: bool
    """Whether it is about a message, and not about a text or a device."""


class CallbackPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some callbacks, newest first."""

    callbacks: tuple[CallbackView, ...]
    before: int | None = None
    """Older ones are below this identifier; None where there are none."""
    looked_to_ms: int | None = None
    """The page ends here, where enough was looked through, and not because it is full."""


class UnmatchedReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """A receipt of no message that is known."""

    receipt_id: int
    carrier: str
    carrier_message_id: str
    recipient: str
    state: ReceiptState
    error: str
    raw: str


class UnmatchedPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some of them, newest first; older ones are below `before`."""

    receipts: tuple[UnmatchedReceipt, ...]
    before: int | None = None
