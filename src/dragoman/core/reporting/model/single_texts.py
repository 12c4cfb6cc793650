"""Texts that were submitted one by one, and received ones: filters and views."""

from __future__ import annotations

import msgspec

from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.records import BatchOptions
from dragoman.core.model.errors import FailureCode


class SingleFilter(msgspec.Struct, frozen=True, kw_only=True):
    """What to search for; what is not given does not restrict the search."""

    account_id: int
    dialect: str
    recipient: str = ""
    """Digits; of a received text, the number that it came to."""
    sender: str = ""
    """As it was submitted; of a received text, digits are enough."""
    from_ms: int | None = None
    until_ms: int | None = None
    """When it left or arrived; the end not included. What has not left has no such time."""
    before: int | None = None
    """Only texts with lower identifiers."""
    after: int | None = None
    """Only texts with higher ones: those next to it."""


class SingleText(msgspec.Struct, frozen=True, kw_only=True):
    """A text as a query returns it, under the identifier of its batch, or its own if it came in."""

    text_id: int
    account_id: int
    recipient: str
    sender: str
    text: str
    state: State | None
    """None for one that came in."""
    message_id: int | None = None
    """None while it waits for its time."""
    failure: FailureCode = FailureCode.NONE
    detail: str = ""
    format: str = ""
    options: BatchOptions = BatchOptions()
    parts: int = 1
    price: int = 0
    due_ms: int
    sent_ms: int | None = None
    final_ms: int | None = None
    attachments: int = 0
