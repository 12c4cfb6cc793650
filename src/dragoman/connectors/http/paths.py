"""Paths to values in what a provider sent: `messages[0].status`, `results[*].to`, `[0].type`.

`first|second` is the second where the first leads nowhere or to nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, Final

Find = Callable[[Any], list[Any]]
"""The values at a path, in order; none where it leads nowhere."""

Read = Callable[[Any], str]

MOST_VALUES: Final = 1_000
_NAME: Final = re.compile(r"[^.|\[\]]+")
_STEP: Final = re.compile(r"\[(\*|-?[0-9]{1,4})\]|\.?([^.\[\]]+)")


@cache
def compile_path(path: str) -> Find:
    """Reads a path; raises ValueError where it is not one. The empty path is the whole."""
    if "|" in path:
        return _first_of([compile_path(one) for one in path.split("|")])
    steps: list[str | int | None] = []
    end = 0
    for match in _STEP.finditer(path):
        if match.start() != end:
            break
        end = match.end()
        index, name = match.groups()
        steps.append(name if index is None else None if index == "*" else int(index))
    if end != len(path):
        raise ValueError(f"{path!r} is not a path such as messages[0].id")
    if len(steps) == 1 and isinstance(steps[0], str):
        return _named(steps[0])
    return lambda tree: _walk(tree, steps)


def text_of(value: Any) -> str:
    """A value as text: a number in decimal, a truth value as `true` or `false`, null empty."""
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, Mapping | list):
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def first_text(find: Find | None, tree: Any) -> str:
    """The first value at a path, as text; empty where there is none."""
    found = find(tree) if find is not None else ()
    return text_of(found[0]) if found else ""


@cache
def compile_text(path: str) -> Read:
    """Reads a path to its first value, as text; empty where it leads nowhere, or is empty."""
    if not path:
        return lambda _: ""
    find = compile_path(path)
    if _NAME.fullmatch(path) is None:
        return lambda tree: first_text(find, tree)

    def read(tree: Any) -> str:
        if type(tree) is not dict:
            return first_text(find, tree)
        value = tree.get(path)
        return value if type(value) is str else text_of(value)

    return read


class Condition:
    """Paths that must each lead somewhere, every value found being one of those given."""

    __slots__ = ("_tests",)

    def __init__(self, values: Mapping[str, Iterable[str]]) -> None:
        """No values for a path allow any; a path that begins with `!` must lead nowhere."""
        self._tests = tuple(
            (compile_path(path.removeprefix("!")), frozenset(allowed), path.startswith("!"))
            for path, allowed in values.items()
        )

    def __bool__(self) -> bool:
        return bool(self._tests)

    def holds(self, tree: Any) -> bool:
        """Whether a document meets all of them."""
        for find, allowed, absent in self._tests:
            found = find(tree)
            if absent:
                if found:
                    return False
            elif not found or (allowed and any(text_of(one) not in allowed for one in found)):
                return False
        return True

    def holds_for_some(self, tree: Any) -> bool:
        """Whether some of the values found are among those given, and others are not."""
        for find, allowed, _ in self._tests:
            found = [text_of(one) in allowed for one in find(tree)]
            if allowed and any(found) and not all(found):
                return True
        return False


def _named(name: str) -> Find:
    def find(tree: Any) -> list[Any]:
        return [tree[name]] if isinstance(tree, Mapping) and name in tree else []

    return find


def _first_of(paths: list[Find]) -> Find:
    def find(tree: Any) -> list[Any]:
        for one in paths:
            found = one(tree)
            if any(value not in (None, "") for value in found):
                return found
        return []

    return find


def _walk(tree: Any, steps: list[str | int | None]) -> list[Any]:
    values = [tree]
    for step in steps:
        found: list[Any] = []
        for value in values:
            if isinstance(step, str):
                if isinstance(value, Mapping) and step in value:
                    found.append(value[step])
            elif step is None:
                # One item is no list in XML, and in some JSON.
                items = value if isinstance(value, list) else [value]
                found += items[: MOST_VALUES - len(found)]
            elif isinstance(value, list):
                if -len(value) <= step < len(value):
                    found.append(value[step])
            elif step in (0, -1):
                found.append(value)
        values = found
    return values
