"""Where groups of work run: in a thread of this process, or in a child process.

The interpreter runs one thread at a time, so a writer thread and a busy event loop delay each other
at every statement. A gateway therefore sends its groups to a child process (ADR 0009); commands and
tests run them here.
"""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from time import monotonic
from typing import Any, Protocol, TypeAlias

import msgspec
import structlog
from sqlalchemy import Engine

from dragoman.core.model.errors import StorageUnavailable
from dragoman.kit.child_process import ChildProcess, SpawnedProcess
from dragoman.storage.answers import InDoubt, parse_answer
from dragoman.storage.frames import BlockingFrames, FrameReader, frame
from dragoman.storage.transactions import Transactions, Works

Outcome: TypeAlias = list[list[Any]] | Exception | None
"""The results of each kind of work, in order, or why there are none.

None says of a group in doubt that it is not on disk.
"""
Done: TypeAlias = Callable[[Outcome], None]

START_TIMEOUT_S = 30.0
RESTART_TIMEOUT_S = 6.0
END_TIMEOUT_S = 1.0
"""For a child that closed its side to end by itself, so that its status tells why."""
CLOSE_TIMEOUT_S = 5.0
"""For the child to end by itself, once it is asked nothing any more."""
RESTART_EVERY_S = 60.0
"""A child that dies twice within this time would die again."""
RECEIVED_AT_ONCE = 1 << 18

log = structlog.get_logger(__name__)


class WriterGone(StorageUnavailable):
    """The writer process is gone and is not started again."""


class Runner(Protocol):
    """Runs groups, one at a time, each in one transaction."""

    def start(self, gone: Callable[[WriterGone], None]) -> None:
        """Called on the event loop; `gone` is called where nothing can be run any more."""
        ...

    def run(self, number: int, works: Works, done: Done) -> None:
        """Calls `done`, on the loop, with the results once they are on disk, or an exception.

        That is `InDoubt` where the group may be on disk or not, `StorageUnavailable` without a
        database, and anything else for a bad item.
        """
        ...

    def settle(self, number: int, done: Done) -> None:
        """Calls `done` with what became of a group in doubt: None if it is not on disk."""
        ...

    async def close(self) -> None:
        """Stops what it started, once nothing runs any more."""
        ...


class LocalRunner:
    """Runs groups in a thread of this process."""

    def __init__(self, engine: Engine) -> None:
        self._transactions = Transactions(engine)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="storage-writer")
        self._closing: Future[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self, gone: Callable[[WriterGone], None]) -> None:
        self._loop = asyncio.get_running_loop()

    def run(self, number: int, works: Works, done: Done) -> None:
        self._thread.submit(self._answer, done, self._transactions.run, number, works)

    def settle(self, number: int, done: Done) -> None:
        self._thread.submit(self._answer, done, self._transactions.settle, number)

    def _answer(self, done: Done, run: Callable[..., bytes], *arguments: Any) -> None:
        outcome: Outcome
        try:
            outcome = parse_answer(run(*arguments))
        except Exception as error:
            outcome = error
        assert self._loop is not None
        try:
            self._loop.call_soon_threadsafe(done, outcome)
        except RuntimeError:
            return  # the loop is closed

    async def close(self) -> None:
        if self._closing is None:
            self._closing = self._thread.submit(self._transactions.close)
            self._thread.shutdown(wait=False)
        await asyncio.shield(asyncio.wrap_future(self._closing))


class ChildRunner:
    """Sends groups to a child process, which has the only writing connection.

    The child calls `child.serve`. It is given `keep_open`, the file descriptors whose locks must
    last as long as it may write, and ends when this process does, after the group in progress. One
    that dies is started again, since the mark of its last group tells what it wrote; one that dies
    again soon is not.
    """

    def __init__(self, url: str, child: ChildProcess, *, keep_open: tuple[int, ...] = ()) -> None:
        self._url = url
        self._keep_open = keep_open
        self._child = child
        self._socket: socket.socket | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tell_gone: Callable[[WriterGone], None] = _discard
        self._done: Done = _discard
        self._unsent = bytearray()
        self._unasked = b""
        """What is asked once the child has been started again."""
        self._answers = FrameReader()
        self._restarting: asyncio.Task[None] | None = None
        self._restarted_at: float | None = None
        self._gone: WriterGone | None = None

    def start(self, gone: Callable[[WriterGone], None]) -> None:
        """Lets the child write and waits until it is ready; raises `WriterGone`."""
        self._loop = asyncio.get_running_loop()
        self._tell_gone = gone
        self._listen(self._let_write(START_TIMEOUT_S))

    def run(self, number: int, works: Works, done: Done) -> None:
        encode = msgspec.msgpack.encode
        self._ask((number, [(operation.name, encode(items)) for operation, items in works]), done)

    def settle(self, number: int, done: Done) -> None:
        self._ask((number, []), done)

    def _ask(self, question: tuple[int, list[tuple[str, bytes]]], done: Done) -> None:
        asked = frame(msgspec.msgpack.encode(question))
        if self._gone is not None:
            raise self._gone
        self._done = done
        if self._socket is None:
            self._unasked = asked
        else:
            self._send(asked)

    def _start_again(self) -> socket.socket:
        """Starts another child; blocks until it is ready. Raises `WriterGone`."""
        self._child = SpawnedProcess(self._child.module)
        return self._let_write(RESTART_TIMEOUT_S)

    def _let_write(self, timeout_s: float) -> socket.socket:
        ours = self._child.channel
        try:
            ours.settimeout(timeout_s)
            socket.send_fds(ours, [b"\0"], self._keep_open)
            ready = BlockingFrames(ours)
            ready.send(self._url.encode())
            ready.receive()
        except (OSError, EOFError) as error:
            ours.close()
            raise WriterGone(f"the writer process did not start: it {self._end_child()}") from error
        ours.setblocking(False)
        return ours

    def _end_child(self) -> str:
        """Ends what is left of the child; returns how it ended."""
        try:
            status = self._child.wait(END_TIMEOUT_S)
        except TimeoutError:
            self._child.kill()
            status = self._child.wait(CLOSE_TIMEOUT_S)
        return (
            f"was killed by {signal.Signals(-status).name}"
            if status < 0
            else f"ended with status {status}"
        )

    def _listen(self, ours: socket.socket) -> None:
        assert self._loop is not None
        self._socket = ours
        self._answers = FrameReader()
        self._loop.add_reader(ours, self._receive)

    def _send(self, data: bytes | bytearray) -> None:
        assert self._loop is not None
        assert self._socket is not None
        try:
            sent = self._socket.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._lose()
            return
        if sent < len(data):
            if not self._unsent:
                self._loop.add_writer(self._socket, self._send_more)
            self._unsent = bytearray(memoryview(data)[sent:])
        elif self._unsent:
            self._unsent.clear()
            self._loop.remove_writer(self._socket)

    def _send_more(self) -> None:
        self._send(self._unsent)

    def _receive(self) -> None:
        assert self._socket is not None
        try:
            data = self._socket.recv(RECEIVED_AT_ONCE)
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
        self._drop_socket()
        assert self._loop is not None
        self._restarting = self._loop.create_task(self._restart())

    async def _restart(self) -> None:
        """Starts the child again, or gives up; who waits for an answer is in doubt."""
        assert self._loop is not None
        how = await asyncio.to_thread(self._end_child)
        log.error("writer_process_gone", reason=how)
        now, before = monotonic(), self._restarted_at
        self._restarted_at = now
        done, self._done = self._done, _discard
        self._loop.call_soon(done, InDoubt(f"the writer process {how}"))
        try:
            if before is not None and now - before < RESTART_EVERY_S:
                raise WriterGone(f"the writer process {how}, soon after it was started again")
            self._listen(await asyncio.to_thread(self._start_again))
        except WriterGone as error:
            self._give_up(error)
            return
        log.warning("writer_process_started_again")
        if self._unasked:
            unasked, self._unasked = self._unasked, b""
            self._send(unasked)

    def _give_up(self, error: WriterGone) -> None:
        self._gone = error
        done, self._done = self._done, _discard
        done(error)
        self._tell_gone(error)

    def _drop_socket(self) -> None:
        if self._socket is None:
            return
        assert self._loop is not None
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        self._unsent.clear()
        self._socket.close()
        self._socket = None

    async def close(self) -> None:
        if self._restarting is not None:
            await asyncio.wait((self._restarting,))  # its thread is at work
        self._gone = self._gone or WriterGone("the gateway is stopping")
        self._drop_socket()
        self._child.channel.close()
        if self._done is not _discard:  # nobody waits any longer for what it is doing
            self._child.kill()
        await asyncio.to_thread(self._wait_for_child)

    def _wait_for_child(self) -> None:
        try:
            self._child.wait(CLOSE_TIMEOUT_S)
        except TimeoutError:
            self._end_child()  # what is asked of it by now is answered by nobody


def _discard(_outcome: object) -> None:
    """Receives an outcome while no group runs."""
