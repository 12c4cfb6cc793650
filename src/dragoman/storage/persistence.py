"""Writes that are retried until they succeed, such as what a carrier reported."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

import structlog

from dragoman.core.model.errors import StorageUnavailable
from dragoman.core.model.stored import OnStored
from dragoman.storage.writer import Operation, Writer

Item = TypeVar("Item")

RETRY_S = 1.0

log = structlog.get_logger(__name__)


def persist(
    writer: Writer, operation: Operation[Item, Any], item: Item, on_stored: OnStored
) -> None:
    """Writes an item and calls `on_stored(True)` once it is on disk; costs no task.

    Under load it waits some milliseconds for others to share a commit with. While storage is
    unavailable the write is repeated. `on_stored(False)` means that it is never written from here:
    for a defect of ours, or because the writer writes no more.
    """

    def finish(result: object) -> None:
        if not isinstance(result, Exception):
            on_stored(True)
        elif not is_repeated(
            result, writer, operation, persist, writer, operation, item, on_stored
        ):
            on_stored(False)

    writer.submit(operation, item, finish, can_wait=True)


def is_repeated(
    error: Exception,
    writer: Writer,
    operation: Operation[Any, Any],
    write: Callable[..., None],
    *arguments: Any,
) -> bool:
    """Calls `write` again in a while if it was storage that failed; says so if it was not.

    Not for a writer that is over: the next owner of a partition waits for what it is not told.
    """
    if isinstance(error, StorageUnavailable):
        if writer.is_over:
            return False
        asyncio.get_running_loop().call_later(RETRY_S, write, *arguments)
        return True
    log.error("not_stored", operation=operation.name, reason=type(error).__name__)
    return False
