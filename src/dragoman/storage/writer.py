"""The group-commit writer: what arrives while one transaction is written goes into the next.

One thread, one connection, full sync. A caller hears back only after its group is on disk. Work of
the same kind in a group runs as one call, so that a hundred accepted messages are one INSERT.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from time import perf_counter
from typing import Any, Generic, Protocol, TypeVar

import structlog
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError, OperationalError

Item = TypeVar("Item")
Result = TypeVar("Result")

MAX_GROUP = 2_000
"""Units of work in one transaction; bounds the time a caller waits for its commit."""

log = structlog.get_logger(__name__)


class Operation(Generic[Item, Result]):
    """A kind of work: a function over all the items of that kind in a group.

    It returns one result an item, in order; a result that is an exception is raised at that item's
    caller only, and the group is committed all the same.
    """

    def __init__(
        self, run: Callable[[Connection, list[Item]], list[Result | Exception]], name: str = ""
    ) -> None:
        self.run = run
        self.name = name or run.__name__


class StorageUnavailable(Exception):
    """Nothing could be stored: the disk is full or failing, or the database is gone."""


class CommitObserver(Protocol):
    """Is told of every group, for metrics."""

    def committed(self, units: int, seconds: float) -> None: ...


class Writer:
    """Runs work in groups in a thread of its own.

    After a failed sync nothing can be trusted any more, so the writer refuses everything from then
    on (`failed`); a full disk or a lost server refuses one group and tries the next.
    """

    def __init__(self, engine: Engine, observer: CommitObserver | None = None) -> None:
        self._engine = engine
        self._observer = observer
        self._inbox: queue.SimpleQueue[_Unit | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="storage-writer", daemon=True)
        self._connection: Connection | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.failed = False

    def start(self) -> None:
        """Starts the thread; to be called on the event loop."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    async def stop(self) -> None:
        """Writes what was given and ends."""
        self._inbox.put(None)
        await asyncio.to_thread(self._thread.join)

    def write(self, operation: Operation[Item, Result], item: Item) -> asyncio.Future[Result]:
        """Gives an item to the next group; the future is done once the group is on disk.

        Raises what the operation returned for the item, or `StorageUnavailable`.
        """
        assert self._loop is not None, "the writer is not started"
        future: asyncio.Future[Result] = self._loop.create_future()
        self._inbox.put(_Unit(operation, item, future))
        return future

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
        if self._connection is not None:
            self._connection.close()

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
            by_operation.setdefault(id(unit.operation), []).append(index)
        results: list[Any] = [None] * len(group)
        connection = self._connected()
        with connection.begin():
            for indices in by_operation.values():
                operation = group[indices[0]].operation
                outcome = operation.run(connection, [group[index].item for index in indices])
                for index, result in zip(indices, outcome, strict=True):
                    results[index] = result
        return results

    def _after_failure(self, group: list[_Unit], error: Exception) -> list[Any]:
        """Decides what a failed group means: one bad item, or storage that is not there."""
        self._drop_connection()
        if isinstance(error, OperationalError | StorageUnavailable) or (
            isinstance(error, DBAPIError) and error.connection_invalidated
        ):
            if _is_sync_failure(error):
                self.failed = True
            reason = str(getattr(error, "orig", error)).partition("\n")[0]
            log.error("storage_unavailable", reason=reason, units=len(group))
            return [StorageUnavailable(reason)] * len(group)
        if len(group) == 1:
            log.error(
                "write_failed", operation=group[0].operation.name, reason=type(error).__name__
            )
            return [error]
        # One item spoilt the group: each unit gets a transaction of its own.
        results: list[Any] = []
        for unit in group:
            try:
                results.extend(self._transaction([unit]))
            except Exception as alone:
                results.extend(self._after_failure([unit], alone))
        return results

    def _connected(self) -> Connection:
        if self._connection is None or self._connection.closed:
            self._connection = self._engine.connect()
        return self._connection

    def _drop_connection(self) -> None:
        if self._connection is not None:
            try:
                self._connection.invalidate()
                self._connection.close()
            except Exception as error:  # closing a dead connection may fail in any way
                log.debug("connection_not_closed", reason=type(error).__name__)
        self._connection = None


class _Unit:
    __slots__ = ("future", "item", "operation")

    def __init__(
        self, operation: Operation[Any, Any], item: Any, future: asyncio.Future[Any]
    ) -> None:
        self.operation = operation
        self.item = item
        self.future = future


def _settle(group: list[_Unit], results: list[Any]) -> None:
    for unit, result in zip(group, results, strict=True):
        if unit.future.cancelled():
            continue
        if isinstance(result, Exception):
            unit.future.set_exception(result)
        else:
            unit.future.set_result(result)


def _is_sync_failure(error: Exception) -> bool:
    reason = str(getattr(error, "orig", error)).lower()
    return "i/o error" in reason or "could not fsync" in reason


def check_durable(connection: Connection) -> None:
    """Raises unless commits on this connection reach the disk before they return."""
    if connection.dialect.name == "sqlite":
        durable = connection.execute(text("PRAGMA synchronous")).scalar_one() >= 2
    else:
        setting = connection.execute(text("SHOW synchronous_commit")).scalar_one()
        durable = setting in {"on", "remote_apply", "remote_write"}
    if not durable:
        raise StorageUnavailable("the database does not sync its commits")
