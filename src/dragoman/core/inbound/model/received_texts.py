"""Searches for received texts."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class TextKind(StrEnum):
    """The kind of a received text, as French operators distinguish them."""

    STOP = "stop"
    """Its sender opted out."""
    CONTACT = "contact"
    """Its sender asks who writes."""
    OTHER = "other"


class TextSearch(msgspec.Struct, frozen=True, kw_only=True):
    """Which texts of an account to return; what is not given does not restrict it."""

    account_id: int
    numbers: tuple[str, ...] = ()
    from_ms: int | None = None
    to_ms: int | None = None
    """Both ends included."""
    kind: TextKind | None = None
