"""Statements over many rows, at every size where a chunk begins or ends."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import (
    Boolean,
    Column,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    select,
)

from dragoman.storage.bulk import MAX_PARAMETERS, BulkInsert, BulkUpdate
from dragoman.storage.engine import Storage
from dragoman.storage.metadata import Identifier

THINGS = Table(
    "things",
    MetaData(),
    Column("thing_id", Identifier, primary_key=True, autoincrement=False),
    Column("count", Integer, nullable=False),
    Column("small", SmallInteger),
    Column("name", Text),
)
INSERT = BulkInsert(THINGS)
UPDATE = BulkUpdate(
    THINGS,
    ("thing_id", "count", "small", "name"),
    {"count": "{old} + {new}", "small": "{new}", "name": "coalesce({new}, {old})"},
    where="t.count < 5000",
)


@pytest.mark.parametrize("size", [0, 1, 2, 7, 8, 9, 95, 96, 97, 511, 512, 513, 1300])
def test_insert_and_update_reach_every_row_once(database_url: str, size: int) -> None:
    storage = Storage(database_url)
    try:
        with storage._write_engine.begin() as connection:
            THINGS.create(connection)
            made = [(1 << 50 | n, n, None if n % 3 else n % 100, f"n{n}") for n in range(size)]
            assert INSERT.run(connection, made) == size
            changes = [(row[0], 10, n % 50 if n % 2 else None, None) for n, row in enumerate(made)]
            assert UPDATE.run(connection, changes) == size
            stored = connection.execute(select(THINGS).order_by(THINGS.c.thing_id)).all()
        assert [tuple(row) for row in stored] == [
            (row[0], row[1] + 10, change[2], row[3])
            for row, change in zip(made, changes, strict=True)
        ]
    finally:
        storage.close()


def test_update_leaves_rows_that_its_condition_excludes(database_url: str) -> None:
    storage = Storage(database_url)
    try:
        with storage._write_engine.begin() as connection:
            THINGS.create(connection)
            INSERT.run(connection, [(1, 4999, 1, "a"), (2, 5000, 1, "b")])
            assert UPDATE.run(connection, [(1, 1, 2, "c"), (2, 1, 2, "c"), (3, 1, 2, "c")]) == 1
            stored = connection.execute(select(THINGS).order_by(THINGS.c.thing_id)).all()
        assert [tuple(row) for row in stored] == [(1, 5000, 2, "c"), (2, 5000, 1, "b")]
    finally:
        storage.close()


def test_a_statement_never_has_more_parameters_than_a_driver_takes() -> None:
    wide = Table("wide", MetaData(), *(Column(f"c{n}", Integer) for n in range(100)))
    chunks = list(BulkInsert(wide)._chunks([(0,) * 100] * 1000))
    assert sum(len(chunk) for chunk in chunks) == 1000
    assert max(len(chunk) for chunk in chunks) * 100 <= MAX_PARAMETERS


ODD = [
    (1, 1, True, b"\\x00\0\xff", '"quoted" {braces}, \\ and, NULL', '{"a": "\\"b\\""}'),
    (2, -1, None, b"", "", "null"),
    (3, 0, False, None, None, None),
    (4, 9, None, b"NULL", "NULL", '"\n"'),
]


@pytest.mark.parametrize("rows", [ODD, ODD[:1], ODD[2:3]])
def test_values_that_look_like_something_else_come_back_as_they_were(
    database_url: str, rows: list[Any]
) -> None:
    table = Table(
        "odd_things",
        MetaData(),
        Column("thing_id", Identifier, primary_key=True, autoincrement=False),
        Column("count", Integer),
        Column("is_odd", Boolean),
        Column("octets", LargeBinary),
        Column("name", Text),
        Column("note", Text),
    )
    names = [column.name for column in table.columns]
    update = BulkUpdate(table, names, dict.fromkeys(names[1:], "{new}"))
    storage = Storage(database_url)
    try:
        with storage._write_engine.begin() as connection:
            table.create(connection)
            assert BulkInsert(table).run(connection, rows) == len(rows)
            query = select(table).order_by(table.c.thing_id)
            assert [tuple(row) for row in connection.execute(query)] == rows
            empty = [(row[0], *[None] * 5) for row in rows]
            assert update.run(connection, empty) == len(rows)
            assert [tuple(row) for row in connection.execute(query)] == empty
            assert update.run(connection, rows) == len(rows)
            assert [tuple(row) for row in connection.execute(query)] == rows
    finally:
        storage.close()
