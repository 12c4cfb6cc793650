"""Named values of contacts that texts can refer to."""

from __future__ import annotations

import msgspec


class MergeField(msgspec.Struct, frozen=True, kw_only=True):
    """A field of an account's contacts."""

    field_id: int
    account_id: int
    name: str
