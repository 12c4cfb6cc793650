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
from dragoman.core.placement.model.views import key_of_digest
from dragoman.core.placement.sql import shared
from dragoman.kit.clock import Clock
from dragoman.kit.elsewhere import UNREACHABLE, Elsewhere
from dragoman.storage.engine import Storage
from dragoman.storage.short_ids import LIMIT

MAX_REMEMBERED: Final = 50_000
REMEMBERED_S: Final = 60.0


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
    _known: OrderedDict[tuple[str, str], tuple[int, float]] = field(
        default_factory=OrderedDict, init=False
    )

    @property
    def folder(self) -> str:
        """A folder of its own below one that the partitions of a node share; empty for none."""
        return f"p{self.partition:02d}" if self.partitions else ""

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

    def check_short_id(self, short_id: int) -> None:
        """Raises `Elsewhere` for the identifier of an account or a device of another partition."""
        if self.partitions:
            partition = short_id // (LIMIT // self.partitions)
            if partition != self.partition and 0 <= partition < self.partitions:
                _leave_to(partition)

    def check_new_root(self, username: str) -> None:
        """Raises `Elsewhere` where a new tree of accounts belongs to another partition.

        The name decides: so two nodes that create it at once ask the same owner.
        """
        if self.partitions:
            partition = zlib.crc32(username.encode("utf-8", "surrogatepass")) % self.partitions
            if partition != self.partition:
                _leave_to(partition)


def _leave_to(partition: int) -> NoReturn:
    if UNREACHABLE.get():
        raise Refused(RefusalCode.UNAVAILABLE, detail="its partition has no owner at the moment")
    raise Elsewhere(partition)
