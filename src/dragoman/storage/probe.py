"""An empty write, which shows whether a group can be written, and how long that takes."""

from __future__ import annotations

from sqlalchemy import Connection

from dragoman.storage.work import Operation


def _probe(_connection: Connection, items: list[None]) -> list[Exception | None]:
    return [None] * len(items)


probe = Operation(_probe, "probe", None)
