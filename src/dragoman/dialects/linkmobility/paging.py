"""Pages of answers, counted from 1, and numbers of callers that a database can bear."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

from dragoman.dialects.linkmobility.schemas import Paging
from dragoman.kit.ids import LIMIT
from dragoman.web.requests import Request

MAX_PAGE: Final = 1_000_000_000
MAX_IDENTIFIER: Final = LIMIT - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Which page is asked for, and how much stands on one."""

    number: int
    size: int

    @classmethod
    def of(cls, request: Request, size: int) -> Self:
        return cls(number=min(int(request.path_params["page"][:20]), MAX_PAGE), size=size)

    @property
    def offset(self) -> int:
        """Items before this page; page 0 is read as page 1."""
        return max(self.number - 1, 0) * self.size


def render_paging(page: Page, total: int) -> Paging:
    """Which page of how many this is, as searches answer."""
    pages = count_pages(total, page.size)
    return Paging(pages=pages, offset=page.size, current=max(page.number, 1))


def count_pages(items: int, size: int) -> int:
    """How many pages items take; at least one."""
    return max(1, -(-items // size))
