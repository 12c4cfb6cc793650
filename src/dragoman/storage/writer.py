"""The group-commit writer: what arrives while one transaction is written goes into the next.

One thread, one connection, full sync. A caller hears back only after its group is on disk. Work of
the same kind in a group runs as one call, so that a hundred accepted messages are one INSERT. The
connection is the runner's (`storage.runners`): in this process or in one of its own.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from time import perf_counter
from typing import Any, Protocol, TypeAlias, TypeVar

import structlog
from sqlalchemy import Connection, text

from dragoman.storage.outages import StorageUnavailable, is_outage, reason_of
from dragoman.storage.runners import Runner, WriterGone
from dragoman.storage.work import Operation

__all__ = [
    "CommitObserver",
    "Operation",
    "StorageUnavailable",
    "Writer",
    "check_durable",
    "is_outage",
    "reason_of",
]

Item = TypeVar("Item")
Result = TypeVar("Result")

MAX_GROUP = 2_000
"""Units of work in one transaction; bounds the time a caller waits for its commit."""

_Unit: TypeAlias = tuple[Operation[Any, Any], Any, Callable[[Any], None]]

log = structlog.get_logger(__name__)


class CommitObserver(Protocol):
    """Is told of every group, for metrics."""

    def committed(self, units: int, seconds: float) -> None: ...


class Writer:
    """Runs work in groups in a thread of its own.

    After a failed sync nothing can be trusted any more, so the writer refuses everything from then
    on (`failed`); a full disk or a lost server refuses one group and tries the next.
    """

    def __init__(self, runner: Runner, observer: CommitObserver | None = None) -> None:
        self._runner = runner
        self._observer = observer
        self._inbox: queue.SimpleQueue[_Unit | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="storage-writer", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = False
        self.failed = False

    def start(self) -> None:
        """Starts the thread; to be called on the event loop."""
        self._runner.start()
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    async def stop(self) -> None:
        """Writes what was given and ends; what is given later is refused."""
        self._stopping = True
        if self._loop is not None:
            self._inbox.put(None)
            await asyncio.to_thread(self._thread.join)

    def write(self, operation: Operation[Item, Result], item: Item) -> asyncio.Future[Result]:
        """Gives an item to the next group; the future is done once the group is on disk.

        Raises what the operation returned for the item, or `StorageUnavailable`.
        """
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()

        def settle(result: Result | Exception) -> None:
            if future.cancelled():
                return
            if isinstance(result, Exception):
                future.set_exception(result)
            else:
                future.set_result(result)

        self.submit(operation, item, settle)
        return future

    def submit(
        self,
        operation: Operation[Item, Result],
        item: Item,
        done: Callable[[Result | Exception], None],
    ) -> None:
        """Gives an item to the next group; `done` gets its result on the loop, after the commit."""
        assert self._loop is not None, "the writer is not started"
        if self._stopping:
            done(StorageUnavailable("the gateway is stopping"))
        else:
            self._inbox.put((operation, item, done))

    def _work(self) -> None:
        while (unit := self._inbox.get()) is not None:
            group = [unit]
            last = False
            while len(group) < MAX_GROUP:
                try:
                    more = self._inbox.get_nowait()
                except queue.Empty:
                    break
                if more is None:
                    last = True
                    break
                group.append(more)
            self._write_group(group)
            if last:
                break
        self._runner.close()

    def _write_group(self, group: list[_Unit]) -> None:
        started = perf_counter()
        try:
            results = self._transaction(group)
        except Exception as error:
            results = self._after_failure(group, error)
        assert self._loop is not None
        try:
            self._loop.call_soon_threadsafe(_settle, group, results)
        except RuntimeError:
            return  # the loop is closed; nobody waits any more
        if self._observer is not None:
            self._observer.committed(len(group), perf_counter() - started)

    def _transaction(self, group: list[_Unit]) -> list[Any]:
        if self.failed:
            raise StorageUnavailable("an earlier write could not be made durable")
        by_operation: dict[int, list[int]] = {}
        for index, unit in enumerate(group):
            by_operation.setdefault(id(unit[0]), []).append(index)
        results: list[Any] = [None] * len(group)
        kinds = list(by_operation.values())
        outcomes = self._runner.run(
            [(group[indices[0]][0], [group[index][1] for index in indices]) for indices in kinds]
        )
        for indices, outcome in zip(kinds, outcomes, strict=True):
            for index, result in zip(indices, outcome, strict=True):
                results[index] = result
        return results

    def _after_failure(self, group: list[_Unit], error: Exception) -> list[Any]:
        """Decides what a failed group means: one bad item, or storage that is not there."""
        self._runner.reset()
        if isinstance(error, StorageUnavailable):
            if error.sync_failed or isinstance(error, WriterGone):
                self.failed = True
            log.error("storage_unavailable", reason=str(error), units=len(group))
            return [StorageUnavailable(str(error))] * len(group)
        if len(group) == 1:
            log.error("write_failed", operation=group[0][0].name, reason=type(error).__name__)
            return [error]
        # One item spoilt the group: each unit gets a transaction of its own.
        results: list[Any] = []
        for unit in group:
            try:
                results.extend(self._transaction([unit]))
            except Exception as alone:
                results.extend(self._after_failure([unit], alone))
        return results


def _settle(group: list[_Unit], results: list[Any]) -> None:
    for (_, _, done), result in zip(group, results, strict=True):
        try:
            done(result)
        except Exception as error:  # one caller's defect must not cost the others their answers
            log.error("answer_not_taken", reason=type(error).__name__)


def check_durable(connection: Connection) -> None:
    """Raises unless commits on this connection reach the disk before they return."""
    if connection.dialect.name == "sqlite":
        durable = connection.execute(text("PRAGMA synchronous")).scalar_one() >= 2
    else:
        setting = connection.execute(text("SHOW synchronous_commit")).scalar_one()
        durable = setting in {"on", "remote_apply", "remote_write"}
    if not durable:
        raise StorageUnavailable("the database does not sync its commits")
