"""What is kept for a limited time."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec


class Kept(StrEnum):
    """A kind of data with a retention period."""

    ATTACHMENTS = "attachments"
    """From when their batch can be sent no more."""
    AUDIT_ENTRIES = "audit_entries"
    CALLBACKS = "callbacks"
    """With their attempts; those that are still to be made stay."""
    CARRIER_TEXTS = "carrier_texts"
    """The IDs that carriers gave texts."""
    DELIVERIES = "deliveries"
    """Those that are still to be made stay."""
    INGESTED_ROWS = "ingested_rows"
    NOTES = "notes"


class Sweep(StrEnum):
    """What is forgotten or dropped of an account, in the order of its rows."""

    TEXTS_OF_MESSAGES = "texts:messages"
    TEXTS_OF_BATCHES = "texts:batches"
    TEXTS_RECEIVED = "texts:inbound"
    NUMBERS_OF_MESSAGES = "numbers:messages"
    NUMBERS_OF_BATCHES = "numbers:batches"
    NUMBERS_RECEIVED = "numbers:inbound"


class ExportCursor(msgspec.Struct, frozen=True, kw_only=True):
    """How far an export has come: the account, and the rows read of it."""

    account_id: int = 0
    after: dict[str, int] = {}
    partition: int = 0
    """Of a cluster, whose partitions are read one after the other."""


class Lifetimes(msgspec.Struct, frozen=True, kw_only=True):
    """The days for which an account's texts, numbers and messages are kept; 0 is for ever."""

    texts_days: int
    numbers_days: int
    messages_days: int

    def days(self, sweep: Sweep) -> int:
        """The days after which a sweep reaches a row."""
        return self.texts_days if sweep in _TEXTS else self.numbers_days


_TEXTS: Final = frozenset({Sweep.TEXTS_OF_MESSAGES, Sweep.TEXTS_OF_BATCHES, Sweep.TEXTS_RECEIVED})


class Swath(msgspec.Struct, frozen=True, kw_only=True):
    """What a sweep is to go over next: rows of an account, of identifiers below one."""

    account_id: int
    """0 for texts to numbers without an owner."""
    sweep: Sweep
    before: int


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """The oldest day (UTC) of an account, whose messages and texts are dropped."""

    account_id: int
    from_ms: int
    before_ms: int


class Erasure(msgspec.Struct, frozen=True, kw_only=True):
    """A number to erase from an account; account 0 is what belongs to none."""

    account_id: int
    numbers: tuple[str, ...]
    """Digits of the international number, as given, and its other form where it has one."""
    at_ms: int


class Outdated(msgspec.Struct, frozen=True, kw_only=True):
    """Data to delete: the oldest of a kind, from before a time."""

    kind: Kept
    before_ms: int
