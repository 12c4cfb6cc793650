"""Processes that end with the tests, however those end."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Final

_WATCH: Final = 'read -r _; kill -s TERM -- "-$1" 2> /dev/null'
_PATIENCE_S: Final = 30.0


class Group:
    """A process and all that it starts, in a folder.

    A watcher holds a pipe from us: where we are killed it reads the pipe's end and ends the group.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        folder: Path,
        environment: Mapping[str, str],
        output: IO[bytes],
        stdin: int = subprocess.DEVNULL,
    ) -> None:
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            env=dict(environment),
            stdin=stdin,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._watcher = subprocess.Popen(
            ["sh", "-c", _WATCH, "watcher", str(self.process.pid)],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )

    def end(self) -> None:
        """Ends every process of the group, and waits until none is left."""
        for ending in (signal.SIGTERM, signal.SIGKILL):
            deadline = time.monotonic() + _PATIENCE_S
            self._signal(ending)
            while self._signal(0) and time.monotonic() < deadline:
                self.process.poll()
                time.sleep(0.01)
        assert self._watcher.stdin is not None
        self._watcher.stdin.close()
        self._watcher.wait()

    def _signal(self, number: int) -> bool:
        """Whether there was a process to be told."""
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            return False
        return True
