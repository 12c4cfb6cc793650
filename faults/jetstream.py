"""A NATS server of our own, from a wheel, that may be killed and may lose its store."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from faults.gateway import free_port

START_S = 30.0

_CONFIG = """\
listen: "127.0.0.1:{port}"
jetstream {{ store_dir: "{folder}/store", sync_interval: always }}
"""


class Nats:
    """Syncs what it stores."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.port = free_port()
        self.url = f"nats://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()

    def start(self) -> None:
        config = self.folder / "nats.conf"
        config.write_text(_CONFIG.format(port=self.port, folder=self.folder))
        program = Path(sys.executable).with_name("nats-server")
        self._process = subprocess.Popen(
            [program, "-c", config, "-l", self.folder / "nats.log"], stdin=subprocess.DEVNULL
        )
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                return
            time.sleep(0.02)
        raise RuntimeError("the NATS server did not start")

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def lose_store(self) -> None:
        """Deletes what it stored; it is not running."""
        shutil.rmtree(self.folder / "store", ignore_errors=True)
