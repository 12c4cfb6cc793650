"""The additional parts of a development gateway, on which its pages are built."""

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
        """Ends every wait for a change."""
        self.phones.close()
        self.forwarding.close()
