"""The protocols between carriers and the core."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Protocol, runtime_checkable

import msgspec

from dragoman.core.messages.model.attachments import Attachment
from dragoman.core.messages.model.messages import InboundPartReport, Outgoing, ReceiptReport
from dragoman.core.messages.model.outcomes import Outcome, Rejected
from dragoman.core.model.stored import OnStored
from dragoman.kit.supervisor import Spawn


class AttachmentSource(Protocol):
    """Where connectors load the attachments of a multimedia message."""

    async def load(self, batch_id: int) -> tuple[Attachment, ...]:
        """The attachments of a batch, in order; raises `Refused` while storage is unavailable."""
        ...


class SentMessage(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A message that a carrier has taken, and the ID it gave."""

    message_id: int
    carrier_id: str
    recipient: str


class UnreportedSource(Protocol):
    """Where connectors learn which messages they sent in an earlier run were never reported."""

    async def of(self, carrier: str, limit: int) -> Sequence[SentMessage]:
        """The latest of a carrier's messages whose end is not known."""
        ...


class CarrierEvents(Protocol):
    """The events a connector reports. Every call is on the event loop and cheap."""

    def outcome(
        self,
        carrier: str,
        message: Outgoing,
        outcome: Outcome,
        on_stored: OnStored | None = None,
    ) -> None:
        """The outcome of `send`; exactly once for each message.

        `on_stored(True)` follows once it is on disk, or needs not be.
        """
        ...

    def outcomes_came(self, carrier: str, outcomes: Sequence[tuple[Outgoing, Outcome]]) -> None:
        """Several outcomes at once, each as by `outcome`; what they change is settled together."""
        ...

    def receipt(self, report: ReceiptReport, on_stored: OnStored) -> None:
        """A receipt arrived; `on_stored(True)` once it is stored, False to get it again."""
        ...

    def receipts_came(self, receipts: Sequence[tuple[ReceiptReport, OnStored]]) -> None:
        """Several receipts at once, each as by `receipt`; a failing one costs no other anything."""
        ...

    def inbound(self, report: InboundPartReport, on_stored: OnStored) -> None:
        """A text arrived; acknowledged like a receipt."""
        ...

    def availability(self, carrier: str) -> None:
        """`up` or `capacity` of the carrier changed."""
        ...


class Connector(Protocol):
    """A carrier: accepts messages and reports their outcomes."""

    @property
    def name(self) -> str: ...

    @property
    def up(self) -> bool:
        """Whether at least one link can accept messages."""
        ...

    @property
    def capacity(self) -> int:
        """Parts that may be in flight on all links together; 0 when down."""
        ...

    def send(self, message: Outgoing) -> None:
        """Sends a message; never blocks and never raises for what a peer does."""
        ...

    async def start(self, spawn: Spawn, /) -> None:
        """Begins; what it runs from here on is started by `spawn`, and must not end."""
        ...

    async def stop(self, timeout_s: float) -> None:
        """Finishes what is in flight; what was not written is reported as `Deferred`."""
        ...


@runtime_checkable
class StandsFor(Protocol):
    """A connector in the place of one that others send over as well."""

    @property
    def stands_for(self) -> Connector:
        """The one that has the links, or would have them here."""
        ...

    @property
    def is_here(self) -> bool:
        """Whether it has the links: else another node of the cluster has them, if any does."""
        ...


def behind(connector: Connector | None) -> Connector | None:
    """A connector itself, or the one that it stands for."""
    # Each call of a provider asks: the protocol's check would look at all that it has.
    other: Connector | None = getattr(connector, "stands_for", None)
    return connector if other is None else other


@runtime_checkable
class CallsBack(Protocol):
    """A connector that can recall messages."""

    async def call_back(self, message_id: int) -> bool:
        """Recalls a message; whether it can still be stopped."""
        ...


class Taking(Enum):
    """Whether a carrier would take a message."""

    NOW = "now"
    BUSY = "busy"
    """Once it has capacity: the message waits for it."""
    AWAY = "away"
    """Its sender is absent: the next carrier of the route may take it."""


@runtime_checkable
class Selective(Protocol):
    """A connector that does not take every message, and says so in advance."""

    def takes(self, message: Outgoing, ahead: int) -> Taking | Rejected:
        """Whether it takes a message, or why it never will; cheap, and reserves nothing.

        An urgent message that has to wait may be given the next slot before others. `ahead` counts
        the messages of the same account to the same device that will be sent first.
        """
        ...


@runtime_checkable
class Custodian(Protocol):
    """A connector that keeps messages over a restart, and stores which ones."""

    async def kept(self) -> Sequence[int]:
        """Messages sent in an earlier run whose outcome was never reported."""
        ...

    def resume(self, messages: Sequence[Outgoing]) -> None:
        """Resumes those that are still pending; their outcomes follow."""
        ...


@runtime_checkable
class Explains(Protocol):
    """A connector that can say why it takes no messages."""

    @property
    def why_down(self) -> str:
        """What is wrong, in a few plain words; empty where nothing is, or nobody knows."""
        ...
