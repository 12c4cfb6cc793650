"""Indexes the values of contacts after the imports that store them.

A search by value uses the index, and scans the contacts that are not indexed yet. So it is always
exact, and an import with many rows need not wait for the index.
"""

from __future__ import annotations

import asyncio
import time
from typing import Final

import structlog

from dragoman.core.contacts.sql import contact_values
from dragoman.storage.engine import Storage

CONTACTS_AT_ONCE: Final = 256
"""Contacts noted in one step; bounds how long other writes wait."""
REST: Final = 3
"""How many times as long as a step took the next one waits, so that writing is left to others."""
LOOK_EVERY_S: Final = 1.0
RETRY_S: Final = 5.0

log = structlog.get_logger(__name__)


class ContactValues:
    """Indexes the values of imported contacts in small steps."""

    def __init__(self, *, storage: Storage) -> None:
        self._storage = storage

    async def run(self) -> None:
        """Indexes what is pending; runs until cancelled."""
        while True:
            try:
                while await self._storage.read(contact_values.find_unnoted):
                    started = time.monotonic()
                    await self.step()
                    await asyncio.sleep(REST * (time.monotonic() - started))
                await asyncio.sleep(LOOK_EVERY_S)
            except Exception as error:  # the next round may find the database again
                log.error("contact_values_not_noted", reason=type(error).__name__)
                await asyncio.sleep(RETRY_S)

    async def step(self) -> int:
        """Indexes the values of some contacts; returns their number."""
        return await self._storage.writer.write(contact_values.note, CONTACTS_AT_ONCE)
