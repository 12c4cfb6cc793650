"""Pages of lists: where they begin, and the links to those around them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final, NamedTuple, TypeVar
from urllib.parse import urlencode

from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.dialects.twilio.schemas import Meta, Paging
from dragoman.web.requests import Request

DEFAULT_SIZE: Final = 50
MAX_SIZE: Final = 1_000
AFTER: Final = "PA"
"""Begins the token of the page behind an item; then comes the item's SID."""
BEFORE: Final = "PB"
"""Begins the token of the page in front of an item."""

_OF_PAGES: Final = frozenset({"PageSize", "Page", "PageToken"})
_NUMBER: Final = re.compile(r"[0-9]{1,9}", re.ASCII)
_HOST: Final = re.compile(
    r"[A-Za-z0-9.-]{1,255}(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:[0-9]{1,5})?"
)
_TOKEN: Final = re.compile(r"(PA|PB)([A-Z]{2}[0-9a-f]{32})")

Item = TypeVar("Item")


class Position(NamedTuple):
    """Which page of a list is asked for."""

    size: int
    page: int
    sid: str = ""
    """The item that the page lies behind, or before; empty for the first page."""
    backwards: bool = False


def read_position(given: Paging) -> Position:
    """The page that is asked for; raises `Refused`."""
    size = _read_number("PageSize", given.page_size, DEFAULT_SIZE)
    if not 1 <= size <= MAX_SIZE:
        raise Refused(RefusalCode.INVALID_FIELD, "PageSize", f"1 to {MAX_SIZE}")
    page = _read_number("Page", given.page, 0)
    if not given.page_token:
        return Position(size, 0)
    token = _TOKEN.fullmatch(given.page_token)
    if token is None:
        raise Refused(RefusalCode.INVALID_FIELD, "PageToken", "take it from an answer")
    return Position(size, page, token[2], token[1] == BEFORE)


def page_of(items: Sequence[Item], sids: Sequence[str], at: Position) -> tuple[list[Item], bool]:
    """The items of a page of a whole list, and whether more follow; raises `Refused`."""
    start = 0
    if at.sid:
        if at.sid not in sids:
            raise Refused(RefusalCode.INVALID_FIELD, "PageToken", "its item is gone")
        index = sids.index(at.sid)
        start = max(0, index - at.size) if at.backwards else index + 1
        if at.backwards:
            return list(items[start:index]), True
    return list(items[start : start + at.size]), len(items) > start + at.size


def links(
    request: Request, path: str, at: Position, sids: Sequence[str], *, more: bool
) -> dict[str, Any]:
    """The fields of a page around its list, of items with these SIDs."""
    filters = [(name, value) for name, value in request.query.pairs if name not in _OF_PAGES]

    def link(page: int, token: str = "") -> str:
        pairs = [*filters, ("PageSize", at.size), ("Page", page)]
        if token:
            pairs.append(("PageToken", token))
        return f"{path}?{urlencode(pairs)}"

    token = f"{BEFORE if at.backwards else AFTER}{at.sid}" if at.sid else ""
    start = at.page * at.size
    return {
        "first_page_uri": link(0),
        "end": start + max(len(sids) - 1, 0),
        "previous_page_uri": link(at.page - 1, BEFORE + sids[0]) if at.page and sids else None,
        "uri": link(at.page, token),
        "page_size": at.size,
        "start": start,
        "next_page_uri": link(at.page + 1, AFTER + sids[-1]) if more and sids else None,
        "page": at.page,
    }


def meta(
    request: Request,
    public_url: str,
    path: str,
    at: Position,
    sids: Sequence[str],
    key: str,
    *,
    more: bool,
) -> Meta:
    """The `meta` of a page of the newer APIs, whose links are whole."""
    around = links(request, path, at, sids, more=more)
    base = base_url(request, public_url)

    def whole(uri: str | None) -> str | None:
        return None if uri is None else f"{base}{uri}"

    return Meta(
        page=at.page,
        page_size=at.size,
        first_page_url=f"{base}{around['first_page_uri']}",
        previous_page_url=whole(around["previous_page_uri"]),
        url=f"{base}{around['uri']}",
        next_page_url=whole(around["next_page_uri"]),
        key=key,
    )


def base_url(request: Request, public_url: str) -> str:
    """Where the caller finds this gateway: as configured, else by the host that was called."""
    if public_url:
        return public_url.rstrip("/")
    host = request.header(b"host").decode("latin-1")
    return f"http://{host}" if _HOST.fullmatch(host) else "http://localhost"


def _read_number(name: str, text: str, default: int) -> int:
    if not text:
        return default
    if not _NUMBER.fullmatch(text):
        raise Refused(RefusalCode.INVALID_FIELD, name, "use a number")
    return int(text)
