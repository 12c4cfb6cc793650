"""How it is said that something is on disk."""

from __future__ import annotations

from collections.abc import Callable

OnStored = Callable[[bool], None]
"""Is called once something is on disk; with False if it never will be."""
