"""Links that sign an account in once: stored as digests, deleted when used."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, delete, insert

from dragoman.core.accounts.sql.tables import one_time_links
from dragoman.storage.rows import row_of
from dragoman.storage.work import one_by_one


class NewLink(msgspec.Struct, frozen=True, kw_only=True):
    """A link to store."""

    link_id: int
    account_id: int
    digest: bytes
    expires_ms: int
    now_ms: int


class LinkUse(msgspec.Struct, frozen=True, kw_only=True):
    """The redemption of a link."""

    digest: bytes
    now_ms: int


@one_by_one("add_one_time_link")
def add(connection: Connection, item: NewLink) -> None:
    connection.execute(delete(one_time_links).where(one_time_links.c.expires_ms <= item.now_ms))
    row = row_of(item)
    del row["now_ms"]
    connection.execute(insert(one_time_links).values(row))


@one_by_one("use_one_time_link")
def use(connection: Connection, item: LinkUse) -> int | None:
    """The account of a link that was still valid."""
    used = delete(one_time_links).where(one_time_links.c.digest == item.digest)
    row = connection.execute(used.returning(*one_time_links.c)).first()
    return row.account_id if row is not None and row.expires_ms > item.now_ms else None
