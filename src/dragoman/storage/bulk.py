"""Statements that write many rows in one step.

A driver releases and retakes the interpreter lock at every step of a statement, and a busy event
loop returns it late. So a group of rows is one statement with many VALUES, not many statements, and
goes to the driver without SQLAlchemy's execution around it. For SQLite its SQL is rendered once
for each number of rows up to `EXACT`, and larger groups are split; PostgreSQL is given the columns
as arrays (`storage/arrays.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from sqlalchemy import Connection, Table

from dragoman.storage import arrays

EXACT = 96
"""Up to so many rows have a statement of their own, so that a usual group takes one step."""
SIZES = (512, 256, EXACT)
MAX_PARAMETERS = 32_000  # SQLite takes 32,766 in a statement, PostgreSQL 65,535
MIN_COPIED = 128
"""From so many rows on, COPY is cheaper to PostgreSQL than a statement."""

Row = tuple[Any, ...]


class BulkStatement:
    """A statement over the values of many rows."""

    def __init__(self, table: Table, columns: Sequence[str]) -> None:
        self._table = table
        self._columns = tuple(columns)
        self.returning = ""
        """What is asked of each row that was written, on PostgreSQL."""
        self._sizes = [n for n in SIZES if n * len(columns) <= MAX_PARAMETERS]
        self._texts: dict[tuple[str, int], str] = {}
        types = [table.c[name].type for name in self._columns]
        self._types = [*map(arrays.name_of, types)]
        self._renderers = [*map(arrays.renderer_of, types)]

    @property
    def table(self) -> Table:
        return self._table

    @property
    def columns(self) -> tuple[str, ...]:
        return self._columns

    def run(self, connection: Connection, rows: Sequence[Row]) -> int:
        """Writes the rows, in the order of `columns`; returns the number of changed rows."""
        if not rows:
            return 0
        driver = connection.dialect.name
        if len(rows) > EXACT and driver == "sqlite":
            return sum(cursor.rowcount for cursor in self.steps(connection, rows))
        cursor = connection.connection.cursor()
        try:
            cursor.execute(self._text(driver, len(rows)), self._parameters(driver, rows))
            changed: int = cursor.rowcount
        finally:
            cursor.close()
        return changed

    def _text(self, driver: str, count: int) -> str:
        """The statement over so many rows; on PostgreSQL it is the same for any number."""
        key = (driver, count if driver == "sqlite" else 0)
        text = self._texts.get(key)
        if text is None:
            text = self._render(driver, count)
            if self.returning and driver == "postgresql":
                text += f" RETURNING {self.returning}"
            self._texts[key] = text
        return text

    def steps(self, connection: Connection, rows: Sequence[Row]) -> Iterator[Any]:
        """Runs the statement as often as that many rows need; the cursor after each time."""
        if not rows:
            return
        driver = connection.dialect.name
        cursor = connection.connection.cursor()
        try:
            is_split = driver == "sqlite" and len(rows) > EXACT
            for chunk in self._chunks(rows) if is_split else (rows,):
                cursor.execute(self._text(driver, len(chunk)), self._parameters(driver, chunk))
                yield cursor
        finally:
            cursor.close()

    def _chunks(self, rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
        at = 0
        for size in self._sizes:
            while len(rows) - at >= size:
                yield rows[at : at + size]
                at += size
        if at < len(rows):
            yield rows[at:] if at else rows

    def _parameters(self, driver: str, rows: Sequence[Row]) -> Sequence[Any]:
        if driver == "sqlite":
            return tuple(chain.from_iterable(rows))
        columns = zip(*rows, strict=True)
        return [render(column) for render, column in zip(self._renderers, columns, strict=True)]

    def _select(self, driver: str, count: int) -> str:
        """The values as rows of the columns `column1` and so on."""
        if driver == "sqlite":
            row = f"({', '.join('?' * len(self._columns))})"
            return f"VALUES {', '.join([row] * count)}"
        columns = ", ".join(f"CAST(%s AS {type_}[])" for type_ in self._types)
        names = ", ".join(f"column{at}" for at in range(1, len(self._types) + 1))
        return f"SELECT * FROM unnest({columns}) AS u({names})"  # noqa: S608

    def _render(self, driver: str, count: int) -> str:
        raise NotImplementedError


class BulkInsert(BulkStatement):
    """INSERT of many rows; `suffix` may hold an ON CONFLICT clause."""

    def __init__(self, table: Table, columns: Sequence[str] = (), *, suffix: str = "") -> None:
        super().__init__(table, columns or [column.name for column in table.columns])
        self._suffix = suffix

    def run(self, connection: Connection, rows: Sequence[Row]) -> int:
        """Inserts the rows, in the order of `columns`; returns the number of changed rows."""
        copies = connection.dialect.name == "postgresql" and not self._suffix
        if not copies or len(rows) < MIN_COPIED:
            return super().run(connection, rows)
        columns = ", ".join(f'"{name}"' for name in self._columns)
        cursor = connection.connection.cursor()
        try:
            with cursor.copy(f"COPY {self._table.name} ({columns}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
        finally:
            cursor.close()
        return len(rows)

    def _render(self, driver: str, count: int) -> str:
        columns = ", ".join(f'"{name}"' for name in self._columns)
        values = self._select(driver, count)
        return f"INSERT INTO {self._table.name} ({columns}) {values} {self._suffix}"


class BulkInsertNew(BulkInsert):
    """INSERT of many rows, but for those with a key that a row has already."""

    def __init__(self, table: Table, columns: Sequence[str] = (), *, told: str) -> None:
        super().__init__(table, columns, suffix=f"ON CONFLICT DO NOTHING RETURNING {told}")

    def run_new(self, connection: Connection, rows: Sequence[Row]) -> set[Any]:
        """Inserts the new ones among the rows; the values of the column `told` of those.

        Of several with one key the first is inserted.
        """
        told: set[Any] = set()
        for cursor in self.steps(connection, rows):
            told.update(value for (value,) in cursor.fetchall())
        return told


class BulkUpdate(BulkStatement):
    """UPDATE of many rows by key, each with values of its own.

    `columns` names the values of a row, the `keys` of its key first. `assignments` has the SQL for
    each column to set, where `{new}` is the value of that column in the row and `{old}` the stored
    one. `where` restricts the stored rows further; `t` is the table, `v` the values.
    """

    def __init__(
        self,
        table: Table,
        columns: Sequence[str],
        assignments: Mapping[str, str],
        *,
        keys: int = 1,
        where: str = "",
    ) -> None:
        super().__init__(table, columns)
        self._where = " AND ".join(
            [f"t.{name} = v.column{at}" for at, name in enumerate(columns[:keys], 1)]
            + [where] * bool(where)
        )
        self._assignments = ", ".join(
            f"{name} = "
            + expression.format(
                new=f"v.column{self._columns.index(name) + 1}" if name in self._columns else "",
                old=f"t.{name}",
            )
            for name, expression in assignments.items()
        )

    def _render(self, driver: str, count: int) -> str:
        return (
            f"UPDATE {self._table.name} AS t SET {self._assignments} "  # noqa: S608
            f"FROM ({self._select(driver, count)}) AS v WHERE {self._where}"
        )
