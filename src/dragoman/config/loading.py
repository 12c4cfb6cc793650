"""Loading the configuration: TOML file and environment, then every check."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from dragoman.config.consistency import CheckHttp, find_inconsistencies
from dragoman.config.environment import Overrides
from dragoman.config.errors import ConfigError, Mistake
from dragoman.config.reading import Reader
from dragoman.config.settings import Settings

ENVIRONMENT = "environment"


def load(
    path: Path | None,
    environ: Mapping[str, str],
    *,
    dialects: Collection[str] | None = None,
    profiles: Collection[str] | None = None,
    check_http: CheckHttp | None = None,
) -> Settings:
    """The settings of a file and the environment, which wins; without a file, of it alone.

    `dialects` and `profiles` are the names that exist, where the caller knows them, and
    `check_http` knows HTTP providers. Raises `ConfigError` with every mistake found.
    """
    source = str(path) if path is not None else ENVIRONMENT
    tables = _read_file(path) if path is not None else {}
    base = path.absolute().parent if path is not None else Path.cwd()
    overrides = Overrides(Settings, tables)
    overrides.apply(environ)
    tables.setdefault("data_dir", Settings().data_dir)  # so that it is read as a path
    reader = Reader(base, overrides.origins)
    settings = reader.read(Settings, tables)
    mistakes = overrides.mistakes + reader.mistakes
    if settings is not None and not mistakes:
        mistakes = [
            *find_inconsistencies(
                settings, dialects=dialects, profiles=profiles, check_http=check_http
            )
        ]
    if settings is None or mistakes:
        raise ConfigError(source, mistakes)
    return settings


def check(
    path: Path, *, dialects: Collection[str] | None = None, profiles: Collection[str] | None = None
) -> tuple[Mistake, ...]:
    """Every mistake of a file together with this process's environment; none if it can be used."""
    try:
        load(path, os.environ, dialects=dialects, profiles=profiles)
    except ConfigError as error:
        return error.mistakes
    return ()


def _read_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        problem = f"cannot be read: {error.strerror}"
    except UnicodeDecodeError as error:
        problem = f"is not UTF-8: octet {error.object[error.start]:#04x} at {error.start}"
    except tomllib.TOMLDecodeError as error:
        problem = f"is not TOML: {error}"
    raise ConfigError(str(path), [Mistake("", problem)])
