"""A partition of a cluster as a database: a schema of its own, named by two parts of its URL.

`partition` is its number; `epoch` is that of the claim by which it is written, which the writing
session compares once it has the lock (ADR 0023).
"""

from __future__ import annotations

from typing import Final, NamedTuple

from sqlalchemy import URL, make_url

SHARED_SCHEMA: Final = "dragoman_shared"
CLUSTER_LOCK: Final = 0x64726167  # "drag": the first half of the advisory locks of a cluster
SETUP_LOCK: Final = 1_000_000
"""The second half of the lock of who makes schemas; those of partitions are their numbers."""
_PARTITION: Final = "partition"
_EPOCH: Final = "epoch"


class Place(NamedTuple):
    """The partition that a URL names, and the epoch of the claim; None reads and migrates."""

    partition: int
    epoch: int | None


def schema_of(partition: int) -> str:
    """The schema of a partition."""
    return f"dragoman_p{partition:02d}"


def partition_url(url: str, partition: int, epoch: int | None = None) -> str:
    """The URL of a partition in the database of a cluster."""
    query = {_PARTITION: str(partition)}
    if epoch is not None:
        query[_EPOCH] = str(epoch)
    return make_url(url).update_query_dict(query).render_as_string(hide_password=False)


def split(url: URL) -> tuple[URL, Place | None]:
    """The URL that the driver understands, and the partition that it named."""
    number = url.query.get(_PARTITION)
    if number is None:
        return url, None
    epoch = url.query.get(_EPOCH)
    place = Place(int(str(number)), None if epoch is None else int(str(epoch)))
    return url.difference_update_query((_PARTITION, _EPOCH)), place
