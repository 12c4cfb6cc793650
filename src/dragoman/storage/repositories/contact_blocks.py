"""How many contacts each list has, and where among them a page begins; taking them all away.

Neither counting nor stepping over a million rows is for a search. So the contacts of each list, and
of each account, are counted in blocks of about a thousand, by every transaction that changes how
many there are: adding up the blocks is counting, and a page begins in one of them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from typing import Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, func, select, update

from dragoman.storage.bulk import BulkInsert
from dragoman.storage.tables import contact_blocks, contacts

NO_LIST: Final = 0
"""Stands in a block for contacts of no list."""
ALL_LISTS: Final = -1
"""Stands in a block for all contacts of the account."""
BLOCK: Final = 1_000
"""Contacts after which the next one begins a block; more only where they come in between."""

_ADD = BulkInsert(
    contact_blocks,
    suffix="ON CONFLICT (account_id, list_id, first_id) DO UPDATE SET"
    " last_id = excluded.last_id,"
    " live = contact_blocks.live + excluded.live,"
    " deleted = contact_blocks.deleted + excluded.deleted",
)


class Place(NamedTuple):
    """Where a page begins, and how many contacts there are in all."""

    total: int
    first_id: int
    """No contact before it is on the page."""
    skipped: int
    """Contacts from there on that come before the page."""


class Tally:
    """What the items of one operation change, contact by contact."""

    def __init__(self) -> None:
        self._changes: dict[tuple[int, int], list[_Change]] = defaultdict(list)

    def add(
        self,
        account_id: int,
        list_id: int | None,
        contact_ids: Iterable[int],
        live: int,
        deleted: int = 0,
    ) -> None:
        """Adds so much for each of some contacts to those that are there, and to deleted ones."""
        changes = [_Change(contact_id, live, deleted) for contact_id in contact_ids]
        self._changes[account_id, list_id or NO_LIST] += changes
        self._changes[account_id, ALL_LISTS] += changes

    def write(self, connection: Connection) -> None:
        """Brings the blocks up to date."""
        for (account_id, list_id), changes in sorted(self._changes.items()):
            if changes:
                changes.sort()
                _write(connection, account_id, list_id, changes)


def count(
    connection: Connection, account_id: int, list_id: int | None, *, deleted: bool = False
) -> int:
    """The contacts of one of the account's lists, or of the whole account where it is None."""
    column = contact_blocks.c.deleted if deleted else contact_blocks.c.live
    query = select(func.coalesce(func.sum(column), 0)).where(*_of_scope(account_id, list_id))
    return int(connection.execute(query).scalar_one())


def find_place(
    connection: Connection, account_id: int, list_id: int | None, offset: int, *, deleted: bool
) -> Place:
    """Where a page of a list, or of the whole account, begins."""
    column = contact_blocks.c.deleted if deleted else contact_blocks.c.live
    query = (
        select(contact_blocks.c.first_id, column)
        .where(*_of_scope(account_id, list_id))
        .order_by(contact_blocks.c.first_id)
    )
    total = first_id = passed = 0
    for block_id, counted in connection.execute(query):
        if total <= offset:
            first_id, passed = block_id, total
        total += counted
    return Place(total, first_id, offset - passed)


def delete_some_of_list(
    connection: Connection, account_id: int, list_id: int, at_ms: int, limit: int
) -> int:
    """Marks at most `limit` contacts of a list as deleted; how many it were."""
    of_list = (contacts.c.list_id == list_id, contacts.c.deleted_ms.is_(None))
    query = select(contacts.c.contact_id).where(*of_list).order_by(contacts.c.contact_id)
    gone = list(connection.execute(query.limit(limit)).scalars())
    if gone:
        connection.execute(
            update(contacts)
            .where(*of_list, contacts.c.contact_id <= gone[-1])
            .values(deleted_ms=at_ms, changed_ms=at_ms)
        )
    tally = Tally()
    tally.add(account_id, list_id, gone, -1, 1)
    tally.write(connection)
    return len(gone)


class _Change(NamedTuple):
    contact_id: int
    live: int
    deleted: int


class _Block:
    __slots__ = ("deleted", "last_id", "live", "size")

    def __init__(self, last_id: int, size: int) -> None:
        self.last_id = last_id
        self.size = size
        self.live = self.deleted = 0


def _write(
    connection: Connection, account_id: int, list_id: int, changes: list[_Change]
) -> None:
    """Adds changes, in the order of their contacts, to the blocks these belong to.

    A block begins only behind the last contact of all, so that none before it could be its own.
    """
    blocks, newest = _load(connection, account_id, list_id, changes)
    firsts = list(blocks)
    for contact_id, live, deleted in changes:
        first_id = firsts[bisect_right(firsts, contact_id) - 1]
        block = blocks[first_id]
        if first_id == newest and block.size >= BLOCK and contact_id > block.last_id:
            newest = contact_id
            firsts.append(newest)
            block = blocks[newest] = _Block(contact_id, 0)
        block.size += live + deleted
        block.live += live
        block.deleted += deleted
        block.last_id = max(block.last_id, contact_id)
    _ADD.run(
        connection,
        [
            (account_id, list_id, first_id, block.last_id, block.live, block.deleted)
            for first_id, block in blocks.items()
            if block.live or block.deleted
        ],
    )


def _load(
    connection: Connection, account_id: int, list_id: int, changes: list[_Change]
) -> tuple[dict[int, _Block], int]:
    """The blocks that changes may belong to, in order, and where the newest of all begins."""
    of_scope = _of_scope(account_id, list_id)
    column = contact_blocks.c.first_id
    newest = select(func.max(column)).where(*of_scope)
    begin = newest.where(column <= changes[0].contact_id)
    ends = select(begin.scalar_subquery(), newest.scalar_subquery())
    first, last = connection.execute(ends).one()
    if first is None:  # the first block of a list is about all before the second
        return {0: _Block(0, 0)}, 0
    query = (
        select(column, contact_blocks.c.last_id, contact_blocks.c.live + contact_blocks.c.deleted)
        .where(*of_scope, column >= first, column <= changes[-1].contact_id)
        .order_by(column)
    )
    found = {row[0]: _Block(row[1], row[2]) for row in connection.execute(query)}
    return found, last


def _of_scope(account_id: int, list_id: int | None) -> tuple[ColumnElement[bool], ...]:
    scope = ALL_LISTS if list_id is None else list_id
    return contact_blocks.c.account_id == account_id, contact_blocks.c.list_id == scope
