"""From plain tables, as TOML and the environment give them, to typed ones, with every mistake.

msgspec stops at the first mistake of a document, so each field is converted on its own.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from enum import Enum
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin

import msgspec
from msgspec.structs import FieldInfo, fields

from dragoman.config.errors import Mistake
from dragoman.config.sections import Section
from dragoman.config.values import Secret

S = TypeVar("S", bound=Section)

TYPE = "type"
_IN_QUOTES = {"Expected `str`, got `int`", "Expected `str`, got `float`"}


class Reader:
    """Reads tables and notes what is wrong with them.

    `base` is the folder that relative paths start from; `origins` names the environment variable
    a key was set by.
    """

    def __init__(self, base: Path, origins: Mapping[str, str]) -> None:
        self.mistakes: list[Mistake] = []
        self._base = base
        self._origins = origins

    def read(self, kind: type[S], table: Mapping[str, Any]) -> S | None:
        """The settings in a table; None, and `mistakes`, where it has any."""
        settings = self._read_section(kind, table, "")
        return None if self.mistakes else settings

    def _read_section(self, kind: type[S], table: Any, key: str) -> S | None:
        if not isinstance(table, Mapping):
            self._note(key, f"expected a table, got {_name_of(table)}")
            return None
        known = {field.name: field for field in fields(kind)}
        for name in table:
            if name not in known:
                self._note(join(key, name), f"unknown key{suggest(name, known)}")
        values = {}
        for name, field in known.items():
            if name in table:
                values[name] = self._read_field(field, table[name], join(key, name))
            elif field.required:
                self._note(join(key, name), "missing")
        return None if self.mistakes else kind(**values)

    def _read_field(self, field: FieldInfo, value: Any, key: str) -> Any:
        if (section := section_of(field.type)) is not None:
            return self._read_section(section, value, key)
        if entries := entries_of(field.type):
            if not isinstance(value, list):
                self._note(key, f"expected tables written [[{key}]], got {_name_of(value)}")
                return None
            return tuple(
                self._read_entry(entries, table, key_of_entry(key, entries[0], value, index))
                for index, table in enumerate(value)
            )
        return self._read_value(field.type, value, key)

    def _read_entry(self, entries: tuple[type[Section], ...], table: Any, key: str) -> Any:
        entry = entry_for(entries, table)
        if entry is None:
            types = ", ".join(map(type_of_entry, entries))
            self._note(join(key, TYPE), f"expected one of {types}, got {table[TYPE]!r}")
            return None
        return self._read_section(entry, table, key)

    def _read_value(self, kind: Any, value: Any, key: str) -> Any:
        item = item_of(kind)
        if item is not None and isinstance(value, list):
            value = [
                self._read_value(item, element, f"{key}[{index}]")
                for index, element in enumerate(value)
            ]
            # The items are converted; what is left to check is how many there are.
            return self._convert(kind, value, key) if None not in value else None
        return self._convert(kind, value, key)

    def _convert(self, kind: Any, value: Any, key: str) -> Any:
        try:
            converted = msgspec.convert(value, kind, dec_hook=_convert_secret)
        except msgspec.ValidationError as error:
            self._note(key, _explain(str(error), kind, value))
            return None
        extra = _extra_of(kind)
        if (check := extra.get("check")) is not None:
            try:
                check(converted)
            except ValueError as error:
                self._note(key, str(error))
        if (path := extra.get("path")) is not None and converted is not None:
            return self._resolve(converted, path, key)
        return converted

    def _resolve(self, text: str, kind: str, key: str) -> str:
        if not text:
            self._note(key, f"expected the path of a {kind}")
            return text
        path = self._base / Path(text).expanduser()
        if kind == "file" and not path.is_file():
            self._note(key, f"no such file: {path}")
        return str(path)

    def _note(self, key: str, problem: str) -> None:
        origin = self._origins.get(key)
        self.mistakes.append(Mistake(key=f"{key} ({origin})" if origin else key, problem=problem))


def join(key: str, name: str) -> str:
    """The key of `name` in the table at `key`."""
    return f"{key}.{name}" if key else name


def suggest(name: str, known: Iterable[str]) -> str:
    """A question to put behind a complaint about an unknown name; empty if nothing is near."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f", did you mean `{near[0]}`?" if near else ""


def key_of_entry(key: str, entry: type[Section], tables: list[Any], index: int) -> str:
    """`carriers.main` where the table's own key is given and its own, else `carriers[0]`."""
    first = fields(entry)[0].name
    names = [table.get(first) if isinstance(table, Mapping) else None for table in tables]
    name = names[index]
    if isinstance(name, str) and name and names.count(name) == 1:
        return f"{key}.{name}"
    return f"{key}[{index}]"


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
    sections = tuple(section_of(one) for one in kinds)
    return tuple(section for section in sections if section is not None)


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


def _bare(kind: Any) -> Any:
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind


def _extra_of(kind: Any) -> dict[str, Any]:
    """The `extra` of a type, whether it stands alone or beside None."""
    found: dict[str, Any] = {}
    if get_origin(kind) is Annotated:
        bare, *notes = get_args(kind)
        for note in notes:
            found |= getattr(note, "extra", None) or {}
        kind = bare
    if get_origin(kind) is not Literal and item_of(kind) is None:
        for part in get_args(kind):
            found |= _extra_of(part)
    return found


def _convert_secret(kind: type, value: Any) -> Any:
    if kind is not Secret:
        raise NotImplementedError
    if not isinstance(value, str):
        raise ValueError(f"Expected `str`, got `{_name_of(value)}`")
    return Secret(value)


def _explain(complaint: str, kind: Any, value: Any) -> str:
    """msgspec's complaint in the words of the file."""
    if complaint.startswith("Invalid enum value"):
        return f"expected one of {', '.join(_choices(kind))}, got {complaint.split(' ', 3)[3]}"
    hint = " (put it in quotes)" if complaint in _IN_QUOTES else ""
    if ", got " not in complaint:
        hint = f", got {value!r}"
    if "matching regex" in complaint:
        return "expected letters, digits, dots, dashes and underscores, at most 32"
    plain = complaint.replace("`", "").replace(" | null", "")
    return f"{plain[:1].lower()}{plain[1:]}{hint}"


def _choices(kind: Any) -> list[str]:
    bare = _bare(kind)
    choices: list[str] = []
    for part in get_args(bare) or (bare,):
        if isinstance(part, type) and issubclass(part, Enum):
            choices += [str(member.value) for member in part]
        elif isinstance(part, str):
            choices.append(part)
    return choices


def _name_of(value: Any) -> str:
    if isinstance(value, Mapping):
        return "table"
    return "array" if isinstance(value, list) else type(value).__name__
