"""`dragoman doctor`: what is wrong, and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from dragoman.cli.asking import ask_own_services
from dragoman.cli.options import ConfigOption, DataOption, JsonOption, find_settings
from dragoman.cli.outcome import ExitCode, Stop, write_json
from dragoman.cli.output import console

if TYPE_CHECKING:
    from pathlib import Path

    from dragoman.config import Settings
    from dragoman.control.answers import Check

_STYLES = {"ok": ("green", "ok"), "warning": ("yellow", "warning"), "problem": ("red", "PROBLEM")}


def doctor(config: ConfigOption = None, data: DataOption = None, json: JsonOption = False) -> None:
    """Look for what is wrong: configuration, database, carriers, speed, clock, disk, callbacks."""
    checks = _look(config, data)
    wrong = any(check.finding == "problem" for check in checks)
    if json:
        write_json({"healthy": not wrong, "checks": checks})
    else:
        _print_checks(checks)
    if wrong:
        raise typer.Exit(ExitCode.FAILED)


def _look(config: Path | None, data: Path | None) -> list[Check]:
    from dragoman.control.answers import Check, Finding
    from dragoman.control.client import CommandFailed, NotRunning, call
    from dragoman.control.requests import Diagnose

    try:
        settings = find_settings(config, data, complete=True)
    except Stop as stop:
        remedy = "correct these keys; `dragoman config check` says when all is well"
        return [_problem("configuration", stop.message, remedy)]
    checks = [Check(name="configuration", finding=Finding.OK, detail=_describe(settings))]
    try:
        answer = call(settings.data_path, Diagnose())
        checks.append(Check(name="gateway", finding=Finding.OK, detail="runs and answers"))
        return [*checks, *answer.checks]
    except CommandFailed as error:
        return [*checks, _problem("gateway", str(error), "restart it, and look into its log")]
    except NotRunning:
        detail = f"none runs for {settings.data_path}"
        checks.append(_problem("gateway", detail, "start it with `dragoman serve`"))
    try:
        return [*checks, *ask_own_services(settings, Diagnose()).checks]
    except Stop as stop:
        return [*checks, _problem("database", stop.message, _remedy_for_database(stop))]


def _remedy_for_database(stop: Stop) -> str:
    if "dragoman migrate" in stop.message:
        return "run `dragoman migrate`"
    if stop.code == "in_use":
        return "wait until it is ready; if it stays so, stop that process"
    return "check `url` of [storage], and that the database is up and lets us in"


def _describe(settings: Settings) -> str:
    carriers = len(settings.carriers)
    return (
        f"valid; {carriers} carrier{'s' if carriers != 1 else ''}, HTTP on {settings.http.listen}"
    )


def _problem(name: str, detail: str, remedy: str) -> Check:
    from dragoman.control.answers import Check, Finding

    return Check(name=name, finding=Finding.PROBLEM, detail=detail, remedy=remedy)


def _print_checks(checks: list[Check]) -> None:
    from rich.text import Text

    out = console()
    width = max(len(check.name) for check in checks)
    for check in checks:
        colour, word = _STYLES[check.finding]
        line = Text(f"{word:<8} ", style=colour) + Text(f"{check.name:<{width}}  {check.detail}")
        out.print(line, soft_wrap=True)
        if check.remedy:
            out.print(Text(f"{'':<8} {'':<{width}}  → {check.remedy}"), soft_wrap=True)
