"""A database that can be read and not written, for some time."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from sqlalchemy import event

from dragoman.storage.engine import Storage


@contextlib.contextmanager
def unwritable(storage: Storage) -> Iterator[None]:
    """Lets SQLite refuse writes for some time, as on a disk that was mounted again to be read."""

    def forbid(connection: Any, _entry: Any) -> None:
        connection.execute("PRAGMA query_only=ON").close()

    def reopen() -> None:
        storage.writer._runner._transactions.reset()  # type: ignore[attr-defined]

    event.listen(storage._write_engine, "connect", forbid)
    reopen()
    try:
        yield
    finally:
        event.remove(storage._write_engine, "connect", forbid)
        reopen()
