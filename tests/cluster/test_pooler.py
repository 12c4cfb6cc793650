"""A pooler between nodes and PostgreSQL, run for real: PgBouncer as Debian has it."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from dragoman.core.model.errors import StorageUnavailable
from dragoman.core.placement.membership import open_membership
from dragoman.core.placement.model.views import Node
from tests.cluster.conftest import PARTITIONS
from tests.passing_time import PATIENCE_S
from tests.ports import free_port

PROGRAM = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="PgBouncer is not installed")

Pool = Callable[..., str]


@pytest.fixture
def pool(cluster_url: str) -> Iterator[Pool]:
    """Starts a pooler in a mode; the URL through it."""
    processes: list[subprocess.Popen[bytes]] = []
    parts = urlsplit(cluster_url)
    (host,) = parse_qs(parts.query)["host"]
    owner = pwd.getpwuid(Path(host).stat().st_uid).pw_name
    with tempfile.TemporaryDirectory(prefix="dragoman-pgb-") as name:
        folder = Path(name)
        folder.chmod(0o777)

        def start(mode: str, *, ignores: bool) -> str:
            port = free_port()
            config = folder / f"{port}.ini"
            lines = [
                "[databases]",
                f"* = host={host} user=postgres",
                "[pgbouncer]",
                "listen_addr = 127.0.0.1",
                f"listen_port = {port}",
                "unix_socket_dir =",
                "auth_type = any",
                f"pool_mode = {mode}",
                *((f"user = {owner}",) if os.geteuid() == 0 else ()),
                *(("ignore_startup_parameters = options",) if ignores else ()),
            ]
            config.write_text("\n".join(lines) + "\n")
            config.chmod(0o644)
            assert PROGRAM is not None
            log = folder / f"{port}.log"
            with log.open("wb") as out:
                processes.append(subprocess.Popen([PROGRAM, config], stdout=out, stderr=out))
            deadline = time.monotonic() + PATIENCE_S
            while time.monotonic() < deadline:
                try:
                    socket.create_connection(("127.0.0.1", port)).close()
                except OSError:
                    assert processes[-1].poll() is None, log.read_text()
                    time.sleep(0.02)
                else:
                    return f"postgresql://postgres@127.0.0.1:{port}{parts.path}"
            raise AssertionError(log.read_text())

        yield start
        for process in processes:
            process.kill()
            process.wait()


@pytest.mark.parametrize("mode", ["transaction", "statement", "session"])
@pytest.mark.parametrize("ignores", [True, False], ids=["options ignored", "options refused"])
async def test_a_node_does_not_join_through_a_pooler(pool: Pool, mode: str, ignores: bool) -> None:
    url = pool(mode, ignores=ignores)
    node = Node(name="a", run="a", base_url="", address="a:1", pid=1, version="")
    membership: Any = open_membership(url, node, PARTITIONS)
    try:
        with pytest.raises(StorageUnavailable, match="there is a pooler between"):
            await membership.join({})
    finally:
        await membership.close()
