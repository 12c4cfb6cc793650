"""An operation of the admin interface in the command's own process, where no gateway runs."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from dragoman.admin.context import Admin
from dragoman.admin.operations import build_admin, problem_of
from dragoman.assembly import opened_services
from dragoman.cli.outcome import ExitCode, Stop
from dragoman.config import Settings
from dragoman.config.values import SQLITE
from dragoman.core.model.errors import AlreadyInUse, Refused
from dragoman.kit import logging
from dragoman.web.responses import Response
from dragoman.web.router import DialectApp


def answer_here(settings: Settings, method: str, target: str, body: bytes) -> tuple[int, bytes]:
    """Status and JSON of an operation over the database of some settings; raises `Stop`."""
    _check_database_file(settings)
    logging.configure("error", "console")
    try:
        response = asyncio.run(_answer(settings, method, target, body))
    except AlreadyInUse as error:
        raise Stop(
            ExitCode.FAILED, f"{error}, and it does not answer commands (yet)", "in_use"
        ) from None
    except Refused as refused:
        response = problem_of(refused)
    return response.status, response.body


async def _answer(settings: Settings, method: str, target: str, body: bytes) -> Response:
    async with opened_services(settings) as services:
        return await call_operation(Admin(services=services), method, target, body)


async def call_operation(admin: Admin, method: str, target: str, body: bytes) -> Response:
    """What an operation answers, without a server between."""
    path, _, query = target.partition("?")
    timeout_s = admin.services.settings.http.request_timeout_s
    app = DialectApp([build_admin(admin)], _nothing, body_timeout_s=timeout_s)
    call = app.open(
        {
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(b"content-type", b"application/json")] if body else [],
            "client": None,
        }
    )
    assert call is not None, f"{path} is outside the admin interface"
    return call.response or await call.answer(body)


async def _nothing(*_of_asgi: Any) -> None:
    """Answers nothing beside the operations."""


def _check_database_file(settings: Settings) -> None:
    """Stops before an empty database would be made in the wrong place."""
    url = settings.database_url
    if url.startswith(SQLITE) and not Path(url.removeprefix(SQLITE)).exists():
        raise Stop(
            ExitCode.FAILED,
            f"there is no database {url.removeprefix(SQLITE)}: run `dragoman migrate` to make it",
            "no_database",
        )
