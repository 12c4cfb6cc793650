"""Price lists of carriers as they are shown, and what an import changes."""

from __future__ import annotations

import msgspec


class PriceListView(msgspec.Struct, frozen=True, kw_only=True):
    """A carrier's price list."""

    carrier: str
    rows: int
    imported_ms: int | None = None
    """None for a list in a file."""


class PriceListChange(msgspec.Struct, frozen=True, kw_only=True):
    """What an import changes."""

    carrier: str
    rows: int
    """Of the list after it."""
    new: int
    changed: int
    removed: int
    summary: str
    lines: tuple[str, ...]
    """`+`, `~` or `-` and the row; of many, the first."""
    more: int
    """Differences that are not among the lines."""
    applied: bool
