"""Tables as CSV files that spreadsheets open without running anything (RFC 4180)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Final

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the beginning of a formula."""


def render_csv(head: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """A table in UTF-8; texts that would be formulas get a quote before them."""
    return render_rows([head]) + render_rows(rows)


def render_rows(rows: Iterable[Sequence[object]]) -> bytes:
    """Some rows of such a table."""
    file = io.StringIO()
    csv.writer(file).writerows([_neutral(value) for value in row] for row in rows)
    return file.getvalue().encode("utf-8", "replace")


def _neutral(value: object) -> object:
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return "" if value is None else value
