"""Customers' hosts that fail, and to which callbacks are held."""

from __future__ import annotations

from urllib.parse import urlsplit

import msgspec


class HeldHost(msgspec.Struct, frozen=True, kw_only=True):
    """A host that fails an account's callbacks."""

    account_id: int
    origin: str
    reason: str
    """What the last try met: a status, or why there was no answer."""
    waiting: int
    """Callbacks of the account that are held."""
    since_ms: int
    next_try_ms: int


def names_of(origin: str) -> tuple[str, str]:
    """Host and port of an origin, and the host alone."""
    parts = urlsplit(origin)
    return parts.netloc, parts.hostname or ""
