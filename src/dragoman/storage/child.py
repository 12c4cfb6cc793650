"""The process that writes: `python -m dragoman.storage.child FD`, see `runners.ChildRunner`."""

from __future__ import annotations

import signal
import sys
from multiprocessing.connection import Connection as Channel

from sqlalchemy import make_url

from dragoman.storage.engine import write_engine
from dragoman.storage.operations import OPERATIONS
from dragoman.storage.runners import LocalRunner, serve


def main() -> None:
    # A terminal's Ctrl-C and a service's stop are for the gateway, which still has to write.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    channel = Channel(int(sys.argv[1]))
    engine = write_engine(make_url(channel.recv_bytes().decode()))
    runner = LocalRunner(engine)
    serve(channel, runner, OPERATIONS)
    runner.close()
    engine.dispose()


if __name__ == "__main__":
    main()
