"""Conditions on many values at once."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

import msgspec
from sqlalchemy import BigInteger, ColumnElement, Text, any_, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY

FEW: Final = 20
"""Values that are parameters of their own."""


def is_one_of(
    driver: str, column: ColumnElement[Any], wanted: Collection[int] | Collection[str]
) -> ColumnElement[bool]:
    """Whether a column has one of some identifiers or texts; many are passed as one parameter.

    One parameter per value costs more to render and parse than to look up thousands of them.
    """
    if len(wanted) <= FEW:
        return column.in_(wanted)
    values = list(wanted)
    if driver == "postgresql":
        kind = ARRAY(Text) if isinstance(values[0], str) else ARRAY(BigInteger)
        return column == any_(literal(values, kind))
    listed: Any = func.json_each(msgspec.json.encode(values).decode()).table_valued("value")
    return column.in_(select(listed.c.value))
