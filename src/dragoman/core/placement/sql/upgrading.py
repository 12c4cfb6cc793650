"""Which revisions the partitions are at, and which versions may run with the newest."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from dragoman.core.model.errors import AlreadyInUse, StorageUnavailable
from dragoman.core.placement.sql import shared
from dragoman.storage import upgrades
from dragoman.storage.migrations import revisions

_RUNNING: Final = (
    "nodes run, and the versions before {} do not work with its tables: stop all nodes first"
)


def look(connection: Connection, partitions: int, found: dict[int, str | None]) -> None:
    """Finds the revision of each partition, and lets no version run that does not fit the newest.

    Before any table changes: from then on no node of such a version starts.
    """
    for partition in range(partitions):
        found[partition] = upgrades.current_of(connection, partition)
    oldest = upgrades.oldest_that_fits(connection)
    at = [revision for revision in found.values() if revision is not None]
    if at and max(at) > revisions.newest():
        problem = upgrades.problem_of(max(at), oldest)
        if problem:
            raise StorageUnavailable(problem)
    breaking = [one for one in revisions.missing(None) if not revisions.is_additive(one)][-1]
    if at and min(at) < breaking and shared.count_all_writers(connection):
        raise AlreadyInUse(_RUNNING.format(f"revision {breaking}"))
    if oldest is None or oldest < breaking:
        upgrades.put_oldest(connection, breaking)
