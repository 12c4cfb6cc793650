"""Opening the database: one process, one writer, a few readers."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any, TypeVar

import structlog
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry

from dragoman.core.model.errors import AlreadyInUse, StorageUnavailable
from dragoman.storage.migrations import revisions
from dragoman.storage.outages import is_outage, reason_of
from dragoman.storage.runners import ChildRunner, LocalRunner, Runner
from dragoman.storage.writer import CommitObserver, Writer, check_durable

T = TypeVar("T")

log = structlog.get_logger(__name__)

READERS = 2
BUSY_TIMEOUT_MS = 5_000
CHECKPOINT_PAGES = 4_000
CONNECT_TIMEOUT_S = 5
STATEMENTS = 1_024
"""Prepared statements kept by the writer: one for each kind and usual number of rows."""
GATEWAY_LOCK = 0x647261676F6D616E  # "dragoman": the advisory lock of a gateway on PostgreSQL
TAKEN = "another gateway has this PostgreSQL database open"
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


class Storage:
    """The database of one gateway: a small thread pool of readers, and one `writer`."""

    def __init__(
        self, url: str, observer: CommitObserver | None = None, *, writer_module: str | None = None
    ) -> None:
        """Opens the database; with `writer_module`, a process that runs it does the writing."""
        self.url = _complete(url)
        self._writer_module = writer_module
        self._lock = _FileLock(Path(self.url.database or "")) if self.is_sqlite else None
        if self._lock is not None:
            self._lock.acquire()
        self._write_engine = write_engine(self.url)
        if self._lock is None:
            _take_server(self._write_engine)
        self._read_engine = _read_engine(self.url)
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="storage-reader")
        self.writer = Writer(self._runner(), observer)

    @property
    def is_sqlite(self) -> bool:
        return self.url.get_backend_name() == "sqlite"

    def migrate(self) -> None:
        """Upgrades the tables to the newest revision."""
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
        if self._writer_module:
            self._write_engine.dispose()  # the child's connection is the only one that writes
        self.writer.start()

    def free_bytes(self) -> int | None:
        """Free space on the disk of an SQLite file; None for a server, whose disk is its own."""
        return None if self._lock is None else shutil.disk_usage(self._lock.folder).free

    def look_at_space(self, min_free_mb: int) -> None:
        """Refuses what makes the database grow while less than this is free on its disk."""
        free = self.free_bytes()
        is_low = free is not None and free < min_free_mb << 20
        if is_low and not self.writer.low_space:
            log.error("disk_nearly_full", free_mb=free and free >> 20, min_free_mb=min_free_mb)
        self.writer.low_space = (
            f"less than {min_free_mb} MB are free on the disk of the database" if is_low else ""
        )

    def _runner(self) -> Runner:
        if self._writer_module is None:
            return LocalRunner(self._write_engine)
        url = self.url.render_as_string(hide_password=False)
        locks = self._lock.descriptors if self._lock is not None else ()
        return ChildRunner(url, self._writer_module, keep_open=locks)

    async def stop(self) -> None:
        """Writes what is waiting, closes every connection and releases the database."""
        try:
            await self.writer.stop()
        finally:
            await asyncio.to_thread(self.close)

    def close(self) -> None:
        """Closes without a started writer."""
        self._readers.shutdown(wait=True)
        self._read_engine.dispose()
        self._write_engine.dispose()
        if self._lock is not None:
            self._lock.release()

    async def read(self, query: Callable[[Connection], T]) -> T:
        """Runs a query in a reader thread; raises `StorageUnavailable`."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, query)

    def _read(self, query: Callable[[Connection], T]) -> T:
        try:
            with self._read_engine.connect() as connection:
                return query(connection)
        except DBAPIError as error:
            if is_outage(error):
                raise StorageUnavailable(reason_of(error)) from error
            raise


def _complete(url: str) -> URL:
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        if not parsed.database or parsed.database == ":memory:":
            raise ValueError("an SQLite database needs a file: sqlite:///path/to/dragoman.db")
        return parsed
    if parsed.get_backend_name() == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    raise ValueError(f"no such database: {parsed.get_backend_name()!r}; use sqlite or postgresql")


def write_engine(url: URL) -> Engine:
    return _sqlite_writer(url) if url.get_backend_name() == "sqlite" else _server_writer(url)


def _server_writer(url: URL) -> Engine:
    """One connection, which holds the gateway's lock: without the lock it cannot write."""
    engine = create_engine(
        url,
        pool_size=1,
        max_overflow=0,
        pool_pre_ping=True,
        connect_args={"options": SERVER_OPTIONS, **CLIENT_OPTIONS},
    )

    @event.listens_for(engine, "connect")
    def lock(connection: Any, _entry: ConnectionPoolEntry) -> None:
        connection.prepared_max = STATEMENTS
        row = connection.execute("SELECT pg_try_advisory_lock(%s)", (GATEWAY_LOCK,)).fetchone()
        connection.commit()
        if not row[0]:
            connection.close()
            raise StorageUnavailable(TAKEN)

    return engine


def _take_server(engine: Engine) -> None:
    try:
        engine.connect().close()
    except StorageUnavailable as error:
        engine.dispose()
        raise AlreadyInUse(str(error)) from None
    except DBAPIError as error:
        engine.dispose()
        raise StorageUnavailable(reason_of(error)) from error


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
        return create_engine(
            url,
            pool_size=READERS,
            max_overflow=0,
            pool_pre_ping=True,
            connect_args=CLIENT_OPTIONS,
        )
    engine = create_engine(
        url, pool_size=READERS, max_overflow=0, connect_args={"check_same_thread": False}
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _entry: ConnectionPoolEntry) -> None:
        # The writer alone writes and checkpoints; SQLite before 3.51.3 may corrupt a WAL otherwise.
        for pragma in ("query_only=ON", f"busy_timeout={BUSY_TIMEOUT_MS}", "wal_autocheckpoint=0"):
            connection.execute(f"PRAGMA {pragma}").close()

    return engine


class _FileLock:
    def __init__(self, database: Path) -> None:
        database = database.resolve()  # one file by two names is still one file
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

    @property
    def folder(self) -> Path:
        return self._path.parent

    @property
    def descriptors(self) -> tuple[int, ...]:
        """The file descriptors a process must inherit to hold the lock too."""
        return (self._file.fileno(),) if self._file is not None else ()

    def release(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
