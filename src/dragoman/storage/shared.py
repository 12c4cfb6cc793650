"""A session beside the partitions, for what a node says of itself and hears of others.

It holds locks for as long as it lives; one that was lost is opened again, as another session.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sqlalchemy import Connection, Engine, create_engine, make_url
from sqlalchemy.exc import DBAPIError

from dragoman.core.model.errors import StorageUnavailable
from dragoman.storage.connections import CLIENT_OPTIONS, SERVER_OPTIONS, read_engine
from dragoman.storage.outages import Attempts, is_outage, reason_of

T = TypeVar("T")

STATEMENT_TIMEOUT_MS = 4_000
"""A node that cannot write for so long had better stop believing that others hear it."""
POOLED = (
    "there is a pooler between Dragoman and PostgreSQL that shares sessions: its locks would"
    " protect nothing; give storage.url the address of the server itself"
)
_SAID_BY_POOLERS = ("unsupported startup parameter", "statement pooling")
"""What PgBouncer says of options, and of transactions in a mode that has none."""


class SharedSession:
    """One connection, used by one thread."""

    def __init__(self, url: str) -> None:
        parsed = make_url(url).set(drivername="postgresql+psycopg")
        options = f"{SERVER_OPTIONS} -c statement_timeout={STATEMENT_TIMEOUT_MS}"
        given = {k: v for k, v in CLIENT_OPTIONS.items() if k not in parsed.query}
        self._engine = create_engine(
            parsed,
            pool_size=1,
            max_overflow=1,  # the second only while it is looked for a pooler
            connect_args={"options": options, **given},
        )
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="shared-session")
        self._attempts = Attempts()
        self._connection: Connection | None = None
        self.opened = 0
        """How often it was opened: locks of an earlier session are gone."""

    async def run(self, work: Callable[[Connection], T]) -> T:
        """Runs work in a transaction of the session; raises `StorageUnavailable`."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._run, work)

    def _run(self, work: Callable[[Connection], T]) -> T:
        try:
            if self._connection is None:
                with self._attempts.one():
                    self._connection = self._engine.connect()
                self.opened += 1
            with self._connection.begin():
                return work(self._connection)
        except DBAPIError as error:
            if not is_outage(error):
                raise
            self._drop()
            raise StorageUnavailable(reason_of(error)) from error

    async def check_direct(self) -> None:
        """Raises `StorageUnavailable` where a pooler gives sessions to several clients in turn."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._check_direct)

    def _check_direct(self) -> None:
        # Poolers give a client another session for each transaction: where two clients get the
        # same one, or one gets two, a lock is held by nobody.
        try:
            with self._engine.connect() as first, self._engine.connect() as second:
                own = _backend(first)
                with second.begin():
                    other = _backend(second)
                    again = _backend(first)
                heeds_options = _statement_timeout_ms(first) == STATEMENT_TIMEOUT_MS
        except DBAPIError as error:
            is_pooler = any(words in str(error) for words in _SAID_BY_POOLERS)
            raise StorageUnavailable(POOLED if is_pooler else reason_of(error)) from error
        # One that keeps sessions apart but drops our options would mix up the partitions' schemas.
        if own == other or own != again or not heeds_options:
            raise StorageUnavailable(POOLED)

    async def close(self) -> None:
        """Ends the session, and with it its locks."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._drop)
        self._thread.shutdown(wait=False)
        self._engine.dispose()

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                connection.invalidate()
                connection.close()
            except Exception:  # noqa: S110 - closing a dead connection may fail in any way
                pass


def in_transaction(url: str, *steps: Callable[[Connection], object]) -> None:
    """Runs steps in one transaction, without any lock; raises `StorageUnavailable`."""
    engine = _plain_engine(url)
    try:
        with engine.begin() as connection:
            for step in steps:
                step(connection)
    except DBAPIError as error:
        if not is_outage(error):
            raise
        raise StorageUnavailable(reason_of(error)) from error
    finally:
        engine.dispose()


def _plain_engine(url: str) -> Engine:
    return read_engine(make_url(url).set(drivername="postgresql+psycopg"), 1)


def _statement_timeout_ms(connection: Connection) -> int:
    query = "SELECT setting FROM pg_settings WHERE name = 'statement_timeout'"
    return int(connection.exec_driver_sql(query).scalar_one())


def _backend(connection: Connection) -> int:
    with connection.begin() if not connection.in_transaction() else connection.begin_nested():
        return int(connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one())
