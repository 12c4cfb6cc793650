"""The writer process: forked by a starting gateway, or `python -m` of this module with an FD."""

from __future__ import annotations

import gc
import signal
import socket
import sys

from dragoman.kit import logging  # noqa: F401 - it keeps out what structlog would import
from dragoman.kit.child_process import ChildProcess, ForkedProcess, SpawnedProcess

MODULE = "dragoman.core.writer_process"
NAME = "dragoman-writer"
"""What `ps` shows of a forked one."""
COLLECT_AFTER = 50_000
"""Objects made and still alive before its garbage collector runs."""


def start_writer() -> ChildProcess:
    """Starts the process, which first imports; the storage it is given to tells it the rest."""
    return SpawnedProcess(MODULE)


def fork_writer() -> ChildProcess:
    """Like `start_writer`, but ready at once; for a process without threads or an event loop."""
    import dragoman.core.writes
    import dragoman.storage.child  # noqa: F401 - imported once, here, for both processes

    return ForkedProcess(MODULE, _write, NAME)


def main() -> None:
    """Writes until the channel ends."""
    _write(socket.socket(fileno=int(sys.argv[1])))


def _write(channel: socket.socket) -> None:
    # A terminal's Ctrl-C and a service's stop are for the gateway, which still has to write.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    gc.disable()  # what is imported stays
    from dragoman.core.writes import OPERATIONS
    from dragoman.storage.child import serve

    gc.freeze()
    gc.set_threshold(COLLECT_AFTER)
    gc.enable()
    serve(OPERATIONS, channel)


if __name__ == "__main__":
    main()
