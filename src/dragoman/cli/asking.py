"""Carries out a command: in the running gateway, or in a house opened for it alone."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from dragoman.cli.outcome import ExitCode, Stop

if TYPE_CHECKING:
    from dragoman.config import Settings
    from dragoman.control.answers import Failure
    from dragoman.control.requests import Request

Answer = TypeVar("Answer")

_FAILED = frozenset({"internal", "malformed_request", "unavailable", "no_access"})


def ask(settings: Settings, request: Request[Answer]) -> Answer:
    """The answer to a command; raises `Stop`."""
    from dragoman.control.client import CommandFailed, NotRunning, call

    try:
        return call(settings.data_path, request)
    except CommandFailed as error:
        raise stop_of(error.failure) from None
    except NotRunning:
        return ask_own_services(settings, request)


def ask_own_services(settings: Settings, request: Request[Answer]) -> Answer:
    """The answer of a house opened for this command; raises `Stop`."""
    _check_database_file(settings)
    from dragoman.control.failures import failure_of
    from dragoman.core.model.errors import AlreadyInUse
    from dragoman.kit import logging

    logging.configure("error", "console")
    try:
        return asyncio.run(_ask(settings, request))
    except AlreadyInUse as error:
        raise Stop(
            ExitCode.FAILED, f"{error}, and it does not answer commands (yet)", "in_use"
        ) from None
    except Exception as error:
        failure = failure_of(error)
        if failure is None:
            raise
        raise stop_of(failure) from None


async def _ask(settings: Settings, request: Request[Answer]) -> Answer:
    from dragoman.assembly import opened_services
    from dragoman.control.commands import run_command
    from dragoman.control.house import Controlled

    async with opened_services(settings) as services:
        answer: Answer = await run_command(Controlled(services=services), request)
        return answer


def _check_database_file(settings: Settings) -> None:
    """Stops before an empty database would be made in the wrong place."""
    from pathlib import Path

    from dragoman.config.values import SQLITE

    url = settings.database_url
    if url.startswith(SQLITE) and not Path(url.removeprefix(SQLITE)).exists():
        raise Stop(
            ExitCode.FAILED,
            f"there is no database {url.removeprefix(SQLITE)}: run `dragoman migrate` to make it",
            "no_database",
        )


def stop_of(failure: Failure) -> Stop:
    """How a command ends that was not carried out."""
    exit_code = ExitCode.FAILED if failure.code in _FAILED else ExitCode.REFUSED
    return Stop(exit_code, failure.message, failure.code)
