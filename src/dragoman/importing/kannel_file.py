"""kannel.conf as groups of variables (Kannel user guide, "Configuration file syntax").

Groups end at an empty line, `#` begins a line that does not count, a `\\` at the end goes on in the
next line, `include` takes a file or a folder in its place.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Final, NamedTuple

from dragoman.importing.plan import Plan, Source, read_text

MAX_FILE: Final = 4 * 1024 * 1024
MAX_DEPTH: Final = 16
INCLUDE: Final = "include"
GROUP: Final = "group"


class Variable(NamedTuple):
    """A value and where it stands."""

    value: str
    source: Source


@dataclass(kw_only=True)
class Group:
    """A group; what nobody asked for is still in `unread` afterwards."""

    name: str
    source: Source
    variables: dict[str, Variable] = field(default_factory=dict)
    unread: set[str] = field(default_factory=set)

    def get(self, name: str, default: str = "") -> str:
        """A value, which counts as read."""
        self.unread.discard(name)
        found = self.variables.get(name)
        return default if found is None else found.value

    def has(self, name: str) -> bool:
        """Whether a variable is there, with a value."""
        return name in self.variables and bool(self.variables[name].value)

    def where(self, name: str) -> Source:
        """Where a variable stands; the group where there is none."""
        found = self.variables.get(name)
        return self.source if found is None else found.source

    def is_true(self, name: str) -> bool:
        """A truth value as Kannel reads it."""
        return self.get(name).strip().lower() in {"true", "yes", "on", "1"}

    def number(self, name: str) -> float | None:
        """A number; None without one, or where it is none."""
        written = self.get(name).strip()
        try:
            number = float(int(written, 16) if written.lower().startswith("0x") else written)
        except (ValueError, OverflowError):
            return None
        return number if isfinite(number) else None

    def parts(self, name: str) -> tuple[str, ...]:
        """The parts of a list, which semicolons separate."""
        return tuple(part.strip() for part in self.get(name).split(";") if part.strip())


def read_groups(path: Path, plan: Plan) -> list[Group]:
    """The groups of a file in order, those of included files in their place; raises OSError."""
    groups: list[Group] = []
    group: Group | None = None
    pending: dict[str, Variable] = {}
    first: Source | None = None
    for source, line in (*_lines(path, (), plan), (Source(str(path)), "")):
        text = line.strip()
        if text.startswith("#"):
            continue
        if text:
            name, equals, value = text.partition("=")
            if not equals:
                plan.note(source, "", "there is no `=` in this line")
                continue
            name = name.strip()
            if name in pending:
                plan.note(source, name, "is set twice in its group; this one counts")
            pending[name] = Variable(_value(value), source)
            first = first or source
            continue
        if pending:
            group = _group(pending, first or source, plan)
            groups += [group] if group is not None else []
        pending, first = {}, None
    return groups


def _group(variables: dict[str, Variable], source: Source, plan: Plan) -> Group | None:
    named = variables.get(GROUP)
    if named is None:
        plan.note(source, "", "these lines name no group; an empty line ends one")
        return None
    rest = {name: variable for name, variable in variables.items() if name != GROUP}
    return Group(name=named.value, source=named.source, variables=rest, unread=set(rest))


def _lines(path: Path, above: tuple[Path, ...], plan: Plan) -> Iterator[tuple[Source, str]]:
    """The lines of a file, of those it includes, and an empty one."""
    lines = iter(enumerate(read_text(path, MAX_FILE).splitlines(), start=1))
    for number, line in lines:
        source = Source(str(path), number)
        whole = line
        while whole.endswith("\\"):
            _, more = next(lines, (0, ""))
            whole = whole[:-1] + more
        name, equals, value = whole.strip().partition("=")
        if equals and name.strip() == INCLUDE:
            yield from _included(_value(value), source, (*above, path), plan)
        else:
            yield source, whole
    yield Source(str(path)), ""


def _included(
    written: str, source: Source, above: tuple[Path, ...], plan: Plan
) -> Iterator[tuple[Source, str]]:
    # Kannel starts from where it was started, which the file does not say.
    places = (above[-1].parent / written, Path(written))
    found = next((place for place in places if place.exists()), None)
    if found is None:
        plan.note(source, INCLUDE, "no such file")
        return
    files = sorted(one for one in found.iterdir() if one.is_file()) if found.is_dir() else [found]
    for file in files:
        if len(above) >= MAX_DEPTH or file.resolve() in {one.resolve() for one in above}:
            plan.note(source, INCLUDE, "the file includes itself")
            continue
        try:
            yield from _lines(file, above, plan)
        except (OSError, ValueError) as error:
            reason = (error.strerror if isinstance(error, OSError) else "") or str(error)
            plan.note(source, INCLUDE, f"cannot be read: {reason}")


def _value(written: str) -> str:
    """A value without the quotes around it and with their escapes read."""
    text = written.strip()
    if len(text) < 2 or text[0] != '"' or text[-1] != '"':
        return text
    read, escaped = [], False
    for character in text[1:-1]:
        if escaped:
            read.append(character if character in '\\"' else f"\\{character}")
            escaped = False
        elif character == "\\":
            escaped = True
        else:
            read.append(character)
    return "".join(read) + ("\\" if escaped else "")
