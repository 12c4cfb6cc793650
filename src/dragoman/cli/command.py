"""How commands call the admin interface: of the gateway here, of one elsewhere, or without one.

Where no gateway runs for the data folder, the operation runs in the command's own process, over the
database, which that process then owns for the moment.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import quote, urlencode

import msgspec
import typer

from dragoman.cli.options import ConfigOption, DataOption, JsonOption, Remote, find_settings
from dragoman.cli.outcome import ExitCode, Stop, write_json

if TYPE_CHECKING:
    from dragoman.admin.client import Client, Failed
    from dragoman.config import Settings

Answer = TypeVar("Answer")
Function = TypeVar("Function", bound=Callable[..., None])

PREFIX: Final = "/admin/v1"
_FAILED: Final = frozenset(
    {
        "internal",
        "malformed_request",
        "no_access",
        "too_large",
        "unavailable",
        "unknown_path",
        "wrong_method",
    }
)
"""Codes of what did not work; every other one is a refusal."""


def command(app: typer.Typer, name: str) -> Callable[[Function], Function]:
    """Registers a function of a `Gateway` and of options as a command.

    The command has the options `--config`, `--data` and `--json` besides the function's own.
    """

    def register(function: Function) -> Function:
        signature = inspect.signature(function, eval_str=True)
        common = inspect.signature(_common, eval_str=True).parameters.values()
        parameters = [*common]
        parameters[1:1] = list(signature.parameters.values())[1:]

        @wraps(function)
        def run(
            context: typer.Context,
            *,
            config: Path | None,
            data: Path | None,
            json: bool,
            **own: Any,
        ) -> None:
            remote = context.find_object(Remote) or Remote()
            function(Gateway(config, data, remote, as_json=json), **own)

        run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {one.name: one.annotation for one in parameters}
        app.command(name)(run)
        return function

    return register


def _common(
    context: typer.Context,
    config: ConfigOption = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """The options that every command of the admin interface takes."""


class Gateway:
    """The gateway that a command is for."""

    def __init__(
        self,
        config: Path | None,
        data: Path | None,
        remote: Remote = Remote(),  # noqa: B008 - immutable
        *,
        as_json: bool = False,
    ) -> None:
        self._config = config
        self._data = data
        self.as_json = as_json
        self.remote = remote
        self._settings: Settings | None = None

    def show(self, answer: Answer, render: Callable[[Answer], None]) -> None:
        """Prints an answer: as JSON where that was asked for."""
        if self.as_json:
            write_json(answer)
        else:
            render(answer)

    def get(self, *path: object, answer: type[Answer], **query: object) -> Answer:
        """Reads; a query of None or nothing is left out. Raises `Stop`."""
        return self.call("GET", *path, answer=answer, query=query)

    def post(self, *path: object, answer: type[Answer], **body: object) -> Answer:
        """Posts a body; a value of None is left out. Raises `Stop`."""
        return self.call("POST", *path, answer=answer, body=body)

    def call(
        self,
        method: str,
        *path: object,
        answer: type[Answer],
        body: dict[str, Any] | None = None,
        query: dict[str, Any] | None = None,
    ) -> Answer:
        """The answer to a call; raises `Stop`."""
        from dragoman.admin.client import Failed, NotRunning

        target, content = _target(path, query), _encode(body)
        try:
            client = self._client()
            return msgspec.json.decode(client.call(method, target, content), type=answer)
        except Failed as failed:
            raise _stop_of(failed) from None
        except NotRunning:
            return self.call_here(method, *path, answer=answer, body=body, query=query)

    def call_running(self, *path: object, answer: type[Answer]) -> Answer:
        """The answer of a gateway that runs; raises `NotRunning` and `Failed`."""
        return msgspec.json.decode(self._client().call("GET", _target(path, None)), type=answer)

    def call_here(
        self,
        method: str,
        *path: object,
        answer: type[Answer],
        body: dict[str, Any] | None = None,
        query: dict[str, Any] | None = None,
    ) -> Answer:
        """The answer of the same operation in this process; raises `Stop`."""
        from dragoman.cli.without_gateway import answer_here

        status, content = answer_here(
            self.settings, method, _target(path, query), _encode(body) or b""
        )
        if status >= 300:
            from dragoman.admin.client import failure_of

            raise _stop_of(failure_of(status, content))
        return msgspec.json.decode(content, type=answer)

    def stream(self, *path: object, answer: type[Answer], **query: object) -> Iterator[Answer]:
        """The answers of a gateway to a call that has many, until it stops; raises `Stop`."""
        from dragoman.admin.client import Failed, NotRunning

        try:
            for line in self._client().stream(_target(path, query)):
                yield msgspec.json.decode(line, type=answer)
        except Failed as failed:
            raise _stop_of(failed) from None
        except NotRunning:
            raise Stop(ExitCode.FAILED, "no gateway is running", "not_running") from None

    @property
    def settings(self) -> Settings:
        """The settings that the options lead to; raises `Stop`."""
        if self._settings is None:
            self._settings = find_settings(self._config, self._data)
        return self._settings

    def check_settings(self) -> Settings:
        """The settings with every name in them looked up; raises `Stop`."""
        self._settings = find_settings(self._config, self._data, complete=True)
        return self._settings

    def _client(self) -> Client:
        from dragoman.admin.client import local_client, remote_client

        if not self.remote.url:
            return local_client(self.settings.data_path)
        if self._config is not None or self._data is not None:
            raise Stop(ExitCode.USAGE, "--url names another gateway than --config and --data do")
        try:
            return remote_client(self.remote.url, self.remote.read_token())
        except ValueError as error:
            raise Stop(ExitCode.USAGE, f"--url: {error}") from None


def _target(path: tuple[object, ...], query: dict[str, Any] | None) -> str:
    """The address of an operation; raises `Stop`."""
    if "" in path:
        raise Stop(ExitCode.USAGE, "an argument is empty")
    address = "/".join([PREFIX, *(quote(str(part), safe="") for part in path)])
    given = {name: value for name, value in (query or {}).items() if value not in (None, "")}
    words = {
        name: str(value).lower() if isinstance(value, bool) else value
        for name, value in given.items()
    }
    return f"{address}?{urlencode(words)}" if words else address


def _encode(body: dict[str, Any] | None) -> bytes | None:
    if body is None:
        return None
    return msgspec.json.encode({k: v for k, v in body.items() if v is not None})


def _stop_of(failed: Failed) -> Stop:
    """How a command ends that was not carried out."""
    exit_code = ExitCode.FAILED if failed.code in _FAILED else ExitCode.REFUSED
    return Stop(exit_code, str(failed), failed.code)
