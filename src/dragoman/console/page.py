"""A page of the console: its place, and the views that answer for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import KW_ONLY, dataclass
from typing import Final

from dragoman.console.page_request import PageRequest
from dragoman.console.place import Place
from dragoman.web.responses import Response

FORM_LIMIT_BYTES: Final = 256 * 1024

View = Callable[[PageRequest], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Page(Place):
    """One page; `show` answers GET, `act` a form that was sent to it."""

    _: KW_ONLY
    show: View | None = None
    act: View | None = None
    files_bytes: int = 0
    """How large a form with files may be; 0 for a page whose forms have none."""
