"""The number of contacts of each list, and where a page of them begins.

Counting or skipping a million rows takes too long for a search. So the contacts of each list, and
of each account, are counted in blocks of about a thousand, in every transaction that changes their
number: the total is the sum of the blocks, and a page begins in one of them.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, func, select, update

from dragoman.core.contacts.sql.tables import contact_blocks, contacts
from dragoman.storage.bulk import BulkInsert

NO_LIST: Final = 0
"""Stands in a block for contacts of no list."""
ALL_LISTS: Final = -1
"""Stands in a block for all contacts of the account."""
BLOCK: Final = 1_000
"""Contacts after which the next one begins a block; more only if inserted in between."""

_ADD = BulkInsert(
    contact_blocks,
    suffix="ON CONFLICT (account_id, list_id, first_id) DO UPDATE SET"
    " last_id = excluded.last_id,"
    " live = contact_blocks.live + excluded.live,"
    " deleted = contact_blocks.deleted + excluded.deleted",
)


class Place(NamedTuple):
    """Where a page begins, and the total."""

    total: int
    first_id: int
    """No contact before it is on the page."""
    skipped: int
    """Contacts from there on that precede the page."""


class Tally:
    """The changes in number of one operation."""

    def __init__(self) -> None:
        self._changes: dict[tuple[int, int], list[_Change]] = defaultdict(list)

    def add(
        self,
        account_id: int,
        list_id: int | None,
        contact_ids: Sequence[int],
        live: int,
        deleted: int = 0,
    ) -> None:
        """Adds to the counts of existing and of deleted contacts, for contacts in order."""
        if contact_ids:
            change = _Change(contact_ids, live, deleted)
            self._changes[account_id, list_id or NO_LIST].append(change)
            self._changes[account_id, ALL_LISTS].append(change)

    def write(self, connection: Connection) -> None:
        """Writes the changes to the blocks."""
        for (account_id, list_id), changes in sorted(self._changes.items()):
            _write(connection, account_id, list_id, changes)


def count(
    connection: Connection, account_id: int, list_id: int | None, *, deleted: bool = False
) -> int:
    """The contacts of one of the account's lists, or of the whole account where it is None."""
    column = contact_blocks.c.deleted if deleted else contact_blocks.c.live
    query = select(func.coalesce(func.sum(column), 0)).where(*_of_scope(account_id, list_id))
    return int(connection.execute(query).scalar_one())


def count_by_list(connection: Connection, account_id: int) -> dict[int, int]:
    """How many contacts each of the account's lists has, and no list (0)."""
    table = contact_blocks.c
    query = (
        select(table.list_id, func.sum(table.live))
        .where(table.account_id == account_id, table.list_id != ALL_LISTS)
        .group_by(table.list_id)
    )
    return {list_id: int(live) for list_id, live in connection.execute(query)}


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
    """Marks at most `limit` contacts of a list as deleted; returns their number."""
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
    contact_ids: Sequence[int]
    live: int
    deleted: int


class _Block:
    __slots__ = ("deleted", "last_id", "live", "size")

    def __init__(self, last_id: int, size: int) -> None:
        self.last_id = last_id
        self.size = size
        self.live = self.deleted = 0


def _write(connection: Connection, account_id: int, list_id: int, changes: list[_Change]) -> None:
    blocks = _load(
        connection,
        account_id,
        list_id,
        min(change.contact_ids[0] for change in changes),
        max(change.contact_ids[-1] for change in changes),
    )
    for change in changes:
        blocks.count(change)
    _ADD.run(connection, [(account_id, list_id, *row) for row in blocks.changed()])


class _Blocks:
    """Adjacent blocks of a list, and the changes to them."""

    def __init__(self, found: dict[int, _Block], newest: int) -> None:
        self._blocks = found
        self._firsts = list(found)
        self._newest = newest

    def count(self, change: _Change) -> None:
        """Adds a change to the blocks that its contacts belong to.

        A block begins only behind the last contact of all, so that none before could be its own.
        """
        ids, at = change.contact_ids, 0
        while at < len(ids):
            number = bisect_right(self._firsts, ids[at])
            first_id = self._firsts[number - 1]
            block = self._blocks[first_id]
            end = len(ids)
            if number < len(self._firsts):
                end = bisect_left(ids, self._firsts[number], at)
            elif first_id == self._newest and ids[at] > block.last_id:
                end = min(end, at + BLOCK - block.size)
                if end <= at:
                    self._begin(ids[at])
                    continue
            block.size += (change.live + change.deleted) * (end - at)
            block.live += change.live * (end - at)
            block.deleted += change.deleted * (end - at)
            block.last_id = max(block.last_id, ids[end - 1])
            at = end

    def changed(self) -> Iterator[tuple[int, int, int, int]]:
        """The blocks with something to add, as rows."""
        for first_id, block in self._blocks.items():
            if block.live or block.deleted:
                yield first_id, block.last_id, block.live, block.deleted

    def _begin(self, first_id: int) -> None:
        self._newest = first_id
        self._firsts.append(first_id)
        self._blocks[first_id] = _Block(0, 0)


def _load(
    connection: Connection, account_id: int, list_id: int, lowest: int, highest: int
) -> _Blocks:
    """The blocks of the contacts in a range."""
    of_scope = _of_scope(account_id, list_id)
    column = contact_blocks.c.first_id
    newest = select(func.max(column)).where(*of_scope)
    ends = select(newest.where(column <= lowest).scalar_subquery(), newest.scalar_subquery())
    first, last = connection.execute(ends).one()
    if first is None:  # the first block of a list is about all before the second
        return _Blocks({0: _Block(0, 0)}, 0)
    query = (
        select(column, contact_blocks.c.last_id, contact_blocks.c.live + contact_blocks.c.deleted)
        .where(*of_scope, column >= first, column <= highest)
        .order_by(column)
    )
    found = {row[0]: _Block(row[1], row[2]) for row in connection.execute(query)}
    return _Blocks(found, last)


def _of_scope(account_id: int, list_id: int | None) -> tuple[ColumnElement[bool], ...]:
    scope = ALL_LISTS if list_id is None else list_id
    return contact_blocks.c.account_id == account_id, contact_blocks.c.list_id == scope
