"""A process of our own program, and the channel to it."""

from __future__ import annotations

import socket
import subprocess
import sys


class ChildProcess:
    """Runs `python -m` of a module with the descriptor of its end of `channel` as argument.

    It is to end when the channel does.
    """

    def __init__(self, module: str) -> None:
        self.module = module
        self.channel, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [sys.executable, "-m", module, str(theirs.fileno())],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
            )
