"""Links that log an account in once: kept as digests, deleted as they are used."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, delete, insert, select

from dragoman.core.accounts.sql.tables import one_time_links
from dragoman.storage.work import Operation


class NewLink(msgspec.Struct, frozen=True, kw_only=True):
    """A link to store."""

    link_id: int
    account_id: int
    digest: bytes
    expires_ms: int
    now_ms: int


class LinkUse(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who comes with a link."""

    digest: bytes
    now_ms: int


def _add(connection: Connection, items: list[NewLink]) -> list[Exception | None]:
    for item in items:
        connection.execute(delete(one_time_links).where(one_time_links.c.expires_ms <= item.now_ms))
        values = {name: getattr(item, name) for name in item.__struct_fields__ if name != "now_ms"}
        connection.execute(insert(one_time_links).values(**values))
    return [None] * len(items)


def _use(connection: Connection, items: list[LinkUse]) -> list[int | Exception | None]:
    """The account of each link that was alive until now."""
    results: list[int | Exception | None] = []
    for item in items:
        query = select(one_time_links).where(one_time_links.c.digest == item.digest)
        row = connection.execute(query).first()
        gone = connection.execute(
            delete(one_time_links).where(one_time_links.c.digest == item.digest)
        ).rowcount
        alive = row is not None and gone == 1 and row.expires_ms > item.now_ms
        results.append(row.account_id if row is not None and alive else None)
    return results


add = Operation(_add, "add_one_time_link", NewLink)
use = Operation(_use, "use_one_time_link", LinkUse)
