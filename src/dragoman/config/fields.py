"""What the type of a setting says: whether it is a table, which values it takes, what it is for."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator, Mapping
from enum import Enum
from functools import cache
from itertools import pairwise
from types import UnionType
from typing import Annotated, Any, Literal, get_args, get_origin

from msgspec import Meta
from msgspec.structs import FieldInfo, fields

from dragoman.config.sections import Section

TYPE = "type"


def join(key: str, name: str) -> str:
    """The key of `name` in the table at `key`."""
    return f"{key}.{name}" if key else name


def section_of(kind: Any) -> type[Section] | None:
    """The section that a field of this type is; None for any other field."""
    kind = _bare(kind)
    return kind if isinstance(kind, type) and issubclass(kind, Section) else None


def entries_of(kind: Any) -> tuple[type[Section], ...]:
    """The sections that a field of this type repeats; none for any other field.

    Where there are several, the `type` of a table chooses; the first is for tables without one.
    """
    item = item_of(kind)
    kinds = get_args(item) if isinstance(item, UnionType) else (item,)
    return tuple(section for one in kinds if (section := section_of(one)) is not None)


def entry_for(entries: tuple[type[Section], ...], table: Any) -> type[Section] | None:
    """The section that a table is to be read as; None for an unknown `type`."""
    if len(entries) == 1 or not isinstance(table, Mapping) or TYPE not in table:
        return entries[0]
    return next((entry for entry in entries if type_of_entry(entry) == table[TYPE]), None)


def type_of_entry(entry: type[Section]) -> str:
    """The `type` by which a section is chosen from several."""
    default: str = next(field.default for field in fields(entry) if field.name == TYPE)
    return default


def item_of(kind: Any) -> Any:
    """The type of the items where this is the type of an array; else None."""
    kind = _bare(kind)
    return get_args(kind)[0] if get_origin(kind) is tuple else None


def is_text(kind: Any) -> bool:
    """Whether a value of this type is written as text."""
    if item_of(kind) is not None:
        return False
    alternatives = {_bare(part) for part in get_args(_bare(kind)) or (kind,)}
    return any(
        isinstance(part, str) or (isinstance(part, type) and issubclass(part, str))
        for part in alternatives
    )


def choices_of(kind: Any) -> list[str]:
    """The words that a value of this type is one of; none where it is not limited to some."""
    bare = _bare(kind)
    choices: list[str] = []
    for part in get_args(bare) or (bare,):
        if isinstance(part, type) and issubclass(part, Enum):
            choices += [str(member.value) for member in part]
        elif isinstance(part, str):
            choices.append(part)
    return choices


def extra_of(kind: Any) -> dict[str, Any]:
    """How values of a type are checked beyond what msgspec does."""
    return {name: value for note in _notes(kind) for name, value in (note.extra or {}).items()}


def description_of(section: type[Section], field: FieldInfo) -> str:
    """What a setting is for: the text below it in the source, or what its type says."""
    notes = reversed([*_notes(field.type)])
    by_type = next((note.description for note in notes if note.description), "")
    return _texts_below(section).get(field.name, by_type)


@cache
def _texts_below(section: type[Section]) -> dict[str, str]:
    """The text below each field of a section, by the field's name; Python itself keeps none."""
    (written,) = ast.parse(inspect.getsource(section)).body
    assert isinstance(written, ast.ClassDef)
    return {
        field.target.id: " ".join(below.value.value.split())
        for field, below in pairwise(written.body)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant)
        if isinstance(below.value.value, str)
    }


def examples_of(kind: Any) -> list[Any]:
    """Values a setting of this type may have."""
    return next((n.examples for n in reversed([*_notes(kind)]) if n.examples), [])


def _bare(kind: Any) -> Any:
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind


def _notes(kind: Any) -> Iterator[Meta]:
    """What is written about a type, standing alone or beside None, the outermost last."""
    bare = _bare(kind)
    if get_origin(bare) is not Literal and item_of(bare) is None:
        for part in get_args(bare):
            yield from _notes(part)
    yield from getattr(kind, "__metadata__", ())
