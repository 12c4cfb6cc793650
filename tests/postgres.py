"""A PostgreSQL server for the tests, with databases that are used again."""

from __future__ import annotations

import itertools
from typing import Any, Final

import psycopg
from psycopg import Connection, sql
from sqlalchemy import make_url

from dragoman.storage.engine import Storage

CONFIG: Final = """
# What these tests write need not outlive the machine. `synchronous_commit` stays on: a gateway
# refuses to start without it.
fsync = off
full_page_writes = off
wal_level = minimal
max_wal_senders = 0
autovacuum = off
checkpoint_timeout = 1h
"""

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


class PostgresServer:
    """A server of our own, which makes databases from a migrated template.

    To make and drop one costs the server eight times as much as to delete what a test has written.
    """

    def __init__(self, uri: str) -> None:
        self.uri = uri
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
        if not empty and self._shape is None:
            self._make_template()
        name = f"test_{next(_NUMBERS)}"
        template = "template1" if empty else "migrated"
        # Copying the files is three times as fast here as writing them to the log page by page.
        self.run(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        if not empty:
            self._migrated.add(name)
        return self.url_of(name)

    def release(self, url: str) -> None:
        """Takes a database back; it is cleaned before the next one is wanted.

        By then all that had it open is closed.
        """
        self._released.append(make_url(url).database or "")

    def close(self) -> None:
        self._connection.close()

    def _make_template(self) -> None:
        self.run("CREATE DATABASE migrated")
        storage = Storage(self.url_of("migrated"))
        storage.migrate()
        storage.close()
        with psycopg.connect(self.url_of("migrated")) as connection:
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
