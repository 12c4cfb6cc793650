"""Writes the reference pages and the example of a configuration from the program itself.

`python -m dragoman.cli.reference docs/reference` writes the pages to that folder and the example
two above it. With `--check` it writes nothing and fails where a file is not what it would write.
"""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import msgspec
from msgspec import NODEFAULT
from msgspec.structs import FieldInfo, fields

from dragoman.cli.reference_calls import list_calls
from dragoman.cli.reference_codes import list_codes
from dragoman.cli.reference_metrics import list_metrics
from dragoman.cli.reference_providers import list_providers
from dragoman.cli.reference_table import table
from dragoman.cli.root import EPILOG, load_all
from dragoman.config import Secret, Settings
from dragoman.config.example import render_example
from dragoman.config.fields import description_of, entries_of, item_of, join, section_of
from dragoman.config.sections import Section

COMMAND: Final = "python -m dragoman.cli.reference docs/reference"
EXAMPLE: Final = "dragoman.example.toml"
PROVIDERS: Final = "../carriers/http"
NOTE: Final = f"<!-- Written by `{COMMAND}`; change the program, not this page. -->"


def main(arguments: Sequence[str]) -> int:
    """Writes or checks the pages; the exit code."""
    check = "--check" in arguments
    folders = [argument for argument in arguments if not argument.startswith("-")]
    if len(folders) != 1:
        print("usage: python -m dragoman.cli.reference [--check] <folder>", file=sys.stderr)
        return 2
    folder = Path(folders[0])
    files = {folder / name: text for name, text in render_pages().items()}
    files[folder / ".." / ".." / EXAMPLE] = render_example()
    stale = [path for path, text in files.items() if not _put(path, text, check)]
    for path in stale:
        print(f"{os.path.normpath(path)} is not up to date: run `{COMMAND}`", file=sys.stderr)
    return 1 if stale else 0


def render_pages() -> dict[str, str]:
    """Every page by its file name."""
    pages = {name: _page(*page()) for name, page in PAGES.items()}
    for name, (title, lines) in list_providers().items():
        pages[f"{PROVIDERS}/{name}.md"] = _page(title, lines)
    return pages


def _put(path: Path, text: str, check: bool) -> bool:
    if check:
        return path.exists() and path.read_text(encoding="utf-8") == text
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return True


def _page(title: str, lines: Iterable[str]) -> str:
    return "\n".join([NOTE, "", f"# {title}", "", *lines]).rstrip() + "\n"


# The command line


def _command_line() -> tuple[str, Iterator[str]]:
    return "The command line", _command_pages(load_all(), "dragoman")


def _command_pages(command: Any, path: str) -> Iterator[str]:
    children = getattr(command, "commands", {})
    top = path == "dragoman"
    if top or not children:
        yield from () if top else (f"## `{path}`", "")
        yield from _paragraphs(command.help)
        yield from (EPILOG, "", "Before the command:", "") if top else ()
        rows = [_parameter_row(parameter) for parameter in command.params]
        yield from table(("argument or option", "what it is", "default"), rows)
    for name, child in children.items():
        yield from _command_pages(child, f"{path} {name}")


def _paragraphs(text: str) -> Iterator[str]:
    for paragraph in text.split("\n\n"):
        yield " ".join(paragraph.split())
        yield ""


def _parameter_row(parameter: Any) -> tuple[str, str, str]:
    name = ", ".join(f"`{spelling}`" for spelling in parameter.opts)
    if not parameter.opts[0].startswith("-"):
        name = f"`{parameter.metavar or parameter.name.upper()}`"
    elif parameter.metavar:
        name += f" {parameter.metavar}"
    text = parameter.help or ""
    if parameter.envvar:
        text += f" Also `{parameter.envvar}` in the environment."
    plain = parameter.default in (None, "", False)
    default = "required" if parameter.required else "" if plain else f"`{parameter.default}`"
    return name, text, default


# The configuration


def _configuration() -> tuple[str, Iterator[str]]:
    return "The configuration", _configuration_page()


def _configuration_page() -> Iterator[str]:
    yield (
        "A TOML file, and the environment, which wins: `http.listen` is `DRAGOMAN_HTTP__LISTEN`,"
        " the password of the carrier `main` is `DRAGOMAN_CARRIERS__MAIN__PASSWORD`."
        " `dragoman.example.toml` shows every key in its place.\n"
    )
    yield from _section(Settings, "", "")


def _section(kind: type[Section], key: str, heading: str) -> Iterator[str]:
    if heading:
        yield f"## `{heading}`\n"
        yield from _paragraphs(inspect.cleandoc(kind.__doc__ or ""))
    plain, tables = [], []
    for field in fields(kind):
        path = join(key, field.name)
        section, entries = section_of(field.type), entries_of(field.type)
        if section is not None:
            tables.append((section, path, f"[{path}]"))
        elif not entries:
            what = description_of(kind, field).replace("<", "&lt;")
            plain.append((f"`{field.name}`", _type(field), _default(field), what))
        tables += [(entry, path, f"[[{path}]]") for entry in entries]
    yield from table(("key", "type", "default", "what it is"), plain)
    for inner, path, title in tables:
        yield from _section(inner, path, title)


def _type(field: FieldInfo) -> str:
    item = item_of(field.type)
    schema = msgspec.json.schema(
        field.type if item is None else item, schema_hook=lambda kind: {"type": "string"}
    )
    words = _type_words(schema, schema.get("$defs", {}))
    return f"array of {words}" if item is not None else words


def _type_words(schema: dict[str, Any], definitions: dict[str, Any]) -> str:
    for part in schema.get("anyOf", ()):
        if part.get("type") != "null":
            return _type_words(part, definitions)
    if "$ref" in schema:
        schema = definitions[schema["$ref"].rpartition("/")[2]]
    if "enum" in schema:
        return ", ".join(f"`{word}`" for word in schema["enum"] if word is not None)
    names = {
        "string": "text",
        "number": "number",
        "integer": "integer",
        "boolean": "true or false",
        "object": "table",
    }
    words = names[schema["type"]]
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum")
    over = "above " if "exclusiveMinimum" in schema else ""
    if low is not None and high is not None:
        return f"{words}, {over}{low} to {high}"
    return f"{words}, {over or 'from '}{low}" if low is not None else words


def _default(field: FieldInfo) -> str:
    value = field.default
    if field.required:
        return "required"
    if value in (None, "", NODEFAULT):
        return ""
    plain = list(value) if isinstance(value, tuple) else value
    plain = str(plain) if isinstance(plain, Secret) else plain
    return f"`{msgspec.json.encode(plain).decode()}`"


PAGES: Final = MappingProxyType[str, Callable[[], tuple[str, Iterable[str]]]](
    {
        "cli.md": _command_line,
        "configuration.md": _configuration,
        "errors.md": lambda: ("Refusals, failures and states", list_codes()),
        "metrics.md": lambda: ("Metrics", list_metrics()),
        "calls.md": lambda: ("Calls", list_calls()),
    }
)
"""What is written, by file name."""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
