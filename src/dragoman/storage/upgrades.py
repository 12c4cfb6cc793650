"""Which tables a version of Dragoman works with, and how those of a cluster change beside nodes.

A revision that says `additive = True` leaves tables that the versions before it work with as well:
it adds tables, indexes, and columns that have a default or may be empty. Its like runs while nodes
write, of whichever version; any other needs all of them stopped. Which revision is the oldest that
fits is in the shared schema: a version that is older than the tables cannot know it by itself.
"""

from __future__ import annotations

import time
from typing import Any, Final

from sqlalchemy import Connection, event, make_url, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from dragoman.core.model.errors import StorageUnavailable
from dragoman.storage.connections import read_engine
from dragoman.storage.migrations import revisions
from dragoman.storage.outages import is_outage, reason_of
from dragoman.storage.partitions import CLUSTER_LOCK, SETUP_LOCK, SHARED_SCHEMA, schema_of

OLDEST: Final = "oldest revision"
"""The setting of a cluster that has the oldest revision whose version may run."""
LOCK_WAIT_MS: Final = 500
"""What wants a table's lock holds up everybody behind it, so it soon gives way; less than
PostgreSQL's `deadlock_timeout`, so that it is never a node that has to."""
TRIES: Final = 120
PAUSE_S: Final = 0.5


def problem_of(current: str | None, oldest: str | None) -> str:
    """Why this version does not work with tables at a revision; empty where it does.

    `oldest` is the setting of their cluster.
    """
    newest = revisions.newest()
    if current == newest:
        return ""
    if current is not None and current > newest:
        if oldest is not None and oldest <= newest:
            return ""
        needed = f", which versions from revision {oldest} on work with" if oldest else ""
        return f"the tables are at revision {current}{needed}: this version knows {newest} only"
    told = f"the tables are at revision {current or 'none'}, this version needs {newest}"
    if oldest is None or current is None:
        return f"{told}: run `dragoman migrate`"
    if all(map(revisions.is_additive, revisions.missing(current))):
        return f"{told}: run `dragoman migrate`; nodes may run meanwhile"
    return f"{told}: stop all nodes, and run `dragoman migrate`"


def problem_of_any(connection: Connection, partitions: int) -> str:
    """Why this version does not work with the tables of some partition; empty where it does."""
    oldest = oldest_that_fits(connection)
    current = (current_of(connection, partition) for partition in range(partitions))
    return next(filter(None, (problem_of(one, oldest) for one in current)), "")


def oldest_that_fits(connection: Connection) -> str | None:
    """The oldest revision whose version works with the tables of a cluster; None if none is."""
    query = text(f"SELECT value FROM {SHARED_SCHEMA}.settings WHERE key = :key")  # noqa: S608
    found: str | None = connection.scalar(query, {"key": OLDEST})
    return found


def put_oldest(connection: Connection, revision: str) -> None:
    """Notes that versions before a revision must not run any more."""
    put = text(
        f"INSERT INTO {SHARED_SCHEMA}.settings VALUES (:key, :value) ON CONFLICT (key)"  # noqa: S608
        " DO UPDATE SET value = excluded.value"
    )
    connection.execute(put, {"key": OLDEST, "value": revision})


def current_of(connection: Connection, partition: int) -> str | None:
    """The revision of a partition's tables; None where it has none yet."""
    table = f"{schema_of(partition)}.alembic_version"
    if connection.scalar(text("SELECT to_regclass(:table)"), {"table": table}) is None:
        return None
    found: str | None = connection.scalar(text(f"SELECT version_num FROM {table}"))  # noqa: S608
    return found


def migrate_beside(url: str) -> None:
    """Brings the tables of a partition up to date while a node may write them.

    Raises `StorageUnavailable` where a table is in use all the time.
    """
    engine = read_engine(make_url(url).set(drivername="postgresql+psycopg"), 1)

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _entry: ConnectionPoolEntry) -> None:
        connection.execute("SELECT pg_advisory_lock(%s, %s)", (CLUSTER_LOCK, SETUP_LOCK))
        connection.execute(f"SET lock_timeout = {LOCK_WAIT_MS}")
        connection.commit()

    try:
        for tries in range(TRIES):
            try:
                revisions.upgrade(engine)
            except OperationalError as error:
                if getattr(error.orig, "sqlstate", "") != "55P03" or tries == TRIES - 1:
                    raise
                time.sleep(PAUSE_S)
            else:
                return
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", "") == "55P03":
            reason = "a table is read or written all the time: try again when there is less to do"
            raise StorageUnavailable(reason) from error
        if is_outage(error):
            raise StorageUnavailable(reason_of(error)) from error
        raise
    finally:
        engine.dispose()
