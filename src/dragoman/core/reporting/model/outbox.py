"""Searches for sent messages."""

from __future__ import annotations

import msgspec

from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.views import MessageView


class OutboxFilter(msgspec.Struct, frozen=True, kw_only=True):
    """What to search for; what is not given does not restrict the search."""

    account_id: int
    below: tuple[int, ...] = ()
    """Accounts whose messages are searched too."""
    recipient: str = ""
    sender: str = ""
    from_ms: int | None = None
    to_ms: int | None = None
    """Both ends included."""
    price: int | None = None
    premium_price: int | None = None
    """What the recipient pays; a message that costs the recipient nothing has 0."""
    price_comparison: str = "="
    """`<`, `>` or `=`."""
    batch_id: int | None = None
    message_id: int | None = None
    text: tuple[str, ...] = ()
    """Pieces of the text in this order, in any case, with anything around them."""
    states: tuple[State, ...] = ()
    mccs: tuple[str, ...] = ()


class OutboxPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some of the results, and the totals.

    `total` and `parts` are exact, except that a search examines at most the newest
    `paging.SCAN_LIMIT` candidates (`TEXT_SCAN_LIMIT` for a text or sender), and that callers can
    limit the count.
    """

    messages: tuple[MessageView, ...]
    total: int
    parts: int
    has_more: bool = False
    """Whether there is more than `total`."""
