"""Loading the configuration: TOML file, environment, secret files, then every check."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import msgspec

from dragoman.config.consistency import find_inconsistencies
from dragoman.config.environment import Overrides
from dragoman.config.errors import ConfigError, Mistake
from dragoman.config.reading import Reader
from dragoman.config.settings import Settings
from dragoman.config.tables import CarrierTable, PhonesTable, SmppTable, check_password
from dragoman.config.values import Secret

ENVIRONMENT = "environment"
TWO_PASSWORDS = "set together with `password`; use only one of them"


def load(
    path: Path | None,
    environ: Mapping[str, str],
    *,
    dialects: Collection[str] | None = None,
    profiles: Collection[str] | None = None,
) -> Settings:
    """The settings of a file and the environment, which wins; without a file, of it alone.

    `dialects` and `profiles` are the names that exist, where the caller knows them. Raises
    `ConfigError` with every mistake found.
    """
    source = str(path) if path is not None else ENVIRONMENT
    tables = _read_file(path) if path is not None else {}
    base = path.absolute().parent if path is not None else Path.cwd()
    overrides = Overrides(Settings, tables)
    overrides.apply(environ)
    reader = Reader(base, overrides.origins)
    settings = reader.read(Settings, {"data_dir": "data"} | tables)
    mistakes = overrides.mistakes + reader.mistakes
    if settings is None or mistakes:
        raise ConfigError(source, mistakes)
    mistakes = list(find_inconsistencies(settings, dialects=dialects, profiles=profiles))
    settings = _read_secret_files(settings, base, mistakes)
    if mistakes:
        raise ConfigError(source, mistakes)
    return settings


def check(
    path: Path,
    *,
    dialects: Collection[str] | None = None,
    profiles: Collection[str] | None = None,
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
    raise ConfigError(str(path), [Mistake(key="", problem=problem)])


def _read_secret_files(settings: Settings, base: Path, mistakes: list[Mistake]) -> Settings:
    storage = settings.storage
    if storage.url_file is not None:
        read = Reader(base, {})
        url = _read_secret(storage.url_file, "storage.url_file", mistakes)
        checked = read.read(type(storage), {"url": str(url)})
        mistakes += [Mistake(key="storage.url_file", problem=m.problem) for m in read.mistakes]
        if checked is not None:
            settings = msgspec.structs.replace(settings, storage=checked)
    mailings = settings.mailings
    if mailings.password_file is not None:
        key = "mailings.password_file"
        if mailings.password:
            mistakes.append(Mistake(key=key, problem=TWO_PASSWORDS))
        password = _read_secret(mailings.password_file, key, mistakes)
        mailings = msgspec.structs.replace(mailings, password=password)
        settings = msgspec.structs.replace(settings, mailings=mailings)
    return msgspec.structs.replace(
        settings, carriers=tuple(_with_password(c, mistakes) for c in settings.carriers)
    )


def _with_password(carrier: CarrierTable, mistakes: list[Mistake]) -> CarrierTable:
    if isinstance(carrier, PhonesTable) or carrier.password_file is None:
        return carrier
    key = f"carriers.{carrier.name}.password_file"
    if carrier.password:
        mistakes.append(Mistake(key=key, problem=TWO_PASSWORDS))
    password = _read_secret(carrier.password_file, key, mistakes)
    if isinstance(carrier, SmppTable):
        try:
            check_password(password)
        except ValueError as error:
            mistakes.append(Mistake(key=key, problem=str(error)))
    return msgspec.structs.replace(carrier, password=password)


def _read_secret(path: str, key: str, mistakes: list[Mistake]) -> Secret:
    try:
        return Secret(Path(path).read_text(encoding="utf-8").rstrip("\r\n"))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8"
        mistakes.append(Mistake(key=key, problem=f"{path} cannot be read: {reason}"))
        return Secret("")
