"""Rows that every group changes: right wherever they are, and found in one look."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Integer,
    MetaData,
    Table,
    Text,
    create_engine,
    select,
    text,
)

from dragoman.storage.bulk import BulkInsert, BulkUpdate
from dragoman.storage.engine import Storage
from dragoman.storage.hot_rows import REMEMBERED, HotRows
from dragoman.storage.metadata import Identifier

PURSES = Table(
    "purses",
    MetaData(),
    Column("owner", Identifier, primary_key=True, autoincrement=False),
    Column("kind", Text, primary_key=True),
    Column("coins", Integer, nullable=False),
)
COINS = {"coins": "{old} + {new}"}
ADD = HotRows(
    BulkInsert(
        PURSES,
        suffix="ON CONFLICT (owner, kind) DO UPDATE SET coins = purses.coins + excluded.coins",
    ),
    2,
    COINS,
)
ENOUGH = "t.coins + v.column3 >= 0"
TAKE = HotRows(
    BulkUpdate(PURSES, ("owner", "kind", "coins"), COINS, keys=2, where=ENOUGH),
    2,
    COINS,
    where=ENOUGH,
)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    storage = Storage(database_url)
    with storage._write_engine.begin() as connection:
        PURSES.create(connection)
    yield storage._write_engine
    storage.close()


def coins(connection: Connection) -> dict[tuple[int, str], int]:
    return {(row.owner, row.kind): row.coins for row in connection.execute(select(PURSES))}


def test_rows_are_made_and_changed_whoever_changed_them_before(engine: Engine) -> None:
    with engine.connect() as connection:
        for _ in range(3):
            with connection.begin():
                assert ADD.run(connection, [(1, "a", 5), (1, "b", 7), (2, "a", 1)]) == 3
        with connection.begin():  # moves a row without saying where
            connection.execute(text("UPDATE purses SET coins = coins + 100 WHERE owner = 1"))
        with connection.begin():
            assert ADD.run(connection, [(1, "a", 1), (2, "a", 1), (3, "a", 1)]) == 3
            assert coins(connection) == {(1, "a"): 116, (1, "b"): 121, (2, "a"): 4, (3, "a"): 1}


def test_what_a_transaction_that_failed_wrote_is_not_built_upon(engine: Engine) -> None:
    with engine.connect() as connection:
        with connection.begin():
            ADD.run(connection, [(1, "a", 10)])
        for _ in range(2):
            attempt = connection.begin()
            ADD.run(connection, [(1, "a", 1_000), (9, "new", 1)])
            attempt.rollback()
        with connection.begin():
            ADD.run(connection, [(1, "a", 1), (9, "new", 2)])
            assert coins(connection) == {(1, "a"): 11, (9, "new"): 2}


def test_a_condition_holds_by_place_as_by_key(engine: Engine) -> None:
    with engine.connect() as connection, connection.begin():
        assert TAKE.run(connection, [(1, "a", -1)]) == 0  # no such row
        ADD.run(connection, [(1, "a", 10), (2, "a", 10)])
        assert TAKE.run(connection, [(1, "a", -8), (2, "a", -11)]) == 1
        assert TAKE.run(connection, [(1, "a", -3)]) == 0
        assert TAKE.run(connection, [(1, "a", -2)]) == 1
        assert coins(connection) == {(1, "a"): 0, (2, "a"): 10}


def test_more_rows_than_are_remembered(engine: Engine) -> None:
    with engine.connect() as connection, connection.begin():
        for _ in range(2):
            rows = [(owner, "a", 1) for owner in range(REMEMBERED + 5)]
            assert ADD.run(connection, rows) == len(rows)
        assert set(coins(connection).values()) == {2}


def test_a_row_is_found_in_one_look_beside_an_open_transaction(engine: Engine) -> None:
    if engine.dialect.name == "sqlite":
        return  # has one version of a row
    blocks = text(
        "SELECT heap_blks_hit + heap_blks_read FROM pg_statio_user_tables WHERE relname = 'purses'"
    )
    with engine.connect() as connection, create_engine(engine.url).connect() as backup:
        backup.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        coins(backup)

        def looks(times: int) -> int:
            seen = []
            for after in (False, True):
                for _ in range(times * after):
                    with connection.begin():
                        ADD.run(connection, [(1, "a" * 80, 1)])
                with connection.begin():
                    connection.execute(text("SELECT pg_stat_force_next_flush()"))
                with connection.begin():
                    seen.append(int(connection.execute(blocks).scalar_one()))
            return seen[1] - seen[0]

        looks(1_000)
        assert looks(20) < 20 * 6
        with connection.begin():
            connection.info.clear()
            assert coins(connection) == {(1, "a" * 80): 1_020}
