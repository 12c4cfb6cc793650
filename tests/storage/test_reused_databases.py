"""The tests' own databases: what is used again is as new."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from tests.postgres import PostgresServer

from dragoman.core.tables import metadata
from dragoman.storage.engine import Storage


def held(url: str) -> dict[str, list[Any]]:
    """The rows of every table."""
    with psycopg.connect(url) as connection:
        return {
            name: connection.execute(f"SELECT * FROM {name}").fetchall()
            for name in (*metadata.tables, "alembic_version")
        }


async def test_what_a_test_wrote_is_gone(
    postgres: PostgresServer, open_storage: Callable[[str], Storage], make_rows: Any
) -> None:
    url = postgres.new_database()
    before = held(url)
    storage = open_storage(url)
    rows = make_rows(storage)
    await rows.accepted(await rows.account(credits=3))
    await storage.stop()
    assert held(url) != before
    postgres.release(url)
    assert postgres.new_database() == url
    assert held(url) == before
    postgres.release(url)


CHANGES = {
    "a table": "CREATE TABLE notes (id INTEGER)",
    "a column": "ALTER TABLE accounts ADD COLUMN note TEXT",
    "a setting": "DO $$ BEGIN EXECUTE format("
    "'ALTER DATABASE %I SET lock_timeout = 1', current_database()); END $$",
}


@pytest.mark.parametrize("case", CHANGES)
def test_a_database_that_was_changed_is_not_used_again(postgres: PostgresServer, case: str) -> None:
    url = postgres.new_database()
    with psycopg.connect(url) as connection:
        connection.execute(CHANGES[case])
    postgres.release(url)
    other = postgres.new_database()
    assert other != url
    postgres.release(other)
