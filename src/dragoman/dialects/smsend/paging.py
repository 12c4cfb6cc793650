"""Pages of a list: `pageNumber` from 1 on, `pageSize` at most 500."""

from __future__ import annotations

from typing import Final

import msgspec

from dragoman.dialects.smsend.reading import read_count
from dragoman.web.requests import Parameters

DEFAULT_SIZE: Final = 10
MAX_SIZE: Final = 500
MAX_NUMBER: Final = 1_000_000


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of a list."""

    number: int
    size: int

    @property
    def offset(self) -> int:
        """How many entries stand before it."""
        return (self.number - 1) * self.size


def read_page(
    query: Parameters, default_size: int = DEFAULT_SIZE, max_size: int = MAX_SIZE
) -> Page:
    """The page that a query asks for; raises `Refused`."""
    return Page(
        number=read_count(query.get("pageNumber"), "pageNumber", 1, MAX_NUMBER),
        size=read_count(query.get("pageSize"), "pageSize", default_size, max_size),
    )
