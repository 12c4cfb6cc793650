"""Rows that nearly every group of work changes: wallets, counters.

PostgreSQL keeps each version of a row as long as a transaction is open that could see it, a backup
for example, and the index of the row leads to all of them. A row that a hundred groups a second
change then has a hundred thousand versions after a quarter of an hour, and is found only after all
of them were looked at. So the connection that writes remembers where it put the newest version
(its `ctid`) and looks there, without the index. A place that is no longer right (the row was
changed by another statement, rewritten by `VACUUM FULL`, or its transaction rolled back) is found
to hold no such row that can be seen, and the index is asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection

from dragoman.storage.arrays import render_texts
from dragoman.storage.bulk import BulkStatement, BulkUpdate, Row

REMEMBERED: Final = 10_000
"""Places of a table that a connection remembers; with more of them, it starts anew."""


class _UpdateInPlace(BulkUpdate):
    """UPDATE of rows whose places are the last of their values."""

    def __init__(
        self, usual: BulkStatement, assignments: Mapping[str, str], *, keys: int, where: str
    ) -> None:
        super().__init__(usual.table, usual.columns, assignments, keys=keys, where=where)
        self._types.append("tid")
        self._renderers.append(render_texts)
        self._where = f"t.ctid = v.column{len(self._types)} AND {self._where}"


class HotRows:
    """A statement that changes hot rows, by their places where those are known.

    `usual` changes them by key, or inserts those that do not exist; `keys` of its columns come
    first and are the key. `assignments` and `where` are those of `BulkUpdate`. On SQLite, which
    has one version of a row in its tables, this is the usual statement.
    """

    def __init__(
        self,
        usual: BulkStatement,
        keys: int,
        assignments: Mapping[str, str],
        *,
        where: str = "",
    ) -> None:
        self._usual = usual
        self._keys = keys
        self._table = usual.table.name
        self._in_place = _UpdateInPlace(usual, assignments, keys=keys, where=where)
        names = usual.columns[:keys]
        self._in_place.returning = ", ".join(f"t.{name}" for name in (*names, "ctid"))
        alias = "t" if isinstance(usual, BulkUpdate) else self._table
        usual.returning = ", ".join(f"{alias}.{name}" for name in (*names, "ctid"))

    def run(self, connection: Connection, rows: Sequence[Row]) -> int:
        """Writes the rows; returns how many rows were changed."""
        if connection.dialect.name != "postgresql":
            return self._usual.run(connection, rows)
        remembered: dict[str, dict[Row, str]] = connection.info.setdefault(HotRows, {})
        places = remembered.setdefault(self._table, {})
        keys = self._keys
        changed = self._changed(
            self._in_place,
            connection,
            [(*row, place) for row in rows if (place := places.get(row[:keys])) is not None],
        )
        if len(changed) < len(rows):
            missed = [row for row in rows if row[:keys] not in changed]
            changed |= self._changed(self._usual, connection, missed)
        if len(places) > REMEMBERED:
            places.clear()
        places.update(changed)
        return len(changed)

    def _changed(
        self, statement: BulkStatement, connection: Connection, rows: Sequence[Row]
    ) -> dict[Row, Any]:
        """The key of each row that a statement changes, and where its newest version is."""
        return {
            tuple(key): place
            for cursor in statement.steps(connection, rows)
            for *key, place in cursor.fetchall()
        }
