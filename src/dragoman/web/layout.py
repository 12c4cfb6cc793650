"""Where the operations of dialects lie, laid out once for all applications that have the same.

A gateway has some six hundred paths. Laying them out takes longer than the rest of its application,
and knows nothing of it but the paths: what is behind them are numbers here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias

from dragoman.web.operations import Dialect
from dragoman.web.paths import PathTable

REMEMBERED: Final = 32
"""Layouts: of the gateway, and of its admin interface; tests have some for each dialect."""

_Shape: TypeAlias = tuple[str, tuple[str, ...], tuple[tuple[str, str], ...], tuple[str, ...]]
"""Of a dialect: its name, its prefixes, its aliases, and the paths of its operations."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What paths lead to: numbers of endpoints, and of the dialects that own prefixes of them."""

    paths: PathTable[int, int]
    endpoints: tuple[tuple[int, tuple[int, ...]], ...]
    """By number: that of its dialect, and those of its operations, counted over all dialects."""


def lay_out(dialects: Sequence[Dialect]) -> Layout:
    """The layout of dialects, with their listed operations before the others of each.

    Raises ValueError where a prefix has two owners, or an operation lies outside of its dialect's.
    """
    return _lay_out(
        tuple(
            (
                dialect.name,
                dialect.prefixes,
                tuple(dialect.aliases.items()),
                tuple(each.path for each in (*dialect.operations, *dialect.unlisted)),
            )
            for dialect in dialects
        )
    )


@lru_cache(REMEMBERED)
def _lay_out(shapes: tuple[_Shape, ...]) -> Layout:
    paths: PathTable[int, int] = PathTable()
    endpoints: list[tuple[int, list[int]]] = []
    operation = -1
    for number, (name, prefixes, aliases, templates) in enumerate(shapes):
        for prefix in (*prefixes, *(alias for alias, _ in aliases)):
            paths.own(prefix, number)
        exact = {prefix.rstrip("/") for prefix in prefixes}
        below = tuple(prefix + "/" for prefix in exact)
        for template in templates:
            operation += 1
            if not template.startswith(below) and template not in exact:
                raise ValueError(f"{template} lies outside the prefixes of {name}")
            for spelling in (template, *_in_aliases(template, aliases)):
                place = paths.add(spelling, lambda: len(endpoints))
                if place == len(endpoints):
                    endpoints.append((number, []))
                endpoints[place][1].append(operation)
    return Layout(paths, tuple((number, tuple(found)) for number, found in endpoints))


def _in_aliases(template: str, aliases: Sequence[tuple[str, str]]) -> list[str]:
    return [
        alias + template.removeprefix(prefix)
        for alias, prefix in aliases
        if template == prefix.rstrip("/") or template.startswith(prefix.rstrip("/") + "/")
    ]
