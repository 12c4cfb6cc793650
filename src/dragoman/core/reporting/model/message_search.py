"""Searches for sent messages by key: filters, and pages that say how far they looked."""

from __future__ import annotations

import msgspec

from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.views import MessageView
from dragoman.core.model.errors import FailureCode


class MessageFilter(msgspec.Struct, frozen=True, kw_only=True):
    """What to search for; what is not given does not restrict the search."""

    account_ids: tuple[int, ...]
    recipients: tuple[str, ...] = ()
    """Digits: any of these numbers."""
    batch_ids: tuple[int, ...] | None = None
    """Any of these batches; none at all where empty."""
    message_ids: tuple[int, ...] | None = None
    """Any of these messages; a few."""
    sender: str = ""
    """In any case."""
    route: str = ""
    carrier: str = ""
    dialect: str = ""
    failures: tuple[FailureCode, ...] = ()
    mccs: tuple[str, ...] = ()
    states: tuple[State, ...] = ()
    text: tuple[str, ...] = ()
    """Pieces of the text in this order, in any case, with anything around them."""
    from_ms: int | None = None
    to_ms: int | None = None
    """When it was accepted; both ends included."""


class FoundMessages(msgspec.Struct, frozen=True, kw_only=True):
    """Some messages, newest first."""

    messages: tuple[MessageView, ...]
    before: int | None = None
    """Older ones are below this identifier; None where there are none."""
    looked_to_ms: int | None = None
    """The page ends here, where enough was looked through, and not because it is full."""


class ExportedMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message as a row of a file."""

    message_id: int
    batch_id: int
    account_id: int
    dialect: str
    reference: str
    sender: str
    recipient: str
    mcc: str
    state: State
    failure: str
    detail: str
    route: str
    carrier: str
    parts: int
    credits: int
    price: int
    sent_ms: int | None
    final_ms: int | None
    text: str


class ExportedMessages(msgspec.Struct, frozen=True, kw_only=True):
    """Some rows, newest first; further ones are below `before`."""

    messages: tuple[ExportedMessage, ...]
    before: int | None = None
