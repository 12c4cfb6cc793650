"""Where an account's callbacks go, and how these hosts are doing."""

from __future__ import annotations

import msgspec


class PausedHost(msgspec.Struct, frozen=True, kw_only=True):
    """An origin that somebody paused for an account: its callbacks wait in their rows."""

    account_id: int
    origin: str
    since_ms: int


class CallbackHost(msgspec.Struct, frozen=True, kw_only=True):
    """An origin for which callbacks of an account wait, or that fails or is paused."""

    account_id: int
    origin: str
    waiting: int
    calling: int
    """Calls under way."""
    reason: str = ""
    """How it fails; empty where it does not."""
    since_ms: int | None = None
    """Since when it fails or is paused."""
    next_try_ms: int | None = None
    """When it is tried next, never in the past; None where it is paused, or nothing waits."""
    is_paused: bool = False


class Tested(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a call that was made to try a URL."""

    status: int | None
    """None where there was no answer."""
    answer: str
    """Its beginning; without an answer, why there was none."""
    took_ms: float
