"""What people see: tables and lists on standard output."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from rich.console import Console

WIDE: Final = 10_000
"""Columns of an output that is no terminal: a line of a table stays a line."""


def console() -> Console:
    """Standard output, in colour where it is a terminal."""
    from rich.console import Console

    return Console(highlight=False)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Prints rows under their columns; nothing is cut where the output is no terminal."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    out = console()
    if not out.is_terminal:
        out.width = WIDE
    out.print(table, crop=False)


def print_fields(fields: Iterable[tuple[str, str]]) -> None:
    """Prints names and values, one pair a line; empty values are left out."""
    shown = [(name, value) for name, value in fields if value]
    width = max((len(name) for name, _ in shown), default=0)
    for name, value in shown:
        print(f"{name:<{width}}  {value}", flush=True)


def show_count(number: int, noun: str) -> str:
    """A number with its noun: `1 credit`, `2 credits`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def show_time(at_ms: int | None) -> str:
    """A stored time in this machine's zone; empty for none."""
    from dragoman.kit.clock import datetime_of

    if at_ms is None:
        return ""
    return datetime_of(at_ms).astimezone().isoformat(sep=" ", timespec="seconds")


def show_age(seconds: float | None) -> str:
    """A length of time in its largest unit."""
    if seconds is None:
        return ""
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.1f} s"
