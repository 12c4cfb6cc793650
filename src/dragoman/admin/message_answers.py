"""What operations answer about messages, batches and the live feed."""

from __future__ import annotations

import msgspec


class SentBatch(msgspec.Struct, frozen=True, kw_only=True):
    """What was accepted; `gateway` is whether one is there to send it now."""

    batch_id: int
    account: str
    recipients: int
    parts: int
    credits: int
    gateway: bool


class MessageStatus(msgspec.Struct, frozen=True, kw_only=True, tag="message", tag_field="kind"):
    """Where a message is; times are milliseconds since the Unix epoch."""

    message_id: int
    batch_id: int
    account: str
    recipient: str
    sender: str
    state: str
    failure: str
    detail: str
    parts: int
    credits: int
    price: str
    carrier: str
    attempts: int
    possible_duplicate: bool
    created_ms: int
    sent_ms: int | None
    final_ms: int | None
    callback_answer: str


class BatchStatus(msgspec.Struct, frozen=True, kw_only=True, tag="batch", tag_field="kind"):
    """How far a batch is, and its first messages."""

    batch_id: int
    account: str
    sender: str
    state: str
    due_ms: int
    recipients: int
    unsent: int
    buffered: int
    received: int
    failed: int
    messages: tuple[MessageStatus, ...]


class ScheduledStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What is due later."""

    batch_id: int
    account: str
    dialect: str
    reference: str
    sender: str
    text: str
    due_ms: int
    recipients: int
    """0 where contacts of lists are chosen when it is due."""
    recipient: str
    """The only one; empty for several."""


class MessageList(msgspec.Struct, frozen=True, kw_only=True):
    """Some messages, or what is scheduled; `next` leads to the page after it."""

    messages: tuple[MessageStatus, ...] = ()
    scheduled: tuple[ScheduledStatus, ...] = ()
    next: str = ""
    looked_to_ms: int | None = None
    """How far was looked, where the page is not full since that took enough."""


class Rescheduled(msgspec.Struct, frozen=True, kw_only=True):
    """The new time of a batch."""

    batch_id: int
    account: str
    due_ms: int


class Cancelled(msgspec.Struct, frozen=True, kw_only=True):
    """A message, or a batch that was scheduled, that will not be sent."""

    message_id: int
    account: str = ""


class FeedLine(msgspec.Struct, frozen=True, kw_only=True):
    """A message came to be in a state."""

    at_ms: int
    message_id: int
    batch_id: int
    account: str
    dialect: str
    sender: str
    recipient: str
    parts: int
    route: str
    carrier: str
    state: str
    failure: str
    detail: str


class FeedLines(msgspec.Struct, frozen=True, kw_only=True):
    """What happened since the last ones; `dropped` is how much was too much to tell."""

    lines: tuple[FeedLine, ...]
    dropped: int = 0
