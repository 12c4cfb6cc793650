"""The database of a gateway: one process, one writer, a few readers."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, TypeVar

import structlog
from sqlalchemy import URL, Connection, Engine, make_url
from sqlalchemy.exc import DBAPIError

from dragoman.core.model.errors import AlreadyInUse, StorageUnavailable
from dragoman.kit.child_process import ChildProcess
from dragoman.storage.connections import read_engine, write_engine
from dragoman.storage.migrations import revisions
from dragoman.storage.outages import reason_of
from dragoman.storage.partitions import split
from dragoman.storage.reading import Query, Readers
from dragoman.storage.runners import ChildRunner, LocalRunner, Runner
from dragoman.storage.short_ids import ShortIds
from dragoman.storage.upgrades import oldest_that_fits, problem_of
from dragoman.storage.writer import CommitObserver, Writer, check_durable

T = TypeVar("T")

log = structlog.get_logger(__name__)

READERS = 2


class Storage:
    """The database of one gateway: a small thread pool of readers, a `writer`, and `short_ids`."""

    def __init__(
        self,
        url: str,
        observer: CommitObserver | None = None,
        *,
        writer: ChildProcess | None = None,
    ) -> None:
        """Opens the database; with `writer`, that process does the writing."""
        self.url = _complete(url)
        self.migrated: tuple[str | None, str] | None = None
        """The revisions before and after `migrate`; before it, None is an empty database."""
        self._child = writer
        self._lock = _FileLock(Path(self.url.database or "")) if self.is_sqlite else None
        if self._lock is not None:
            self._lock.acquire()
        self._write_engine = write_engine(self.url)
        if self._lock is None:
            _take_server(self._write_engine)
        self._read_engine = read_engine(self.url, READERS)
        self._readers = Readers(self._read_engine, READERS)
        self.writer = Writer(self._runner(), observer)
        self.short_ids = ShortIds(self)

    @property
    def is_sqlite(self) -> bool:
        return self.url.get_backend_name() == "sqlite"

    @property
    def partition(self) -> int | None:
        """The partition of a cluster that it is; None for a whole database."""
        place = split(self.url)[1]
        return None if place is None else place.partition

    def migrate(self) -> None:
        """Upgrades the tables to the newest revision; `migrated` says from which to which."""
        newest = revisions.newest()
        with self._write_engine.connect() as connection:
            before = revisions.current(connection)
        if before != newest:
            revisions.upgrade(self._write_engine)
        self.migrated = before, newest

    def check(self) -> None:
        """Raises `StorageUnavailable` unless the tables are current and commits are durable."""
        with self._write_engine.connect() as connection:
            check_durable(connection)
            oldest = None if self.partition is None else oldest_that_fits(connection)
            current = revisions.current(connection)
        problem = problem_of(current, oldest)
        if problem:
            raise StorageUnavailable(problem)

    async def ready(self, *, migrate: bool = False) -> None:
        """Migrates, if wanted, and checks, in a thread: a signal is heard meanwhile."""

        def make_ready() -> None:
            if migrate:
                self.migrate()
            self.check()

        await asyncio.wrap_future(self._readers.run(make_ready))

    def start(self) -> None:
        """Starts the writer; to be called on the event loop."""
        if self._child is not None:
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
        if self._child is None:
            return LocalRunner(self._write_engine)
        url = self.url.render_as_string(hide_password=False)
        locks = self._lock.descriptors if self._lock is not None else ()
        return ChildRunner(url, self._child, keep_open=locks)

    async def stop(self) -> None:
        """Writes what is waiting, closes every connection and releases the database."""
        try:
            await self.writer.stop()
        finally:
            await self._readers.stop(self._let_go)

    def connect(self) -> Connection:
        """The connection that writes, for whoever moves rows; without a started writer."""
        return self._write_engine.connect()

    def close(self) -> None:
        """Closes without a started writer."""
        self._readers.close()
        self._let_go()

    def _let_go(self) -> None:
        self._write_engine.dispose()
        if self._lock is not None:
            self._lock.release()

    async def read(self, query: Query[T]) -> T:
        """Runs a query in a reader thread; raises `StorageUnavailable`."""
        return await self._readers.read(query)

    def reading_together(self) -> AbstractContextManager[None]:
        """Within it, reads that do not wait for each other make one trip to a thread.

        They run one after another, over one connection; if one fails, so do the others.
        """
        return self._readers.together()


def _complete(url: str) -> URL:
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        if not parsed.database or parsed.database == ":memory:":
            raise ValueError("an SQLite database needs a file: sqlite:///path/to/dragoman.db")
        return parsed
    if parsed.get_backend_name() == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    raise ValueError(f"no such database: {parsed.get_backend_name()!r}; use sqlite or postgresql")


def _take_server(engine: Engine) -> None:
    try:
        engine.connect().close()
    except StorageUnavailable as error:
        engine.dispose()
        raise AlreadyInUse(str(error)) from None
    except DBAPIError as error:
        engine.dispose()
        raise StorageUnavailable(reason_of(error)) from error


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
