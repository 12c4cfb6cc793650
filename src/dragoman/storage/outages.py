"""Distinguishes an unavailable, full or failing database from a wrong statement."""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError

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
