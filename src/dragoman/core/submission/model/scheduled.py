"""Batches that are due later: filters and views."""

from __future__ import annotations

from typing import NamedTuple

import msgspec


class Position(NamedTuple):
    """A place in a list of batches by due time: that of the last one before it."""

    due_ms: int
    batch_id: int


class ScheduledFilter(msgspec.Struct, frozen=True, kw_only=True):
    """What to search for; what is not given does not restrict the search."""

    account_ids: tuple[int, ...]
    recipient: str = ""
    """Digits; finds batches of one recipient."""
    sender: str = ""
    dialect: str = ""
    text: tuple[str, ...] = ()
    """Pieces of the text in this order, in any case, with anything around them."""
    from_ms: int | None = None
    to_ms: int | None = None
    """When it is due; both ends included."""


class ScheduledBatch(msgspec.Struct, frozen=True, kw_only=True):
    """A batch none of whose recipients is a message yet."""

    batch_id: int
    account_id: int
    dialect: str
    reference: str | None
    sender: str
    text: str
    format: str
    due_ms: int
    recipients: int
    """0 where lists and contacts say who they are when it is due."""
    recipient: str = ""
    """The digits of the only one; empty for several."""


class ScheduledPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some batches, the first due first; `next` is the place of the page after it."""

    batches: tuple[ScheduledBatch, ...]
    next: Position | None = None
