"""Groups of commands, whose help shows the summary of each command whole."""

from __future__ import annotations

import inspect
from typing import Any

import typer
from typer.core import TyperGroup


class Commands(TyperGroup):
    """A group that wraps summaries where others cut them."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Writes the commands, each with the first paragraph of its help."""
        rows = []
        for name in self.list_commands(ctx):
            command = self.get_command(ctx, name)
            if command is not None and not command.hidden:
                first = inspect.cleandoc(command.help or "").partition("\n\n")[0]
                rows.append((name, " ".join(first.split())))
        if rows:
            with formatter.section("Commands"):
                formatter.write_dl(rows)


def new_group(help: str | None = None) -> typer.Typer:
    """A group to register commands in; without a command it shows its help."""
    return typer.Typer(cls=Commands, no_args_is_help=True, help=help)
