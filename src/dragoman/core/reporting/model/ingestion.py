"""Statistics that a customer reports."""

from __future__ import annotations

import msgspec


class IngestedRow(msgspec.Struct, frozen=True, kw_only=True):
    """A message that was sent or received outside the gateway."""

    account_id: int
    direction: str
    """inbox or outbox."""
    reference: str
    """Its identifier at the reporter."""
    at_ms: int
    counts: tuple[tuple[str, str], ...]
    """The dimensions and values it is counted under."""
    parts: int
