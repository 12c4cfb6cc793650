"""Orders as customers see them."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from dragoman.core.messages.model.lifecycle import State
from dragoman.core.model.errors import FailureCode
from dragoman.kit.ids import time_of


class OrderView(msgspec.Struct, frozen=True, kw_only=True):
    """What lists show of an order."""

    order_id: str
    batch_id: int
    message_type: str
    sender: str
    due_ms: int
    recipients: int

    @property
    def created_ms(self) -> int:
        return time_of(self.batch_id)


class RecipientView(msgspec.Struct, frozen=True, kw_only=True):
    """A message to a recipient, and its order."""

    order: OrderView
    message: OrderMessage
    wants_receipt: bool


class OrderMessage(NamedTuple):
    """A recipient of an order, and the state of its message."""

    recipient: str
    """Digits."""
    state: State
    failure: FailureCode
    final_ms: int | None
