"""How the services are built from the settings: in one place, whole."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import fields

from dragoman.assembly.campaigns import AllParts
from dragoman.assembly.connecting import Connect, connect_nothing
from dragoman.config import Settings
from dragoman.container import Services
from dragoman.core.model.errors import StorageUnavailable
from dragoman.core.placement.setup import set_up
from dragoman.kit.child_process import ChildProcess
from dragoman.kit.clock import Clock, SystemClock
from dragoman.kit.structs import complete_structs
from dragoman.storage.engine import Storage


def build_services(
    settings: Settings,
    clock: Clock | None = None,
    *,
    connect: Connect = connect_nothing,
    writer: ChildProcess | None = None,
) -> Services:
    """Builds every service; raises `AlreadyInUse` where a process has the database.

    With `writer` that process does the writing.
    """
    complete_structs("dragoman.core")  # before threads read rows into them
    parts = AllParts(settings, clock or SystemClock(), connect, writer)
    return Services(**{field.name: getattr(parts, field.name) for field in fields(Services)})


@contextlib.asynccontextmanager
async def opened_services(settings: Settings, *, migrate: bool = False) -> AsyncIterator[Services]:
    """The services for as long as one command needs them."""
    if settings.cluster.partitions:
        raise StorageUnavailable("the database is a cluster's: start one of its nodes")
    services = build_services(settings)
    try:
        await services.open(migrate=migrate)
        yield services
    finally:
        await services.close()


def set_up_cluster(settings: Settings) -> None:
    """Makes the schemas of a cluster, or updates them; raises `PartitionsDiffer` and others."""
    set_up(settings.database_url, settings.cluster.partitions)


def check_unused(settings: Settings) -> None:
    """Raises `AlreadyInUse` where a process has the database open."""
    Storage(settings.database_url).close()
