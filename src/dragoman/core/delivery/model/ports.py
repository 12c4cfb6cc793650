"""What carriers and the core expect of each other, as protocols."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Protocol, runtime_checkable

from dragoman.core.messages.model.attachments import Attachment
from dragoman.core.messages.model.messages import InboundPartReport, Outgoing, ReceiptReport
from dragoman.core.messages.model.outcomes import Outcome, Rejected
from dragoman.core.model.stored import OnStored


class AttachmentSource(Protocol):
    """Where connectors find what belongs to a multimedia message."""

    async def load(self, batch_id: int) -> tuple[Attachment, ...]:
        """The attachments of a batch, in order; raises `Refused` while storage is away."""
        ...


class CarrierEvents(Protocol):
    """What a connector reports. Every call is on the event loop and cheap."""

    def outcome(
        self,
        carrier: str,
        message: Outgoing,
        outcome: Outcome,
        on_stored: OnStored | None = None,
    ) -> None:
        """What came of `send`; exactly once for each message sent.

        `on_stored(True)` follows once it is on disk, or needs not be.
        """
        ...

    def receipt(self, report: ReceiptReport, on_stored: OnStored) -> None:
        """A report arrived; `on_stored(True)` once it is stored, False to get it again."""
        ...

    def inbound(self, report: InboundPartReport, on_stored: OnStored) -> None:
        """A text arrived; acknowledged like a report."""
        ...

    def availability(self, carrier: str) -> None:
        """`up` or `capacity` of the carrier changed."""
        ...


class Connector(Protocol):
    """One carrier: takes messages, tells what came of them."""

    @property
    def name(self) -> str: ...

    @property
    def up(self) -> bool:
        """Whether at least one link can take messages."""
        ...

    @property
    def capacity(self) -> int:
        """Parts that may be in flight in all its links together; 0 when down."""
        ...

    def send(self, message: Outgoing) -> None:
        """Takes a message; never blocks and never raises for what a peer does."""
        ...

    async def start(self) -> None: ...

    async def stop(self, timeout_s: float) -> None:
        """Finishes what is in flight; what was not written comes back as `Deferred`."""
        ...


@runtime_checkable
class CallsBack(Protocol):
    """A connector whose messages can be asked back after they were handed over."""

    async def call_back(self, message_id: int) -> bool:
        """Asks for a message not to be sent; whether it can still be stopped."""
        ...


class Taking(Enum):
    """What a carrier says of a message before it is sent."""

    NOW = "now"
    BUSY = "busy"
    """As soon as it has room: the message waits for it."""
    AWAY = "away"
    """Whoever would send it is not there: the next carrier of the route may."""


@runtime_checkable
class Selective(Protocol):
    """A connector that does not take every message, and says so beforehand."""

    def takes(self, message: Outgoing, ahead: int) -> Taking | Rejected:
        """Whether it takes a message, or why it never will; cheap, and no place is taken by it.

        What is urgent and has to wait may be given the next place before what is not.
        `ahead` counts the messages of the same account to the same device that it is sent first.
        """
        ...


@runtime_checkable
class Custodian(Protocol):
    """A connector that keeps messages over a restart: it has stored whose hands they are in."""

    async def kept(self) -> Sequence[int]:
        """The messages that were sent in an earlier run and whose outcome was never told."""
        ...

    def resume(self, messages: Sequence[Outgoing]) -> None:
        """Takes up those that the house still waits for; their outcomes follow."""
        ...
