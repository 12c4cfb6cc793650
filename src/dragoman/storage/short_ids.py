"""Short IDs: identifiers below 2**31, for APIs whose clients keep identifiers in 32 bits.

What an account keeps, such as a device, has a short ID as its identifier. What identifiers order by
time, such as a batch, is shown under a short ID from a table beside it. All come from one counter
in the database, a block at a time: no two are alike, whichever process takes them, and a crash
leaves a gap.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

import msgspec
from sqlalchemy import Column, Connection, Index, Integer, SmallInteger, select, text

from dragoman.storage.metadata import Identifier, table
from dragoman.storage.rows import insert_rows, is_one_of
from dragoman.storage.work import one_by_one

if TYPE_CHECKING:  # the writing process, which has no use for it, would keep all that it imports
    from dragoman.storage.writer import Writer

T = TypeVar("T")

LIMIT: Final = 1 << 31
BLOCK: Final = 256
"""Taken from the counter at once; a process that ends leaves the rest unused."""

short_ids = table(
    "short_ids",
    Column("short_id", Integer, primary_key=True, autoincrement=False),
    Column("identifier", Identifier, nullable=False),
    Index("uq_short_ids_identifier", "identifier", unique=True),
)
"""The short ID under which a row is shown whose identifier is not one."""

short_id_counter = table(
    "short_id_counter",
    Column("counter", SmallInteger, primary_key=True, autoincrement=False),
    Column("last", Integer, nullable=False),
)
"""One row: the highest short ID that a process has taken."""

_RESERVE: Final = text(
    "INSERT INTO short_id_counter (counter, last) VALUES (1, :count)"
    " ON CONFLICT (counter) DO UPDATE SET last = short_id_counter.last + :count RETURNING last"
)


class ShortId(msgspec.Struct, frozen=True, array_like=True):
    """What identifier is shown under a short ID."""

    short_id: int
    identifier: int


@one_by_one("reserve_short_ids")
def reserve(connection: Connection, count: int) -> int:
    """Takes `count` short IDs; returns the highest."""
    return int(connection.execute(_RESERVE, {"count": count}).scalar_one())


@one_by_one("show_short_ids")
def show(connection: Connection, items: tuple[ShortId, ...]) -> None:
    """Stores short IDs of identifiers that have none."""
    insert_rows(connection, short_ids, items, new_only=True)


def _load(connection: Connection, identifiers: Collection[int]) -> dict[int, int]:
    column = short_ids.c.identifier
    query = select(column, short_ids.c.short_id).where(
        is_one_of(connection.dialect.name, column, identifiers)
    )
    return {row.identifier: row.short_id for row in connection.execute(query)}


def _find(connection: Connection, short_id: int) -> int | None:
    query = select(short_ids.c.identifier).where(short_ids.c.short_id == short_id)
    return connection.execute(query).scalar()


class Database(Protocol):
    """What short IDs are read from and written to."""

    @property
    def writer(self) -> Writer: ...
    async def read(self, query: Callable[[Connection], T]) -> T: ...


class ShortIds:
    """Hands out short IDs, and translates between them and identifiers."""

    def __init__(self, storage: Database) -> None:
        self._storage = storage
        self._block = range(0)
        self._taking = asyncio.Lock()

    async def next(self) -> int:
        return (await self.take(1))[0]

    async def take(self, count: int) -> range:
        """`count` consecutive short IDs; raises `StorageUnavailable`."""
        async with self._taking:
            if len(self._block) < count:
                wanted = max(count, BLOCK)
                last = await self._storage.writer.write(reserve, wanted)
                self._block = range(last - wanted + 1, last + 1)
            taken, self._block = self._block[:count], self._block[count:]
            return taken

    async def of(self, identifiers: Collection[int]) -> dict[int, int]:
        """The short ID of each identifier, which it gets where it has none."""
        known = await self._storage.read(lambda c: _load(c, identifiers))
        missing = sorted(set(identifiers) - known.keys())
        if not missing:
            return known
        taken = await self.take(len(missing))
        items = tuple(ShortId(*pair) for pair in zip(taken, missing, strict=True))
        await self._storage.writer.write(show, items)
        # Read again: another caller may have been first.
        return await self._storage.read(lambda c: _load(c, identifiers))

    async def identifier_of(self, short_id: int) -> int | None:
        """What is shown under a short ID; a longer identifier is one itself."""
        if short_id >= LIMIT:
            return short_id
        return await self._storage.read(lambda c: _find(c, short_id))
