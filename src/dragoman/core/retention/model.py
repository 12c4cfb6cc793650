"""What is kept for a limited time."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Kept(StrEnum):
    """A kind of data with a retention period."""

    ATTACHMENTS = "attachments"
    """From when their batch can be sent no more."""
    AUDIT_ENTRIES = "audit_entries"
    CALLBACKS = "callbacks"
    """With their attempts; those that are still to be made stay."""
    DELIVERIES = "deliveries"
    """Those that are still to be made stay."""
    INGESTED_ROWS = "ingested_rows"
    NOTES = "notes"


class Outdated(msgspec.Struct, frozen=True, kw_only=True):
    """Data to delete: the oldest of a kind, from before a time."""

    kind: Kept
    before_ms: int
