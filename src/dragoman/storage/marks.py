"""The mark of the last group: by it a group is found whose answer was lost, or known not to be.

Each group writes its number and its answer into a row of this table, in its own transaction: on
SQLite always the same row, on PostgreSQL one of `ROWS` in turn, as a row that every group changed
would have as many versions as there were groups while a transaction that could see them is open.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, LargeBinary, select

from dragoman.storage.bulk import BulkInsert
from dragoman.storage.metadata import Identifier, primary_identifier, required, table

group_marks = table(
    "group_marks",
    primary_identifier("mark_id"),
    *required(Identifier, "number"),
    *required(LargeBinary, "answer"),
)

ROWS: Final = 1_000
_PUT = BulkInsert(
    group_marks,
    suffix="ON CONFLICT (mark_id) DO UPDATE SET number = excluded.number, answer = excluded.answer",
)


def put(connection: Connection, number: int, answer: bytes) -> None:
    """Writes the mark of a group over an earlier one."""
    _PUT.run(connection, [(_row_of(connection, number), number, answer)])


def find(connection: Connection, number: int) -> bytes | None:
    """The answer of a group, if it was the last that was committed, or not long before."""
    query = select(group_marks.c.answer).where(
        group_marks.c.mark_id == _row_of(connection, number), group_marks.c.number == number
    )
    return connection.execute(query).scalar_one_or_none()


def _row_of(connection: Connection, number: int) -> int:
    return 1 + number % ROWS if connection.dialect.name == "postgresql" else 1
