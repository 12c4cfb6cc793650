"""The webhooks of an account's phones: a phone's own URL, else that of all phones."""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import Final

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.callbacks.model.webhooks import StoredWebhook
from dragoman.core.callbacks.webhooks import Webhooks
from dragoman.core.messages.model.callbacks import EventKind
from dragoman.dialects.smsgateway24.mapping import NAME


class Event(StrEnum):
    """What a webhook is called for."""

    DELIVERY = "delivery"
    """A text was sent, arrived or failed."""
    INCOMING = "incoming"
    """A text came in."""


KINDS: Final = MappingProxyType(
    {Event.DELIVERY: EventKind.MESSAGE_CHANGED, Event.INCOMING: EventKind.TEXT_RECEIVED}
)
"""Our kind of each event."""
EVENTS: Final = MappingProxyType({kind: event for event, kind in KINDS.items()})


def key_of(event: Event, device_id: int | None) -> str:
    """Under what a webhook is kept: there is one for each event and phone, and one for all."""
    return event.value if device_id is None else f"{event.value}:{device_id}"


def find_delivery(
    webhooks: Webhooks, account_id: int, device_id: int | None
) -> StoredWebhook | None:
    """The webhook for the delivery of a text, chosen when the text is submitted."""
    own = None
    if device_id is not None:
        own = webhooks.find(account_id, NAME, key_of(Event.DELIVERY, device_id))
    return own or webhooks.find(account_id, NAME, key_of(Event.DELIVERY, None))


async def put_webhook(
    webhooks: Webhooks, account: Account, event: Event, url: str, device_id: int | None
) -> None:
    """Registers a URL in place of any other; an empty one removes the webhook.

    A text keeps the URL it was submitted with. Raises `Refused`.
    """
    key = key_of(event, device_id)
    if url:
        await webhooks.put(account, NAME, key=key, event=KINDS[event], url=url, device_id=device_id)
    else:
        await webhooks.remove(account, NAME, key)
