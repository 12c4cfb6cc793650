"""What the campaign worker requires: its settings, and a transport."""

from __future__ import annotations

from typing import Protocol

from dragoman.core.campaigns.outcomes import Answer


class MailSettings(Protocol):
    """How mails are sent: `[mailings]` of the configuration."""

    @property
    def sender(self) -> str: ...
    @property
    def connections(self) -> int: ...
    @property
    def rate_per_s(self) -> float: ...
    @property
    def first_retry_s(self) -> float: ...
    @property
    def max_retry_s(self) -> float: ...
    @property
    def give_up_after_s(self) -> float: ...
    @property
    def max_hard_bounces(self) -> int: ...


class Transport(Protocol):
    """Sends mails, one at a time."""

    async def hand_over(self, name: str, sender: str, recipient: str, mail: bytes) -> Answer:
        """Sends a mail and returns the outcome; `name` identifies the mail. Does not raise."""
        ...

    async def close(self) -> None:
        """Closes its connection."""
        ...
