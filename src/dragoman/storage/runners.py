"""Where groups of work run: in a thread of this process, or in a child process.

The interpreter runs one thread at a time, so a writer thread and a busy event loop delay each other
at every statement. A gateway therefore sends its groups to a child process (ADR 0009); commands and
tests run them here.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeAlias

import msgspec
from sqlalchemy import Engine

from dragoman.core.model.errors import StorageUnavailable
from dragoman.kit.child_process import ChildProcess
from dragoman.storage.answers import parse_answer
from dragoman.storage.frames import BlockingFrames, FrameReader, frame
from dragoman.storage.transactions import Transactions, Works

Outcome: TypeAlias = list[list[Any]] | Exception
"""The results of each kind of work, in order, or why there are none."""

START_TIMEOUT_S = 30.0
RECEIVED_AT_ONCE = 1 << 18


class WriterGone(StorageUnavailable):
    """The writer process is gone, with an unknown part of its group written."""


class Runner(Protocol):
    """Runs groups, one at a time, each in one transaction."""

    def start(self) -> None:
        """Called on the event loop."""
        ...

    def run(self, works: Works, done: Callable[[Outcome], None]) -> None:
        """Calls `done`, on the loop, with the results once they are on disk, or an exception.

        That is `StorageUnavailable` without a database, and anything else for a bad item.
        """
        ...

    async def close(self) -> None:
        """Stops what it started, once nothing runs any more."""
        ...


class LocalRunner:
    """Runs groups in a thread of this process."""

    def __init__(self, engine: Engine) -> None:
        self._transactions = Transactions(engine)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="storage-writer")
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()

    def run(self, works: Works, done: Callable[[Outcome], None]) -> None:
        self._thread.submit(self._run, works, done)

    def _run(self, works: Works, done: Callable[[Outcome], None]) -> None:
        outcome: Outcome
        try:
            outcome = self._transactions.run(works)
        except Exception as error:
            self._transactions.reset()
            outcome = error
        assert self._loop is not None
        try:
            self._loop.call_soon_threadsafe(done, outcome)
        except RuntimeError:
            return  # the loop is closed

    async def close(self) -> None:
        await asyncio.to_thread(self._thread.shutdown)
        self._transactions.close()


class ChildRunner:
    """Sends groups to a child process, which has the only writing connection.

    The child calls `child.serve`. It is given `keep_open`, the file descriptors whose locks must
    last as long as it may write, and ends when this process does, after the group in progress.
    """

    def __init__(self, url: str, child: ChildProcess, *, keep_open: tuple[int, ...] = ()) -> None:
        self._url = url
        self._keep_open = keep_open
        self._ours = child.channel
        self._child = child.process
        self._loop: asyncio.AbstractEventLoop | None = None
        self._done: Callable[[Outcome], None] = _discard
        self._unsent = bytearray()
        self._answers = FrameReader()
        self._gone = False

    def start(self) -> None:
        """Lets the child write and waits until it is ready; raises `WriterGone`."""
        try:
            self._ours.settimeout(START_TIMEOUT_S)
            socket.send_fds(self._ours, [b"\0"], self._keep_open)
            ready = BlockingFrames(self._ours)
            ready.send(self._url.encode())
            ready.receive()
        except (OSError, EOFError) as error:
            raise WriterGone("the process that writes did not start") from error
        self._ours.setblocking(False)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._ours, self._receive)

    def run(self, works: Works, done: Callable[[Outcome], None]) -> None:
        asked = frame(
            msgspec.msgpack.encode([(operation.name, items) for operation, items in works])
        )
        if self._gone:
            raise WriterGone("the process that writes is gone")
        self._done = done
        self._send(asked)

    def _send(self, data: bytes | bytearray) -> None:
        assert self._loop is not None
        try:
            sent = self._ours.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._lose()
            return
        if sent < len(data):
            if not self._unsent:
                self._loop.add_writer(self._ours, self._send_more)
            self._unsent = bytearray(memoryview(data)[sent:])
        elif self._unsent:
            self._unsent.clear()
            self._loop.remove_writer(self._ours)

    def _send_more(self) -> None:
        self._send(self._unsent)

    def _receive(self) -> None:
        try:
            data = self._ours.recv(RECEIVED_AT_ONCE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._lose()
            return
        for answer in self._answers.feed(data):
            done, self._done = self._done, _discard
            done(parse_answer(answer))

    def _lose(self) -> None:
        """The child is gone, with an unknown part of its group written."""
        assert self._loop is not None
        self._gone = True
        self._loop.remove_reader(self._ours)
        self._loop.remove_writer(self._ours)
        done, self._done = self._done, _discard
        self._loop.call_soon(done, WriterGone("the process that writes is gone"))

    async def close(self) -> None:
        if self._loop is not None and not self._gone:
            self._gone = True
            self._loop.remove_reader(self._ours)
        self._ours.close()
        await asyncio.to_thread(self._child.wait)


def _discard(outcome: Outcome) -> None:
    """Receives an outcome while no group runs."""
