"""Options that several commands take, and the settings they lead to."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, NamedTuple

import typer

from dragoman.cli.outcome import ExitCode, Stop
from dragoman.cli.variables import DATA_VARIABLE

if TYPE_CHECKING:
    from dragoman.config import Settings
    from dragoman.config.consistency import CheckHttp

CONFIG_FILE: Final = Path("dragoman.toml")
DEVELOPMENT_FOLDER: Final = Path("dragoman-data")
DEFAULT_HTTP: Final = "127.0.0.1:8080"
DEFAULT_SMSC: Final = "127.0.0.1:2775"
DEFAULT_SMPP: Final = "127.0.0.1:2776"


def option(help: str, *names: str, show_default: bool = False, **more: Any) -> Any:
    """An option, and what its help says about it; without names it is called as its parameter."""
    return typer.Option(*names, help=help, show_default=show_default, **more)


def argument(help: str, *, show_default: bool = False, **more: Any) -> Any:
    """An argument, and what its help says about it."""
    return typer.Argument(help=help, show_default=show_default, **more)


ConfigOption = Annotated[
    Path | None,
    option(
        "The configuration file; ./dragoman.toml if it exists.",
        "--config",
        "-c",
        envvar="DRAGOMAN_CONFIG",
    ),
]
DataOption = Annotated[
    Path | None,
    option(
        "The folder of a `dragoman dev`, instead of a configuration; if not given, the one in"
        " the variable DRAGOMAN_DATA, which dev.env sets, or ./dragoman-data if it exists and"
        " ./dragoman.toml does not.",
        "--data",
    ),
]
JsonOption = Annotated[bool, option("Answer in JSON, for programs.", "--json")]
UrlOption = Annotated[
    str,
    option(
        "A gateway elsewhere, such as https://sms.example.org, instead of the one here; its"
        " configuration has to allow it with `[admin] remote = true`.",
        "--url",
        metavar="URL",
        envvar="DRAGOMAN_URL",
    ),
]
TokenOption = Annotated[
    str,
    option(
        "The admin token for --url, as `dragoman admin token create` showed it there.",
        "--token",
        envvar="DRAGOMAN_TOKEN",
    ),
]
TokenFileOption = Annotated[
    Path | None,
    option(
        "A file that holds the token, so that it does not show in the list of processes.",
        "--token-file",
        envvar="DRAGOMAN_TOKEN_FILE",
    ),
]


class Remote(NamedTuple):
    """The gateway elsewhere that a command is for; without a URL, the one here."""

    url: str = ""
    token: str = ""
    token_file: Path | None = None

    def read_token(self) -> str:
        """The token; raises `Stop` where its file cannot be read."""
        if self.token or self.token_file is None:
            return self.token
        try:
            return self.token_file.read_text(encoding="ascii").strip()
        except (OSError, ValueError) as error:
            raise Stop(ExitCode.USAGE, f"--token-file: {error}") from None


def find_settings(
    config: Path | None, data: Path | None = None, *, complete: bool = False
) -> Settings:
    """The settings that the options, or the current folder, lead to; raises `Stop`.

    `complete` checks the names of dialects and profiles too, which takes a second to import.
    """
    if config is None and data is None:
        if (data := named_folder()) is not None:
            pass
        elif CONFIG_FILE.exists():
            config = CONFIG_FILE
        elif DEVELOPMENT_FOLDER.is_dir():
            data = DEVELOPMENT_FOLDER
    if config is None and data is not None:
        return _development(data)
    return load_settings(config, complete=complete)


def named_folder() -> Path | None:
    """The folder of the `dragoman dev` whose dev.env this shell has read."""
    name = os.environ.get(DATA_VARIABLE)
    return Path(name) if name else None


def load_settings(config: Path | None, *, complete: bool = False) -> Settings:
    """The settings of a file and the environment; raises `Stop`."""
    from dragoman.config import ConfigError, load

    if config is None and CONFIG_FILE.exists():
        config = CONFIG_FILE
    if config is None and not _set_by_environment():
        raise Stop(
            ExitCode.USAGE,
            "no configuration: there is no ./dragoman.toml; name one with --config",
            "no_configuration",
        )
    try:
        return read_settings(config) if complete else load(config, os.environ)
    except ConfigError as error:
        raise Stop(ExitCode.USAGE, str(error), "configuration") from None


def read_settings(config: Path | None) -> Settings:
    """The settings with every name in them checked; raises `ConfigError`."""
    from dragoman.config import load

    if config is None and CONFIG_FILE.exists():
        config = CONFIG_FILE
    dialects, profiles, check_http = _known_names()
    return load(config, os.environ, dialects=dialects, profiles=profiles, check_http=check_http)


def _development(data: Path) -> Settings:
    from dragoman.cli import dev_file
    from dragoman.config import Settings

    if not data.is_dir():
        raise Stop(ExitCode.USAGE, f"there is no folder {data}", "no_configuration")
    found = dev_file.read(data)
    if found is None or not found.smsc_port:
        return Settings.development(data, http=DEFAULT_HTTP, smsc=DEFAULT_SMSC, smpp=DEFAULT_SMPP)
    http = found.base_url.partition("://")[2]
    smsc = join_address(found.smsc_host, found.smsc_port)
    return Settings.development(data, http=http, smsc=smsc)


def join_address(host: str, port: int) -> str:
    """`host:port`, an IPv6 host in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _set_by_environment() -> bool:
    return any(
        name.startswith("DRAGOMAN_") and ("__" in name or name == "DRAGOMAN_DATA_DIR")
        for name in os.environ
    )


def _known_names() -> tuple[frozenset[str], frozenset[str], CheckHttp]:
    from dragoman.connectors.http.check import find_mistakes
    from dragoman.connectors.smpp.profiles import PROFILES
    from dragoman.dialects import DIALECTS

    return frozenset(DIALECTS), frozenset(PROFILES), find_mistakes
