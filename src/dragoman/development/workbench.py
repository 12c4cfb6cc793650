"""Everything a development gateway has besides, in one place; the console's pages build on it."""

from __future__ import annotations

from dataclasses import dataclass

from dragoman.development.forwarding import CallbackForwarding
from dragoman.development.outbox import MailOutbox
from dragoman.development.phones import VirtualPhones


@dataclass(frozen=True, slots=True, kw_only=True)
class Workbench:
    """Phones, mail, and callbacks to forward."""

    phones: VirtualPhones
    outbox: MailOutbox
    forwarding: CallbackForwarding

    def close(self) -> None:
        """Ends whoever waits for something to happen."""
        self.phones.close()
        self.forwarding.close()
