"""Groups and tags of contacts."""

from __future__ import annotations

import msgspec

from dragoman.core.contacts.model.contacts import ListKind


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """A group or a tag, of which contacts can be members."""

    list_id: int
    account_id: int
    kind: ListKind = ListKind.GROUP
    name: str
    description: str = ""
