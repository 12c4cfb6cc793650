"""Connecting to the database, for those who write and those who read."""

from __future__ import annotations

import sqlite3
from enum import IntEnum
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.pool import ConnectionPoolEntry

from dragoman.core.model.errors import StorageUnavailable
from dragoman.storage.partitions import CLUSTER_LOCK, SHARED_SCHEMA, Place, schema_of, split

BUSY_TIMEOUT_MS = 5_000
CACHE_KB = 12_288
"""Pages that the writer keeps, beside the cache of the operating system. Five times as much saves
5 % of an insert's time while all tables fit, and costs 30 % once they do not."""
CHECKPOINT_PAGES = 4_000
CONNECT_TIMEOUT_S = 5
STATEMENTS = 1_024
"""Prepared statements kept by the writer: one for each kind and usual number of rows."""
GATEWAY_LOCK = 0x647261676F6D616E  # "dragoman": the advisory lock of a gateway on PostgreSQL
LOCK_WAIT_MS = 1_000
"""How long a new connection waits for the lock: the server takes a moment to see that we dropped
the last one, which held it."""
TAKEN = "another gateway has this PostgreSQL database open"
CLAIMED = "another node has claimed this partition"
# The server notices within half a minute that a gateway is gone, and frees its lock.
# We notice in that time that a server is gone, not after the hours that are TCP's default.
CLIENT_OPTIONS = {
    "connect_timeout": CONNECT_TIMEOUT_S,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}
SERVER_OPTIONS = "-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3"
PLAN_OPTIONS = "-c enable_seqscan=off -c jit=off"
"""The plan of a prepared statement is kept. One made while a table was empty would read all of it
for each group, until the server analyses it; what is written is found by keys."""


# For each parameter that is no exact int, float or str, the driver of SQLite looks for an adapter,
# then for two attributes; not to find them costs ten times as much as to find an adapter.
_no_value: dict[None, None] = {}
sqlite3.register_adapter(type(None), _no_value.get)
sqlite3.register_adapter(bool, int)
sqlite3.register_adapter(bytes, bytes)


def bind_as_numbers(*kinds: type[IntEnum]) -> None:
    """Has SQLite's driver take the members of enumerations for the numbers they are, at once."""
    for kind in kinds:
        sqlite3.register_adapter(kind, int)


def write_engine(url: URL) -> Engine:
    """For writing, over one connection."""
    return _sqlite_writer(url) if url.get_backend_name() == "sqlite" else _server_writer(url)


def _server_writer(url: URL) -> Engine:
    """One connection, which holds the gateway's lock: without the lock it cannot write."""
    url, place = split(url)
    engine = create_engine(
        url,
        pool_size=1,
        max_overflow=0,
        pool_pre_ping=True,
        connect_args={
            "options": _server_options(url, place, SERVER_OPTIONS, PLAN_OPTIONS),
            **_client_options(url),
        },
    )

    @event.listens_for(engine, "connect")
    def lock(connection: Any, _entry: ConnectionPoolEntry) -> None:
        from psycopg.errors import LockNotAvailable

        connection.prepared_max = STATEMENTS
        try:
            connection.execute(f"SET lock_timeout = {LOCK_WAIT_MS}")
            if place is None:
                connection.execute("SELECT pg_advisory_lock(%s)", (GATEWAY_LOCK,))
            else:
                _lock_partition(connection, place)
        except LockNotAvailable:
            connection.close()
            raise StorageUnavailable(TAKEN if place is None else CLAIMED) from None
        connection.execute("RESET lock_timeout")
        connection.commit()

    return engine


def _lock_partition(connection: Any, place: Place) -> None:
    """Locks a partition, and no single gateway beside it; raises for a claim that is over."""
    connection.execute("SELECT pg_advisory_lock_shared(%s)", (GATEWAY_LOCK,))
    connection.execute("SELECT pg_advisory_lock(%s, %s)", (CLUSTER_LOCK, place.partition))
    if place.epoch is None:
        return
    query = f"SELECT epoch FROM {SHARED_SCHEMA}.partitions WHERE partition = %s"  # noqa: S608
    (epoch,) = connection.execute(query, (place.partition,)).fetchone()
    if epoch != place.epoch:
        connection.close()
        raise StorageUnavailable(CLAIMED)


def _server_options(url: URL, place: Place | None, *options: str) -> str:
    """What the URL says itself, and ours behind it."""
    schema = () if place is None else (f"-c search_path={schema_of(place.partition)}",)
    return " ".join(filter(None, (str(url.query.get("options", "")), *options, *schema)))


def _client_options(url: URL) -> dict[str, int]:
    """What the URL does not say itself."""
    return {name: value for name, value in CLIENT_OPTIONS.items() if name not in url.query}


def _sqlite_writer(url: URL) -> Engine:
    engine = create_engine(
        url, connect_args={"check_same_thread": False, "cached_statements": STATEMENTS}
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _entry: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves, see below
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            f"busy_timeout={BUSY_TIMEOUT_MS}",
            f"wal_autocheckpoint={CHECKPOINT_PAGES}",
            f"cache_size=-{CACHE_KB}",
            "temp_store=MEMORY",
        ):
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # Not through SQLAlchemy, which for a statement without anything does a lot.
        connection.connection.cursor().execute("BEGIN IMMEDIATE").close()

    return engine


def read_engine(url: URL, connections: int) -> Engine:
    """For reading, with so many connections."""
    if url.get_backend_name() != "sqlite":
        url, place = split(url)
        return create_engine(
            url,
            pool_size=connections,
            max_overflow=0,
            pool_pre_ping=True,
            connect_args={"options": _server_options(url, place), **_client_options(url)},
        )
    engine = create_engine(
        url, pool_size=connections, max_overflow=0, connect_args={"check_same_thread": False}
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _entry: ConnectionPoolEntry) -> None:
        # The writer alone writes and checkpoints; SQLite before 3.51.3 may corrupt a WAL otherwise.
        for pragma in ("query_only=ON", f"busy_timeout={BUSY_TIMEOUT_MS}", "wal_autocheckpoint=0"):
            connection.execute(f"PRAGMA {pragma}").close()

    return engine
