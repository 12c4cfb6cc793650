"""Every command by the tree that the shell sees: help, options, answers for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from dragoman.cli.progress import Progress
from dragoman.cli.root import app, load_all

NO_ANSWER = {
    "dev": "runs until it is stopped; dev.json has its addresses",
    "serve": "runs until it is stopped; its log is JSON by `[log] format`",
    "listen": "runs until it is stopped, for somebody who watches",
}
"""Commands without --json, and why."""


def leaves(group: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from leaves(command, (*words, name))
        else:
            yield " ".join((*words, name)), command


COMMANDS = dict(leaves(load_all()))


def test_every_command_answers_programs_but_those_that_run_on() -> None:
    without = {
        name
        for name, command in COMMANDS.items()
        if "--json" not in [word for one in command.params for word in one.opts]
    }
    assert without == set(NO_ANSWER)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_and_all_that_it_takes_are_explained(name: str) -> None:
    command = COMMANDS[name]
    summary = (command.help or "").strip().partition("\n\n")[0]
    assert summary.endswith(".")
    assert [one.name for one in command.params if not getattr(one, "help", "")] == []


@pytest.mark.parametrize("words", [(), ("account",), ("admin", "token")], ids=" ".join)
def test_help_shows_summaries_whole(words: tuple[str, ...]) -> None:
    """Bug: they were cut to fit a line, mostly in mid-sentence."""
    shown = CliRunner().invoke(app, [*words, "-h"])
    assert shown.exit_code == 0
    text = " ".join(shown.output.split())
    assert "..." not in text.partition("Commands:")[2]
    group = load_all()
    for word in words:
        group = group.commands[word]
    for command in group.commands.values():
        assert " ".join(command.help.strip().partition("\n\n")[0].split()) in text


def test_an_example_for_programs_is_the_example() -> None:
    plain = CliRunner().invoke(app, ["config", "example"])
    wrapped = CliRunner().invoke(app, ["config", "example", "--json"])
    assert json.loads(wrapped.output)["example"] == plain.output


def test_an_import_tells_programs_what_it_read(tmp_path: Path) -> None:
    config = tmp_path / "kannel.conf"
    config.write_text(
        "group = core\nadmin-port = 13000\n\ngroup = smsc\nsmsc = smpp\nsmsc-id = a\n"
        "host = 127.0.0.1\nport = 2775\nsmsc-username = me\nsmsc-password = it\n"
    )
    done = CliRunner().invoke(app, ["import", "kannel", str(config), "--json"])
    told = json.loads(done.stdout)
    assert told["carriers"] == 1
    assert "[[carriers]]" in told["configuration"]


class Terminal:
    """Standard error that is a terminal."""

    def __init__(self) -> None:
        self.text = ""

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self.text += text
        return len(text)

    def flush(self) -> None:
        pass


def test_progress_is_told_to_terminals_after_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    now, terminal = [100.0], Terminal()
    monkeypatch.setattr("dragoman.cli.progress.time.monotonic", lambda: now[0])
    monkeypatch.setattr("sys.stderr", terminal)
    with Progress("rows") as progress:
        progress.tell(1, 9_000)
        assert terminal.text == ""
        now[0] += 1.0
        progress.tell(2_000, 9_000)
        progress.tell(2_001, 9_000)
    assert terminal.text == "\r2,000 of 9,000 rows\n"
