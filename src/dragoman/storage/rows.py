"""From rows to values and back: columns have the names of fields, and JSON what is no scalar."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, TypeVar

import msgspec
from msgspec import UNSET
from msgspec.inspect import CustomType, Type, UnionType, type_info
from sqlalchemy import ColumnElement, Connection, Row, Table, exists, func, insert, select
from sqlalchemy.sql.base import Executable

from dragoman.storage.many import is_one_of

Value = TypeVar("Value", bound=msgspec.Struct)

_OF_JSON = ("StructType", "DictType", "ListType", "VarTupleType", "TupleType", "FrozenSetType")


def read_all(connection: Connection, query: Executable, kind: type[Value]) -> list[Value]:
    """The rows of a query as values; columns that are no field of them are left out."""
    result = connection.execute(query)
    convert = converter(kind, tuple(map(str, result.keys())))
    return [convert(row) for row in result]


def read_one(connection: Connection, query: Executable, kind: type[Value]) -> Value | None:
    """The first row of a query as a value; None where it finds none."""
    result = connection.execute(query)
    convert = converter(kind, tuple(map(str, result.keys())))
    row = result.first()
    return None if row is None else convert(row)


@cache
def converter(kind: type[Value], names: tuple[str, ...]) -> Callable[[Row[Any]], Value]:
    """What makes a value of a row with columns of these names."""
    decoders = [(name, decode) for name, decode in _decoders(kind).items() if name in names]
    # A struct that is written as an array is read from one, too: its fields in their order.
    in_order = kind.__struct_fields__ if kind.__struct_config__.array_like else ()

    def convert(row: Row[Any]) -> Value:
        values = dict(zip(names, row, strict=True))
        for name, decode in decoders:
            if values[name] is not None:
                values[name] = decode(values[name])
        return msgspec.convert([values[n] for n in in_order] if in_order else values, kind)

    return convert


def row_of(value: msgspec.Struct) -> dict[str, Any]:
    """The columns of a value's row, JSON where it is no scalar."""
    row = msgspec.structs.asdict(value)
    for name in _decoders(type(value)):
        if row[name] is not None:
            row[name] = msgspec.json.encode(row[name]).decode()
    return row


def insert_rows(connection: Connection, table: Table, values: Iterable[msgspec.Struct]) -> None:
    """Stores values as rows of a table."""
    rows = [row_of(value) for value in values]
    if rows:
        connection.execute(insert(table), rows)


def count(connection: Connection, *conditions: ColumnElement[bool]) -> int:
    """How many rows fulfil the conditions."""
    return connection.execute(select(func.count()).where(*conditions)).scalar_one()


def is_any(connection: Connection, *conditions: ColumnElement[bool]) -> bool:
    """Whether a row fulfils the conditions."""
    return bool(connection.execute(select(exists().where(*conditions))).scalar_one())


def first_missing(
    connection: Connection,
    column: ColumnElement[int],
    wanted: Iterable[int],
    *conditions: ColumnElement[bool],
) -> int | None:
    """The first identifier that no row has which fulfils the conditions."""
    asked = sorted(set(wanted))
    among = is_one_of(connection.dialect.name, column, asked)
    known = set(connection.execute(select(column).where(among, *conditions)).scalars())
    return next((identifier for identifier in asked if identifier not in known), None)


def given(change: msgspec.Struct, *names: str) -> dict[str, Any]:
    """The new values of a change, by column; a field that is not set is none."""
    values = {name: getattr(change, name) for name in names or change.__struct_fields__}
    return {name: value for name, value in values.items() if value is not UNSET}


@cache
def _decoders(kind: type[msgspec.Struct]) -> dict[str, Callable[[str], Any]]:
    """What reads the columns that hold JSON."""
    return {
        field.name: msgspec.json.Decoder(field.type, strict=False).decode
        for field in msgspec.structs.fields(kind)
        if _is_json(type_info(field.type))
    }


def _is_json(found: Type) -> bool:
    if isinstance(found, UnionType):
        return any(_is_json(one) for one in found.types)
    return not isinstance(found, CustomType) and type(found).__name__ in _OF_JSON
