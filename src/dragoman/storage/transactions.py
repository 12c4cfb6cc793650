"""Groups of work as transactions on the one writing connection."""

from __future__ import annotations

from typing import Any, TypeAlias

from sqlalchemy import Connection, Engine

from dragoman.core.model.errors import StorageUnavailable
from dragoman.storage.outages import is_outage, is_sync_failure, reason_of
from dragoman.storage.work import Operation

Works: TypeAlias = list[tuple[Operation[Any, Any], list[Any]]]
"""The work of one group by kind, in the order in which it runs."""


class Transactions:
    """Runs groups on the one writing connection, opened with the first."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Connection | None = None

    def run(self, works: Works) -> list[list[Any]]:
        """The results of each kind of work, on disk; raises `StorageUnavailable` without a
        database and anything else for a bad item."""
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
        """Drops a failed connection."""
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
