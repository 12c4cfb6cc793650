"""What is decided about a submission, and what its customer can rely on once that is stored."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from dragoman.core.messages.live import LiveBatch
from dragoman.core.messages.model.records import NewBatch, StoredMessage


class AcceptedBatch(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a customer can rely on: the batch is on disk."""

    batch_id: int
    due_ms: int
    recipients: int
    """0 for an audience, until it is expanded."""
    parts: int
    """Of one message, where all have the same text."""
    credits: int
    """What is held for the batch now."""
    message_id: int | None = None
    """The first message, where messages are made at once."""


class Decision(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A valid submission. Nothing is stored yet, and nothing is promised."""

    new: NewBatch
    """What is to be stored; writers of more than a batch put it into their own item."""
    live: LiveBatch
    sendable: Sequence[StoredMessage]
    """The messages that are queued as soon as they are on disk."""
    accepted: AcceptedBatch
    """The result for the customer, once it is stored."""
