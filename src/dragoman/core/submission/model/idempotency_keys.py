"""Submissions with clients' own keys."""

from __future__ import annotations

import msgspec

from dragoman.core.messages.model.records import BatchOptions
from dragoman.core.submission.model.progress import Progress


class RecipientView(msgspec.Struct, frozen=True, kw_only=True):
    """The progress of a submission for one recipient."""

    number: str
    progress: Progress
    device_id: int | None = None
    """The phone it was last given to."""
    handed_ms: int | None = None
    """When, where the phone has said that it has it."""
    sent_ms: int | None = None
    final_ms: int | None = None
    reason: str = ""
    """Why it failed."""


class KeyedView(msgspec.Struct, frozen=True, kw_only=True):
    """A submission as its client sees it."""

    key: str
    batch_id: int
    reference: str | None
    created_ms: int
    device_id: int | None
    text: str
    format: str
    options: BatchOptions
    progress: Progress
    recipients: tuple[RecipientView, ...]


class KeyedFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which submissions to list; what is not given does not restrict it."""

    account_id: int
    dialect: str
    from_ms: int | None = None
    until_ms: int | None = None
    """Not included."""
    progress: Progress | None = None
    device_id: int | None = None
    oldest_first: bool = False
