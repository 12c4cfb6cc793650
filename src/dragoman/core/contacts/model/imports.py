"""A job that creates contacts from many rows."""

from __future__ import annotations

import msgspec


class ImportJob(msgspec.Struct, frozen=True, kw_only=True):
    """An import as it is stored."""

    import_id: int
    account_id: int
    key: str
    list_id: int | None
    name: str
    clean: bool
    drop_duplicates: bool
    cleaned: bool = False
    total: int = 0
    processed: int = 0
    rows_digest: str = ""
    rows_done: int = 0
