"""One gateway a database: a second one is refused and told why."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection, make_url
from tests.passing_time import until

from dragoman.core.model.errors import AlreadyInUse, StorageUnavailable
from dragoman.storage.connections import GATEWAY_LOCK
from dragoman.storage.engine import Storage
from dragoman.storage.writer import Operation

OPEN = """
import sys
from dragoman.storage.engine import AlreadyInUse, Storage
try:
    Storage(sys.argv[1])
except AlreadyInUse as error:
    print(error)
    raise SystemExit(3)
"""


def open_elsewhere(url: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", OPEN, url], capture_output=True, text=True)


@pytest.mark.process
def test_a_second_process_is_refused_until_the_first_lets_go(database_url: str) -> None:
    storage = Storage(database_url)
    other = open_elsewhere(database_url)
    assert other.returncode == 3, other.stderr
    assert "in use by process" in other.stdout or "PostgreSQL database open" in other.stdout
    storage.close()
    assert open_elsewhere(database_url).returncode == 0


def test_a_second_object_of_one_process_is_refused(database_url: str) -> None:
    storage = Storage(database_url)
    with pytest.raises(AlreadyInUse):
        Storage(database_url)
    storage.close()
    Storage(database_url).close()


def test_one_file_by_two_names_is_refused(sqlite_url: str, tmp_path: Path) -> None:
    """Bug: through a symbolic link a second process could open the file."""
    (tmp_path / "other.db").symlink_to(tmp_path / "dragoman.db")
    storage = Storage(sqlite_url)
    with pytest.raises(AlreadyInUse):
        Storage(f"sqlite:///{tmp_path / 'other.db'}")
    storage.close()


def test_two_databases_of_one_server_do_not_lock_each_other(postgres: Any) -> None:
    first, second = Storage(postgres.new_database()), Storage(postgres.new_database())
    first.close()
    second.close()


async def test_a_gateway_whose_lock_was_lost_writes_nothing_while_another_has_it(
    postgres: Any, open_storage: Any
) -> None:
    """Bug: after the server had dropped the lock's connection two gateways could write."""
    url = postgres.new_database()
    first = open_storage(url)
    assert await first.writer.write(PID, None)
    postgres.run(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        f" WHERE datname = '{first.url.database}'"
    )
    second = Storage(url)
    for _ in range(2):
        with pytest.raises(StorageUnavailable):
            await first.writer.write(PID, None)
    second.close()
    await until(lambda: _writes(first))  # the server may take a moment to see that it is gone


async def test_a_new_connection_waits_until_the_server_has_seen_the_last_one_go(
    postgres: Any,
) -> None:
    """Bug: where that took a moment, writes were refused as if another gateway were there."""
    url = postgres.new_database()
    database = make_url(url).database
    waiting = (
        "SELECT 1 FROM pg_locks JOIN pg_database ON pg_database.oid = database"
        f" WHERE locktype = 'advisory' AND NOT granted AND datname = '{database}'"
    )
    with psycopg.connect(url, autocommit=True) as last:
        last.execute("SELECT pg_advisory_lock(%s)", (GATEWAY_LOCK,))
        opening = asyncio.create_task(asyncio.to_thread(Storage, url))
        await until(lambda: opening.done() or bool(postgres.run(waiting)))
        last.execute("SELECT pg_advisory_unlock_all()")
        (await opening).close()


async def _writes(storage: Storage) -> bool:
    try:
        return bool(await storage.writer.write(PID, None))
    except StorageUnavailable:
        return False


def _pid(connection: Connection, items: list[None]) -> list[int]:
    return [connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one() for _ in items]


PID = Operation(_pid, "pid")


def test_a_server_that_is_not_there_is_said_in_our_words(tmp_path: Path) -> None:
    """Bug: the driver's exception came out."""
    with pytest.raises(StorageUnavailable):
        Storage(f"postgresql://postgres:@/postgres?host={tmp_path}")


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "mysql://localhost/x"])
def test_databases_that_cannot_keep_anything_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"needs a file|no such database"):
        Storage(url)
