"""Follows a page as a reader does: pastes its lines into a shell and looks at what comes.

What a page's comments tell (`<!-- test: … -->`, on the line before a block):

- `skip: <why>`: the block is not run;
- `save <file>`: it is what a file holds;
- `fails`: its last command ends with an error;
- `until shown`: it is run again until it prints what is shown;
- `where <program> is installed`: it is not run elsewhere, and pytest says so;
- `in another terminal`: it runs beside what follows, until the page ends;
- `in the other terminal`: the other terminal shows this, sooner or later.

A block of `text`, `json`, `xml` or no language is what the block of `sh` before it prints.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Final

import dragoman

from .comparing import fits
from .markdown import Block, Page
from .processes import Group

PATIENCE_S: Final = 240.0
CLIENT: Final = str(Path(__file__).parents[2] / "clients/python/src")
"""Where `pip install ./clients/python` takes its package from."""
OUTPUTS: Final = frozenset({"", "text", "json", "xml"})
RUN: Final = frozenset({"sh", "python"})


def plain_environment() -> dict[str, str]:
    """What a shell has that has heard nothing of Dragoman but where its program is."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("DRAGOMAN_")}
    return kept | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join([str(Path(dragoman.__file__).parents[1]), CLIENT]),
        "PYTHONUNBUFFERED": "1",
        "TZ": "UTC",
    }


class Mistake(AssertionError):
    """A page that is not true."""


class Terminal:
    """A shell that keeps its variables from one block to the next."""

    def __init__(self, folder: Path, environment: Mapping[str, str], name: str) -> None:
        self._output = folder / f".{name}.output"
        self._marks = (f"--{n}--" for n in count())
        with self._output.open("wb") as output:
            self._shell = Group(
                ["sh"],
                folder=folder,
                environment=environment,
                output=output,
                stdin=subprocess.PIPE,
            )

    def start(self, script: str) -> None:
        """Pastes lines and does not wait for them."""
        stdin = self._shell.process.stdin
        assert stdin is not None
        stdin.write(script.encode())
        stdin.flush()

    def run(self, script: str) -> tuple[str, int]:
        """Pastes lines; what they print and the exit code of the last."""
        mark, before = next(self._marks), len(self.printed())
        self.start(f"{script.rstrip()}\nprintf '%s %s\\n' {mark} $?\n")
        deadline = time.monotonic() + PATIENCE_S
        while not (end := re.search(rf"{mark} (\d+)\n\Z", self.printed()[before:])):
            if time.monotonic() > deadline or self._shell.process.poll() is not None:
                raise Mistake(f"{script}\ndid not end; it printed\n{self.printed()[before:]}")
            time.sleep(0.005)
        return self.printed()[before:][: end.start()], int(end[1])

    def printed(self) -> str:
        """Everything it has shown."""
        return self._output.read_text(encoding="utf-8", errors="replace")

    def close(self) -> None:
        """Ends the shell and what was started in it."""
        self._shell.end()
        assert self._shell.process.stdin is not None
        self._shell.process.stdin.close()


class Reader:
    """Somebody who follows a page in a folder, at other `ports` and `hosts` than are printed."""

    def __init__(
        self, page: Page, folder: Path, *, ports: Mapping[str, str], hosts: Mapping[str, str]
    ) -> None:
        self._page, self._folder = page, folder
        self._here = {**ports, **hosts}
        self._there = {ours: printed for printed, ours in ports.items()}
        self._environment = plain_environment()
        self._terminals = [Terminal(folder, self._environment, "first")]

    def follow(self) -> None:
        """Does what the page says from its beginning to its end; raises `Mistake`."""
        try:
            for block, shown in _paired(self._page.blocks()):
                self._take(block, shown)
        finally:
            for terminal in reversed(self._terminals):
                terminal.close()

    def _take(self, block: Block, shown: Block | None) -> None:
        told, where = block.told, f"{self._page.name}, line {block.line}"
        text = _replace(block.text, self._here)
        if told.startswith("skip: "):
            return
        if found := re.fullmatch(r"where (\S+) is installed", told):
            if shutil.which(found[1]) is None:
                warnings.warn(f"{where}: there is no {found[1]} here to run it", stacklevel=1)
                return
            told = ""
        if told.startswith("save "):
            (self._folder / told.removeprefix("save ")).write_text(text)
        elif told == "in the other terminal":
            self._await_in_other(where, block.text)
        elif told == "in another terminal":
            name = f"other-{len(self._terminals)}"
            self._terminals.append(Terminal(self._folder, self._environment, name))
            self._terminals[-1].start(text)
            if shown is not None:
                self._await_in_other(where, shown.text)
        elif block.language == "python":
            self._run(where, f"python3 - <<'END_OF_PYTHON'\n{text}END_OF_PYTHON\n", shown, told)
        elif block.language == "sh":
            self._run(where, text, shown, told)

    def _run(self, where: str, text: str, shown: Block | None, told: str) -> None:
        if told not in ("", "fails", "until shown"):
            raise Mistake(f"{where}: nobody knows what `{told}` means")
        deadline = time.monotonic() + PATIENCE_S
        while True:
            printed, code = self._terminals[0].run(text)
            printed = _replace(printed, self._there)
            right = shown is None or fits(shown.text, printed)
            if right or told != "until shown" or time.monotonic() > deadline:
                break
            time.sleep(0.1)
        if (code != 0) != (told == "fails"):
            raise Mistake(f"{where}: exit code {code}\n{text}\n{printed}")
        if shown is not None and not right:
            raise Mistake(f"{where}:\n{text}\nis to print\n{shown.text}\nbut printed\n{printed}")

    def _await_in_other(self, where: str, shown: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not fits(shown, self._other(), anywhere=True):
            if time.monotonic() > deadline:
                message = f"the other terminal never showed\n{shown}\nbut\n{self._other()}"
                raise Mistake(f"{where}: {message}")
            time.sleep(0.02)

    def _other(self) -> str:
        printed = "".join(terminal.printed() for terminal in self._terminals[1:])
        return _replace(printed, self._there)


def _replace(text: str, words: Mapping[str, str]) -> str:
    pattern = "|".join(rf"(?<![\w.]){re.escape(word)}(?!\w)" for word in words)
    return re.sub(pattern, lambda match: words[match[0]], text)


def _paired(blocks: list[Block]) -> Iterator[tuple[Block, Block | None]]:
    """Blocks with what is shown of their output; raises `Mistake` for an output of nothing."""
    for before, block, after in zip([None, *blocks], blocks, [*blocks[1:], None], strict=False):
        if block.language in OUTPUTS and not block.told:
            if before is None or not block.follows or before.language not in RUN:
                raise Mistake(f"line {block.line}: nobody compares this block with anything")
            continue
        shows = after is not None and after.follows and not after.told
        yield block, after if shows and after is not None and after.language in OUTPUTS else None
