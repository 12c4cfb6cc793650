"""How many contacts each list has, and taking them all away.

Counting a million rows takes too long for a search, so every transaction that changes how many
there are says so here.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Final

from sqlalchemy import Connection, func, select, update

from dragoman.storage.bulk import BulkInsert
from dragoman.storage.tables import contact_counts, contacts

NO_LIST: Final = 0
"""Stands in a count for contacts of no list."""

_ADD = BulkInsert(
    contact_counts,
    suffix="ON CONFLICT (account_id, list_id) DO UPDATE SET"
    " live = contact_counts.live + excluded.live,"
    " deleted = contact_counts.deleted + excluded.deleted",
)


class Tally:
    """What the items of one operation change, summed up."""

    def __init__(self) -> None:
        self._changes: dict[tuple[int, int], list[int]] = defaultdict(lambda: [0, 0])

    def add(self, account_id: int, list_id: int | None, live: int, deleted: int = 0) -> None:
        """Adds to the contacts that are there, and to the deleted ones."""
        change = self._changes[account_id, list_id or NO_LIST]
        change[0] += live
        change[1] += deleted

    def write(self, connection: Connection) -> None:
        """Brings the counts up to date."""
        rows = [(*key, *change) for key, change in self._changes.items() if any(change)]
        _ADD.run(connection, rows)


def count(
    connection: Connection, account_id: int, list_id: int | None, *, deleted: bool = False
) -> int:
    """The contacts of one of the account's lists, or of the whole account where it is None."""
    column = contact_counts.c.deleted if deleted else contact_counts.c.live
    query = select(func.coalesce(func.sum(column), 0)).where(
        contact_counts.c.account_id == account_id
    )
    if list_id is not None:
        query = query.where(contact_counts.c.list_id == list_id)
    return int(connection.execute(query).scalar_one())


def delete_some_of_list(
    connection: Connection, account_id: int, list_id: int, at_ms: int, limit: int
) -> int:
    """Marks at most `limit` contacts of a list as deleted; how many it were."""
    some = (
        select(contacts.c.contact_id)
        .where(contacts.c.list_id == list_id, contacts.c.deleted_ms.is_(None))
        .order_by(contacts.c.contact_id)
        .limit(limit)
    )
    gone = connection.execute(
        update(contacts)
        .where(contacts.c.contact_id.in_(some.scalar_subquery()))
        .values(deleted_ms=at_ms, changed_ms=at_ms)
    ).rowcount
    tally = Tally()
    tally.add(account_id, list_id, -gone, gone)
    tally.write(connection)
    return gone
