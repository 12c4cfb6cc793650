"""`dragoman import`: the configuration of another gateway, as ours."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from dragoman.cli.options import JsonOption, argument, option
from dragoman.cli.outcome import ExitCode, Stop, write_json


class Gateway(StrEnum):
    """The gateways that can be read."""

    KANNEL = "kannel"
    JASMIN = "jasmin"


Where = Annotated[
    str,
    argument("`kannel` or `jasmin`; or the path of a kannel.conf.", metavar="gateway or file"),
]
PathOf = Annotated[
    Path | None,
    argument("kannel.conf; or a file or folder with what Jasmin's jcli printed.", metavar="<path>"),
]
Write = Annotated[
    Path | None,
    option(
        "File to write the configuration to; passwords and the commands for accounts are put"
        " into files beside it. Without it everything is printed, with passwords.",
        "--write",
    ),
]


def import_(
    where: Where, path: PathOf = None, write: Write = None, json: JsonOption = False
) -> None:
    """Read the configuration of Kannel or Jasmin, and print or write it as ours.

    What cannot be carried over is listed on standard error, by file and line, with the reason.
    """
    from dragoman.dialects import DIALECTS
    from dragoman.importing import read_source
    from dragoman.importing.writing import find_mistakes, render
    from dragoman.importing.writing import write as write_files

    if path is None:
        gateway, path = Gateway.KANNEL.value, Path(where)
        if where in set(Gateway):
            raise Stop(ExitCode.USAGE, f"say which file or folder of {where} to read")
    elif where in set(Gateway):
        gateway = where
    else:
        raise Stop(ExitCode.USAGE, f"{where!r} is none of {', '.join(Gateway)}")
    try:
        plan = read_source(gateway, path)
    except OSError as error:
        raise Stop(ExitCode.USAGE, f"{path}: cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise Stop(ExitCode.USAGE, f"{path}: {error}") from None
    for note in plan.notes:
        typer.echo(str(note), err=True)
    if not (plan.carriers or plan.accounts or plan.services):
        raise Stop(ExitCode.REFUSED, f"{path}: nothing to carry over was found")
    base = (write or Path("dragoman.toml")).absolute().parent
    mistakes = find_mistakes(plan, base, dialects=DIALECTS)
    for mistake in mistakes:
        typer.echo(f"to correct: {mistake}", err=True)
    told: dict[str, Any] = {
        "carriers": len(plan.carriers),
        "routes": len(plan.routes),
        "accounts": len(plan.accounts),
        "services": len(plan.services),
        "notes": list(map(str, plan.notes)),
        "mistakes": list(map(str, mistakes)),
    }
    if write is None:
        told["configuration"] = render(plan)
    else:
        try:
            written = write_files(plan, write)
        except FileExistsError as error:
            raise Stop(
                ExitCode.USAGE, f"{error.filename} is there already; nothing is overwritten"
            ) from None
        except OSError as error:
            raise Stop(
                ExitCode.FAILED, f"{error.filename or write}: cannot be written: {error.strerror}"
            ) from None
        told["written"] = [
            str(path)
            for path in (written.config, written.secrets, written.commands)
            if path is not None
        ]
    if json:
        write_json(told)
    elif write is None:
        print(told["configuration"], end="")
    else:
        print(f"{written.config}: the configuration; `dragoman config check` it")
        if written.secrets is not None:
            print(f"{written.secrets}: passwords, a file each")
        if written.commands is not None:
            print(f"{written.commands}: commands for accounts, to run once the tables are made")
    typer.echo(
        f"carriers: {len(plan.carriers)}, routes: {len(plan.routes)}, accounts:"
        f" {len(plan.accounts)}, services: {len(plan.services)}, notes: {len(plan.notes)}",
        err=True,
    )
    if mistakes:
        raise Stop(ExitCode.FAILED, "the configuration has mistakes to correct, listed above")
