"""Opening the database: one process, one writer, a few readers."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.pool import ConnectionPoolEntry

from dragoman.storage.migrations import revisions
from dragoman.storage.writer import CommitObserver, StorageUnavailable, Writer, check_durable

T = TypeVar("T")

READERS = 2
BUSY_TIMEOUT_MS = 5_000
CHECKPOINT_PAGES = 4_000
GATEWAY_LOCK = 0x647261676F6D616E  # "dragoman": the advisory lock of a gateway on PostgreSQL


class AlreadyInUse(Exception):
    """Another process has this database open."""


class Storage:
    """The database of one gateway: reads in a small thread pool, writes through the `writer`."""

    def __init__(self, url: str, observer: CommitObserver | None = None) -> None:
        self.url = _complete(url)
        self._lock: _FileLock | _ServerLock = (
            _FileLock(Path(self.url.database or "")) if self.is_sqlite else _ServerLock(self.url)
        )
        self._lock.acquire()
        self._write_engine = _write_engine(self.url)
        self._read_engine = _read_engine(self.url)
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="storage-reader")
        self.writer = Writer(self._write_engine, observer)

    @property
    def is_sqlite(self) -> bool:
        return self.url.get_backend_name() == "sqlite"

    def migrate(self) -> None:
        """Brings the tables to the newest revision."""
        revisions.upgrade(self._write_engine)

    def check(self) -> None:
        """Raises `StorageUnavailable` unless the tables are current and commits are durable."""
        with self._write_engine.connect() as connection:
            check_durable(connection)
        current, newest = revisions.current(self._write_engine), revisions.newest()
        if current != newest:
            raise StorageUnavailable(
                f"the tables are at revision {current or 'none'}, this version needs {newest}:"
                " run `dragoman migrate`"
            )

    def start(self) -> None:
        """Starts the writer; to be called on the event loop."""
        self.writer.start()

    async def stop(self) -> None:
        """Writes what is waiting, closes every connection and lets the database go."""
        await self.writer.stop()
        self.close()

    def close(self) -> None:
        """Closes without a writer having been started."""
        self._readers.shutdown(wait=True)
        self._read_engine.dispose()
        self._write_engine.dispose()
        self._lock.release()

    async def read(self, query: Callable[[Connection], T]) -> T:
        """Runs a query in a reader thread, in a transaction of its own."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, query)

    def _read(self, query: Callable[[Connection], T]) -> T:
        with self._read_engine.connect() as connection:
            return query(connection)


def _complete(url: str) -> URL:
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        if not parsed.database or parsed.database == ":memory:":
            raise ValueError("an SQLite database needs a file: sqlite:///path/to/dragoman.db")
        return parsed
    if parsed.get_backend_name() == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    raise ValueError(f"no such database: {parsed.get_backend_name()!r}; use sqlite or postgresql")


def _write_engine(url: URL) -> Engine:
    if url.get_backend_name() != "sqlite":
        return create_engine(url, pool_size=1, max_overflow=1, pool_pre_ping=True)
    engine = create_engine(url, connect_args={"check_same_thread": False})

    @event.listens_for(engine, "connect")
    def prepare(connection: _SqliteConnection, _entry: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves, see below
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            f"busy_timeout={BUSY_TIMEOUT_MS}",
            f"wal_autocheckpoint={CHECKPOINT_PAGES}",
            "cache_size=-65536",
            "temp_store=MEMORY",
        ):
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _read_engine(url: URL) -> Engine:
    if url.get_backend_name() != "sqlite":
        return create_engine(url, pool_size=READERS, max_overflow=0, pool_pre_ping=True)
    engine = create_engine(
        url, pool_size=READERS, max_overflow=0, connect_args={"check_same_thread": False}
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: _SqliteConnection, _entry: ConnectionPoolEntry) -> None:
        # The writer alone writes and checkpoints; SQLite before 3.51.3 may corrupt a WAL otherwise.
        for pragma in ("query_only=ON", f"busy_timeout={BUSY_TIMEOUT_MS}", "wal_autocheckpoint=0"):
            connection.execute(f"PRAGMA {pragma}").close()

    return engine


class _SqliteConnection:
    """What we use of a driver connection; named here because SQLAlchemy does not type it."""

    isolation_level: str | None

    def execute(self, statement: str) -> IO[str]: ...  # type: ignore[empty-body]


class _FileLock:
    def __init__(self, database: Path) -> None:
        self._path = database.with_name(database.name + ".lock")
        self._file: IO[str] | None = None

    def acquire(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        file = self._path.open("a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            owner = file.read().strip() or "unknown"
            file.close()
            raise AlreadyInUse(
                f"{self._path.with_suffix('')} is in use by process {owner};"
                " one process may open an SQLite file"
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        self._file = file

    def release(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


class _ServerLock:
    """An advisory lock held by a connection of its own for as long as the process lives."""

    def __init__(self, url: URL) -> None:
        self._engine = create_engine(url, pool_size=1, max_overflow=0)
        self._connection: Connection | None = None

    def acquire(self) -> None:
        connection = self._engine.connect()
        granted = connection.execute(
            text("SELECT pg_try_advisory_lock(:key)"), {"key": GATEWAY_LOCK}
        ).scalar_one()
        connection.commit()
        if not granted:
            connection.close()
            raise AlreadyInUse("another gateway has this PostgreSQL database open")
        self._connection = connection

    def release(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._engine.dispose()
