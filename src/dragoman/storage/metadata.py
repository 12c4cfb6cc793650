"""The schema's MetaData, and how its tables and columns are declared."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Dialect,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    Table,
    TextClause,
)
from sqlalchemy import text as sql
from sqlalchemy.schema import SchemaItem
from sqlalchemy.types import TypeDecorator, TypeEngine

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_Type: TypeAlias = type[TypeEngine[Any]] | TypeEngine[Any]

Identifier: TypeEngine[int] = BigInteger().with_variant(Integer(), "sqlite")
"""INTEGER on SQLite, so that a primary key is the row's own key and costs no second index."""


class Word(TypeDecorator[str]):
    """A word of a list to which words are only added: stored as its place there, of one octet.

    Statements that do not go through SQLAlchemy give and take the place.
    """

    impl = SmallInteger
    cache_ok = True

    def __init__(self, words: tuple[str, ...]) -> None:
        super().__init__()
        self.words = words
        self._places = {word: place for place, word in enumerate(words)}

    def process_bind_param(self, value: str | None, dialect: Dialect) -> int | None:
        """What is stored for a word."""
        return None if value is None else self._places[value]

    def process_result_value(self, value: int | None, dialect: Dialect) -> str | None:
        """The word that is stored."""
        return None if value is None else self.words[value]


def table(name: str, *items: SchemaItem, **options: Any) -> Table:
    """A table of the schema, with its columns and indexes."""
    return Table(name, metadata, *items, **options)


def primary_identifier(name: str) -> Column[int]:
    """An identifier from `kit.ids` as primary key."""
    return Column(name, Identifier, primary_key=True, autoincrement=False)


def primary(kind: _Type, *names: str) -> Iterator[Column[Any]]:
    """Columns of a type that belong to a primary key of several."""
    return (Column(name, kind, primary_key=True) for name in names)


def unchecked_reference(name: str, target: str) -> ForeignKeyConstraint:
    """A reference that PostgreSQL is not asked to check.

    For rows of which many are inserted a second: PostgreSQL runs a query for each and locks the row
    referred to, a wallet for example, all of whose versions it then looks at.
    """
    return ForeignKeyConstraint([name], [target]).ddl_if(dialect="sqlite")


def required(kind: _Type, *names: str) -> Iterator[Column[Any]]:
    """Columns of a type that are never NULL."""
    return (Column(name, kind, nullable=False) for name in names)


def optional(kind: _Type, *names: str) -> Iterator[Column[Any]]:
    """Columns of a type that may be NULL."""
    return (Column(name, kind) for name in names)


def partial_index(name: str, *columns: str, where: str | ColumnElement[bool]) -> Index:
    """An index of the rows that meet a condition."""
    condition: TextClause | ColumnElement[bool] = sql(where) if isinstance(where, str) else where
    return Index(name, *columns, sqlite_where=condition, postgresql_where=condition)
