"""Pagination: which page of a list is asked for, and the links to its neighbours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode

import msgspec

PER_PAGE: Final = 50
MAX_PAGE: Final = 100_000
ENOUGH: Final = 2_000
"""Entries behind a page that are counted at most, where to count them all takes long."""


_PLACES: Final = frozenset({"page", "before", "after", "notice"})


class Paging(msgspec.Struct, frozen=True, kw_only=True):
    """A page of a list; pages count from 1."""

    number: int
    per_page: int = PER_PAGE

    @property
    def offset(self) -> int:
        """How many entries come before it."""
        return (self.number - 1) * self.per_page


class Pager(msgspec.Struct, frozen=True, kw_only=True):
    """The pagination of a list; an address is empty if there is no such page."""

    first: int
    last: int
    total: int
    has_more: bool
    """Whether there are more than `total`, uncounted."""
    newer: str
    older: str


def read_paging(query: Mapping[str, str], per_page: int = PER_PAGE) -> Paging:
    """The page that a query asks for, the first where it asks for none that can be."""
    text = query.get("page", "")
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= 6 else 1
    return Paging(number=min(max(number, 1), MAX_PAGE), per_page=per_page)


def read_before(query: Mapping[str, str]) -> int | None:
    """The entry that a page of a list begins behind; None for the newest."""
    text = query.get("before", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 16 else None


def address_of(query: Mapping[str, str], **place: str | int) -> str:
    """A query with the same values for another place in its list."""
    kept = {name: value for name, value in query.items() if name not in _PLACES and value}
    return "?" + urlencode(kept | place)


def make_pager(
    paging: Paging, query: Mapping[str, str], shown: int, total: int, *, has_more: bool = False
) -> Pager:
    """The pagination of a page with `shown` of `total` entries; other values of the query stay.

    Where there are more than that, `total` is rounded down to thousands.
    """

    def address(number: int) -> str:
        others = {name: value for name, value in query.items() if name != "page" and value}
        return "?" + urlencode(others | {"page": number})

    return Pager(
        first=paging.offset + 1 if shown else 0,
        last=paging.offset + shown,
        total=total - total % 1_000 if has_more else total,
        has_more=has_more,
        newer=address(paging.number - 1) if paging.number > 1 else "",
        older=address(paging.number + 1) if paging.offset + shown < total and shown else "",
    )
