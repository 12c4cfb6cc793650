"""`dragoman migrate`: the tables of the database."""

from __future__ import annotations

from dragoman.cli.options import ConfigOption, DataOption, JsonOption, find_settings
from dragoman.cli.outcome import ExitCode, Stop, write_json


def migrate(config: ConfigOption = None, data: DataOption = None, json: JsonOption = False) -> None:
    """Create the database, or update its tables to this version; the gateway must be stopped."""
    import asyncio
    import os

    from dragoman.kit import logging

    settings = find_settings(config, data)
    os.umask(0o077)
    logging.configure("warning", "console")
    from dragoman.assembly import opened_services
    from dragoman.core.model.errors import AlreadyInUse, StorageUnavailable

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
    if json:
        write_json({"current": True, "changed": before != after, "from": before, "to": after})
    elif before is None:
        print(f"Created the tables, at revision {after}.")
    elif before != after:
        print(f"Updated the tables from revision {before} to {after}.")
    else:
        print(f"The tables are at revision {after} already; there was nothing to do.")
