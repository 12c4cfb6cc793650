"""Counters an hour, added up in memory for a group and written with it."""

from __future__ import annotations

from collections import defaultdict
from typing import Final

from sqlalchemy import Connection

from dragoman.storage.bulk import BulkInsert
from dragoman.storage.tables import hourly_statistics

HOUR_MS: Final = 3_600_000

_ADD = BulkInsert(
    hourly_statistics,
    suffix=(
        "ON CONFLICT (account_id, hour_ms, direction, dimension, value) DO UPDATE SET"
        " count = hourly_statistics.count + excluded.count,"
        " parts = hourly_statistics.parts + excluded.parts"
    ),
)


class Counters:
    """The counts of one group of work."""

    def __init__(self) -> None:
        self._counts: dict[tuple[int, int, str, str, str], list[int]] = defaultdict(lambda: [0, 0])

    def add(
        self,
        account_id: int,
        at_ms: int,
        direction: str,
        dimension: str,
        value: str,
        count: int,
        parts: int,
    ) -> None:
        key = (account_id, at_ms - at_ms % HOUR_MS, direction, dimension, value)
        entry = self._counts[key]
        entry[0] += count
        entry[1] += parts

    def write(self, connection: Connection) -> None:
        # Sorted, so that two writers could never wait for each other in a circle.
        rows = [
            (*key, count, parts)
            for key, (count, parts) in sorted(self._counts.items())
            if count or parts
        ]
        _ADD.run(connection, rows)
