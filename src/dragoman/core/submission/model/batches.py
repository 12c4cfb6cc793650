"""The progress of a batch."""

from __future__ import annotations

import msgspec

from dragoman.core.messages.model.lifecycle import BatchState


class BatchProgress(msgspec.Struct, frozen=True, kw_only=True):
    """The progress of a batch, and what lists show of it."""

    batch_id: int
    account_id: int
    sender: str
    text: str
    format: str
    protocol: str
    due_ms: int
    state: BatchState
    recipients: int
    unsent: int
    buffered: int
    received: int
    failed: int
    expanding: bool
    """Whether recipients may still be to come."""
