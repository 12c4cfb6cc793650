"""Copying rows between databases of the same tables, some thousand at a time, and comparing them.

It knows no subject: which rows go where is said by who calls it. Rows are read in the order of
their primary keys, so that a copy that was interrupted goes on behind the last row it stored.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec
from sqlalchemy import (
    BigInteger,
    Connection,
    Integer,
    LargeBinary,
    Select,
    SmallInteger,
    String,
    Table,
    TypeDecorator,
    func,
    insert,
    literal,
    null,
    select,
    tuple_,
    type_coerce,
)
from sqlalchemy.dialects import postgresql, sqlite

from dragoman.storage.metadata import metadata
from dragoman.storage.partitions import schema_of

CHUNK: Final = 2_000
"""Rows of a transaction."""
MODULUS: Final = 1_000_003
"""Sums are of remainders, since those of identifiers do not fit into 64 bits."""
OWNER: Final = "_owner"


class Parent(NamedTuple):
    """A table with a column `account_id`, and the column that others name its rows by."""

    table: str
    column: str


class OwnedThrough:
    """Rows that are their parent's: that of the first of some tables which has such a row."""

    def __init__(self, column: str, *parents: Parent) -> None:
        self.column = column
        self.parents = parents


Owner: TypeAlias = str | OwnedThrough | None
"""The column with the account, or by what it is found; None for rows that are no account's."""


class Measures(msgspec.Struct, frozen=True):
    """What is compared of a table: how many rows, and a sum over each column."""

    rows: int
    sums: dict[str, int]

    def __add__(self, other: Measures) -> Measures:
        columns = self.sums.keys() | other.sums.keys()
        sums = {c: self.sums.get(c, 0) + other.sums.get(c, 0) for c in columns}
        return Measures(self.rows + other.rows, sums)


def tables() -> list[Table]:
    """Every table, those that others refer to first."""
    return list(metadata.sorted_tables)


def read_rows(
    connection: Connection,
    table: Table,
    owner: Owner,
    after: Sequence[Any] | None,
    partition: int | None = None,
) -> Iterator[list[tuple[int | None, dict[str, Any]]]]:
    """The rows behind a key, some at a time, each with the account it belongs to."""
    key = [*table.primary_key.columns]
    options = {} if partition is None else translated(partition)
    while True:
        query = _with_owner(table, owner).order_by(*key).limit(CHUNK)
        if after is not None:
            query = query.where(_is_behind(key, after))
        found = [
            dict(row) for row in connection.execute(query, execution_options=options).mappings()
        ]
        rows = [(row.pop(OWNER), row) for row in found]
        if rows:
            yield rows
            after = key_of(table, rows[-1][1])
        if len(rows) < CHUNK:
            return


def key_of(table: Table, row: Mapping[str, Any]) -> list[Any]:
    """The primary key of a row."""
    return [row[column.name] for column in table.primary_key.columns]


def _is_behind(key: list[Any], after: Sequence[Any]) -> Any:
    if len(key) == 1:
        return key[0] > after[0]
    values = [literal(value, column.type) for column, value in zip(key, after, strict=True)]
    return tuple_(*key) > tuple_(*values)


def _with_owner(table: Table, owner: Owner) -> Select[Any]:
    if isinstance(owner, str):
        return select(table, table.c[owner].label(OWNER))
    if owner is None:
        return select(table, null().label(OWNER))
    joined: Any = table
    accounts = []
    for parent in owner.parents:
        other = metadata.tables[parent.table]
        joined = joined.outerjoin(other, other.c[parent.column] == table.c[owner.column])
        accounts.append(other.c.account_id)
    account = func.coalesce(*accounts, null()) if len(accounts) > 1 else accounts[0]
    return select(table, account.label(OWNER)).select_from(joined)


def write_rows(
    connection: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    partition: int | None,
    *,
    new_only: bool = False,
) -> None:
    """Inserts rows into the table of a partition, or of a whole database."""
    if not rows:
        return
    options = {} if partition is None else translated(partition)
    statement: Any = insert(table)
    if new_only and connection.dialect.name == "sqlite":
        statement = sqlite.insert(table).on_conflict_do_nothing()
    elif new_only:
        statement = postgresql.insert(table).on_conflict_do_nothing()
    connection.execute(statement, [*rows], execution_options=options)


def translated(partition: int) -> dict[str, Any]:
    """The options of a statement about a partition."""
    return {"schema_translate_map": {None: schema_of(partition)}}


def measure(connection: Connection, table: Table, partition: int | None = None) -> Measures:
    """How many rows a table has, and the sums of its columns: of numbers, or of lengths."""
    columns = [(c.name, _measured(c)) for c in table.columns]
    wanted = [func.coalesce(func.sum(m), 0).label(name) for name, m in columns if m is not None]
    query = select(func.count().label("_rows"), *wanted).select_from(table)
    options = {} if partition is None else translated(partition)
    row = connection.execute(query, execution_options=options).mappings().one()
    names = [name for name, m in columns if m is not None]
    return Measures(int(row["_rows"]), {name: int(row[name]) for name in names})


def _measured(column: Any) -> Any:
    if isinstance(column.type, TypeDecorator):
        column = type_coerce(column, column.type.impl_instance)
    if isinstance(column.type, Integer | SmallInteger):
        return column % literal(MODULUS, BigInteger)
    if isinstance(column.type, String | LargeBinary):
        return func.length(column)
    return None
