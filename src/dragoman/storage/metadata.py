"""The one MetaData and the column types all tables share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import BigInteger, Column, ColumnElement, Index, Integer, MetaData, TextClause, text
from sqlalchemy.types import TypeEngine

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Identifier: TypeEngine[int] = BigInteger().with_variant(Integer(), "sqlite")
"""INTEGER on SQLite, so that a primary key is the row's own key and costs no second index."""


def primary_identifier(name: str) -> Column[int]:
    """An identifier from `kit.ids` as primary key."""
    return Column(name, Identifier, primary_key=True, autoincrement=False)


def required(kind: type[TypeEngine[Any]] | TypeEngine[Any], *names: str) -> Iterator[Column[Any]]:
    """Columns of a type that are never NULL."""
    return (Column(name, kind, nullable=False) for name in names)


def optional(kind: type[TypeEngine[Any]] | TypeEngine[Any], *names: str) -> Iterator[Column[Any]]:
    """Columns of a type that may be NULL."""
    return (Column(name, kind) for name in names)


def partial_index(name: str, *columns: str, where: str | ColumnElement[bool]) -> Index:
    """An index of the rows that fulfil a condition."""
    condition: TextClause | ColumnElement[bool] = text(where) if isinstance(where, str) else where
    return Index(name, *columns, sqlite_where=condition, postgresql_where=condition)
