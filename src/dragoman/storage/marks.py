"""The mark of the last group: by it a group is found whose answer was lost, or known not to be.

Each group writes its number and its answer into the one row of this table, in its own transaction.
"""

from __future__ import annotations

from sqlalchemy import Connection, LargeBinary, select

from dragoman.storage.bulk import BulkInsert
from dragoman.storage.metadata import Identifier, primary_identifier, required, table

group_marks = table(
    "group_marks",
    primary_identifier("mark_id"),
    *required(Identifier, "number"),
    *required(LargeBinary, "answer"),
)

_ONLY = 1
_PUT = BulkInsert(
    group_marks,
    suffix="ON CONFLICT (mark_id) DO UPDATE SET number = excluded.number, answer = excluded.answer",
)


def put(connection: Connection, number: int, answer: bytes) -> None:
    """Replaces the mark."""
    _PUT.run(connection, [(_ONLY, number, answer)])


def find(connection: Connection, number: int) -> bytes | None:
    """The answer of a group, if it was the last that was committed."""
    query = select(group_marks.c.answer).where(group_marks.c.number == number)
    return connection.execute(query).scalar_one_or_none()
