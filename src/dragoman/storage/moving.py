"""Opening databases whose rows move from one to another, so that nobody else writes meanwhile."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, create_engine, make_url, text
from sqlalchemy.exc import DBAPIError

from dragoman.core.model.errors import AlreadyInUse, StorageUnavailable
from dragoman.storage.connections import read_engine
from dragoman.storage.engine import Storage
from dragoman.storage.outages import is_outage, reason_of
from dragoman.storage.partitions import CLUSTER_LOCK

IN_USE = "a node has partition {}: stop all nodes first"
LOOK_AGAIN_S = 0.1
ENDING = 20
"""How often a lock is asked for whose session may be ending."""


def folder_of(url: str) -> Path | None:
    """The folder of an SQLite file; None for a server."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        return None
    return Path(parsed.database).parent


@contextmanager
def opened_source(url: str) -> Iterator[Connection]:
    """The database of a single gateway, to be read; raises `AlreadyInUse`, `StorageUnavailable`.

    Its gateway must be stopped, and its tables be those of this version.
    """
    with _unavailable(), _locked(url, migrate=False) as storage:
        engine = read_engine(storage.url, 1)
        try:
            with engine.connect() as connection:
                yield connection
        finally:
            engine.dispose()


@contextmanager
def opened_target(url: str) -> Iterator[Connection]:
    """The database of a single gateway, to be written; its tables are made where they are not."""
    with _unavailable(), _locked(url, migrate=True) as storage, storage.connect() as connection:
        yield connection


@contextmanager
def _locked(url: str, *, migrate: bool) -> Iterator[Storage]:
    storage = Storage(url)
    try:
        if migrate:
            storage.migrate()
        storage.check()
        yield storage
    finally:
        storage.close()


@contextmanager
def opened_cluster(url: str, partitions: int) -> Iterator[Connection]:
    """A cluster's database, whose partitions nobody else can open; raises as above."""
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"), pool_size=1)
    try:
        with _unavailable(), engine.connect() as connection:
            for partition in range(partitions):
                _lock(connection, partition)
            connection.commit()
            yield connection
    finally:
        engine.dispose()


def _lock(connection: Connection, partition: int) -> None:
    lock = text("SELECT pg_try_advisory_lock(:cluster, :partition)")
    values = {"cluster": CLUSTER_LOCK, "partition": partition}
    for _ in range(ENDING):  # the server takes a moment to see that a session has ended
        if connection.scalar(lock, values):
            return
        time.sleep(LOOK_AGAIN_S)
    raise AlreadyInUse(IN_USE.format(partition))


@contextmanager
def _unavailable() -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        if not is_outage(error):
            raise
        raise StorageUnavailable(reason_of(error)) from error
