"""Distinguishes an unavailable, full or failing database from a wrong statement."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError

from dragoman.core.model.errors import StorageUnavailable

CONNECT_AGAIN_S = 0.5
"""After an attempt to connect that failed, before the next."""
SYNC_FAILURES = frozenset({"SQLITE_IOERR_FSYNC", "SQLITE_IOERR_DIR_FSYNC"})

_OUTAGE = "OperationalError"
"""What SQLAlchemy and every driver call it (PEP 249); asking by name imports no driver."""


def is_outage(error: Exception) -> bool:
    """Whether the database is unavailable or full, rather than a statement wrong."""
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    return any(kind.__name__ == _OUTAGE for kind in type(error).__mro__)


def reason_of(error: Exception) -> str:
    """The first line of the driver's error."""
    return str(getattr(error, "orig", error)).partition("\n")[0]


def is_sync_failure(error: Exception) -> bool:
    """Whether a sync failed, so that written data may not be on disk."""
    # SQLite says "disk I/O error" for much else too, a full disk under its index among it.
    cause = getattr(error, "orig", error)
    name = getattr(cause, "sqlite_errorname", "")
    return name in SYNC_FAILURES or "could not fsync" in str(cause).lower()


class Attempts:
    """Attempts to connect, none of which is made for a moment after one that failed.

    A server that starts again makes a process for each, only to refuse it, while it recovers.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failed_at = 0.0
        self._reason = ""

    @contextmanager
    def one(self) -> Iterator[None]:
        """Around an attempt; raises `StorageUnavailable` where it is too early for one."""
        if self._reason and self._clock() < self._failed_at + CONNECT_AGAIN_S:
            raise StorageUnavailable(self._reason)
        try:
            yield
        except DBAPIError as error:
            if is_outage(error):
                self._failed_at, self._reason = self._clock(), reason_of(error)
            raise
        self._reason = ""
