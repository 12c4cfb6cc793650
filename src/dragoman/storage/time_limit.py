"""A time limit for reads, so that no query occupies a reader for long."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from dragoman.core.model.errors import TookTooLong

STEPS_BETWEEN_LOOKS = 20_000
"""Instructions of SQLite's machine between two looks at the clock: well under a millisecond."""
_INTERRUPTED = frozenset({"SQLITE_INTERRUPT", "57014"})


@contextlib.contextmanager
def time_limit(connection: Connection, limit_s: float) -> Iterator[None]:
    """Cancels what runs on a reader's connection after a time; raises `TookTooLong`.

    PostgreSQL is also made to prefer indexes: it treats the bounds of a search as guesses and would
    otherwise read whole tables.
    """
    driver: Any = connection.connection.driver_connection
    if connection.dialect.name == "sqlite":
        deadline = time.monotonic() + limit_s
        driver.set_progress_handler(lambda: time.monotonic() > deadline, STEPS_BETWEEN_LOOKS)
    else:
        for setting in (
            f"statement_timeout = {round(limit_s * 1000)}",
            "enable_hashjoin = off",
            "enable_mergejoin = off",
            "jit = off",
        ):
            connection.exec_driver_sql(f"SET LOCAL {setting}")
    try:
        yield
    except DBAPIError as error:
        cause: Any = error.orig
        name = getattr(cause, "sqlite_errorname", None) or getattr(cause, "sqlstate", None)
        if name in _INTERRUPTED:
            raise TookTooLong from None
        raise
    finally:
        if connection.dialect.name == "sqlite":
            driver.set_progress_handler(None, 0)
