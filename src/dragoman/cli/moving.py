"""`dragoman cluster import` and `export`: a single gateway becomes a cluster, and back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from dragoman.cli.options import ConfigOption, JsonOption, load_settings, option
from dragoman.cli.outcome import ExitCode, Stop, write_json

if TYPE_CHECKING:
    from dragoman.config import Settings
    from dragoman.core.moving import MovedTable

TOLD_EVERY: Final = 100_000
"""Rows of a table between two lines of progress."""

FromOption = Annotated[
    str,
    option(
        "The database of the single gateway, such as sqlite:////var/lib/dragoman/dragoman.db or"
        " postgresql://…",
        "--from",
        metavar="URL",
    ),
]
ToOption = Annotated[
    str,
    option(
        "The database of the single gateway, which must have no accounts yet.",
        "--to",
        metavar="URL",
    ),
]
UploadsOption = Annotated[
    Path | None,
    option(
        "The folder with the gateway's uploaded files that are not imported yet: `uploads` in its"
        " data_dir. Without it, the one beside the SQLite file.",
        "--uploads",
        metavar="FOLDER",
    ),
]


def add_to(app: typer.Typer) -> None:
    """Registers both commands."""
    app.command("import")(import_gateway)
    app.command("export")(export_gateway)


def import_gateway(
    source: FromOption,
    uploads: UploadsOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Bring a single gateway into the cluster of a configuration, with all it has.

    Accounts, keys, messages, history and identifiers stay what they are; uploaded files that are
    not imported yet come along. The gateway and all nodes
    must be stopped, and the cluster be new (`dragoman migrate`). If it is interrupted, run it
    again: it goes on where it was, and no node starts before it has ended. At the end every table
    is compared, by its number of rows and a sum over each column. Copy dragoman.key too.
    """
    from dragoman.core.moving import move_in

    settings = _settings(config)
    with _refusals():
        rows = move_in(
            source,
            settings.database_url,
            settings.cluster.partitions,
            _teller(json),
            _uploads_of(source, uploads),
        )
    _tell_end(rows, json)


def export_gateway(
    target: ToOption,
    uploads: UploadsOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Bring all that a cluster has into the database of a single gateway, which is made.

    All nodes must be stopped. The cluster's database stays as it is.
    """
    from dragoman.core.moving import move_out

    settings = _settings(config)
    with _refusals():
        rows = move_out(
            settings.database_url,
            settings.cluster.partitions,
            target,
            _teller(json),
            _uploads_of(target, uploads),
        )
    _tell_end(rows, json)


def _uploads_of(url: str, given: Path | None) -> Path | None:
    """The folder of a gateway's uploaded files; None where nobody says it."""
    from dragoman.core.moving import folder_of

    beside = folder_of(url)
    return given or (beside / "uploads" if beside is not None else None)


def _settings(config: Path | None) -> Settings:
    import os

    from dragoman.kit import logging

    settings = load_settings(config, complete=True)
    if not settings.cluster.partitions:
        raise Stop(ExitCode.USAGE, "the configuration has no [cluster]", "configuration")
    os.umask(0o077)
    logging.configure("warning", "console")
    return settings


@contextmanager
def _refusals() -> Iterator[None]:
    from dragoman.core.model.errors import AlreadyInUse, Refused, StorageUnavailable
    from dragoman.core.moving import Difference

    try:
        yield
    except AlreadyInUse as error:
        raise Stop(ExitCode.FAILED, str(error), "in_use") from None
    except StorageUnavailable as error:
        raise Stop(ExitCode.FAILED, str(error), "unavailable") from None
    except Difference as error:
        message = f"not all came along: {error}"
        raise Stop(ExitCode.FAILED, message, "failed") from None
    except Refused as refused:
        message = ": ".join(part for part in (refused.subject, refused.detail) if part)
        raise Stop(ExitCode.REFUSED, message, refused.code.value) from None


class _Teller:
    def __init__(self) -> None:
        self._told = 0

    def __call__(self, table: MovedTable) -> None:
        if table.is_done:
            print(f"{table.name}: {table.rows} {table.unit}", flush=True)
            self._told = 0
        elif table.rows >= self._told + TOLD_EVERY:
            self._told = table.rows
            print(f"{table.name}: {table.rows} {table.unit} so far", flush=True)


def _teller(json: bool) -> Callable[[MovedTable], None]:
    return (lambda _table: None) if json else _Teller()


def _tell_end(rows: int, json: bool) -> None:
    if json:
        write_json({"rows": rows, "same": True})
    else:
        print(f"{rows} rows; every table is the same on both sides.")
