"""Commands and settings that pages speak of exist, and configurations that they show are valid."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import msgspec
import pytest

from dragoman.cli.root import load_all
from dragoman.config import Settings, load
from dragoman.config.reading import entries_of, section_of
from dragoman.connectors.http.check import find_mistakes
from dragoman.connectors.smpp.profiles import PROFILES
from dragoman.dialects import DIALECTS

from .markdown import PAGES, Page

TREE: Any = load_all()
CASES = {
    page.name: page for page in map(Page, PAGES) if not page.name.startswith("docs/reference/")
}
ADDED = frozenset({"--help", "--install-completion", "--show-completion"})
"""Options that typer adds."""
UNFINISHED = frozenset({"…", "...", "[…]"})


def commands_of(page: Page) -> list[str]:
    """Everything on a page that begins with the program's name."""
    lines = [line for b in page.blocks() if b.language in ("sh", "") for line in joined(b.text)]
    quoted = [code for code in page.code() if code.startswith("dragoman ")]
    found = []
    for line in [*lines, *quoted]:
        for piece in re.split(r"[|;&]|\$\(", line):
            words = piece.strip().removeprefix("exec ")
            start = re.match(r"(?:timeout \S+ )?(?:/opt/dragoman/bin/)?dragoman (?=[a-z-])", words)
            if start and "=" not in start[0]:
                found.append(words[start.end() :])
    return found


def joined(text: str) -> list[str]:
    """Lines of a shell script, continued ones in one."""
    return text.replace("\\\n", " ").splitlines()


def problem_of(line: str) -> str:
    """What is wrong with the words behind `dragoman`; empty if nothing is."""
    command, words = TREE, []
    for word in shlex.split(re.sub(r"[<>]\s*\S*$|#.*$", "", line), posix=True):
        if word in (">", "<") or word.startswith(("2>", ">")):
            break
        words.append(word)
    while words and hasattr(command, "commands"):
        if words[0].startswith("-"):
            break
        child = command.commands.get(words[0])
        if child is None:
            return f"no command {words[0]!r}"
        command, words = child, words[1:]
    known = {o for p in command.params for o in (*p.opts, *p.secondary_opts)} | ADDED
    for word in words:
        option = word.partition("=")[0]
        if option.startswith("--") and option not in known:
            return f"no option {option}"
    return ""


@pytest.mark.parametrize("name", CASES)
def test_commands_and_their_options_exist(name: str) -> None:
    wrong = {line: problem for line in commands_of(CASES[name]) if (problem := problem_of(line))}
    assert wrong == {}


def test_a_command_that_is_not_there_is_noticed() -> None:
    assert problem_of("acount list") == "no command 'acount'"
    assert problem_of("account list --jsn") == "no option --jsn"
    assert problem_of("account create acme --credits 5 --json") == ""


def keys_of(kind: Any, path: str = "") -> set[str]:
    """Every key of the configuration, with the tables it stands in."""
    keys = set()
    for field in msgspec.structs.fields(kind):
        key = f"{path}{field.name}"
        keys.add(key)
        for inner in (section_of(field.type), *entries_of(field.type)):
            if inner is not None:
                keys |= keys_of(inner, f"{key}.")
    return keys


KEYS = keys_of(Settings)
TABLES = {key.partition(".")[0] for key in KEYS if "." in key}
FILES = re.compile(r"\.(py|md|toml|pem|json|db|env|html|css|js|mo|php|secret)$")


@pytest.mark.parametrize("name", CASES)
def test_settings_that_are_named_exist(name: str) -> None:
    named = {
        code.partition(" =")[0].strip("[]")
        for code in CASES[name].code()
        if re.fullmatch(r"\[{0,2}[a-z_0-9]+(\.[a-z_0-9]+)*\]{0,2}( = .*)?", code)
    }
    dotted = {key for key in named if "." in key and key.partition(".")[0] in TABLES}
    dotted = {key for key in dotted if not FILES.search(key)}
    tables = {
        code.strip("[]") for code in CASES[name].code() if re.fullmatch(r"\[+[a-z_.]+\]+", code)
    }
    assert {key for key in dotted | tables if key not in KEYS} - SOMETHING_ELSE == set()


SOMETHING_ELSE = {"credits", "ids"}
"""What looks like a setting and is none."""

TOML = {
    f"{page.name}, line {block.line}": block.text
    for page in CASES.values()
    for block in page.blocks()
    if block.language == "toml"
}


@pytest.mark.parametrize("case", TOML)
def test_configurations_that_are_shown_are_valid(case: str, tmp_path: Path) -> None:
    path = tmp_path / "dragoman.toml"
    path.write_text(TOML[case])
    for name in re.findall(r'(?:_file|certificate) = "([^"/]+)"', TOML[case]):
        (tmp_path / name).write_text("secret")
    for name in re.findall(r'\nfile = "([^"/]+)"', TOML[case]):
        (tmp_path / name).write_text("prefix,price\n")
    load(
        path,
        {},
        dialects=frozenset(DIALECTS),
        profiles=frozenset(PROFILES),
        check_http=find_mistakes,
    )
