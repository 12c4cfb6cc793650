"""Which messages were sent and not reported yet, for carriers that have to ask."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from dragoman.core.delivery.model.ports import SentMessage
from dragoman.core.messages.sql import pending
from dragoman.core.model.use_case import use_case
from dragoman.kit.clock import Clock
from dragoman.kit.ids import first_at
from dragoman.storage.engine import Storage

ASKED_FOR_MS: Final = 72 * 3_600_000
"""Nobody asks about older messages."""


@use_case(kw_only=True)
class UnreportedMessages:
    """Reads them; raises as storage does."""

    storage: Storage
    clock: Clock

    async def of(self, carrier: str, limit: int) -> Sequence[SentMessage]:
        """The latest of a carrier's messages whose end is not known."""
        since = first_at(self.clock.now_ms() - ASKED_FOR_MS)
        rows = await self.storage.read(
            lambda c: pending.load_unreported_of(c, carrier, since, limit)
        )
        return [
            SentMessage(message_id=message_id, carrier_id=key, recipient=recipient)
            for message_id, key, recipient in rows
        ]
