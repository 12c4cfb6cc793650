"""What was typed into the one search box, as what it names."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Named(StrEnum):
    """What a text names."""

    MESSAGE = "message"
    BATCH = "batch"
    CALLBACK = "callback"
    ORDER = "order"
    REFERENCE = "reference"
    CARRIER_ID = "carrier_id"
    NUMBER = "number"
    WORDS = "words"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What a text names; of the identifiers and the rest, what belongs to its kind."""

    named: Named
    identifiers: tuple[int, ...] = ()
    """Of a message, a callback, or of batches or messages."""
    numbers: tuple[str, ...] = ()
    """Digits."""
    words: tuple[str, ...] = ()
