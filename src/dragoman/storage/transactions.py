"""Groups of work as transactions on the one writing connection."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, TypeAlias

from sqlalchemy import Connection, Engine

from dragoman.core.model.errors import StorageUnavailable
from dragoman.storage import marks
from dragoman.storage.answers import UNWRITTEN, InDoubt, encode_answer
from dragoman.storage.outages import is_outage, is_sync_failure, reason_of
from dragoman.storage.work import Operation

Works: TypeAlias = list[tuple[Operation[Any, Any], list[Any]]]
"""The work of one group by kind, in the order in which it runs."""


class Transactions:
    """Runs groups on the one writing connection, opened with the first."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Connection | None = None

    def run(self, number: int, works: Works) -> bytes:
        """Writes a group, whose results are on disk then; returns them as `parse_answer` reads.

        Raises `InDoubt` where only its commit was not answered, `StorageUnavailable` without a
        database and anything else for a bad item, both with nothing written.
        """
        committing = False
        try:
            connection = self._open()
            with connection.begin():
                answer = encode_answer(
                    [operation.run(connection, items) for operation, items in works]
                )
                marks.put(connection, number, answer)
                committing = True
            return answer
        except Exception as error:
            if not is_outage(error):
                raise  # rolled back; the connection, and with it the gateway's lock, is kept
            sync_failed = is_sync_failure(error)
            if sync_failed:
                self._make_void(number)
            self.reset()
            if committing and not sync_failed:
                raise InDoubt(reason_of(error)) from error
            raise StorageUnavailable(reason_of(error), sync_failed=sync_failed) from error

    def settle(self, number: int) -> bytes:
        """The answer of a group in doubt, or that it is not on disk; raises `InDoubt`.

        A new connection is the only one that may write, so what it does not find never comes.
        """
        try:
            connection = self._open()
            with connection.begin():
                return marks.find(connection, number) or UNWRITTEN
        except Exception as error:
            self.reset()
            raise InDoubt(reason_of(error)) from error

    def _make_void(self, number: int) -> None:
        """Writes over a group that a failed sync left in the log of the database.

        Its callers are told "refused", and SQLite takes it back for itself; but who opens the file
        next finds its pages, whole and with a commit, unless others stand in their place. That
        these cannot be synced either does no harm.
        """
        with suppress(Exception), self._open().begin() as transaction:
            marks.put(transaction.connection, number, UNWRITTEN)

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

    def _open(self) -> Connection:
        if self._connection is None or self._connection.closed:
            self._connection = self._engine.connect()
        return self._connection
