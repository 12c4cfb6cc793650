"""The generated pages say everything there is to say, and a stale one is noticed."""

from __future__ import annotations

import ast
import inspect
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

import dragoman
from dragoman.cli.reference import main, render_pages
from dragoman.cli.reference_calls import no_services
from dragoman.cli.reference_words import NEEDS
from dragoman.cli.root import COMMANDS, load_all
from dragoman.config import Settings
from dragoman.config.fields import entries_of, section_of
from dragoman.connectors.http.presets import PRESETS
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.metrics import Histogram, Metrics
from dragoman.core.model.errors import FailureCode, RefusalCode
from dragoman.dialects import DIALECTS
from dragoman.dialects.smsgate.auth import SCOPES
from dragoman.ops import prometheus
from dragoman.web.operations import Dialect
from dragoman.web.refusals import RefusalKind


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    return render_pages()


EXPECTED = {
    "cli.md": ["## `dragoman account rotate-key`", "`--allowed-ips`", "3 nothing was found"],
    "configuration.md": ["## `[[carriers]]`", "| `window` | integer, 1 to 10000 | `10` |"],
    "errors.md": [
        *(f"| `{code}` |" for code in RefusalCode),
        *(f"| `{code}` |" for code in FailureCode if code),
        *(f"| `{state.name.lower()}` |" for state in State),
    ],
    "metrics.md": ["| `dragoman_messages_accepted_total` | counter | `dialect` |"],
    "calls.md": ["`/api/sms/send_sms.php`", "## linkmobility"],
}


def test_every_page_has_what_belongs_on_it(pages: dict[str, str]) -> None:
    providers = {f"../carriers/http/{name}.md" for name in PRESETS if name != "generic"}
    assert set(pages) == set(EXPECTED) | providers
    for name, pieces in EXPECTED.items():
        assert [piece for piece in pieces if piece not in pages[name]] == []


def test_every_provider_has_its_credentials_and_words_on_its_page(pages: dict[str, str]) -> None:
    for name, preset in PRESETS.items():
        if name != "generic":
            page = pages[f"../carriers/http/{name}.md"]
            words = [*preset.credentials, *preset.optional, *preset.refusals, *preset.status.states]
            assert [word for word in words if f"`{word}`" not in page] == [], name


def sections(page: str) -> dict[str, str]:
    """What stands below each heading of a page, by heading."""
    headings = page.split("\n## ")
    return {text.partition("\n")[0]: text for text in headings}


def commands(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Every command that does something, with all words of its name."""
    children = getattr(command, "commands", {})
    for name, child in children.items():
        yield from commands(child, f"{path} {name}")
    if not children:
        yield path, command


def test_every_command_and_option_is_listed(pages: dict[str, str]) -> None:
    found = sections(pages["cli.md"])
    for path, command in commands(load_all(), "dragoman"):
        text = found[f"`{path}`"]
        options = [o for p in command.params for o in p.opts if o.startswith("-")]
        assert [option for option in options if f"`{option}`" not in text] == [], path
        assert text.count("\n| `") == len(command.params), path
        assert all(parameter.help for parameter in command.params), path


def test_the_list_of_commands_says_what_the_commands_say() -> None:
    said = {
        name: " ".join(command.help.partition("\n\n")[0].split())
        for name, command in load_all().commands.items()
    }
    assert said == COMMANDS


def settings(kind: Any, table: str) -> Iterator[tuple[str, str]]:
    """Every setting, with the heading of its table."""
    for field in msgspec.structs.fields(kind):
        key = f"{table}.{field.name}".strip(".")
        section, entries = section_of(field.type), entries_of(field.type)
        if section is not None:
            yield from settings(section, key)
        elif not entries:
            yield table, field.name
        for entry in entries:
            yield from settings(entry, key)


def test_every_setting_is_listed_with_what_it_is(pages: dict[str, str]) -> None:
    top, *tables = pages["configuration.md"].split("\n## ")
    found = {"": [top]}
    for text in tables:
        found.setdefault(text.partition("\n")[0].strip("`[]"), []).append(text)
    for table, name in settings(Settings, ""):
        rows = [row for text in found[table] for row in text.splitlines()]
        rows = [row for row in rows if row.startswith(f"| `{name}` |")]
        assert rows, (table, name)
        assert not any(row.endswith("|  |") for row in rows), (table, name)


def test_every_counter_of_the_house_is_a_metric(pages: dict[str, str]) -> None:
    rows = pages["metrics.md"].partition("## Labels")[0]
    counted = {
        name: counter
        for name, counter in vars(Metrics()).items()
        if isinstance(counter, Counter | Histogram)
    }
    kinds = [row.split(" | ")[1] for row in rows.splitlines() if row.startswith("| `")]
    assert kinds.count("histogram") == sum(isinstance(c, Histogram) for c in counted.values())
    assert kinds.count("counter") == sum(isinstance(c, Counter) for c in counted.values()) + 2


METRIC_MAKERS = {"_counter", "_gauge", "_histogram", "CounterMetricFamily", "GaugeMetricFamily"}


def test_every_metric_of_a_gateway_is_listed_with_its_labels(pages: dict[str, str]) -> None:
    source = ast.parse(inspect.getsource(prometheus))
    made = [n for n in ast.walk(source) if isinstance(n, ast.Call) and n.args]
    names = {
        str(call.args[0].value).removeprefix("dragoman_"): call
        for call in made
        if isinstance(call.args[0], ast.Constant) and ast.unparse(call.func) in METRIC_MAKERS
    }
    for name, call in names.items():
        row = re.search(rf"^\| `dragoman_{name}(_total)?` \|.*$", pages["metrics.md"], re.MULTILINE)
        assert row, name
        labels = next((ast.literal_eval(a) for a in call.args if isinstance(a, ast.List)), [])
        assert f"| {', '.join(f'`{label}`' for label in labels)} |" in row[0], name
    assert len(names) == pages["metrics.md"].partition("## Labels")[0].count("\n| `")


def test_every_call_of_every_dialect_is_listed(pages: dict[str, str]) -> None:
    for name, build in DIALECTS.items():
        web = build(no_services()).web
        rows = sections(pages["calls.md"])[f"{name}: {web.title}"].replace(r"\|", "|").splitlines()
        for operation in web.operations:
            begin = f"| {', '.join(operation.methods)} | `{operation.path}` | {operation.summary} |"
            (row,) = [row for row in rows if row.startswith(begin)]
            assert (operation.query is not None) == ("query" in row.removeprefix(begin)), begin
            assert all(form in row.removeprefix(begin) for form in operation.body_formats), begin


def test_every_api_is_on_the_page_of_calls(pages: dict[str, str]) -> None:
    titles = set()
    for path in Path(dragoman.__file__).parent.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if "Dialect(" not in text:  # it need not be parsed
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "Dialect":
                titles |= {ast.unparse(k.value) for k in node.keywords if k.arg == "title"}
    missing = {t.strip("'") for t in titles if f"{t.strip(chr(39))}\n" not in pages["calls.md"]}
    assert missing == {"Console"}


def test_patterns_of_what_calls_need_all_fit_some_call(pages: dict[str, str]) -> None:
    assert set(NEEDS) == set(DIALECTS)
    for name, patterns in NEEDS.items():
        web = build_dialect(name)
        called = [f"{', '.join(o.methods)} {o.path}" for o in web.operations]
        for pattern in patterns:
            assert any(re.fullmatch(pattern, call) for call in called), pattern


def test_calls_of_tokens_name_their_scope() -> None:
    operations = build_dialect("smsgate").operations
    without = {o.path.rpartition("/v1/")[2] for o in operations if not o.needs}
    assert without == {
        "auth/token/refresh",
        "health",
        "health/live",
        "health/ready",
        "health/startup",
    }
    assert {o.needs for o in operations if o.needs} <= SCOPES


def build_dialect(name: str) -> Dialect:
    return DIALECTS[name](no_services()).web


def test_every_kind_of_unreadable_request_is_listed(pages: dict[str, str]) -> None:
    text = pages["errors.md"]
    assert [kind for kind in RefusalKind if f"| `{kind}` |" not in text] == []


def test_tables_have_as_many_cells_in_every_row(pages: dict[str, str]) -> None:
    for text in pages.values():
        width = 0
        for line in text.splitlines():
            cells = line.replace(r"\|", "").count("|")
            assert not cells or not width or cells == width, line
            width = cells


def test_a_page_that_was_changed_is_noticed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(tmp_path / "docs" / "reference")
    assert main([folder]) == 0
    assert main(["--check", folder]) == 0
    for path in (tmp_path / "docs" / "reference" / "cli.md", tmp_path / "dragoman.example.toml"):
        text = path.read_text()
        path.write_text(text + "more")
        assert main(["--check", folder]) == 1
        assert f"{path} is not up to date" in capsys.readouterr().err
        path.write_text(text)


def test_a_call_without_a_folder_is_wrong_usage() -> None:
    assert main(["--check"]) == 2
