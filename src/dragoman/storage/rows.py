"""Rows as values and back: columns have the names of fields; what is no scalar is JSON."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from functools import cache
from typing import Any, Final, TypeVar

import msgspec
import sqlalchemy as sa
from msgspec import UNSET
from msgspec.inspect import Type, UnionType, type_info
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.base import Executable

Value = TypeVar("Value", bound=msgspec.Struct)

FEW: Final = 20
"""Values that are passed as parameters of their own."""

_OF_JSON = ("StructType", "DictType", "ListType", "VarTupleType", "TupleType", "FrozenSetType")


def read_all(connection: sa.Connection, query: Executable, kind: type[Value]) -> list[Value]:
    """The rows of a query as values; columns without a field are left out."""
    result = connection.execute(query)
    convert = converter(kind, result.keys())
    return [convert(row) for row in result]


def read_one(connection: sa.Connection, query: Executable, kind: type[Value]) -> Value | None:
    """The first row of a query as a value; None without any."""
    result = connection.execute(query)
    convert = converter(kind, result.keys())
    row = result.first()
    return None if row is None else convert(row)


def converter(kind: type[Value], names: Iterable[str]) -> Callable[[sa.Row[Any]], Value]:
    """A function from a row that begins with columns of these names to a value.

    NULL becomes an empty text in a field that cannot be None.
    """
    return _converter(kind, tuple(map(str, names)))


@cache
def _converter(kind: type[Value], names: tuple[str, ...]) -> Callable[[sa.Row[Any]], Value]:
    never_none = [name for name in _never_none(kind) if name in names]
    decoders = [(name, decode) for name, decode in _decoders(kind).items() if name in names]
    # A struct that is written as an array is read from one, too: its fields in their order.
    in_order = kind.__struct_fields__ if kind.__struct_config__.array_like else ()

    def convert(row: sa.Row[Any]) -> Value:
        values = dict(zip(names, row, strict=False))
        for name, decode in decoders:
            if values[name] is not None:
                values[name] = decode(values[name])
        for name in never_none:
            if values[name] is None:
                values[name] = ""
        return msgspec.convert([values[n] for n in in_order] if in_order else values, kind)

    return convert


def columns_of(table: sa.Table, kind: type[msgspec.Struct]) -> list[sa.Column[Any]]:
    """The columns of a table that are fields of a value."""
    return [table.c[name] for name in kind.__struct_fields__ if name in table.c]


def row_of(value: msgspec.Struct) -> dict[str, Any]:
    """The columns of a value's row, with JSON for what is no scalar."""
    row = msgspec.structs.asdict(value)
    for name in _decoders(type(value)):
        if row[name] is not None:
            row[name] = msgspec.json.encode(row[name]).decode()
    return row


def insert_rows(
    connection: sa.Connection,
    table: sa.Table,
    values: Iterable[msgspec.Struct],
    *,
    new_only: bool = False,
) -> None:
    """Inserts values as rows of a table; with `new_only` those of which no row has a key."""
    rows = [row_of(value) for value in values]
    statement = _dialect_of(connection).insert(table)
    if rows:
        connection.execute(statement.on_conflict_do_nothing() if new_only else statement, rows)


def insert_new(connection: sa.Connection, table: sa.Table, value: msgspec.Struct) -> bool:
    """Inserts a value unless a row has one of its keys; whether it did."""
    statement = _dialect_of(connection).insert(table).values(row_of(value))
    # What came back, not a count of rows: not every driver counts what it inserts.
    stored = statement.on_conflict_do_nothing().returning(*table.primary_key)
    return connection.execute(stored).first() is not None


def put_row(
    connection: sa.Connection, table: sa.Table, row: dict[str, Any], *changing: str
) -> None:
    """Inserts a row, or updates all or some columns of the one with its primary key."""
    keys = [column.name for column in table.primary_key]
    new = {name: row[name] for name in changing or row if name not in keys}
    statement = _dialect_of(connection).insert(table).values(row)
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=new))


def _dialect_of(connection: sa.Connection) -> Any:
    return sqlite if connection.dialect.name == "sqlite" else postgresql


def count(connection: sa.Connection, *conditions: sa.ColumnElement[bool]) -> int:
    """The number of rows that meet the conditions."""
    return connection.execute(sa.select(sa.func.count()).where(*conditions)).scalar_one()


def is_any(connection: sa.Connection, *conditions: sa.ColumnElement[bool]) -> bool:
    """Whether any row meets the conditions."""
    return bool(connection.execute(sa.select(sa.exists().where(*conditions))).scalar_one())


def are_empty(connection: sa.Connection, *tables: sa.Table) -> bool:
    """Whether no table has any row; costs a fraction of a query that finds none.

    For what is read at a start, which is little or nothing in most databases.
    """
    cursor = connection.connection.cursor()
    try:
        cursor.execute(_any_row(tables))
        return cursor.fetchone() is None
    finally:
        cursor.close()


@cache
def _any_row(tables: tuple[sa.Table, ...]) -> str:
    some = (f"SELECT 1 WHERE EXISTS (SELECT 1 FROM {table.name})" for table in tables)  # noqa: S608
    return " UNION ALL ".join(some)


def is_one_of(
    driver: str, column: sa.ColumnElement[Any], wanted: Collection[int] | Collection[str]
) -> sa.ColumnElement[bool]:
    """Whether a column has one of some identifiers or texts; many are passed as one parameter.

    One parameter per value costs more to render and parse than to look up thousands of them.
    """
    if len(wanted) <= FEW:
        return column.in_(wanted)
    values = list(wanted)
    if driver == "postgresql":
        kind: Any = postgresql.ARRAY(sa.Text if isinstance(values[0], str) else sa.BigInteger)
        return column == sa.any_(sa.literal(values, kind))
    listed: Any = sa.func.json_each(msgspec.json.encode(values).decode()).table_valued("value")
    return column.in_(sa.select(listed.c.value))


def first_missing(
    connection: sa.Connection,
    column: sa.ColumnElement[int],
    wanted: Iterable[int],
    *conditions: sa.ColumnElement[bool],
) -> int | None:
    """The first identifier without a row that meets the conditions."""
    asked = sorted(set(wanted))
    among = is_one_of(connection.dialect.name, column, asked)
    known = set(connection.execute(sa.select(column).where(among, *conditions)).scalars())
    return next((identifier for identifier in asked if identifier not in known), None)


def given(change: msgspec.Struct, *names: str) -> dict[str, Any]:
    """The new values of a change, by column, without unset fields."""
    values = {name: getattr(change, name) for name in names or change.__struct_fields__}
    return {name: value for name, value in values.items() if value is not UNSET}


@cache
def _decoders(kind: type[msgspec.Struct]) -> dict[str, Callable[[str], Any]]:
    """Decoders of the columns with JSON."""
    return {
        field.name: msgspec.json.Decoder(field.type, strict=False).decode
        for field in msgspec.structs.fields(kind)
        if _is_json(type_info(field.type))
    }


@cache
def _never_none(kind: type[msgspec.Struct]) -> list[str]:
    """The fields that cannot be None although their column may be NULL."""
    return [
        field.name
        for field in msgspec.structs.fields(kind)
        if type(type_info(field.type)).__name__ in ("StrType", "EnumType")
    ]


def _is_json(found: Type) -> bool:
    if isinstance(found, UnionType):
        return any(_is_json(one) for one in found.types)
    return type(found).__name__ in _OF_JSON
