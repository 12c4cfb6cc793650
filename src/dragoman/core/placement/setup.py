"""Making the schemas of a cluster, and bringing their tables up to date."""

from __future__ import annotations

from functools import partial

from dragoman.core.placement.sql import shared, upgrading
from dragoman.storage import upgrades
from dragoman.storage.engine import Storage
from dragoman.storage.migrations import revisions
from dragoman.storage.partitions import partition_url
from dragoman.storage.shared import in_transaction


def set_up(url: str, partitions: int) -> None:
    """Makes what is missing; raises `PartitionsDiffer`, `AlreadyInUse`, `StorageUnavailable`.

    Nodes of this version and of earlier ones may run meanwhile, unless a revision is missing that
    earlier ones do not work with.
    """
    in_transaction(url, shared.lock_setup, partial(shared.make_shared, partitions=partitions))
    current: dict[int, str | None] = {}
    in_transaction(
        url, shared.lock_setup, partial(upgrading.look, partitions=partitions, found=current)
    )
    for partition, revision in current.items():
        own = partition_url(url, partition)
        missing = revisions.missing(revision)
        if missing and revision is not None and all(map(revisions.is_additive, missing)):
            upgrades.migrate_beside(own)
        elif missing:
            storage = Storage(own)
            try:
                storage.migrate()
            finally:
                storage.close()
        triggers = partial(shared.make_triggers, partition=partition, partitions=partitions)
        in_transaction(url, shared.lock_setup, triggers)
