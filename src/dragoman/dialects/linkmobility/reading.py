"""Texts, flags and pages as programs ask for them, and the advanced key that some calls need."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Self

from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.dialects.linkmobility.errors import WordedRefusal
from dragoman.dialects.linkmobility.schemas import Flag, Paging, Text
from dragoman.kit.ids import LIMIT
from dragoman.web.requests import Request

_FLAGS: Final = MappingProxyType[bool | int | str, bool](
    {0: False, "0": False, "false": False, 1: True, "1": True, "true": True}
)  # False and True are 0 and 1 here


def read_text(value: Text | float) -> str:
    """A text without white space around it; empty where there is none."""
    return "" if value is None else str(value).strip()


def read_flag(field: str, value: Flag) -> bool | None:
    """A flag: `true`, `"true"` or 1, or their opposites; None where none is given.

    Raises `Refused`.
    """
    written = value.strip().lower() if isinstance(value, str) else value
    if written is None or written == "":
        return None
    flag = _FLAGS.get(written)
    if flag is None:
        raise Refused(RefusalCode.INVALID_FIELD, field, "use true or false")
    return flag


def check_advanced(expected: str, given: str, purpose: str) -> None:
    """Raises `Refused` unless `given` is the advanced key, which is for a provider's own staff.

    `purpose` names the call or field that needs it.
    """
    offered = given.encode("utf-8", "surrogatepass")
    if not expected or not hmac.compare_digest(expected.encode(), offered):
        text = f"Access denied, [{purpose}] needs the advanced key"
        raise WordedRefusal(RefusalCode.PERMISSION_DENIED, text)


MAX_PAGE: Final = 1_000_000_000
MAX_IDENTIFIER: Final = LIMIT - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Which page is asked for, and how much stands on one."""

    number: int
    size: int

    @classmethod
    def of(cls, request: Request, size: int) -> Self:
        """The page in the path."""
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
