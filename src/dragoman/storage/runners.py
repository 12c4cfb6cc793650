"""Where groups of work run: in this process, or in one of their own beside it.

The interpreter runs one thread at a time, so a writer thread and a busy event loop hold each other
up at every statement. A gateway therefore gives its groups to a child process (ADR 0009); commands
and tests run them here.
"""

from __future__ import annotations

import subprocess
import sys
from multiprocessing.connection import Connection as Channel
from multiprocessing.connection import Pipe
from typing import Any, Protocol, TypeAlias

import msgspec
from sqlalchemy import Connection, Engine

from dragoman.domain.errors import RefusalCode, Refused
from dragoman.storage.outages import StorageUnavailable, is_outage, is_sync_failure, reason_of
from dragoman.storage.work import Operation

Works: TypeAlias = list[tuple[Operation[Any, Any], list[Any]]]
"""The work of one group by kind, in the order in which it runs."""

START_TIMEOUT_S = 30.0


class WriterGone(StorageUnavailable):
    """The process that writes is gone, and with it what it was writing; nothing says how far."""


class WriteFailed(Exception):
    """A statement was refused: a defect of ours, told by the name of its error."""


class Runner(Protocol):
    """Runs groups, each in one transaction."""

    def start(self) -> None: ...

    def run(self, works: Works) -> list[list[Any]]:
        """The results of each kind of work, in order, once they are on disk.

        Raises `StorageUnavailable` without a database and anything else for a bad item.
        """
        ...

    def reset(self) -> None:
        """Forgets a connection that failed."""
        ...

    def close(self) -> None: ...


class LocalRunner:
    """Runs groups on a connection of this process."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Connection | None = None

    def start(self) -> None:
        """The connection is opened with the first group."""

    def run(self, works: Works) -> list[list[Any]]:
        try:
            if self._connection is None or self._connection.closed:
                self._connection = self._engine.connect()
            with self._connection.begin():
                return [operation.run(self._connection, items) for operation, items in works]
        except Exception as error:
            if is_outage(error):
                raise StorageUnavailable(
                    reason_of(error), sync_failed=is_sync_failure(error)
                ) from error
            raise

    def reset(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                connection.invalidate()
                connection.close()
            except Exception:  # noqa: S110 - closing a dead connection may fail in any way
                pass

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()


class ChildRunner:
    """Gives groups to a child process, which has the only connection that writes.

    The child inherits `keep_open`, the file descriptors whose locks must last as long as it may
    write. It ends when this process does, after the group it has begun.
    """

    def __init__(self, url: str, *, keep_open: tuple[int, ...] = ()) -> None:
        self._url = url
        self._keep_open = keep_open
        self._channel, self._theirs = Pipe()
        self._child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts the child and waits until it is ready; raises `WriterGone`."""
        theirs = self._theirs.fileno()
        self._child = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", "dragoman.storage.child", str(theirs)],
            pass_fds=(theirs, *self._keep_open),
            stdin=subprocess.DEVNULL,
        )
        self._theirs.close()
        try:
            self._channel.send_bytes(self._url.encode())
            if not self._channel.poll(START_TIMEOUT_S):
                raise WriterGone("the process that writes did not start")
            self._receive()
        except (OSError, EOFError) as error:
            raise WriterGone("the process that writes did not start") from error

    def run(self, works: Works) -> list[list[Any]]:
        try:
            self._channel.send_bytes(
                msgspec.msgpack.encode([(operation.name, items) for operation, items in works])
            )
            answer = self._receive()
        except (OSError, EOFError) as error:
            raise WriterGone("the process that writes is gone") from error
        if answer.unavailable:
            raise StorageUnavailable(answer.unavailable, sync_failed=answer.sync_failed)
        if answer.failed:
            raise WriteFailed(answer.failed)
        return [[parse_result(result) for result in results] for results in answer.results]

    def reset(self) -> None:
        """The child minds its own connection."""

    def close(self) -> None:
        self._channel.close()
        if self._child is not None:
            self._child.wait()

    def _receive(self) -> Answer:
        return _ANSWERS.decode(self._channel.recv_bytes())


class RefusedResult(msgspec.Struct, frozen=True, tag=True):
    """A refusal as it crosses the channel."""

    code: RefusalCode
    subject: str
    detail: str


class FailedResult(msgspec.Struct, frozen=True, tag=True):
    """Any other exception that an operation returned for an item."""

    reason: str


Result: TypeAlias = bool | int | list[int] | RefusedResult | FailedResult | None


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the child says of a group."""

    results: list[list[Result]] = []
    unavailable: str = ""
    sync_failed: bool = False
    failed: str = ""


_ANSWERS = msgspec.msgpack.Decoder(Answer)


def render_result(result: Any) -> Result:
    """A result as it crosses the channel."""
    if isinstance(result, Refused):
        return RefusedResult(result.code, result.subject, result.detail)
    if isinstance(result, Exception):
        return FailedResult(f"{type(result).__name__}: {reason_of(result)}")
    plain: Result = result
    return plain


def parse_result(result: Result) -> Any:
    """A result as the operation gave it."""
    if isinstance(result, RefusedResult):
        return Refused(result.code, result.subject, result.detail)
    if isinstance(result, FailedResult):
        return WriteFailed(result.reason)
    return result


def serve(channel: Channel, runner: Runner, operations: dict[str, Operation[Any, Any]]) -> None:
    """The child's work: runs the groups that come, until nobody sends any."""
    decoders = {
        name: msgspec.msgpack.Decoder(list[operation.item])  # type: ignore[name-defined]
        for name, operation in operations.items()
    }
    frames = msgspec.msgpack.Decoder(list[tuple[str, msgspec.Raw]])
    channel.send_bytes(msgspec.msgpack.encode(Answer()))
    while True:
        try:
            frame = channel.recv_bytes()
        except (EOFError, OSError):
            return
        works = [
            (operations[name], decoders[name].decode(raw)) for name, raw in frames.decode(frame)
        ]
        try:
            results = runner.run(works)
            answer = Answer(results=[[render_result(r) for r in kind] for kind in results])
        except StorageUnavailable as error:
            runner.reset()
            answer = Answer(unavailable=str(error) or "storage", sync_failed=error.sync_failed)
        except Exception as error:
            runner.reset()
            answer = Answer(failed=f"{type(error).__name__}: {reason_of(error)}")
        try:
            channel.send_bytes(msgspec.msgpack.encode(answer))
        except OSError:
            return
