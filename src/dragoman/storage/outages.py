"""Telling a database that is away, full or failing from a statement that is wrong."""

from __future__ import annotations

import sqlite3

import psycopg
from sqlalchemy.exc import DBAPIError, OperationalError

SYNC_FAILURES = frozenset({"SQLITE_IOERR_FSYNC", "SQLITE_IOERR_DIR_FSYNC"})

_OUTAGES = (OperationalError, sqlite3.OperationalError, psycopg.OperationalError)
"""As SQLAlchemy says it, and as the drivers do."""


def is_outage(error: Exception) -> bool:
    """Whether the database is away or full, rather than a statement wrong."""
    return isinstance(error, _OUTAGES) or (
        isinstance(error, DBAPIError) and error.connection_invalidated
    )


def reason_of(error: Exception) -> str:
    """The first line of what the driver says."""
    return str(getattr(error, "orig", error)).partition("\n")[0]


def is_sync_failure(error: Exception) -> bool:
    """Whether what was written may not be on disk although it was meant to be."""
    # SQLite says "disk I/O error" for much else too, a full disk under its index among it.
    cause = getattr(error, "orig", error)
    name = getattr(cause, "sqlite_errorname", "")
    return name in SYNC_FAILURES or "could not fsync" in str(cause).lower()
