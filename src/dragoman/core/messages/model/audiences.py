"""The recipients of a submission to lists and contacts, not only numbers."""

from __future__ import annotations

from typing import Final

import msgspec

from dragoman.core.contacts.model.filters import Filter

ALL_PERCENT: Final = 100


class Segment(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A selection of the contacts of lists."""

    count: int | None = None
    """At most so many, in the order of their numbers."""
    percent: int | None = None
    """So many of a hundred, spread evenly over the numbers; 1 to 100."""
    exclude: tuple[int, ...] = ()
    """Batches whose recipients are excluded; they run first."""


class Audience(msgspec.Struct, frozen=True, kw_only=True):
    """Lists with all their sublists, groups and tags, and contacts.

    Filter and segment select among the contacts of lists; contacts and numbers named singly are
    always included.
    """

    lists: tuple[int, ...] = ()
    contacts: tuple[int, ...] = ()
    groups: tuple[int, ...] = ()
    """Groups and tags; filter and segment choose among their contacts too."""
    filter: Filter | None = None
    segment: Segment | None = None
    zones: tuple[str, ...] = ()
    """Only numbers of these time zones (`core/model/number_zones.py`), named ones too; empty for
    all."""


def is_picked(index: int, percent: int) -> bool:
    """Whether the contact at an index, from 0 on, belongs to the percentage.

    Of the first n, exactly n * percent / 100 do, rounded up.
    """
    whole = ALL_PERCENT - 1
    return (index * percent + whole) // ALL_PERCENT < ((index + 1) * percent + whole) // ALL_PERCENT
