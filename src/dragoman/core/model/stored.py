"""How callers learn that something is on disk."""

from __future__ import annotations

from collections.abc import Callable

OnStored = Callable[[bool], None]
"""Called with True once something is on disk, with False if it never will be."""


def ignore(_stored: bool) -> None:
    """Does nothing, for changes that are made again after a restart if they were not stored."""
