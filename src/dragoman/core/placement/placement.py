"""Which partition a caller or an account belongs to; where there is one database, none asks.

Whoever looks for the holder of a secret or of a name asks here before the own tables. The answers
are remembered for a minute: an account never moves, and what is gone is refused by who had it.
"""

from __future__ import annotations

import zlib
from collections import OrderedDict
from dataclasses import field
from typing import Final, NoReturn

from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.use_case import use_case
from dragoman.core.placement.copies import FileCopies
from dragoman.core.placement.model.views import key_of_digest
from dragoman.core.placement.sql import moves, shared
from dragoman.core.placement.sql.moves import Moved
from dragoman.kit.clock import Clock
from dragoman.kit.elsewhere import AT_HOME, UNREACHABLE, Elsewhere
from dragoman.kit.ids import MAX_PARTITIONS, partition_of
from dragoman.storage.engine import Storage
from dragoman.storage.short_ids import LIMIT

FIRST: Final = 0
MAX_REMEMBERED: Final = 50_000
REMEMBERED_S: Final = 60.0
MAX_DIGITS: Final = 4
"""Of the number of a partition."""


def place_of(storage: Storage, clock: Clock, partitions: int) -> Placement:
    """The place of a database; one that is no partition has none."""
    if storage.partition is None:
        return Placement(storage=storage, clock=clock)
    return Placement(
        storage=storage, clock=clock, partition=storage.partition, partitions=partitions
    )


@use_case(kw_only=True)
class Placement:
    """The place of a partition among `partitions`; 0 of them for a single gateway."""

    storage: Storage
    clock: Clock
    partition: int = 0
    partitions: int = 0
    _moved: Moved | None = field(default=None, init=False)
    _known: OrderedDict[tuple[str, str], tuple[int, float]] = field(
        default_factory=OrderedDict, init=False
    )

    @property
    def folder(self) -> str:
        """A folder of its own below one that the partitions of a node share; empty for none."""
        return f"p{self.partition:02d}" if self.partitions else ""

    def file_copies(self) -> FileCopies | None:
        """Where copies of its files are; None without a cluster, whose disk is always the same."""
        if not self.partitions:
            return None
        return FileCopies(storage=self.storage, partition=self.partition)

    async def check_key(self, digest: bytes) -> None:
        """Raises `Elsewhere` for the digest of a key or token that another partition has."""
        if self.partitions:
            await self.check("key", key_of_digest(digest))

    async def check(self, kind: str, key: str) -> None:
        """Raises `Elsewhere` for what another partition has; nothing for what nobody has."""
        if not self.partitions:
            return
        found = await self.find(kind, key)
        if found is not None and found != self.partition:
            _leave_to(found)

    async def find(self, kind: str, key: str) -> int | None:
        """The partition of a key, None where there is no such key in the cluster."""
        now = self.clock.monotonic()
        known = self._known.get((kind, key))
        if known is not None and known[1] > now:
            return known[0]
        if not key.isprintable():  # no such key exists, and databases take not every string
            return None
        found = await self.storage.read(lambda c: shared.find_partition(c, kind, key))
        if found is not None:
            self._known[kind, key] = found, now + REMEMBERED_S
            if len(self._known) > MAX_REMEMBERED:
                self._known.popitem(last=False)
        return found

    async def some(self, kind: str, limit: int) -> list[str]:
        """Some keys of a kind, of whichever partition."""
        return await self.storage.read(lambda c: shared.find_keys(c, kind, limit))

    def check_first(self) -> None:
        """Raises `Elsewhere` but in the partition that has what belongs to no account."""
        if self.partitions and self.partition != FIRST:
            _leave_to(FIRST)

    def check_partition(self, partition: int) -> None:
        """Raises `Elsewhere` for what names another partition itself."""
        if partition != self.partition and 0 <= partition < self.partitions:
            _leave_to(partition)

    def mark(self, number: int) -> int:
        """A number of a partition that tells, in a cluster, which one's it is."""
        return number * MAX_PARTITIONS + self.partition if self.partitions else number

    def check_marked(self, number: int) -> None:
        """Raises `Elsewhere` for a number that another partition has marked."""
        if self.partitions:
            self.check_partition(partition_of(number))

    def mark_token(self, token: str) -> str:
        """A token that tells, in a cluster, which partition it is for."""
        return f"{token}.{self.partition}" if self.partitions else token

    async def check_token(self, token: str, digest: bytes) -> None:
        """Raises `Elsewhere` for a token that another partition has marked, or has the digest of.

        One that is not marked came along with a single gateway.
        """
        if not self.partitions:
            return
        number = token.rpartition(".")[2] if "." in token else ""
        if number.isdecimal() and number.isascii() and len(number) <= MAX_DIGITS:
            self.check_partition(int(number))
            return
        partitions = self.partitions
        found = await self.storage.read(lambda c: moves.find_moved_token(c, digest, partitions))
        if found is not None and found != self.partition:
            _leave_to(found)

    async def check_identifier(self, identifier: int) -> None:
        """Raises `Elsewhere` for an identifier, or the short ID of something, elsewhere."""
        if not self.partitions or identifier < 0:
            return
        is_short = identifier < LIMIT
        if self._moved is None:
            self._moved = await self.storage.read(moves.load_moved)
        if identifier <= (self._moved.short_id if is_short else self._moved.identifier):
            # It came along with a single gateway, so nothing in it says where it is.
            number = self.partitions
            found = await self.storage.read(lambda c: moves.find_moved(c, identifier, number))
            if found is not None and found != self.partition:
                _leave_to(found)
        elif is_short:
            self.check_partition(identifier // (LIMIT // self.partitions))
        else:
            self.check_partition(partition_of(identifier))

    def check_new_root(self, username: str) -> None:
        """Raises `Elsewhere` where a new tree of accounts belongs to another partition.

        The name decides: so two nodes that create it at once ask the same owner.
        """
        if self.partitions:
            self.check_partition(partition_of_root(username, self.partitions))


def partition_of_root(username: str, partitions: int) -> int:
    """The partition of a new tree of accounts, by the name of its root."""
    return zlib.crc32(username.encode("utf-8", "surrogatepass")) % partitions


def _leave_to(partition: int) -> NoReturn:
    if AT_HOME.get():
        raise Refused(RefusalCode.NOT_FOUND, detail="it is in another partition")
    if UNREACHABLE.get():
        raise Refused(RefusalCode.UNAVAILABLE, detail="its partition has no owner at the moment")
    raise Elsewhere(partition)
