"""Mails to people of the console, where the gateway has a relay for mail."""

from __future__ import annotations

from typing import Protocol


class Notices(Protocol):
    """Mails people; whoever runs the gateway provides it."""

    async def invite(self, address: str, account: str, link: str) -> bool:
        """Mails the link of an invitation to an account; whether the relay took it."""
