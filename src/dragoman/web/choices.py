"""The values that a declared shape lists at a place in it, for whoever gave another one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from msgspec import inspect

_STEP: Final = re.compile(r"[^.\[\]]+")


def choices_at(shape: Any, field: str) -> tuple[str, ...]:
    """The values listed for a field such as `events[0]`; empty where any of its type will do."""
    kinds = list(_plain(inspect.type_info(shape)))
    for step in _STEP.findall(field):
        kinds = [
            found for kind in kinds for inner in _within(kind, step) for found in _plain(inner)
        ]
    return tuple(str(value) for kind in kinds for value in _listed(kind))


def _plain(kind: inspect.Type) -> Iterator[inspect.Type]:
    if isinstance(kind, inspect.UnionType):
        for one in kind.types:
            yield from _plain(one)
    elif isinstance(kind, inspect.Metadata):
        yield from _plain(kind.type)
    else:
        yield kind


def _within(kind: inspect.Type, step: str) -> Iterator[inspect.Type]:
    match kind:
        case inspect.StructType(fields=fields):
            yield from (field.type for field in fields if field.encode_name == step)
        case inspect.ListType(item_type=item) | inspect.VarTupleType(item_type=item):
            yield item
        case inspect.DictType(value_type=value):
            yield value
        case _:
            pass


def _listed(kind: inspect.Type) -> tuple[Any, ...]:
    match kind:
        case inspect.EnumType(cls=cls):
            return tuple(one.value for one in cls)
        case inspect.LiteralType(values=values):
            return tuple(values)
        case _:
            return ()
