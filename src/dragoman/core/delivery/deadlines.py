"""Changes by time alone: expired validity, missing receipts, parked receipts to delete."""

from __future__ import annotations

import asyncio
from dataclasses import field

import structlog

from dragoman.core.delivery.delivery import Delivery
from dragoman.core.messages.live import LiveMessages
from dragoman.core.messages.loader import MessageLoader
from dragoman.core.messages.model.lifecycle import State, may_go
from dragoman.core.messages.sql import pending
from dragoman.core.messages.sql.changes import drop_parked
from dragoman.core.model.errors import FailureCode
from dragoman.core.model.stored import ignore
from dragoman.core.model.use_case import use_case
from dragoman.kit.clock import Clock
from dragoman.kit.ids import first_at
from dragoman.kit.periodic import repeat
from dragoman.storage.engine import Storage

CHECK_S = 5.0
PAGE = 500
ROWS_CHECK_S = 60.0

log = structlog.get_logger(__name__)


@use_case(kw_only=True)
class Deadlines:
    """Checks for passed deadlines every few seconds."""

    storage: Storage
    live: LiveMessages
    loader: MessageLoader
    delivery: Delivery
    clock: Clock
    horizon_s: float
    park_s: float
    _swept: int = field(default=0, init=False)
    """Messages up to here have a report or were given up."""
    _next_look_at_rows: float = field(default=float("-inf"), init=False)
    """Monotonic: a wall clock that is set back must not put it off."""

    async def run(self) -> None:
        """Runs until cancelled."""
        await repeat(CHECK_S, self.check, "deadlines_not_checked")

    async def check(self) -> None:
        """Checks once."""
        await self._expire_waiting()
        await self._expire_in_rows()
        await self._give_up_reports()
        self.live.shed()
        before = first_at(self.clock.now_ms() - round(self.park_s * 1000))
        await self.storage.writer.write(drop_parked, before)

    async def _expire_waiting(self) -> None:
        now_ms = self.clock.now_ms()
        for messages in self.live.in_slices(PAGE):
            for message in messages:
                if (
                    message.state <= State.SENDING
                    and not message.in_flight
                    and message.batch.stored.expires_ms <= now_ms
                ):
                    self.delivery.expire(message, ignore)
            await asyncio.sleep(0)

    async def _expire_in_rows(self) -> None:
        """Expires messages that are in no queue: their routes are spilled or removed."""
        now, now_ms = self.clock.monotonic(), self.clock.now_ms()
        if now < self._next_look_at_rows:
            return
        read = await self.loader.read(lambda c: pending.load_expired(c, now_ms, PAGE))
        for message in read.fresh:
            # A row that says so may have left us in an earlier run.
            message.possible_duplicate |= message.state is State.SENDING
            self.delivery.expire(message, ignore)
        if len(read.fresh) < PAGE:
            self._next_look_at_rows = now + ROWS_CHECK_S

    async def _give_up_reports(self) -> None:
        """Ends as `unknown` messages that were sent too long ago for a receipt to come."""
        cutoff_ms = self.clock.now_ms() - round(self.horizon_s * 1000)
        horizon = first_at(cutoff_ms)
        while True:
            after = self._swept
            read = await self.loader.read(
                lambda c, after=after: pending.load_unreported(  # type: ignore[misc]
                    c, after, horizon, cutoff_ms, PAGE
                )
            )
            for message in read.live:
                if may_go(message.state, State.UNKNOWN):
                    self.delivery.change(
                        message, State.UNKNOWN, ignore, failure=FailureCode.NO_REPORT
                    )
            if len(read.stored) < PAGE:
                break
            self._swept = read.stored[-1].message_id
        # One sent long after its creation may still get its receipt: check it again.
        first = await self.storage.read(lambda c: pending.first_unreported(c, self._swept, horizon))
        self._swept = max(self._swept, horizon) if first is None else first - 1
