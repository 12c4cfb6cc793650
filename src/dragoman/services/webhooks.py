"""Webhooks: which address is called about what a phone sent or received.

All of them are in memory as their rows say, so no message waits for a query.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from dragoman.domain.accounts import Account
from dragoman.domain.errors import RefusalCode, Refused
from dragoman.domain.urls import is_http_address, names_user
from dragoman.storage.engine import Storage
from dragoman.storage.repositories import webhooks
from dragoman.storage.repositories.webhooks import StoredWebhook

ANY_DEVICE: Final = 0
"""Stands for all messages of an account, also those that no phone has."""


class WebhookEvent(StrEnum):
    """What an address is told of."""

    DELIVERY = "delivery"
    """A message was sent, arrived or failed."""
    INCOMING = "incoming"
    """A text came in."""


class Webhooks:
    """Keeps the webhooks of all accounts."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._known: dict[tuple[int, int, str], StoredWebhook] = {}

    async def restore(self) -> None:
        """Loads every webhook."""
        for stored in await self._storage.read(webhooks.load_all):
            self._keep(stored)

    def find(
        self, account_id: int, device_id: int | None, event: WebhookEvent
    ) -> StoredWebhook | None:
        """The webhook for an event of a phone: its own, else the account's."""
        own = self._known.get((account_id, device_id or ANY_DEVICE, event))
        return own or self._known.get((account_id, ANY_DEVICE, event))

    def of_account(self, account: Account) -> list[StoredWebhook]:
        """An account's webhooks, those for all its phones first."""
        own = [one for one in self._known.values() if one.account_id == account.account_id]
        return sorted(own, key=lambda one: (one.device_id, one.event))

    async def put(
        self, account: Account, device_id: int, event: WebhookEvent, url: str, *, dialect: str
    ) -> StoredWebhook:
        """Has an address called from now on, in place of any other; raises `Refused`.

        Without `url` nothing is called any more. A message keeps the address it was sent with.
        """
        if url and (not is_http_address(url) or names_user(url)):
            detail = "not an http or https address without a user name"
            raise Refused(RefusalCode.INVALID_CALLBACK_URL, "", detail)
        stored = StoredWebhook(
            account_id=account.account_id,
            device_id=device_id,
            event=event.value,
            dialect=dialect,
            url=url,
        )
        await self._storage.writer.write(webhooks.put, stored)
        self._keep(stored)
        return stored

    def _keep(self, stored: StoredWebhook) -> None:
        key = (stored.account_id, stored.device_id, stored.event)
        if stored.url:
            self._known[key] = stored
        else:
            self._known.pop(key, None)
