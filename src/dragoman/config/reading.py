"""From plain tables, as TOML and the environment give them, to typed ones, with every mistake.

msgspec stops at the first mistake of a document, so each field is converted on its own.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec.structs import FieldInfo, fields

from dragoman.config.errors import Mistake
from dragoman.config.fields import (
    TYPE,
    choices_of,
    entries_of,
    entry_for,
    extra_of,
    item_of,
    join,
    section_of,
    type_of_entry,
)
from dragoman.config.sections import Section
from dragoman.config.values import Secret

S = TypeVar("S", bound=Section)

FILE_SUFFIX = "_file"
"""What the name of a key ends with that names a file with the value of another."""
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
        for name in values.keys() & {f"{name}{FILE_SUFFIX}" for name in known}:
            self._read_secret_file(known[name.removesuffix(FILE_SUFFIX)], values, name, key)
        return None if self.mistakes else kind(**values)

    def _read_secret_file(
        self, field: FieldInfo, values: dict[str, Any], name: str, key: str
    ) -> None:
        """Gives a field the content of the file that `name` names."""
        path, key = values[name], join(key, name)
        if values.get(field.name, field.default) != field.default:
            self._note(key, f"set together with `{field.name}`; use only one of them")
        elif (
            path is not None
            and Path(path).is_file()
            and (text := self._read_text(path, key)) is not None
        ):
            values[field.name] = self._convert(field.type, text, key)

    def _read_secrets(self, table: Mapping[str, Any], key: str) -> dict[str, Any]:
        """The secrets of a table, those in files too."""
        secrets = dict[str, Any]()
        for name, value in table.items():
            secret = name.removesuffix(FILE_SUFFIX)
            if secret == name:
                secrets[name] = value
            elif secret in table:
                self._note(join(key, name), f"set together with `{secret}`; use only one of them")
            elif isinstance(value, str):
                before = len(self.mistakes)
                path = self._resolve(value, "file", join(key, name))
                if len(self.mistakes) == before:
                    secrets[secret] = self._read_text(path, join(key, name)) or ""
            else:
                self._note(join(key, name), "expected the path of a file")
        return secrets

    def _read_text(self, path: str, key: str) -> str | None:
        """The content of a file without its last line break; None, and a mistake, if unreadable."""
        try:
            return Path(path).read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "is not UTF-8"
            self._note(key, f"{path} cannot be read: {reason}")
            return None

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
        if extra_of(kind).get("secrets") and isinstance(value, Mapping):
            value = self._read_secrets(value, key)
        try:
            converted = msgspec.convert(value, kind, dec_hook=_convert_secret)
        except msgspec.ValidationError as error:
            self._note(key, _explain(str(error), kind, value))
            return None
        extra = extra_of(kind)
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
        self.mistakes.append(Mistake(f"{key} ({origin})" if origin else key, problem))


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


def _convert_secret(kind: type, value: Any) -> Any:
    if kind is not Secret:
        raise NotImplementedError
    if not isinstance(value, str):
        raise ValueError(f"Expected `str`, got `{_name_of(value)}`")
    return Secret(value)


def _explain(complaint: str, kind: Any, value: Any) -> str:
    """msgspec's complaint in the words of the file."""
    if complaint.startswith("Invalid enum value"):
        return f"expected one of {', '.join(choices_of(kind))}, got {complaint.split(' ', 3)[3]}"
    hint = " (put it in quotes)" if complaint in _IN_QUOTES else ""
    if ", got " not in complaint:
        hint = f", got {value!r}"
    if "matching regex" in complaint:
        return "expected letters, digits, dots, dashes and underscores, at most 32"
    plain = complaint.replace("`", "").replace(" | null", "")
    return f"{plain[:1].lower()}{plain[1:]}{hint}"


def _name_of(value: Any) -> str:
    if isinstance(value, Mapping):
        return "table"
    return "array" if isinstance(value, list) else type(value).__name__
