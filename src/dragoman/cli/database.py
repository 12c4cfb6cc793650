"""`dragoman migrate`: the tables of the database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dragoman.cli.options import ConfigOption, DataOption, JsonOption, find_settings
from dragoman.cli.outcome import ExitCode, Stop, write_json

if TYPE_CHECKING:
    from dragoman.config import Settings


def migrate(config: ConfigOption = None, data: DataOption = None, json: JsonOption = False) -> None:
    """Create the database, or update its tables to this version.

    A single gateway must be stopped; the nodes of a cluster may run, unless it says otherwise.
    """
    import asyncio
    import os
    import sys

    from dragoman.kit import logging

    settings = find_settings(config, data)
    os.umask(0o077)
    logging.configure("warning", "console")
    if sys.stderr.isatty():
        _show_steps()
    from dragoman.assembly import opened_services
    from dragoman.core.model.errors import AlreadyInUse, StorageUnavailable

    if settings.cluster.partitions:
        _set_up_cluster(settings)
        if json:
            write_json({"current": True})
        else:
            print("The tables of all partitions are current.")
        return

    async def open_once() -> tuple[str | None, str]:
        async with opened_services(settings, migrate=True) as services:
            assert services.storage.migrated is not None
            return services.storage.migrated

    try:
        before, after = asyncio.run(open_once())
    except AlreadyInUse as error:
        raise Stop(ExitCode.FAILED, f"{error}: stop it first", "in_use") from None
    except StorageUnavailable as error:
        raise Stop(ExitCode.FAILED, str(error), "unavailable") from None
    _tell(before, after, json=json)


def _set_up_cluster(settings: Settings) -> None:
    """Makes the partitions, or updates their tables."""
    from dragoman.assembly import set_up_cluster
    from dragoman.core.model.errors import AlreadyInUse, StorageUnavailable
    from dragoman.core.placement.model.views import PartitionsDiffer

    try:
        set_up_cluster(settings)
    except PartitionsDiffer as error:
        raise Stop(ExitCode.USAGE, str(error), "configuration") from None
    except AlreadyInUse as error:
        raise Stop(ExitCode.FAILED, str(error), "in_use") from None
    except StorageUnavailable as error:
        raise Stop(ExitCode.FAILED, str(error), "unavailable") from None


def _show_steps() -> None:
    """Has each revision named on standard error as it begins: one may take minutes."""
    import logging

    steps = logging.getLogger("alembic.runtime.migration")
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(message)s"))
    steps.addHandler(handler)
    steps.setLevel(logging.INFO)
    steps.propagate = False


def _tell(before: str | None, after: str, *, json: bool) -> None:
    if json:
        write_json({"current": True, "changed": before != after, "from": before, "to": after})
    elif before is None:
        print(f"Created the tables, at revision {after}.")
    elif before != after:
        print(f"Updated the tables from revision {before} to {after}.")
    else:
        print(f"The tables are at revision {after} already; there was nothing to do.")
