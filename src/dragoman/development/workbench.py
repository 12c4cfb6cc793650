"""The additional parts of a development gateway, on which its pages are built."""

from __future__ import annotations

from dataclasses import dataclass, field

from dragoman.development.forwarding import CallbackForwarding
from dragoman.development.outbox import MailOutbox
from dragoman.development.phones import VirtualPhones


@dataclass(frozen=True, slots=True, kw_only=True)
class Workbench:
    """Phones, mail, callbacks to forward, and the demo account."""

    phones: VirtualPhones
    outbox: MailOutbox
    forwarding: CallbackForwarding
    demo: dict[str, str] = field(default_factory=dict)
    """What the demo account signs in with, by the names of `dev.env`."""

    def close(self) -> None:
        """Ends every wait for a change."""
        self.phones.close()
        self.forwarding.close()
