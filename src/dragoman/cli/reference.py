"""Writes the reference pages from the program itself: `python -m dragoman.cli.reference <folder>`.

With `--check` it writes nothing and fails where a page is not what it would write.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Final, get_args, get_origin

import msgspec
import typer
from msgspec import NODEFAULT
from msgspec.structs import FieldInfo, fields

from dragoman.cli.reference_words import FAILURES, REFUSALS, STATES
from dragoman.cli.root import EPILOG, app
from dragoman.config import Secret, Settings
from dragoman.config.dialects import Dialects
from dragoman.config.reading import entries_of, item_of, join, section_of
from dragoman.config.sections import Section
from dragoman.dialects import DIALECTS, Services
from dragoman.dialects.httpsms import errors as httpsms_errors
from dragoman.dialects.httpsms import mapping as httpsms
from dragoman.dialects.linkmobility import errors as linkmobility_errors
from dragoman.dialects.linkmobility import mapping as linkmobility
from dragoman.domain.errors import FailureCode, RefusalCode
from dragoman.domain.lifecycle import State
from dragoman.metrics import GatewayCollector
from dragoman.services.meters import Meters

COMMAND: Final = "python -m dragoman.cli.reference docs/reference"
NOTE: Final = f"<!-- Written by `{COMMAND}`; change the program, not this page. -->"


def main(arguments: Sequence[str]) -> int:
    """Writes or checks the pages; the exit code."""
    check = "--check" in arguments
    folders = [argument for argument in arguments if not argument.startswith("-")]
    if len(folders) != 1:
        print("usage: python -m dragoman.cli.reference [--check] <folder>", file=sys.stderr)
        return 2
    folder = Path(folders[0])
    stale = [name for name, text in render_pages().items() if not _put(folder / name, text, check)]
    for name in stale:
        print(f"{folder / name} is not up to date: run `{COMMAND}`", file=sys.stderr)
    return 1 if stale else 0


def render_pages() -> dict[str, str]:
    """Every page by its file name."""
    return {name: _page(*page()) for name, page in PAGES.items()}


def _put(path: Path, text: str, check: bool) -> bool:
    if check:
        return path.exists() and path.read_text(encoding="utf-8") == text
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return True


def _page(title: str, lines: Iterable[str]) -> str:
    return "\n".join([NOTE, "", f"# {title}", "", *lines]).rstrip() + "\n"


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(columns)} |"
    yield f"| {' | '.join('---' for _ in columns)} |"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"
    yield ""


# The command line


def _command_line() -> tuple[str, Iterator[str]]:
    return "The command line", _command_pages(typer.main.get_command(app), "dragoman")


def _command_pages(command: Any, path: str) -> Iterator[str]:
    children = getattr(command, "commands", {})
    if path == "dragoman":
        yield command.help
        yield ""
        yield EPILOG
        yield ""
    elif not children:
        yield f"## `{path}`"
        yield ""
        yield from _paragraphs(command.help)
        yield from _table(
            ("argument or option", "what it is", "default"),
            [_parameter_row(parameter) for parameter in command.params],
        )
    for name, child in children.items():
        yield from _command_pages(child, f"{path} {name}")


def _paragraphs(text: str) -> Iterator[str]:
    for paragraph in text.split("\n\n"):
        yield " ".join(paragraph.split())
        yield ""


def _parameter_row(parameter: Any) -> tuple[str, str, str]:
    option = parameter.opts[0].startswith("-")
    name = ", ".join(f"`{spelling}`" for spelling in parameter.opts)
    if not option:
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
        " `dragoman.example.toml` shows every key in its place."
    )
    yield ""
    yield from _section(Settings, "", "")


def _section(kind: type[Section], key: str, heading: str) -> Iterator[str]:
    if heading:
        yield f"## `{heading}`"
        yield ""
        yield (kind.__doc__ or "").strip()
        yield ""
    plain, tables = [], []
    for field in fields(kind):
        path = join(key, field.name)
        section, entries = section_of(field.type), entries_of(field.type)
        if section is not None:
            tables.append((section, path, f"[{path}]"))
        elif not entries:
            plain.append((f"`{field.name}`", _type(field), _default(field), _description(field)))
        tables += [(entry, path, f"[[{path}]]") for entry in entries]
    yield from _table(("key", "type", "default", "what it is"), plain)
    for inner, path, title in tables:
        yield from _section(inner, path, title)


def _notes(kind: Any) -> Iterator[Any]:
    if get_origin(kind) is Annotated:
        bare, *notes = get_args(kind)
        yield from notes
        yield from _notes(bare)
    else:
        for part in get_args(kind):
            yield from _notes(part)


def _description(field: FieldInfo) -> str:
    texts = [note.description for note in _notes(field.type) if getattr(note, "description", None)]
    return texts[0].replace("<", "&lt;") if texts else ""


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
    names = {"string": "text", "number": "number", "integer": "integer", "boolean": "true or false"}
    words = names[schema["type"]]
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum")
    over = "above " if "exclusiveMinimum" in schema else ""
    if low is not None and high is not None:
        return f"{words}, {over}{low} to {high}"
    return f"{words}, {over or 'from '}{low}" if low is not None else words


def _default(field: FieldInfo) -> str:
    value = field.default
    if value is NODEFAULT:
        return "required"
    if value is None or value == "":
        return ""
    plain = list(value) if isinstance(value, tuple) else value
    plain = str(plain) if isinstance(plain, Secret) else plain
    return f"`{msgspec.json.encode(plain).decode()}`"


# Codes


def _codes() -> tuple[str, Iterator[str]]:
    return "Refusals, failures and states", _codes_page()


def _codes_page() -> Iterator[str]:
    yield "What the house says, what it means, and how each API words it."
    yield ""
    yield "## Refusals"
    yield ""
    yield "A refused request stored nothing and cost nothing."
    yield ""
    yield from _table(
        ("code", "meaning", "httpsms", "LINK"),
        [
            (f"`{code}`", REFUSALS[code], _httpsms_refusal(code), _link_refusal(code))
            for code in RefusalCode
        ],
    )
    yield "## Failures"
    yield ""
    yield "Why an accepted message did not arrive."
    yield ""
    yield from _table(
        ("code", "meaning", "httpsms `dlr_error`", "LINK `statuscode`"),
        [
            (f"`{code}`", FAILURES[code], httpsms.REASONS[code], _link_failure(code))
            for code in FailureCode
            if code is not FailureCode.NONE
        ],
    )
    yield "## States"
    yield ""
    yield from _table(
        ("state", "meaning", "httpsms", "LINK"),
        [
            (
                f"`{state.name.lower()}`",
                STATES[state],
                _httpsms_state(state),
                f"`{linkmobility.STATUSES[state]}`",
            )
            for state in State
        ],
    )


def _httpsms_refusal(code: RefusalCode) -> str:
    if code is RefusalCode.MISSING_FIELD:
        return "`400` `Missing … Parameter`"
    answer = httpsms_errors.ANSWERS[code]
    return f"`{answer.number}` `{answer.text}`"


def _link_refusal(code: RefusalCode) -> str:
    wording = linkmobility_errors.REFUSALS[code]
    return f"`{wording.status}` `{wording.text}`"


def _link_failure(code: FailureCode) -> str:
    number = linkmobility.CODES_OF_FAILURES[code]
    return f"`{number}` {linkmobility.STATUS_TEXTS[number]}"


def _httpsms_state(state: State) -> str:
    answer = httpsms.ANSWERS[state]
    if isinstance(answer, str):
        return f"processed, `{answer}`"
    return "`pending`" if answer == httpsms.PENDING else "processed, `notfound`"


# Metrics


class _Example:
    """A gateway with one of everything, so that each metric shows its labels."""

    def __init__(self) -> None:
        self.meters = Meters()
        for counter in (self.meters.accepted, self.meters.inbound, self.meters.callbacks):
            counter["x"] = 1
        for pairs in (
            self.meters.refused,
            self.meters.outcomes,
            self.meters.finals,
            self.meters.receipts,
        ):
            pairs["x", "y"] = 1

    def waiting(self) -> dict[str, int]:
        return {"x": 1}

    def oldest_waiting_s(self) -> dict[str, float]:
        return {"x": 1.0}

    def window_use(self) -> dict[str, tuple[int, int]]:
        return {"x": (1, 1)}

    def callbacks_waiting(self) -> int:
        return 1


def _metrics() -> tuple[str, Iterator[str]]:
    return "Metrics", _metrics_page()


def _metrics_page() -> Iterator[str]:
    yield "What `/metrics` answers in Prometheus form. No label holds a number, a text or a key."
    yield ""
    rows = []
    for family in GatewayCollector(_Example()).collect():
        suffix = "_total" if family.type == "counter" else ""
        labels = dict.fromkeys(label for sample in family.samples for label in sample.labels)
        shown = ", ".join(f"`{label}`" for label in labels if label != "le")
        rows.append((f"`{family.name}{suffix}`", family.type, shown, family.documentation))
    yield from _table(("name", "type", "labels", "what it counts"), rows)


# Calls


def _calls() -> tuple[str, Iterator[str]]:
    return "Calls", _calls_page()


def _calls_page() -> Iterator[str]:
    yield (
        "The calls of each API. A running gateway shows them with every field at `/docs`, and as"
        " OpenAPI 3.1 at `/docs/<dialect>/openapi.json`."
    )
    yield ""
    nothing: Any = None
    services = Services(
        settings=Dialects(),
        accounts=nothing,
        account_tree=nothing,
        sessions=nothing,
        access_tokens=nothing,
        login_tokens=nothing,
        one_time_links=nothing,
        credits=nothing,
        senders=nothing,
        submission=nothing,
        bundles=nothing,
        batches=nothing,
        orders=nothing,
        queries=nothing,
        correspondence=nothing,
        premium=nothing,
        refunds=nothing,
        contacts=nothing,
        contact_profiles=nothing,
        groups=nothing,
        opt_outs=nothing,
        imports=nothing,
        statistics=nothing,
        keywords=nothing,
        inbox=nothing,
        verifications=nothing,
        mailings=nothing,
        issues=nothing,
        meters=Meters(),
        clock=nothing,
        devices=nothing,
        keyed_submissions=nothing,
        scoped_tokens=nothing,
        webhooks=nothing,
        phone_settings=nothing,
        inbox_exports=nothing,
        problems=nothing,
    )
    for name, build in DIALECTS.items():
        dialect = build(services).web
        yield f"## {name}: {dialect.title}"
        yield ""
        yield dialect.description
        yield ""
        yield from _table(
            ("methods", "path", "what it does", "manual"),
            [
                (
                    ", ".join(operation.methods),
                    f"`{operation.path}`",
                    operation.summary,
                    operation.source,
                )
                for operation in dialect.operations
            ],
        )


PAGES: Final = MappingProxyType[str, Callable[[], tuple[str, Iterable[str]]]](
    {
        "cli.md": _command_line,
        "configuration.md": _configuration,
        "errors.md": _codes,
        "metrics.md": _metrics,
        "calls.md": _calls,
    }
)
"""What is written, by file name."""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
