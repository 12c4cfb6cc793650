"""Settings from the environment: `DRAGOMAN_HTTP__LISTEN` is the key `http.listen`.

Two underscores go one level down; repeated tables are addressed by their own key, so the password
of the carrier `main` is `DRAGOMAN_CARRIERS__MAIN__PASSWORD`. Text is taken as it stands, an array
of texts may be written with commas, anything else as in TOML.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Mapping
from typing import Any

from msgspec.structs import fields

from dragoman.config.errors import Mistake
from dragoman.config.fields import (
    entries_of,
    entry_for,
    extra_of,
    is_text,
    item_of,
    join,
    section_of,
)
from dragoman.config.reading import FILE_SUFFIX, key_of_entry, suggest
from dragoman.config.sections import Section

PREFIX = "DRAGOMAN_"

# The command line's own, and what Kubernetes sets for a service "dragoman".
_NOT_SETTINGS = re.compile(r"CONFIG|DATA|URL|TOKEN(_FILE)?|SERVICE_(HOST|PORT).*|PORT(_.*)?")
_TYPE = "__TYPE"


class Overrides:
    """Writes the environment's settings into the tables of the file.

    `origins` then has the variable of each key that was written, `mistakes` the variables that
    name no setting.
    """

    def __init__(self, root: type[Section], tables: dict[str, Any]) -> None:
        self.origins: dict[str, str] = {}
        self.mistakes: list[Mistake] = []
        self._root = root
        self._tables = tables

    def apply(self, environ: Mapping[str, str]) -> None:
        """Applies every variable that begins with `PREFIX`."""
        # A table's type says which keys it has, so it is written first.
        for variable in sorted(environ, key=lambda name: (not name.endswith(_TYPE), name)):
            name = variable.removeprefix(PREFIX)
            if name != variable and not _NOT_SETTINGS.fullmatch(name):
                steps = name.lower().split("__")
                self._write(variable, environ[variable], self._root, self._tables, steps, "")

    def _write(
        self, variable: str, text: str, kind: type[Section], table: Any, steps: list[str], key: str
    ) -> None:
        if not isinstance(table, dict):
            return  # the file is wrong here, and reading it says so
        name, *rest = steps
        known = {field.name: field for field in fields(kind)}
        if name not in known:
            near = suggest(name, known) or (
                "; a table and its key are joined by two underscores" if not (key or rest) else ""
            )
            self._complain(variable, f"unknown setting `{join(key, name)}`{near}")
            return
        field_type = known[name].type
        if (section := section_of(field_type)) is not None:
            if not rest:
                self._complain(variable, f"`{join(key, name)}` is a table; name one of its keys")
                return
            inner = table.setdefault(name, {})
            self._write(variable, text, section, inner, rest, join(key, name))
        elif kinds := entries_of(field_type):
            if len(rest) < 2:
                self._complain(
                    variable, f"`{name}` are tables; name one and its key, joined by `__`"
                )
                return
            entries = table.setdefault(name, [])
            if isinstance(entries, list):
                index = _find_or_add(kinds[0], entries, rest[0])
                entry_key = key_of_entry(join(key, name), kinds[0], entries, index)
                entry = entry_for(kinds, entries[index]) or kinds[0]
                self._write(variable, text, entry, entries[index], rest[1:], entry_key)
        elif len(rest) == 1 and extra_of(field_type).get("secrets"):
            secrets = table.setdefault(name, {})
            if isinstance(secrets, dict):
                (secret,) = rest
                secrets[secret] = text
                self.origins[join(join(key, name), secret)] = variable
                _forget_twin(secret, secrets, {*secrets})
        elif rest:
            self._complain(variable, f"`{join(key, name)}` is not a table")
        else:
            table[name] = _parse_text(field_type, text)
            self.origins[join(key, name)] = variable
            _forget_twin(name, table, known)

    def _complain(self, variable: str, problem: str) -> None:
        self.mistakes.append(Mistake(variable, problem))


def _find_or_add(entry: type[Section], entries: list[Any], name: str) -> int:
    key = fields(entry)[0].name
    for index, table in enumerate(entries):
        if isinstance(table, dict) and _as_variable(table.get(key)) == _as_variable(name):
            return index
    entries.append({key: name})
    return len(entries) - 1


def _as_variable(name: object) -> str:
    return re.sub(r"[^a-z0-9]", "_", str(name).lower())


def _forget_twin(name: str, table: dict[str, Any], known: Collection[str]) -> None:
    """Drops the file's `password` or `password_file` where the environment gives the other."""
    twin = name.removesuffix(FILE_SUFFIX) if name.endswith(FILE_SUFFIX) else name + FILE_SUFFIX
    if twin in known:
        table.pop(twin, None)


def _parse_text(kind: Any, text: str) -> Any:
    if is_text(kind):
        return text
    if item_of(kind) is not None and not text.lstrip().startswith("["):
        return [part.strip() for part in text.split(",") if part.strip()]
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
