"""How answers of partitions are merged: field by field, by what a field is or as it is told."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from dragoman.admin.whole import Whole

Shape = TypeVar("Shape", bound=msgspec.Struct)

Rule = Callable[[Sequence[Any]], Any]
"""One value of those that partitions have, in their order."""


def whole(**rules: Rule) -> Whole:
    """Answers whose lists are joined and whose counts are added up, but for fields with rules."""
    return Whole(lambda gathered: merge(gathered.answers, **rules))


def own() -> Whole:
    """What is alike in all partitions: each does it, and one tells."""
    return Whole(lambda gathered: gathered.own)


def merge(answers: Sequence[Shape], **rules: Rule) -> Shape:
    """One answer of several of the same type."""
    shape = type(answers[0])
    return shape(
        **{
            name: rules.get(name, add)([getattr(answer, name) for answer in answers])
            for name in shape.__struct_fields__
        }
    )


def add(values: Sequence[Any]) -> Any:
    """Lists one behind the other, sums of numbers, also by name; whether any is; else the first."""
    first = values[0]
    if isinstance(first, tuple):
        return tuple(one for value in values for one in value)
    if isinstance(first, Mapping):
        by_name: defaultdict[Any, list[Any]] = defaultdict(list)
        for value in values:
            for name, one in value.items():
                by_name[name].append(one)
        return {name: add(found) for name, found in by_name.items()}
    if isinstance(first, bool):
        return any(values)
    if isinstance(first, int | float):
        return sum(values)
    return first


def greatest(values: Sequence[Any]) -> Any:
    """The greatest of those that are known."""
    return max((value for value in values if value is not None), default=None)


def ordered(key: Callable[[Any], Any], *, reverse: bool = False) -> Rule:
    """Joined lists in an order."""
    return lambda values: tuple(sorted(add(values), key=key, reverse=reverse))


def by(key: Callable[[Any], Hashable], one: Rule) -> Rule:
    """Joined lists in which those with the same key become one, where their first stands."""

    def rule(values: Sequence[Any]) -> Any:
        alike: defaultdict[Hashable, list[Any]] = defaultdict(list)
        for item in add(values):
            alike[key(item)].append(item)
        return tuple(one(items) for items in alike.values())

    return rule


def once(values: Sequence[Any]) -> Any:
    """Joined lists without repetitions."""
    return tuple(dict.fromkeys(add(values)))


def first(values: Sequence[Any]) -> Any:
    """The first one."""
    return values[0]
