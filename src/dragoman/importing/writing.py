"""What an import found, written: a configuration, files with its secrets, commands for accounts."""

from __future__ import annotations

import os
import shlex
import tomllib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from dragoman.config.consistency import find_inconsistencies
from dragoman.config.errors import Mistake
from dragoman.config.reading import Reader
from dragoman.config.settings import Settings
from dragoman.config.values import Secret
from dragoman.importing.plan import Plan, Planned, Value

PRIVATE_FILE: Final = 0o600
PRIVATE_FOLDER: Final = 0o700


class Written(NamedTuple):
    """The files that were made."""

    config: Path
    commands: Path | None
    secrets: Path | None


class _Secrets:
    """Where secrets go: into files, or with no folder into the text itself."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self.files: dict[Path, str] = {}

    def put(self, name: str, secret: Secret) -> Path | None:
        """The file of a secret; None where there are no files."""
        if self.folder is None:
            return None
        safe = "".join(c if c.isalnum() or c in "._-" else "_" for c in name).lstrip(".") or "_"
        path, number = self.folder / safe, 2
        while path in self.files:
            path, number = self.folder / f"{safe}-{number}", number + 1
        self.files[path] = secret
        return path


def render(plan: Plan) -> str:
    """The configuration with everything in it, and the commands for accounts as comments."""
    secrets = _Secrets(None)
    text = "\n".join(_render_config(plan, secrets)) + "\n"
    commands = [f"# {line}".rstrip() for line in _render_commands(plan, secrets)]
    if plan.accounts:
        text += "\n# Accounts are in the database. After `dragoman migrate`:\n#\n"
        text += "\n".join(commands) + "\n"
    return text


def write(plan: Plan, path: Path) -> Written:
    """Writes the files, none of which may be there; raises OSError."""
    secrets = _Secrets(path.with_suffix(".secrets"))
    config = "\n".join(_render_config(plan, secrets)) + "\n"
    commands = "\n".join(_script(path, _render_commands(plan, secrets))) + "\n"
    if secrets.files and secrets.folder is not None:
        secrets.folder.mkdir(mode=PRIVATE_FOLDER)
        for file, secret in secrets.files.items():
            _create(file, secret + "\n")
    script = path.with_suffix(".accounts.sh")
    if plan.accounts:
        _create(script, commands)
    _create(path, config)
    return Written(
        path,
        script if plan.accounts else None,
        secrets.folder if secrets.files else None,
    )


def find_mistakes(plan: Plan, base: Path, *, dialects: Collection[str]) -> list[Mistake]:
    """What `dragoman config check` would say of the configuration."""
    reader = Reader(base, {})
    tables = tomllib.loads("\n".join(_render_config(plan, _Secrets(None))))
    settings = reader.read(Settings, tables)
    if settings is None or reader.mistakes:
        return reader.mistakes
    return list(find_inconsistencies(settings, dialects=dialects))


def _script(path: Path, commands: Iterator[str]) -> Iterator[str]:
    """The commands as a script that finds the files beside it."""
    yield "#!/bin/sh"
    yield "# Written by `dragoman import`; run it once, after `dragoman migrate`."
    yield "set -e"
    yield 'cd "$(dirname "$0")"'
    yield f"export DRAGOMAN_CONFIG={shlex.quote(path.name)}"
    yield from commands


def _create(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


def _render_config(plan: Plan, secrets: _Secrets) -> Iterator[str]:
    yield "# Written by `dragoman import`. What each key means: docs/reference/configuration.md"
    for name, table in plan.settings.items():
        yield from _render_table(f"[{name}]", table, secrets, name.rpartition(".")[2])
    for services in plan.services:
        yield from _render_table("[[dialects.kannel.services]]", services, secrets, "")
    for name, tables in (
        ("carriers", plan.carriers),
        ("routes", plan.routes),
        ("prices", plan.prices),
        ("numbers", plan.numbers),
    ):
        for table in tables:
            yield from _render_table(f"[[{name}]]", table, secrets, f"carrier-{table.get('name')}")


def _render_table(
    title: str, table: Mapping[str, Value], secrets: _Secrets, name: str
) -> Iterator[str]:
    yield ""
    yield title
    for key, value in table.items():
        if isinstance(value, Secret):
            path = secrets.put(f"{name}-{key}" if name == "kannel" else name, value)
            if path is not None:
                yield f"{key}_file = {_toml(f'{path.parent.name}/{path.name}')}"
                continue
        yield f"{key} = {_toml(value)}"


def _toml(value: Value) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, str):
        # The strings of JSON are those of TOML, but for this one character.
        return msgspec.json.encode(str(value)).decode().replace("\x7f", "\\u007f")
    return "true" if value is True else "false" if value is False else repr(value)


def _render_commands(plan: Plan, secrets: _Secrets) -> Iterator[str]:
    """Commands of `dragoman`, a line each."""
    for planned in plan.accounts:
        yield " ".join(_create_command(planned, secrets))
        for command in _further_commands(planned):
            yield " ".join(("dragoman", *map(shlex.quote, command)))


def _create_command(planned: Planned, secrets: _Secrets) -> Iterator[str]:
    yield "dragoman account create"
    yield shlex.quote(planned.username)
    if planned.password is not None:
        path = secrets.put(f"account-{planned.username}", planned.password)
        if path is None:
            yield f"--password {shlex.quote(planned.password)}"
        else:
            place = shlex.quote(f"{path.parent.name}/{path.name}")
            yield f'--password "$(cat {place})"'
    for option, value in (
        ("--allowed-ips", ",".join(planned.allowed_ips)),
        ("--sender", planned.sender),
        ("--prefixes", ",".join(planned.prefixes)),
    ):
        if value:
            yield f"{option} {shlex.quote(value)}"
    if planned.credits is not None:
        yield f"--credits {planned.credits}"
    for permission in (*planned.may_not, *(("any_sender",) if planned.only_sender else ())):
        yield f"--may-not {permission}"
    if planned.password is not None:
        yield "> /dev/null"


def _further_commands(planned: Planned) -> Iterator[tuple[str, ...]]:
    username = planned.username
    if planned.only_sender and planned.sender:
        yield "sender", "approve", username, planned.sender
    for event, url in (("delivery", planned.report_url), ("incoming", planned.text_url)):
        if url:
            yield "webhook", "set", username, event, url, "--dialect", planned.dialect
    yield from planned.commands
    if planned.disabled:
        yield "account", "disable", username
