"""`dragoman doctor`: what is wrong, and what to do about it."""

from __future__ import annotations

import typer

from dragoman.admin.answers import Check, Diagnosis, Finding
from dragoman.cli.command import Gateway
from dragoman.cli.outcome import ExitCode, Stop
from dragoman.cli.output import console

_STYLES = {"ok": ("green", "ok"), "warning": ("yellow", "warning"), "problem": ("red", "PROBLEM")}


def doctor(gateway: Gateway) -> None:
    """Look for problems: configuration, database, carriers, speed, clock, disk, callbacks."""
    checks = _look(gateway)
    wrong = any(check.finding is Finding.PROBLEM for check in checks)
    gateway.show({"healthy": not wrong, "checks": checks}, lambda answer: _print_checks(checks))
    if wrong:
        raise typer.Exit(ExitCode.FAILED)


def _look(gateway: Gateway) -> list[Check]:
    from dragoman.admin.client import Failed, NotRunning

    checks = []
    if not gateway.remote.url:
        try:
            settings = gateway.check_settings()
        except Stop as stop:
            remedy = "correct these keys; `dragoman config check` checks them again"
            return [_problem("configuration", stop.message, remedy)]
        carriers = len(settings.carriers)
        count = f"{carriers} carrier{'s' if carriers != 1 else ''}"
        detail = f"valid; {count}, HTTP on {settings.http.listen}"
        checks.append(Check(name="configuration", finding=Finding.OK, detail=detail))
    try:
        answer = gateway.call_running("diagnosis", answer=Diagnosis)
        checks.append(Check(name="gateway", finding=Finding.OK, detail="runs and answers"))
        return [*checks, *answer.checks]
    except Failed as failed:
        remedy = "check --url and --token" if gateway.remote.url else "restart it, and see its log"
        return [*checks, _problem("gateway", str(failed), remedy)]
    except NotRunning:
        detail = f"none runs for {gateway.settings.data_path}"
        checks.append(_problem("gateway", detail, "start it with `dragoman serve`"))
    try:
        return [*checks, *gateway.call_here("GET", "diagnosis", answer=Diagnosis).checks]
    except Stop as stop:
        return [*checks, _problem("database", stop.message, _remedy_for_database(stop))]


def _remedy_for_database(stop: Stop) -> str:
    if "dragoman migrate" in stop.message:
        return "run `dragoman migrate`"
    if stop.code == "in_use":
        return "wait until it is ready; if that does not help, stop that process"
    return "check `url` of [storage], and that the database is up and accepts our login"


def _problem(name: str, detail: str, remedy: str) -> Check:
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
