"""A process of our own program, and the channel to it."""

from __future__ import annotations

import gc
import os
import signal
import socket
import subprocess
import sys
import time
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import NoReturn

_LOOK_AT_END_S = 0.01


class ChildProcess(ABC):
    """A process that is to end when `channel` does; `module` is what it runs."""

    module: str
    channel: socket.socket
    pid: int

    @abstractmethod
    def wait(self, timeout_s: float) -> int:
        """Waits for its end; its status, negative for the signal that ended it.

        Raises TimeoutError where it runs on; blocks.
        """

    @abstractmethod
    def kill(self) -> None:
        """Ends it at once."""


class SpawnedProcess(ChildProcess):
    """Runs `python -m` of a module with the descriptor of its end of the channel as argument."""

    def __init__(self, module: str) -> None:
        self.module = module
        self.channel, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [sys.executable, "-m", module, str(theirs.fileno())],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
            )
        self.pid = self._process.pid

    def wait(self, timeout_s: float) -> int:
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise TimeoutError from None

    def kill(self) -> None:
        self._process.kill()


class ForkedProcess(ChildProcess):
    """Begins as a copy of this process, so that it has imported already, and shares that memory.

    Only for a process that has one thread and no event loop: nothing else survives being copied.
    """

    def __init__(self, module: str, serve: Callable[[socket.socket], None], name: str) -> None:
        """`serve` is what `module` does with its end of the channel; `ps` shows `name`."""
        self.module = module
        self._status: int | None = None
        self.channel, theirs = socket.socketpair()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()  # else both would write what waits here
        gc.freeze()  # the collector writes into what it looks at, and then it is shared no more
        self.pid = os.fork()
        if self.pid == 0:
            self.channel.close()
            _serve_and_end(serve, theirs, name)
        theirs.close()

    def wait(self, timeout_s: float) -> int:
        deadline = time.monotonic() + timeout_s
        while not self._has_ended():
            if time.monotonic() > deadline:
                raise TimeoutError
            time.sleep(_LOOK_AT_END_S)
        assert self._status is not None
        return self._status

    def kill(self) -> None:
        if not self._has_ended():
            os.kill(self.pid, signal.SIGKILL)

    def _has_ended(self) -> bool:
        if self._status is None:
            try:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
            except ChildProcessError:  # who started us has children forgotten as they end
                pid, status = self.pid, 0
            if pid:
                self._status = os.waitstatus_to_exitcode(status)
        return self._status is not None


def _serve_and_end(
    serve: Callable[[socket.socket], None], channel: socket.socket, name: str
) -> NoReturn:
    """The life of a forked process, which must not return into what its parent was doing."""
    status = 1
    try:
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        _call_process(name)
        serve(channel)
        status = 0
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(status)


def _call_process(name: str) -> None:
    """Names this process where the system lets it: else `ps` shows two of its parent."""
    try:
        with open("/proc/self/comm", "w") as comm:
            comm.write(name)
    except OSError:
        return
