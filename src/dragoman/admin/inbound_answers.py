"""What operations answer about numbers, keywords and opt-outs."""

from __future__ import annotations

import msgspec


class NumberView(msgspec.Struct, frozen=True, kw_only=True):
    """A number that texts come to, and whose it is."""

    number: str
    account: str
    shared: bool
    configured: bool
    """Whether it stands in the configuration only."""


class NumberList(msgspec.Struct, frozen=True, kw_only=True):
    """Every number, stored ones first."""

    numbers: tuple[NumberView, ...]


class KeywordView(msgspec.Struct, frozen=True, kw_only=True):
    """A keyword, and where its texts are forwarded to."""

    keyword_id: int
    account: str
    number: str
    keyword: str
    below: str
    """The main keyword; empty for a main keyword."""
    service_id: int | None
    url: str


class KeywordList(msgspec.Struct, frozen=True, kw_only=True):
    """Keywords in the order of reservation."""

    keywords: tuple[KeywordView, ...]


class OptOutView(msgspec.Struct, frozen=True, kw_only=True):
    """Who wants nothing of an account, or of one of its senders."""

    account: str
    recipient: str
    sender: str
    """Empty for all of the account's."""
    since_ms: int
    by_text: int | None
    """The inbound text that said so."""
    origin: str
    """`stop`, `web` or `api`."""


class OptOutList(msgspec.Struct, frozen=True, kw_only=True):
    """Some opt-outs of an account, oldest first; `after` leads to the next ones."""

    opt_outs: tuple[OptOutView, ...]
    after: int | None
