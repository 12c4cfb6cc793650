"""The mark of the last group: by it a group is found whose answer was lost, or known not to be.

Each group writes its number and its answer into the one row of this table, in its own transaction.
On PostgreSQL a row that every group changed would have as many versions as there were groups while
a transaction is open that could see them (see `hot_rows`), so there a group inserts a row and
deletes the one before.
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

_ONLY = 1
REMEMBERED: Final = 100
"""Of so many groups in a row that failed the marks are looked for one by one."""
_PUT = BulkInsert(
    group_marks,
    suffix="ON CONFLICT (mark_id) DO UPDATE SET number = excluded.number, answer = excluded.answer",
)
_PUT.returning = "group_marks.ctid"
_DELETE_OTHERS = "DELETE FROM group_marks WHERE mark_id <> %s"
_DELETE = (
    "DELETE FROM group_marks WHERE ctid = ANY(CAST(%s AS tid[])) AND mark_id = ANY(%s)"
    " RETURNING mark_id"
)


def put(connection: Connection, number: int, answer: bytes) -> None:
    """Replaces the mark."""
    if connection.dialect.name == "postgresql":
        own = _delete_earlier(connection, number)
        for cursor in _PUT.steps(connection, [(number, number, answer)]):
            [(place,)] = cursor.fetchall()
            connection.info["marks"] = own | {number: place}
    else:
        _PUT.run(connection, [(_ONLY, number, answer)])


def _delete_earlier(connection: Connection, number: int) -> dict[int, str]:
    """Deletes what this connection put, or, where it put nothing yet, all marks.

    Of its earlier marks one at most is there, and only if its transaction was committed; then those
    before it are gone for good. Returns those that may be there again if this one fails, and where.
    """
    own: dict[int, str] | None = connection.info.get("marks")
    cursor = connection.connection.cursor()
    try:
        if own is None or len(own) > REMEMBERED:
            cursor.execute(_DELETE_OTHERS, (number,))
            return {}
        cursor.execute(_DELETE, (list(own.values()), list(own)))
        return {mark: own[mark] for (mark,) in cursor.fetchall()} or own
    finally:
        cursor.close()


def find(connection: Connection, number: int) -> bytes | None:
    """The answer of a group, if it was the last that was committed."""
    query = select(group_marks.c.answer).where(group_marks.c.number == number)
    return connection.execute(query).scalar_one_or_none()
