"""Deletes data after its retention period, and forgets texts and numbers, as the gateway runs."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final, TypeVar

import structlog

from dragoman.core.retention.model import Day, Kept, Lifetimes, Outdated, Sweep
from dragoman.core.retention.sql import dropping, outdated, sweeping
from dragoman.kit.clock import Clock
from dragoman.kit.ids import first_at
from dragoman.kit.periodic import repeat
from dragoman.kit.zones import DAY_MS
from dragoman.storage.engine import Storage
from dragoman.storage.work import Operation

EVERY_S: Final = 3600.0
PAUSE_S: Final = 0.1
"""Between two chunks, so that what is being sent hardly waits for them."""
REST: Final = 9.0
"""How many times as long as a chunk took the next one waits, if that is longer: nine tenths of the
writer are left to others, and more while they are many."""

Item = TypeVar("Item")
log = structlog.get_logger(__name__)


class Retention:
    """Deletes outdated rows every hour; 0 days keeps them forever.

    `lifetimes` are those of accounts without any of their own.
    """

    def __init__(
        self, *, storage: Storage, clock: Clock, days: Mapping[Kept, int], lifetimes: Lifetimes
    ) -> None:
        self._storage = storage
        self._clock = clock
        self._days = days
        self._lifetimes = lifetimes

    async def run(self) -> None:
        """Runs until cancelled."""
        await repeat(EVERY_S, self.drop_old, "old_rows_not_dropped")

    async def drop_old(self) -> None:
        """Deletes once what is outdated."""
        now_ms = self._clock.now_ms()
        items = [
            Outdated(kind=kind, before_ms=now_ms - days * DAY_MS)
            for kind, days in self._days.items()
            if days
        ]
        for item in await self._storage.read(lambda c: outdated.find_outdated(c, items)):
            await self._write_all(outdated.drop_outdated, item)
        usual = self._lifetimes
        of_accounts = await self._storage.read(lambda c: sweeping.load_lifetimes(c, usual))
        for account_id, lifetimes in of_accounts.items():
            try:
                await self._forget(account_id, lifetimes, now_ms)
            except Exception as error:  # tried again in an hour; the other accounts do not wait
                log.error("not_forgotten", account_id=account_id, reason=type(error).__name__)

    async def _forget(self, account_id: int, kept: Lifetimes, now_ms: int) -> None:
        """Forgets the texts and numbers of an account, and drops its messages."""
        before = {
            sweep: first_at(now_ms - days * DAY_MS) for sweep in Sweep if (days := kept.days(sweep))
        }
        if before:
            due = await self._storage.read(lambda c: sweeping.find_due(c, account_id, before))
            for swath in due:
                await self._write_all(sweeping.sweep, swath)
        if kept.messages_days:
            up_to_ms = now_ms - kept.messages_days * DAY_MS
            while day := await self._find_day(account_id, up_to_ms):
                await self._write_all(dropping.drop, day)

    async def _find_day(self, account_id: int, up_to_ms: int) -> Day | None:
        return await self._storage.read(lambda c: dropping.find_day(c, account_id, up_to_ms))

    async def _write_all(self, operation: Operation[Item, bool], item: Item) -> None:
        """Repeats a write until nothing is left for it to do."""
        more = True
        while more:
            begun = self._clock.monotonic()
            more = await self._storage.writer.write(operation, item)
            took_s = self._clock.monotonic() - begun
            await asyncio.sleep(max(PAUSE_S, REST * took_s) if more else 0)
