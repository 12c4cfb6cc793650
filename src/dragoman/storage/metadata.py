"""The one MetaData and the column types all tables share."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, MetaData
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
