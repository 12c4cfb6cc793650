"""Asking for rows of many identifiers at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import BigInteger, ColumnElement, any_, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY

FEW: Final = 20
"""Identifiers that are parameters of their own."""


def is_one_of(
    driver: str, column: ColumnElement[int], identifiers: Sequence[int]
) -> ColumnElement[bool]:
    """Whether a column has one of some identifiers, many of which are one parameter.

    A parameter each costs more to write and to read than thousands of them to look for.
    """
    if len(identifiers) <= FEW:
        return column.in_(identifiers)
    if driver == "postgresql":
        return column == any_(literal(list(identifiers), ARRAY(BigInteger)))
    listed: Any = func.json_each(msgspec.json.encode(identifiers).decode()).table_valued("value")
    return column.in_(select(listed.c.value))
