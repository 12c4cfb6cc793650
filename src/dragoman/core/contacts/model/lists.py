"""Lists of contacts; they form a tree."""

from __future__ import annotations

import msgspec


class ContactList(msgspec.Struct, frozen=True, kw_only=True):
    """A list of contacts; `parent_id` is None on the first level."""

    list_id: int
    account_id: int
    parent_id: int | None
    name: str
