"""Making the schemas of a cluster, and bringing their tables up to date."""

from __future__ import annotations

from functools import partial

from dragoman.core.placement.sql import shared
from dragoman.storage.engine import Storage
from dragoman.storage.partitions import partition_url
from dragoman.storage.shared import in_transaction, is_migrated


def set_up(url: str, partitions: int) -> None:
    """Makes what is missing; raises `PartitionsDiffer`, `AlreadyInUse`, `StorageUnavailable`.

    Nodes may run meanwhile, unless the tables of a partition that they own have to change.
    """
    in_transaction(url, shared.lock_setup, partial(shared.make_shared, partitions=partitions))
    for partition in range(partitions):
        own = partition_url(url, partition)
        if not is_migrated(own):
            storage = Storage(own)
            try:
                storage.migrate()
            finally:
                storage.close()
        triggers = partial(shared.make_triggers, partition=partition, partitions=partitions)
        in_transaction(url, shared.lock_setup, triggers)
