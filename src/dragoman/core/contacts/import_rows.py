"""Rows of an import: the valid ones as contacts, and the faults of the others."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Final

import msgspec

from dragoman.core.contacts.contacts import MAX_FIELD_VALUE
from dragoman.core.contacts.sql.contacts import encode_fields
from dragoman.core.model.numbering_plans import parse_international
from dragoman.core.model.texts import problem_of

MAX_SHOWN: Final = 100
"""Characters of a faulty value that are kept."""


class Fault(StrEnum):
    """What can be wrong with a row."""

    MOBILE = "mobile"
    """The number is none, or has no country code."""
    VALUE = "value"
    """A value cannot be stored."""
    SHAPE = "shape"
    """The row is no list, or longer than there are columns."""


class FaultyRows(msgspec.Struct, frozen=True, kw_only=True):
    """All rows with the same fault: the faulty value by row index."""

    fault: Fault
    field: str
    """The name of the column, where the fault is one of a value."""
    values: dict[int, str]


class FaultReport:
    """The faults in a group of rows."""

    def __init__(self) -> None:
        self._values: dict[tuple[Fault, str], dict[int, str]] = {}

    def add(self, index: int, fault: Fault, value: object, field: str = "") -> None:
        """Records a faulty row."""
        self._values.setdefault((fault, field), {})[index] = str(value)[:MAX_SHOWN]

    def faults(self) -> tuple[FaultyRows, ...]:
        """The report, in the order in which the faults first occurred."""
        return tuple(
            FaultyRows(fault=fault, field=field, values=values)
            for (fault, field), values in self._values.items()
        )


def read_rows(
    rows: Sequence[Any],
    start: int,
    end: int,
    fields: Sequence[tuple[str, int]],
    report: FaultReport,
) -> tuple[tuple[str, str], ...]:
    """Mobile number and stored fields of each valid row from `start` to `end`; reports the others.

    A row is a list of the number and a value for each of `fields` (name and identifier). Values may
    be missing at its end; None means no value.
    """
    good = []
    columns = len(fields) + 1
    for index, row in enumerate(rows[start:end], start):
        if not isinstance(row, list | tuple) or not 1 <= len(row) <= columns:
            report.add(index, Fault.SHAPE, row[0] if isinstance(row, list) and row else "")
            continue
        written = row[0]
        mobile = parse_international(written) if isinstance(written, str) else None
        if mobile is None:
            report.add(index, Fault.MOBILE, written)
            continue
        values = {}
        for (name, field_id), value in zip(fields, row[1:], strict=False):
            if value is None:
                continue
            text = value if isinstance(value, str) else _text(value)
            if text is None or problem_of(text, MAX_FIELD_VALUE):
                report.add(index, Fault.VALUE, "" if text is None else text, name)
                break
            values[field_id] = text
        else:
            good.append((mobile, encode_fields(values)))
    return tuple(good)


def _text(value: object) -> str | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return str(value) if is_number else None
