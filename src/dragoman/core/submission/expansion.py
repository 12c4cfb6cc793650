"""Expansion: recipients, waiting numbers or audiences, become messages."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Set
from itertools import accumulate
from typing import Final, Protocol

import msgspec

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.billing.model.pricing import PriceList
from dragoman.core.messages.live import LiveBatch
from dragoman.core.messages.model.records import AudienceProgress, StoredBatch, StoredMessage
from dragoman.core.model.errors import RefusalCode
from dragoman.core.submission.audiences import Audiences, AudienceWalk, Chunk, Recipient
from dragoman.core.submission.sql import submissions
from dragoman.core.submission.waiting import WaitingRecipients
from dragoman.kit.ids import IdSource

_NO_PROGRESS = AudienceProgress()

ANYWHERE: Final = frozenset({""})
"""The routes of recipients of which only reading them tells."""


class Expansion(Protocol):
    """A batch that is being expanded."""

    account: Account
    live: LiveBatch
    routes: set[str] | None
    """Of the next recipients, once known."""
    ahead: Set[str] | None
    """Of all that are left, once they were looked up; an empty name for those without one."""
    router_version: int
    """The routes were as then."""
    waits: bool
    """Whether other batches come first."""
    prices: PriceList | None
    """The tariffs its credits were held by; None for those of now."""

    @property
    def batch_id(self) -> int: ...

    async def read(self, limit: int) -> Chunk | None:
        """The next recipients, about `limit`; None while it has to wait."""
        ...

    def read_ahead(self, chunk: Chunk, limit: int) -> None:
        """Starts to read the next chunk while one is stored."""
        ...

    async def rest(self) -> WaitingRecipients | None:
        """All recipients that are left; None where they are not known yet."""
        ...

    def forget(self) -> None:
        """Frees the memory of what can be read again."""
        ...

    def step(self, chunk: Chunk, messages: tuple[StoredMessage, ...]) -> submissions.Expansion:
        """The step to store for a chunk, with the messages that are paid for."""
        ...

    def cannot_pay(self, available: int) -> None:
        """The wallet has only this much for the messages of the step."""
        ...

    def advance(self, chunk: Chunk, stored: submissions.Expansion) -> None:
        """Continues after a stored chunk."""
        ...


class NumbersExpansion:
    """Numbers that wait in the row of their batch; their credits are held already."""

    waits = False

    def __init__(
        self, stored: StoredBatch, account: Account, load: Callable[[int], Awaitable[bytes]]
    ) -> None:
        """`load` reads the waiting recipients of a batch again."""
        self.account = account
        self.routes: set[str] | None = None
        self.ahead: Set[str] | None = None
        self.router_version = 0
        self._load = load
        waiting = WaitingRecipients(stored.waiting_recipients or b"")
        waiting.skip(stored.expanded)
        self._offset = waiting.offset
        self._waiting: WaitingRecipients | None = waiting
        self._at = stored.expanded
        stored.waiting_recipients = None
        self.live = LiveBatch(stored, account.wallet_id)
        tariffs = stored.options.tariffs
        self.prices = PriceList(tariffs) if tariffs else None

    @property
    def batch_id(self) -> int:
        return self.live.batch_id

    async def read(self, limit: int) -> Chunk | None:
        waiting = await self.rest()
        recipients = [self._recipient(number, text) for number, text in waiting.read(limit)]
        return Chunk(recipients, _NO_PROGRESS, waiting.are_all(limit))

    def read_ahead(self, chunk: Chunk, limit: int) -> None:
        """Does nothing: they are in memory."""

    async def rest(self) -> WaitingRecipients:
        if self._waiting is None:
            self._waiting = WaitingRecipients(await self._load(self.batch_id), self._offset)
        return self._waiting

    def forget(self) -> None:
        self._waiting = None

    def step(self, chunk: Chunk, messages: tuple[StoredMessage, ...]) -> submissions.Expansion:
        return submissions.Expansion(self.batch_id, messages, self._at, chunk.finished)

    def cannot_pay(self, available: int) -> None:
        raise AssertionError("the credits of numbers are held when they are accepted")

    def advance(self, chunk: Chunk, stored: submissions.Expansion) -> None:
        assert self._waiting is not None
        self._at += len(stored.messages)
        self._waiting.skip(len(stored.messages))
        self._offset = self._waiting.offset

    def _recipient(self, number: str, text: str | None) -> Recipient:
        if text is None:
            return Recipient(number)
        return Recipient(number, text, self.live.segment(text).count)


class AudienceExpansion:
    """Lists and contacts; credits of each chunk are held together with its messages.

    Once credits run out, the rest is only counted as failed, without storing who it is, so that
    another batch which excludes this one reaches exactly the rest.
    """

    prices: PriceList | None = None
    waits = False

    def __init__(
        self,
        stored: StoredBatch,
        account: Account,
        audiences: Audiences,
        ids: IdSource,
    ) -> None:
        self.account = account
        self.routes: set[str] | None = None
        self.ahead: Set[str] | None = None
        self.router_version = 0
        self.live = LiveBatch(stored, account.wallet_id)
        self._audiences = audiences
        self._ids = ids
        self._expanded = stored.expanded
        self._walk: AudienceWalk | None = None
        self._ready = False
        self._available: int | None = None
        self._ahead: tuple[AudienceProgress, asyncio.Future[Chunk]] | None = None
        """What follows recipients that are being stored; of use only if they are stored so."""

    @property
    def batch_id(self) -> int:
        return self.live.batch_id

    async def read(self, limit: int) -> Chunk | None:
        walk = self._walk
        if walk is None:
            walk = self._walk = await self._audiences.open(self.live)
        if not self._ready:
            self._ready = await self._audiences.is_ready(walk)
            self.waits = not self._ready
        ahead, self._ahead = self._ahead, None
        if ahead is not None and ahead[0] == walk.progress:
            return await ahead[1]
        return await self._audiences.read(walk, limit, walk.progress) if self._ready else None

    def read_ahead(self, chunk: Chunk, limit: int) -> None:
        assert self._walk is not None
        if not chunk.finished and not chunk.progress.stopped:
            reading = self._audiences.read(self._walk, limit, chunk.progress)
            self._ahead = (chunk.progress, asyncio.ensure_future(reading))

    async def rest(self) -> WaitingRecipients | None:
        return None

    def forget(self) -> None:
        self._walk = None
        self._ahead = None

    def step(self, chunk: Chunk, messages: tuple[StoredMessage, ...]) -> submissions.Expansion:
        progress = chunk.progress
        if progress.stopped:
            messages = ()
        elif self._available is not None:
            messages = _affordable(messages, self._available)
            if len(messages) < len(chunk.recipients):
                stopped = RefusalCode.INSUFFICIENT_CREDIT.value
                progress = msgspec.structs.replace(progress, stopped=stopped)
        amount = sum(message.credits for message in messages)
        reservation = None
        if amount:
            reservation = self.live.reservation(self._ids, amount)
        step = submissions.AudienceStep(
            progress=progress,
            unpaid=len(chunk.recipients) - len(messages),
            reservation=reservation,
        )
        return submissions.Expansion(
            self.batch_id, messages, self._expanded, chunk.finished, step=step
        )

    def cannot_pay(self, available: int) -> None:
        self._available = available

    def advance(self, chunk: Chunk, stored: submissions.Expansion) -> None:
        assert self._walk is not None
        assert stored.step is not None
        self._available = None
        self._expanded += len(stored.messages)
        self._walk.advance(stored.step.progress)


def _affordable(messages: tuple[StoredMessage, ...], available: int) -> tuple[StoredMessage, ...]:
    """As many of the first messages as the credits pay for."""
    totals = accumulate(message.credits for message in messages)
    return messages[: sum(total <= available for total in totals)]
