"""What the nodes of a cluster know of each other, as the shared schema has it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import msgspec

DEAD_AFTER_S = 10.0
"""A node that has not said for so long that it lives is dead; by PostgreSQL's clock."""
GONE_AFTER_S = 3.0
"""So is one without a session, as of a process that was killed, after so long."""


def key_of_digest(digest: bytes) -> str:
    """A digest as the directory has it: as PostgreSQL writes octets."""
    return f"\\x{digest.hex()}"


def differing(own: Mapping[str, str], other: Mapping[str, str]) -> list[str]:
    """The keys in which two configurations differ, by their digests.

    Digests are made with the secret of the cluster: where all of several differ, and nothing is
    missing, it is the secret that does.
    """
    keys = sorted(key for key in own.keys() | other.keys() if own.get(key) != other.get(key))
    if len(keys) > 1 and own.keys() == other.keys() == set(keys):
        return ["cluster.secret"]
    return keys


class PartitionsDiffer(Exception):
    """The database has another number of partitions."""


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """A node that has joined."""

    name: str
    run: str
    """Which of its starts this is."""
    base_url: str
    """Where programs reach it."""
    address: str
    """Where other nodes reach it, as host:port."""
    pid: int
    version: str
    draining: bool = False
    """It gives its partitions back, and takes none."""
    silent_s: float = 0.0
    started_ms: int = 0
    is_dead: bool = False
    """It is gone, or silent for too long: others may claim what it owns."""


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """Who owns a partition, or holds a carrier."""

    name: str
    """The number of a partition, or the name of a carrier."""
    node: str | None
    epoch: int
    since_ms: int
    wanted_by: str | None = None
    """The node that an operator wants to own a partition."""

    def is_over(self, node: str, epoch: int) -> bool:
        """Whether an earlier claim of a node has ended; one that is newer than this has not."""
        return epoch < self.epoch or (epoch == self.epoch and self.node != node)


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """A cluster at one instant."""

    nodes: tuple[Node, ...]
    partitions: tuple[Claim, ...]
    carriers: tuple[Claim, ...]

    def node(self, name: str | None) -> Node | None:
        """A node that is alive."""
        return next((n for n in self.nodes if n.name == name and not n.is_dead), None)

    def address_of(self, partition: int) -> str | None:
        """Where the owner of a partition is reached; None while it has none."""
        if not 0 <= partition < len(self.partitions):
            return None
        owner = self.node(self.partitions[partition].node)
        return owner.address if owner is not None else None


class Cluster(Protocol):
    """What operators see of a cluster and do with it, from any of its nodes."""

    async def overview(self) -> Overview:
        """How the cluster is; raises `StorageUnavailable`."""
        ...

    async def drain(self, name: str, draining: bool) -> bool:
        """Has a node give back its partitions, or take some again; False for an unknown one."""
        ...

    async def move(self, partition: int, node: str) -> None:
        """Has a node take over a partition."""
        ...
