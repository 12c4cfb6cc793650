"""The interface of engines: publish in batches, consume with a bound, acknowledge, retry later.

The port fits a broker (JetStream: publish, pull with max-ack-pending, ack, nak with delay) as well
as the in-process engine.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence, Set
from enum import IntEnum
from typing import Protocol

import msgspec


class Work(msgspec.Struct, frozen=True, gc=False):
    """One message to send. Its consumer loads the rest by `message_id`."""

    message_id: int
    account_id: int
    lane: int


class Consumer(Protocol):
    """Takes the work of one subject, as much as its owner can hold."""

    def take(self, limit: int, bulk: int | None = None, but: Set[int] = frozenset()) -> list[Work]:
        """Up to `limit` items: urgent lanes first, the accounts of a lane in turn.

        Bulk ones only while there are fewer than `bulk` in all, and none of the lanes `but`.
        """
        ...

    async def wait(self) -> None:
        """Returns once there is something to take."""
        ...

    def tell(self, event: asyncio.Event) -> None:
        """Has an event set whenever something comes."""
        ...

    def wake(self) -> None:
        """Lets who waits look, although there may be nothing to take."""
        ...

    def acknowledge(self, work: Work) -> None:
        """The work is done and stored."""
        ...

    def retry(self, work: Work, delay_s: float) -> None:
        """Repeats the work after a delay, ahead of later work of its account."""
        ...


class WorkQueue(Protocol):
    """An engine."""

    async def publish(self, subject: str, work: Sequence[Work]) -> None:
        """Hands over work whose rows are committed."""
        ...

    def consume(self, subject: str, demand: Callable[[], int]) -> Consumer:
        """The consumer of a subject. `demand` returns how many items it would take at once."""
        ...

    def depth(self, subject: str) -> int:
        """Items that wait, without those taken."""
        ...

    def shares(self, subject: str, account_id: int) -> tuple[int, int]:
        """How many of them are an account's; and how many accounts, with it, any lane has."""
        ...

    def taken(self, subject: str) -> int:
        """Items taken so far: it stands still while nobody takes any."""
        ...

    def drain(self, subject: str, limit: int | None = None) -> list[Work]:
        """Takes everything that waits, or up to `limit` of it, to be published elsewhere."""
        ...

    def claim(self, subject: str, lane: int) -> bool:
        """Whether an item of a lane published soon would be taken at once; claims that place if so.

        A publisher that holds a claim may store its message as already being sent, which saves
        storing that step later. Engines that cannot know say False.
        """
        ...

    def release(self, subject: str) -> None:
        """Gives a claim back: its item was published, or never will be."""
        ...


class Lane(IntEnum):
    """Which messages go first on a route; within a lane the accounts take turns."""

    URGENT = 0
    SINGLE = 1
    """One or a few recipients: often a person waits for it."""
    BULK = 2
