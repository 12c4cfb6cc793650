"""Deletes data after its retention period, while the gateway runs."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

import structlog

from dragoman.core.retention import sql as retention
from dragoman.core.retention.model import Kept, Outdated
from dragoman.kit.clock import Clock
from dragoman.kit.periodic import repeat
from dragoman.storage.engine import Storage

EVERY_S: Final = 3600.0
PAUSE_S: Final = 0.1
"""Between two chunks, so that what is being sent hardly waits for them."""
DAY_MS: Final = 24 * 3600 * 1000

log = structlog.get_logger(__name__)


class Retention:
    """Deletes outdated rows every hour; 0 days keeps them forever."""

    def __init__(self, *, storage: Storage, clock: Clock, days: Mapping[Kept, int]) -> None:
        self._storage = storage
        self._clock = clock
        self._days = days

    async def run(self) -> None:
        """Runs until cancelled."""
        await repeat(EVERY_S, self.drop_old, "old_rows_not_dropped")

    async def drop_old(self) -> None:
        """Deletes once what is outdated."""
        now_ms = self._clock.now_ms()
        for kind, days in self._days.items():
            if not days:
                continue
            outdated = Outdated(kind=kind, before_ms=now_ms - days * DAY_MS)
            more = True
            while more:
                more = await self._storage.writer.write(retention.drop_outdated, outdated)
                await asyncio.sleep(PAUSE_S if more else 0)
