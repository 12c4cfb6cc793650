"""Columns of values as PostgreSQL's array literals (PostgreSQL, 8.15.2).

A statement over `unnest` of one array for each column has the same text and as many parameters for
any number of rows: it is prepared once, and neither read nor planned again, as one over VALUES is
for each number of rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from sqlalchemy import JSON, LargeBinary, String
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import TypeEngine

Column: TypeAlias = Sequence[Any]


def name_of(type_: TypeEngine[Any]) -> str:
    """What PostgreSQL calls a type."""
    return type_.compile(postgresql.dialect())  # type: ignore[no-untyped-call]


def renderer_of(type_: TypeEngine[Any]) -> Callable[[Column], str]:
    """Renders the values of a column of a type."""
    if isinstance(type_, String | JSON):
        return render_texts
    return _render_octets if isinstance(type_, LargeBinary) else _render_numbers


def render_texts(values: Column) -> str:
    """Texts, or anything that has to be quoted."""
    quoted = [
        "NULL" if value is None else f'"{value.replace(_BACKSLASH, _ESCAPED).replace(_QUOTE, _Q)}"'
        for value in values
    ]
    return f"{{{','.join(quoted)}}}"


def _render_octets(values: Column) -> str:
    quoted = ["NULL" if value is None else f'"\\\\x{value.hex()}"' for value in values]
    return f"{{{','.join(quoted)}}}"


def _render_numbers(values: Column) -> str:
    """Numbers, members of their enumerations, and truth values."""
    if None in values:
        values = ["NULL" if value is None else value for value in values]
    return f"{{{','.join(map(str, values))}}}"


_BACKSLASH, _ESCAPED = "\\", "\\\\"
_QUOTE, _Q = '"', '\\"'
