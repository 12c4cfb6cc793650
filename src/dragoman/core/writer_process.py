"""The writer process: `python -m dragoman.core.writer_process FD`."""

from __future__ import annotations

import gc
import signal

from dragoman.kit.child_process import ChildProcess


def start_writer() -> ChildProcess:
    """Starts the process, which first imports; the storage it is given to tells it the rest."""
    return ChildProcess("dragoman.core.writer_process")


def main() -> None:
    """Writes until the channel ends."""
    # A terminal's Ctrl-C and a service's stop are for the gateway, which still has to write.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    gc.disable()  # what is imported stays
    from dragoman.core.writes import OPERATIONS
    from dragoman.storage.child import serve

    gc.freeze()
    gc.enable()
    serve(OPERATIONS)


if __name__ == "__main__":
    main()
