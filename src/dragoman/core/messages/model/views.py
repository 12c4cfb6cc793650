"""Messages as searches return them."""

from __future__ import annotations

import msgspec

from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.records import BatchOptions
from dragoman.core.model.errors import FailureCode
from dragoman.kit.ids import time_of


class MessageView(msgspec.Struct, frozen=True, kw_only=True):
    """A message as a query returns it."""

    message_id: int
    batch_id: int
    account_id: int
    recipient: str
    sender: str
    text: str
    format: str
    protocol: str
    state: State
    failure: FailureCode
    detail: str
    parts: int
    credits: int
    price: int
    mcc: str
    route: str
    carrier: str
    dialect: str
    attempts: int
    possible_duplicate: bool
    sent_ms: int | None
    final_ms: int | None
    options: BatchOptions

    @property
    def created_ms(self) -> int:
        return time_of(self.message_id)
